//! One entry.

use millrace_api::{Operation, Service};
use millrace_base::Timestamp;
use millrace_wire::policy::Principal;
use millrace_wire::{ApiError, Body, Caller, Codec, timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::limits::AUDIT_PARAMETERS_BYTES_MAX;

/// Operations that carry records or look after reading them, by service: too many, and not about resources.
const DATA: &[(&str, &[&str])] = &[
    (
        "kinesis",
        &[
            "PutRecord",
            "PutRecords",
            "GetRecords",
            "GetShardIterator",
            "SubscribeToShard",
            "ReceiveQueueRecords",
            "AcknowledgeQueueRecords",
            "UpdateQueueRecordsVisibility",
            "ReceiveDeadLetterQueueRecords",
            "AcknowledgeDeadLetterQueueRecords",
            "UpdateDeadLetterQueueRecordsVisibility",
            "RestoreDeadLetterQueueRecords",
        ],
    ),
    (
        "dynamodb",
        &[
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        ],
    ),
    (
        "cloudwatch",
        &[
            "GetMetricData",
            "GetMetricStatistics",
            "ListMetrics",
            "PutMetricData",
        ],
    ),
    ("firehose", &["PutRecord", "PutRecordBatch"]),
    ("sts", &["GetCallerIdentity"]),
];

/// Operations whose parameters are secrets, by service.
const SECRET: &[(&str, &[&str])] = &[("kms", &["Encrypt"])];

/// Whether calls of an operation leave entries.
pub(crate) fn is_audited(service: &Service, operation: &str) -> bool {
    !DATA
        .iter()
        .any(|(id, operations)| *id == service.id && operations.contains(&operation))
}

/// A call, as it was asked and answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) service: &'static Service,
    pub(crate) op: &'static Operation,
    /// What the body is written in, and the body.
    pub(crate) body: Option<(Codec, &'a Body)>,
    /// `None` where the caller was not let in.
    pub(crate) caller: Option<&'a Caller>,
    pub(crate) request_id: &'a str,
    pub(crate) user_agent: Option<&'a str>,
    pub(crate) address: Option<std::net::IpAddr>,
    /// Whether the call came over TLS.
    pub(crate) secure: bool,
    pub(crate) error: Option<&'a ApiError>,
}

impl Asked<'_> {
    /// The entry with its line feed.
    pub(crate) fn line(&self, now: Timestamp) -> Vec<u8> {
        let mut entry = json!({
            "eventVersion": "1.10",
            "eventTime": timestamp::iso8601(i64::try_from(now.0).unwrap_or(i64::MAX)),
            "eventSource": format!("{}.amazonaws.com", self.service.signing_name),
            "eventName": self.op.name,
            "eventType": "AwsApiCall",
            "eventCategory": "Management",
            "managementEvent": true,
            "readOnly": is_read_only(self.op.name),
            "requestID": self.request_id,
            "requestParameters": self.parameters(),
            "additionalEventData": {"secureTransport": self.secure},
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let (Some(entry), Some(value)) = (entry.as_object_mut(), value) {
                entry.insert(name.to_owned(), value);
            }
        };
        set(
            "sourceIPAddress",
            self.address.map(|address| address.to_string().into()),
        );
        set("userAgent", self.user_agent.map(|agent| clip(agent).into()));
        if let Some(caller) = self.caller {
            set("awsRegion", Some(caller.region.clone().into()));
            set("recipientAccountId", Some(caller.account.clone().into()));
            let identity = json!({
                "type": kind(caller.identity.principal()), "principalId": caller.identity.user_id(),
                "arn": caller.principal(), "accountId": caller.account, "accessKeyId": caller.access_key,
            });
            set("userIdentity", Some(identity));
        }
        if let Some(error) = self.error {
            set("errorCode", Some(error.short_code().into()));
            set("errorMessage", Some(clip(&error.message).into()));
        }
        // Values of our own making always encode.
        let mut line = serde_json::to_vec(&entry).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// The request in JSON, whatever it came in; what does not decode has none.
    fn parameters(&self) -> Value {
        let (Some((codec, body)), Some(shape)) = (self.body, self.op.input) else {
            return Value::Null;
        };
        let secret = SECRET
            .iter()
            .any(|(id, operations)| *id == self.service.id && operations.contains(&self.op.name));
        if secret {
            return json!({"omitted": "they are secret"});
        }
        let Ok(value) = codec.decode(shape, body.whole()) else {
            return Value::Null;
        };
        let text = Codec::Json11.encode(shape, &value);
        if text.len() > AUDIT_PARAMETERS_BYTES_MAX {
            return json!({"omitted": format!("{} bytes", text.len())});
        }
        serde_json::from_slice::<Box<RawValue>>(&text)
            .ok()
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or(Value::Null)
    }
}

fn is_read_only(operation: &str) -> bool {
    ["Describe", "List", "Get"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

/// `userIdentity.type` (CloudTrail user guide, "userIdentity element").
const fn kind(principal: &Principal) -> &'static str {
    match principal {
        Principal::Root { .. } => "Root",
        Principal::User { .. } => "IAMUser",
        Principal::AssumedRole { .. } => "AssumedRole",
        Principal::Service { .. } => "AWSService",
        Principal::Anonymous => "Unknown",
    }
}

/// What a client wrote has bounds here.
fn clip(text: &str) -> String {
    text.chars().take(1024).collect()
}

#[cfg(test)]
mod tests {
    use millrace_api::kinesis;

    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_entry_says_who_did_what_and_what_became_of_it() {
        let caller = Caller {
            access_key: "test".to_owned(),
            ..Caller::root("000000000000", "eu-west-1")
        };
        let body = Bytes::from_static(br#"{"StreamName":"s","ShardCount":1}"#).into();
        let error = ApiError::client("ResourceInUseException", "taken");
        let asked = Asked {
            service: &kinesis::SERVICE,
            op: kinesis::SERVICE.operation("CreateStream").unwrap(),
            body: Some((Codec::Json11, &body)),
            caller: Some(&caller),
            request_id: "r",
            user_agent: Some("aws-cli/2"),
            address: Some([127, 0, 0, 1].into()),
            secure: false,
            error: Some(&error),
        };
        let line = asked.line(Timestamp(1_700_000_000_000));
        let entry: Value = serde_json::from_slice(&line).unwrap();
        for (pointer, wanted) in [
            ("/eventTime", "2023-11-14T22:13:20Z"),
            ("/eventSource", "kinesis.amazonaws.com"),
            ("/eventName", "CreateStream"),
            ("/requestParameters/StreamName", "s"),
            ("/userIdentity/arn", "arn:aws:iam::000000000000:root"),
            ("/awsRegion", "eu-west-1"),
            ("/errorCode", "ResourceInUseException"),
            ("/sourceIPAddress", "127.0.0.1"),
        ] {
            assert_eq!(
                entry.pointer(pointer).and_then(Value::as_str),
                Some(wanted),
                "{pointer}"
            );
        }
        assert_eq!(entry["readOnly"], false);
    }

    #[test]
    fn every_named_data_operation_exists_and_the_rest_is_audited() {
        for service in [
            &kinesis::SERVICE,
            &millrace_api::dynamodb::SERVICE,
            &millrace_api::cloudwatch::SERVICE,
            &millrace_api::firehose::SERVICE,
            &millrace_api::sts::SERVICE,
        ] {
            let named = DATA.iter().find(|(id, _)| *id == service.id);
            let (_, operations) = named.unwrap_or_else(|| panic!("{} is not listed", service.id));
            for operation in *operations {
                assert!(service.operation(operation).is_some(), "{operation}");
                assert!(!is_audited(service, operation));
            }
        }
        assert!(is_audited(&kinesis::SERVICE, "DeleteStream"));
    }

    #[test]
    fn secrets_are_left_out() {
        let service = &millrace_api::kms::SERVICE;
        let body = Bytes::from_static(br#"{"KeyId":"k","Plaintext":"aHVzaA=="}"#).into();
        for operation in ["Encrypt", "DisableKey"] {
            let asked = Asked {
                service,
                op: service.operation(operation).unwrap(),
                body: Some((Codec::Json11, &body)),
                caller: None,
                request_id: "r",
                user_agent: None,
                address: None,
                secure: false,
                error: None,
            };
            let line = String::from_utf8(asked.line(Timestamp(0))).unwrap();
            assert!(!line.contains("aHVzaA"), "{line}");
            assert_eq!(line.contains("they are secret"), operation == "Encrypt", "{line}");
        }
    }
}
