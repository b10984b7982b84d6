//! CreateChannel.

use millrace_api::kinesis as api;
use millrace_api::kinesis::{CreateChannelInput, CreateChannelOutput};
use millrace_wire::access::Tagging;
use millrace_wire::{ApiError, Caller};

use crate::channels::{shapes, template::Template};
use crate::error::StreamsError;
use crate::limits::{FRESHNESS_SECS, FRESHNESS_SECS_DEFAULT};
use crate::resolve::check_new;
use crate::service::Streams;
use crate::state::{
    BucketOf, Changed, ChannelCommand, ChannelKey, ChannelSettings, Command, Compression, Logging,
    RecordFormat, Resource, S3Destination, StorageClass,
};
use crate::tags;

/// Lower-case letters and digits in a channel's id.
const ID_CHARS: usize = 20;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: CreateChannelInput,
) -> Result<CreateChannelOutput, StreamsError> {
    let tags = input.tags.clone().unwrap_or_default();
    let key = |id: String| ChannelKey {
        account: caller.account.clone(),
        region: caller.region.clone(),
        id,
    };
    check_new(
        caller,
        &Resource::Channel(key("*".to_owned())),
        Tagging::Set(&tags.0),
    )?;
    let [source] = input.stream_configuration_list.as_slice() else {
        return Err(StreamsError::InvalidArgument(
            "A channel has one stream: StreamConfigurationList must have one entry.".to_owned(),
        ));
    };
    let stream = streams.source(caller, caller.operation, &source.stream_arn)?;
    let destination = destination(streams, &input)?;
    let settings = ChannelSettings {
        name: input.channel_name,
        stream,
        role_arn: input.service_execution_role_arn,
        format: format(source.record_configuration.record_format_type)?,
        destination,
        encryption_key: input.encryption_configuration.map(|encryption| encryption.key_id),
        logging: input
            .logging_configuration
            .map(|logging| {
                let logs = logging.cloud_watch_logs;
                Logging {
                    enabled: logs.enabled,
                    group: logs.log_group_name,
                    stream: logs.log_stream_name,
                }
            })
            .unwrap_or_default(),
        tags: tags::checked(tags)?,
    };
    let key = key(new_id(streams));
    let command = Command::Channel {
        key: key.clone(),
        command: ChannelCommand::Create {
            settings: Box::new(settings),
            quotas: streams.quotas(&caller.account, &caller.region),
        },
    };
    match streams.propose(command).await? {
        Changed::Channel(channel) => Ok(CreateChannelOutput {
            channel_description: shapes::description(&key, &channel),
        }),
        _ => Err(ApiError::internal("creating a channel had another command's outcome").into()),
    }
}

fn new_id(streams: &Streams) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0; ID_CHARS];
    streams.0.rng.fill(&mut bytes);
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied().unwrap_or(b'a');
    bytes.iter().map(|byte| char::from(letter(byte))).collect()
}

fn format(format: api::RecordFormatType) -> Result<RecordFormat, StreamsError> {
    match format {
        api::RecordFormatType::Json => Ok(RecordFormat::Json),
        api::RecordFormatType::String => Ok(RecordFormat::String),
        api::RecordFormatType::ByteArray => Ok(RecordFormat::ByteArray),
        api::RecordFormatType::GsrJson => Err(StreamsError::Validation(
            "RecordFormatType GSR_JSON is for streaming tables: a channel to Amazon S3 takes JSON, STRING or BYTE_ARRAY."
                .to_owned(),
        )),
    }
}

fn destination(streams: &Streams, input: &CreateChannelInput) -> Result<S3Destination, StreamsError> {
    let refused = |text: &str| Err(StreamsError::Validation(text.to_owned()));
    let s3 = match (
        &input.s3_destination_configuration,
        &input.s3_tables_destination_configuration,
    ) {
        (Some(s3), None) => s3,
        (None, Some(_)) => {
            return refused(
                "Millrace does not deliver to streaming tables (S3TablesDestinationConfiguration) yet: give an \
                 S3DestinationConfiguration.",
            );
        }
        _ => {
            return refused(
                "Give one of S3DestinationConfiguration and S3TablesDestinationConfiguration, not both.",
            );
        }
    };
    let storage = &s3.storage_configuration;
    if let Some(template) = &storage.output_key_template {
        Template::parse(template)?;
    }
    let bucket = BucketOf {
        arn: storage.bucket_arn.clone(),
        owner: storage.expected_bucket_owner.clone(),
    };
    let dead = s3.dead_letter_queue_s3_configuration.as_ref();
    let error_prefix = dead.and_then(|dead| dead.error_output_prefix.clone());
    if let Some(prefix) = &error_prefix {
        hold_prefix(prefix)?;
    }
    Ok(S3Destination {
        dead_letters: dead.map_or_else(
            || bucket.clone(),
            |dead| BucketOf {
                arn: dead.bucket_arn.clone(),
                owner: dead.expected_bucket_owner.clone(),
            },
        ),
        bucket,
        key_template: storage.output_key_template.clone(),
        storage_class: storage.storage_class.map(|class| match class {
            api::S3StorageClass::Standard => StorageClass::Standard,
            api::S3StorageClass::IntelligentTiering => StorageClass::IntelligentTiering,
            api::S3StorageClass::GlacierIr => StorageClass::GlacierIr,
        }),
        compression: match storage.compression_type {
            api::S3CompressionType::None => Compression::None,
            api::S3CompressionType::Gzip => Compression::Gzip,
            api::S3CompressionType::Zstd => Compression::Zstd,
        },
        freshness_secs: match s3.data_freshness_in_seconds {
            Some(secs) => freshness(streams, secs)?,
            None => FRESHNESS_SECS_DEFAULT,
        },
        error_prefix,
    })
}

/// `ErrorOutputPrefix`: what the stores take in names.
fn hold_prefix(prefix: &str) -> Result<(), StreamsError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    let whole = format!("{prefix}x");
    let bad = |part: &str| part.is_empty() || part == "." || part == "..";
    if whole.chars().all(plain) && !whole.split('/').any(bad) {
        return Ok(());
    }
    Err(StreamsError::InvalidArgument(format!(
        "ErrorOutputPrefix {prefix} cannot begin names: it has letters, digits and / - _ . only, and no part between \
         slashes is empty, '.' or '..'."
    )))
}

/// `DataFreshnessInSeconds` within its bounds; without published limits a second is the least.
pub(super) fn freshness(streams: &Streams, secs: i32) -> Result<u32, StreamsError> {
    let least = if streams.limits_throughput() {
        *FRESHNESS_SECS.start()
    } else {
        1
    };
    let most = *FRESHNESS_SECS.end();
    u32::try_from(secs)
        .ok()
        .filter(|secs| (least..=most).contains(secs))
        .ok_or_else(|| {
            StreamsError::InvalidArgument(format!(
                "DataFreshnessInSeconds must be between {least} and {most}; the request has {secs}."
            ))
        })
}
