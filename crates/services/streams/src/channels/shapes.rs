//! Channels in the API's words.

use millrace_api::kinesis as api;

use super::template;
use crate::shapes::{count, time};
use crate::state::{
    BucketOf, Channel, ChannelKey, ChannelPhase, Compression, Logging, RecordFormat, S3Destination,
    StorageClass,
};

/// `ChannelDescription`
pub(crate) fn description(key: &ChannelKey, channel: &Channel) -> api::ChannelDescription {
    let settings = &channel.settings;
    api::ChannelDescription {
        channel_name: settings.name.clone(),
        channel_arn: key.arn(),
        channel_id: key.id.clone(),
        channel_status: status(&channel.phase),
        channel_status_reason: reason(&channel.phase),
        channel_creation_timestamp: time(channel.created),
        service_execution_role_arn: settings.role_arn.clone(),
        stream_configuration_list: vec![api::ChannelStreamDescription {
            stream_arn: settings.stream.arn(),
            stream_creation_timestamp: time(channel.stream_created),
            record_configuration: api::RecordConfiguration {
                record_format_type: match settings.format {
                    RecordFormat::Json => api::RecordFormatType::Json,
                    RecordFormat::String => api::RecordFormatType::String,
                    RecordFormat::ByteArray => api::RecordFormatType::ByteArray,
                },
                gsr_schema_arn: None,
            },
        }],
        s3_destination_configuration: Some(destination(key, channel)),
        s3_tables_destination_configuration: None,
        encryption_configuration: settings.encryption_key.as_ref().map(|key| {
            api::ChannelEncryptionConfiguration {
                encryption_type: api::ChannelEncryptionType::Kms,
                key_id: key.clone(),
            }
        }),
        logging_configuration: logging(key, settings.name.as_str(), &settings.logging),
    }
}

/// `ChannelSummary`
pub(crate) fn summary(key: &ChannelKey, channel: &Channel) -> api::ChannelSummary {
    api::ChannelSummary {
        channel_name: channel.settings.name.clone(),
        channel_arn: key.arn(),
        channel_id: key.id.clone(),
        channel_status: status(&channel.phase),
        channel_status_reason: reason(&channel.phase),
        channel_creation_timestamp: time(channel.created),
        channel_destination_type: api::ChannelDestinationType::S3,
        streams: vec![api::ChannelStreamIdentifier {
            stream_arn: channel.settings.stream.arn(),
            stream_creation_timestamp: time(channel.stream_created),
        }],
    }
}

const fn status(phase: &ChannelPhase) -> api::ChannelStatus {
    match phase {
        ChannelPhase::Creating => api::ChannelStatus::Creating,
        ChannelPhase::Active => api::ChannelStatus::Active,
        ChannelPhase::Updating => api::ChannelStatus::Updating,
        ChannelPhase::Deleting => api::ChannelStatus::Deleting,
        ChannelPhase::Failed(_) => api::ChannelStatus::Failed,
    }
}

fn reason(phase: &ChannelPhase) -> Option<String> {
    match phase {
        // The API bounds it at 2048 characters.
        ChannelPhase::Failed(reason) => Some(reason.chars().take(2048).collect()),
        _ => None,
    }
}

fn destination(key: &ChannelKey, channel: &Channel) -> api::S3DestinationDescription {
    let S3Destination {
        bucket,
        key_template,
        storage_class,
        compression,
        freshness_secs,
        dead_letters,
        error_prefix,
    } = &channel.settings.destination;
    let default_prefix = || template::error_prefix(&channel.settings.name, &key.id);
    let BucketOf { arn, owner } = dead_letters.clone();
    api::S3DestinationDescription {
        data_freshness_in_seconds: count(*freshness_secs),
        dead_letter_queue_s3_configuration: api::DeadLetterQueueS3Configuration {
            bucket_arn: arn,
            expected_bucket_owner: owner,
            error_output_prefix: Some(error_prefix.clone().unwrap_or_else(default_prefix)),
        },
        storage_configuration: api::S3StorageConfiguration {
            bucket_arn: bucket.arn.clone(),
            expected_bucket_owner: bucket.owner.clone(),
            output_key_template: Some(
                key_template
                    .clone()
                    .unwrap_or_else(|| template::DEFAULT.to_owned()),
            ),
            storage_class: Some(match storage_class.unwrap_or(StorageClass::Standard) {
                StorageClass::Standard => api::S3StorageClass::Standard,
                StorageClass::IntelligentTiering => api::S3StorageClass::IntelligentTiering,
                StorageClass::GlacierIr => api::S3StorageClass::GlacierIr,
            }),
            compression_type: match compression {
                Compression::None => api::S3CompressionType::None,
                Compression::Gzip => api::S3CompressionType::Gzip,
                Compression::Zstd => api::S3CompressionType::Zstd,
            },
        },
    }
}

/// Group and stream have defaults where logging is on (API CloudWatchLogs).
fn logging(key: &ChannelKey, name: &str, logging: &Logging) -> api::ChannelLoggingConfiguration {
    let default_group = || Some(format!("/aws/kinesis/{name}/{}", key.id));
    let default_stream = || Some("DestinationDelivery".to_owned());
    let on = logging.enabled;
    api::ChannelLoggingConfiguration {
        cloud_watch_logs: api::CloudWatchLogs {
            enabled: on,
            log_group_name: logging.group.clone().or_else(|| default_group().filter(|_| on)),
            log_stream_name: logging.stream.clone().or_else(|| default_stream().filter(|_| on)),
        },
    }
}
