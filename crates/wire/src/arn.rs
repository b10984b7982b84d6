//! Amazon resource names: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, and those of streams, consumers and queues.
//!
//! A stream is `stream/NAME`, a consumer of it `stream/NAME/consumer/NAME:EPOCH` where EPOCH is the second it was
//! created (Kinesis API reference, `ConsumerARN`). A queue is `queue/ID`, with an identifier that was generated.

use std::fmt;

use crate::limits::ARN_BYTES_MAX;

/// An ARN in its parts. The resource may itself contain colons and slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// `kinesis`, `iam`, …
    pub service: String,
    /// Empty for global services.
    pub region: String,
    /// Twelve digits; empty where the service has none.
    pub account: String,
    /// Everything behind the fifth colon.
    pub resource: String,
}

/// A text that is not an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ARN: expected arn:partition:service:region:account:resource")]
pub struct NotAnArn;

impl Arn {
    /// Parses an ARN. Partition, service and resource must be there; an account, where there is one, has digits
    /// only.
    ///
    /// # Errors
    /// [`NotAnArn`].
    pub fn parse(text: &str) -> Result<Self, NotAnArn> {
        if text.len() > ARN_BYTES_MAX {
            return Err(NotAnArn);
        }
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(NotAnArn);
        if next()? != "arn" {
            return Err(NotAnArn);
        }
        let (partition, service, region, account, resource) = (next()?, next()?, next()?, next()?, next()?);
        let account_ok = account.bytes().all(|b| b.is_ascii_digit());
        if partition.is_empty() || service.is_empty() || resource.is_empty() || !account_ok {
            return Err(NotAnArn);
        }
        Ok(Self {
            partition: partition.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.to_owned(),
        })
    }

    /// The ARN of a stream.
    #[must_use]
    pub fn stream(region: &str, account: &str, name: &str) -> Self {
        Self {
            partition: partition_of(region).to_owned(),
            service: "kinesis".to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: format!("stream/{name}"),
        }
    }

    /// The ARN of a consumer of a stream, created at that second.
    #[must_use]
    pub fn consumer(region: &str, account: &str, stream: &str, name: &str, created_epoch_secs: i64) -> Self {
        let mut arn = Self::stream(region, account, stream);
        arn.resource = format!("stream/{stream}/consumer/{name}:{created_epoch_secs}");
        arn
    }

    /// The ARN of a queue of that generated identifier.
    #[must_use]
    pub fn queue(region: &str, account: &str, id: &str) -> Self {
        let mut arn = Self::stream(region, account, "");
        arn.resource = format!("queue/{id}");
        arn
    }

    /// The queue's identifier, where this is a queue's ARN.
    #[must_use]
    pub fn queue_id(&self) -> Option<&str> {
        let id = self.kinesis_resource()?.strip_prefix("queue/")?;
        (!id.is_empty() && !id.contains('/')).then_some(id)
    }

    /// The stream's name, where this is a stream's or a consumer's ARN.
    #[must_use]
    pub fn stream_name(&self) -> Option<&str> {
        let rest = self.kinesis_resource()?.strip_prefix("stream/")?;
        let name = rest.split('/').next()?;
        let consumer_or_nothing = rest.len() == name.len() || self.consumer_parts().is_some();
        (!name.is_empty() && consumer_or_nothing).then_some(name)
    }

    /// Stream, name and creation second, where this is a consumer's ARN.
    #[must_use]
    pub fn consumer_parts(&self) -> Option<ConsumerParts<'_>> {
        let rest = self.kinesis_resource()?.strip_prefix("stream/")?;
        let (stream, rest) = rest.split_once('/')?;
        let (name, created) = rest.strip_prefix("consumer/")?.rsplit_once(':')?;
        let plain = |s: &str| !s.is_empty() && !s.contains('/');
        let digits = !created.is_empty() && created.bytes().all(|b| b.is_ascii_digit());
        if !plain(stream) || !plain(name) || !digits {
            return None;
        }
        Some(ConsumerParts {
            stream,
            name,
            created_epoch_secs: created.parse().ok()?,
        })
    }

    fn kinesis_resource(&self) -> Option<&str> {
        (self.service == "kinesis").then_some(self.resource.as_str())
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl std::str::FromStr for Arn {
    type Err = NotAnArn;

    fn from_str(text: &str) -> Result<Self, NotAnArn> {
        Self::parse(text)
    }
}

/// What a consumer's ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerParts<'a> {
    /// The stream's name.
    pub stream: &'a str,
    /// The consumer's name.
    pub name: &'a str,
    /// When it was created, in seconds since the Unix epoch.
    pub created_epoch_secs: i64,
}

