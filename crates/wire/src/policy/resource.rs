//! Resources of statements: `*`, or an ARN with wildcards and policy variables (IAM User Guide, "Resource").
//!
//! A star takes any characters, slashes and colons too: `arn:aws:kinesis:*` is every resource of the service. AWS grants
//! that to a star at the end of one of the ARN's parts and is silent about the others; here all are alike, which differs
//! only for resources whose own names imitate the parts of an ARN.

use super::context::Context;
use super::error::{Path, PolicyError, clipped};
use super::glob::Glob;
use super::text::{Pattern, Syntax, Written, parts, whole};

/// Partitions of AWS, and what stands for any (AWS General Reference, "Partitions").
const PARTITIONS: [&str; 9] = [
    "*",
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
    "aws-eusc",
];

/// A compiled resource.
#[derive(Clone, Debug)]
pub(super) struct ResourcePattern(Pattern<Glob>);

impl ResourcePattern {
    pub(super) fn parse(text: &str, variables: bool, path: &Path<'_>) -> Result<Self, PolicyError> {
        if text != "*" {
            check(text, path)?;
        }
        let syntax = Syntax {
            wildcards: true,
            variables,
        };
        let written = parts(text, syntax, path)?;
        if early_variable(&written) {
            return Err(path.error(format!(
                "a policy variable may only stand behind the fifth colon of an ARN, not as in '{}'",
                clipped(text)
            )));
        }
        let pattern = Pattern::new(written, whole).ok_or_else(|| path.error("cannot be read"))?;
        Ok(Self(pattern))
    }

    pub(super) fn matches(&self, resource: &str, context: &Context<'_>) -> bool {
        match &self.0 {
            Pattern::Fixed(glob) if glob.is_any() => true,
            pattern => pattern.matches(resource, context),
        }
    }

    /// The resource that is meant, where it has neither wildcard nor variable.
    pub(super) fn literal(&self) -> Option<&str> {
        match &self.0 {
            Pattern::Fixed(glob) => glob.literal(),
            Pattern::Variable(_) => None,
        }
    }
}

fn check(text: &str, path: &Path<'_>) -> Result<(), PolicyError> {
    let mut parts = text.splitn(4, ':');
    let (arn, partition, service) = (parts.next(), parts.next(), parts.next());
    let (Some("arn"), Some(partition)) = (arn, partition) else {
        return Err(path.error(format!(
            "Resource {} must be in ARN format or \"*\".",
            clipped(text)
        )));
    };
    if !PARTITIONS.contains(&partition) {
        return Err(path.error(format!(
            "Partition \"{}\" is not valid for resource \"{}\". Write aws, or the partition of your region",
            clipped(partition),
            clipped(text)
        )));
    }
    let service = service.unwrap_or_default();
    let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if service.is_empty() || !service.bytes().all(known) || parts.next().is_none_or(str::is_empty) {
        return Err(path.error(format!(
            "Resource vendor must be fully qualified and cannot contain regexes. Write for instance \
             arn:aws:kinesis:us-east-1:123456789012:stream/name in place of '{}'",
            clipped(text)
        )));
    }
    Ok(())
}

/// Whether a variable stands before the fifth colon.
fn early_variable(written: &[Written]) -> bool {
    let mut colons = 0;
    for part in written {
        match part {
            Written::Text(text) => colons += text.matches(':').count(),
            Written::Variable { .. } if colons < 5 => return true,
            _ => {}
        }
    }
    false
}
