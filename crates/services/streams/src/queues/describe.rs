//! From the state's words to those of the API, and back.

use millrace_api::kinesis as api;
use millrace_base::Timestamp;

use crate::error::StreamsError;
use crate::limits::{QUEUE_MAX_RECEIVES, QUEUE_VISIBILITY_SECS};
use crate::shapes;
use crate::state::{Attributes, DeadLetters, Position, Queue, QueueKey, QueuePhase, Status};

/// `QueueDescription`
pub(crate) fn description(key: &QueueKey, queue: &Queue) -> api::QueueDescription {
    api::QueueDescription {
        queue_name: queue.name.clone(),
        queue_arn: key.arn(),
        queue_status: status(queue.status()),
        queue_creation_timestamp: shapes::time(queue.created),
        stream_configuration_list: vec![api::QueueStreamConfiguration {
            stream_arn: queue.stream.arn(),
            starting_position: Some(position(queue)),
        }],
        queue_attributes: Some(attributes(queue.attributes)),
    }
}

/// `QueueSummary`
pub(crate) fn summary(key: &QueueKey, queue: &Queue) -> api::QueueSummary {
    api::QueueSummary {
        queue_name: queue.name.clone(),
        queue_arn: key.arn(),
        queue_status: status(queue.status()),
        queue_creation_timestamp: shapes::time(queue.created),
        streams: vec![api::QueueStreamIdentifier {
            stream_arn: queue.stream.arn(),
            stream_creation_timestamp: shapes::time(queue.stream_created),
        }],
    }
}

const fn status(status: Status) -> api::QueueStatus {
    match status {
        Status::Creating => api::QueueStatus::Creating,
        Status::Active => api::QueueStatus::Active,
        Status::Updating => api::QueueStatus::Updating,
        Status::Deleting => api::QueueStatus::Deleting,
    }
}

/// While the queue is CREATING what was asked for, afterwards with the time that came of it (API
/// QueueStartingPosition).
fn position(queue: &Queue) -> api::QueueStartingPosition {
    let (r#type, asked) = match queue.position {
        Position::Latest => (api::QueueStartingPositionType::Latest, None),
        Position::TrimHorizon => (api::QueueStartingPositionType::TrimHorizon, None),
        Position::AtTimestamp(time) => (api::QueueStartingPositionType::AtTimestamp, Some(time)),
    };
    let timestamp = match queue.phase {
        QueuePhase::Creating(_) => asked,
        QueuePhase::Active | QueuePhase::Updating | QueuePhase::Deleting => Some(queue.effective),
    };
    api::QueueStartingPosition {
        r#type,
        timestamp: timestamp.map(shapes::time),
    }
}

fn attributes(attributes: Attributes) -> api::QueueAttributes {
    let target_type = match attributes.dead_letters {
        DeadLetters::Off => api::TargetType::None,
        DeadLetters::After(_) => api::TargetType::BuiltIn,
    };
    api::QueueAttributes {
        visibility_timeout_seconds: Some(shapes::count(attributes.visibility_secs)),
        dead_letter_configuration: Some(api::DeadLetterConfiguration {
            target_type,
            max_receive_count: attributes.max_receives().map(shapes::count),
        }),
    }
}

/// The attributes that a request sets, each where it does.
pub(crate) fn changes_of(
    attributes: &api::QueueAttributes,
) -> Result<(Option<u32>, Option<DeadLetters>), StreamsError> {
    let visibility_secs = attributes
        .visibility_timeout_seconds
        .and_then(|secs| u32::try_from(secs).ok());
    let dead_letters = attributes
        .dead_letter_configuration
        .as_ref()
        .map(dead_letters_of)
        .transpose()?;
    Ok((visibility_secs, dead_letters))
}

/// The attributes of a new queue.
pub(crate) fn attributes_of(attributes: Option<&api::QueueAttributes>) -> Result<Attributes, StreamsError> {
    let (visibility_secs, dead_letters) = attributes.map(changes_of).transpose()?.unwrap_or_default();
    Ok(Attributes {
        visibility_secs: visibility_secs.unwrap_or(QUEUE_VISIBILITY_SECS),
        dead_letters: dead_letters.unwrap_or(DeadLetters::After(QUEUE_MAX_RECEIVES)),
    })
}

fn dead_letters_of(config: &api::DeadLetterConfiguration) -> Result<DeadLetters, StreamsError> {
    let invalid = |message: &str| Err(StreamsError::Validation(message.to_owned()));
    match (&config.target_type, config.max_receive_count) {
        (api::TargetType::BuiltIn, Some(count)) => Ok(DeadLetters::After(count.unsigned_abs())),
        (api::TargetType::BuiltIn, None) => {
            invalid("MaxReceiveCount must be specified when TargetType is BUILT_IN.")
        }
        (_, None) => Ok(DeadLetters::Off),
        (_, Some(_)) => invalid("MaxReceiveCount can be specified only when TargetType is BUILT_IN."),
    }
}

/// The position that a request asks for.
pub(crate) fn position_of(position: Option<&api::QueueStartingPosition>) -> Result<Position, StreamsError> {
    let Some(position) = position else {
        return Ok(Position::Latest);
    };
    let invalid = |message: &str| Err(StreamsError::Validation(message.to_owned()));
    match (&position.r#type, position.timestamp) {
        (api::QueueStartingPositionType::AtTimestamp, Some(time)) => Ok(Position::AtTimestamp(Timestamp(
            u64::try_from(time.0).unwrap_or(0),
        ))),
        (api::QueueStartingPositionType::AtTimestamp, None) => {
            invalid("Timestamp must be specified when the Type of StartingPosition is AT_TIMESTAMP.")
        }
        (_, Some(_)) => {
            invalid("Timestamp can be specified only when the Type of StartingPosition is AT_TIMESTAMP.")
        }
        (api::QueueStartingPositionType::TrimHorizon, None) => Ok(Position::TrimHorizon),
        (_, None) => Ok(Position::Latest),
    }
}