/// The partition a region belongs to (AWS General Reference, "Partitions").
#[must_use]
pub fn partition_of(region: &str) -> &'static str {
    const PREFIXES: &[(&str, &str)] = &[
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-iso-", "aws-iso"),
        ("eusc-", "aws-eusc"),
    ];
    PREFIXES
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_and_a_consumer_there_and_back() {
        let stream = Arn::stream("eu-west-1", "000000000000", "in.put_1-x");
        assert_eq!(
            stream.to_string(),
            "arn:aws:kinesis:eu-west-1:000000000000:stream/in.put_1-x"
        );
        assert_eq!(Arn::parse(&stream.to_string()), Ok(stream.clone()));
        assert_eq!(stream.stream_name(), Some("in.put_1-x"));
        assert_eq!(stream.consumer_parts(), None);

        let consumer = Arn::consumer("cn-north-1", "123456789012", "s", "fan-out", 1_700_000_000);
        let text = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/s/consumer/fan-out:1700000000";
        assert_eq!(consumer.to_string(), text);
        let parsed: Arn = text.parse().unwrap();
        assert_eq!(parsed.stream_name(), Some("s"));
        let parts = parsed.consumer_parts().unwrap();
        assert_eq!(
            (parts.stream, parts.name, parts.created_epoch_secs),
            ("s", "fan-out", 1_700_000_000)
        );
    }

    #[test]
    fn a_queue_there_and_back() {
        let text = "arn:aws:kinesis:eu-west-1:000000000000:queue/a1b2";
        assert_eq!(Arn::queue("eu-west-1", "000000000000", "a1b2").to_string(), text);
        let parsed: Arn = text.parse().unwrap();
        assert_eq!((parsed.queue_id(), parsed.stream_name()), (Some("a1b2"), None));
        for resource in ["queue/", "queue", "queue/a/b", "stream/a"] {
            let arn = Arn {
                resource: resource.to_owned(),
                ..parsed.clone()
            };
            assert_eq!(arn.queue_id(), None, "{resource}");
        }
    }

    #[test]
    fn what_is_no_arn_is_refused() {
        let long = format!("arn:aws:kinesis:r:1:{}", "x".repeat(ARN_BYTES_MAX));
        for text in [
            "",
            "arn",
            "arn:aws:kinesis:r:1",
            "arn:aws:kinesis:r:1:",
            "a:aws:k:r:1:x",
            "arn::k:r:1:x",
            &long,
        ] {
            assert_eq!(Arn::parse(text), Err(NotAnArn), "{text}");
        }
        assert_eq!(Arn::parse("arn:aws:kinesis:r:12a:stream/x"), Err(NotAnArn));
    }

    #[test]
    fn other_resources_are_not_streams() {
        for resource in [
            "stream/",
            "streams/x",
            "stream/x/consumer",
            "stream/x/consumer/c",
            "stream/x/consumer/c:a",
            "x",
        ] {
            let arn = Arn {
                resource: resource.to_owned(),
                ..Arn::stream("r", "1", "s")
            };
            assert_eq!(arn.stream_name(), None, "{resource}");
            assert_eq!(arn.consumer_parts(), None, "{resource}");
        }
        let other = Arn {
            service: "firehose".to_owned(),
            ..Arn::stream("r", "1", "s")
        };
        assert_eq!(other.stream_name(), None);
    }

    #[test]
    fn partitions_follow_the_region() {
        assert_eq!(partition_of("us-gov-west-1"), "aws-us-gov");
        assert_eq!(partition_of("us-isob-east-1"), "aws-iso-b");
        assert_eq!(partition_of("us-iso-east-1"), "aws-iso");
        assert_eq!(partition_of("sa-east-1"), "aws");
    }
}
