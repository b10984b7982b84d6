//! Names of delivered objects (Developer Guide, "S3 output key template for Amazon S3 delivery").
//!
//! `!{variable}` stands for a part of the name; everything else for itself. To make names unique a suffix is put in
//! front of an extension at the end, or at the end.

use millrace_base::Timestamp;

use crate::error::StreamsError;
use crate::limits::KEY_TEMPLATE_CHARS_MAX;

/// The template of channels that were given none.
pub(crate) const DEFAULT: &str = "kinesis-channel/!{channel-name}/!{channel-id}/!{yyyy}/!{MM}/!{dd}/!{HH}/\
                                  !{channel-name}-!{channel-id}-!{yyyy}-!{MM}-!{dd}-!{HH}-!{mm}!{extension}";

/// The prefix of dead letters of channels that were given none (CloudFormation reference,
/// DeadLetterQueueS3Configuration).
pub(crate) fn error_prefix(name: &str, id: &str) -> String {
    format!("kinesis-channel/errors/{name}/{id}/")
}

/// A part of a name that is only known when the object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    ChannelName,
    ChannelId,
    StreamName,
    Year,
    ShortYear,
    Month,
    Day,
    Hour,
    Minute,
    Extension,
}

const VARIABLES: [(&str, Variable); 10] = [
    ("channel-name", Variable::ChannelName),
    ("channel-id", Variable::ChannelId),
    ("stream-name", Variable::StreamName),
    ("yyyy", Variable::Year),
    ("YY", Variable::ShortYear),
    ("MM", Variable::Month),
    ("dd", Variable::Day),
    ("HH", Variable::Hour),
    ("mm", Variable::Minute),
    ("extension", Variable::Extension),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
}

/// A template that was held against the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

/// What a name is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    pub(crate) channel_name: &'a str,
    pub(crate) channel_id: &'a str,
    pub(crate) stream_name: &'a str,
    /// When the first record arrived; UTC.
    pub(crate) time: Timestamp,
    /// With its dot.
    pub(crate) extension: &'a str,
    /// What no other object of the channel has.
    pub(crate) suffix: &'a str,
}

impl Template {
    /// Takes a template apart.
    pub(crate) fn parse(text: &str) -> Result<Self, StreamsError> {
        let refused = |rule: &str| {
            Err(StreamsError::InvalidArgument(format!(
                "OutputKeyTemplate {text} cannot name objects: {rule}"
            )))
        };
        if text.chars().count() > KEY_TEMPLATE_CHARS_MAX {
            return refused("it has at most 1024 characters.");
        }
        if text.starts_with('/') || text.ends_with('/') {
            return refused("it neither starts nor ends with a slash.");
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("!{") {
            let Some((name, behind)) = after.split_once('}') else {
                return refused("every !{ needs a }.");
            };
            let Some((_, variable)) = VARIABLES.iter().find(|(known, _)| *known == name) else {
                let known: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
                return refused(&format!("!{{{name}}} is none of {}.", known.join(", ")));
            };
            parts.extend((!before.is_empty()).then(|| Part::Text(before.to_owned())));
            parts.push(Part::Variable(*variable));
            rest = behind;
        }
        parts.extend((!rest.is_empty()).then(|| Part::Text(rest.to_owned())));
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.=+@".contains(c);
        let literals: Vec<&str> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Variable(_) => None,
            })
            .collect();
        if !literals.iter().all(|text| text.chars().all(plain)) {
            return refused("outside of variables it has letters, digits and / - _ . = + @ only.");
        }
        let template = Self(parts);
        // Whatever the variables stand for has no slash and no dot, but for the extension.
        let sample = template.render(&Names {
            channel_name: "c",
            channel_id: "c",
            stream_name: "s",
            time: Timestamp(0),
            extension: ".e",
            suffix: "u",
        });
        let bad = |part: &str| part.is_empty() || part == "." || part == "..";
        if sample.split('/').any(bad) || text.contains("../") || text.contains("./") {
            return refused("no part between slashes is empty, '.' or '..'.");
        }
        Ok(template)
    }

    /// The name of one object.
    pub(crate) fn render(&self, names: &Names<'_>) -> String {
        let mut name = String::new();
        let date = Date::of(names.time);
        let (body, extension) = match self.0.split_last() {
            Some((Part::Variable(Variable::Extension), body)) => (body, names.extension),
            _ => (self.0.as_slice(), ""),
        };
        for part in body {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Variable(variable) => name.push_str(&variable.value(names, &date)),
            }
        }
        name.push('-');
        name.push_str(names.suffix);
        name.push_str(extension);
        name
    }
}

impl Variable {
    fn value(self, names: &Names<'_>, date: &Date) -> String {
        match self {
            Self::ChannelName => names.channel_name.to_owned(),
            Self::ChannelId => names.channel_id.to_owned(),
            Self::StreamName => names.stream_name.to_owned(),
            Self::Year => format!("{:04}", date.year),
            Self::ShortYear => format!("{:02}", date.year % 100),
            Self::Month => format!("{:02}", date.month),
            Self::Day => format!("{:02}", date.day),
            Self::Hour => format!("{:02}", date.hour),
            Self::Minute => format!("{:02}", date.minute),
            Self::Extension => names.extension.to_owned(),
        }
    }
}

/// A time of day in UTC.
#[derive(Clone, Copy, Debug)]
struct Date {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
}

impl Date {
    /// From RFC 3339 text, whose places are fixed.
    fn of(time: Timestamp) -> Self {
        let text = millrace_wire::timestamp::iso8601(i64::try_from(time.0).unwrap_or(i64::MAX));
        let number = |range: std::ops::Range<usize>| {
            text.get(range)
                .and_then(|digits| digits.parse().ok())
                .unwrap_or(0)
        };
        Self {
            year: number(0..4),
            month: number(5..7),
            day: number(8..10),
            hour: number(11..13),
            minute: number(14..16),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str) -> String {
        let names = Names {
            channel_name: "orders",
            channel_id: "abc123",
            stream_name: "events",
            time: Timestamp(1_700_000_000_000),
            extension: ".json.gz",
            suffix: "000001-0a",
        };
        Template::parse(template).unwrap().render(&names)
    }

    #[test]
    fn variables_stand_for_their_values() {
        assert_eq!(
            render(DEFAULT),
            "kinesis-channel/orders/abc123/2023/11/14/22/orders-abc123-2023-11-14-22-13-000001-0a.json.gz"
        );
        assert_eq!(render("!{stream-name}/y=!{YY}/x"), "events/y=23/x-000001-0a");
        assert_eq!(render("plain"), "plain-000001-0a");
        assert_eq!(render("a!{extension}/b"), "a.json.gz/b-000001-0a");
    }

    #[test]
    fn what_cannot_name_an_object_is_refused() {
        for template in [
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/./b",
            "!{nothing}",
            "!{yyyy",
            "a b",
            "a'b",
            "a/../b",
            "a*",
        ] {
            let error = Template::parse(template).unwrap_err().to_string();
            assert!(error.starts_with("OutputKeyTemplate "), "{template}: {error}");
        }
        assert!(Template::parse(&"a".repeat(1025)).is_err());
    }
}
