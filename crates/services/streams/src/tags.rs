//! What a tag may be (Kinesis API reference, AddTagsToStream and TagResource).

use std::collections::BTreeMap;

use millrace_api::value::Entries;

use crate::error::StreamsError;
use crate::limits::TAGS_MAX;

/// Tags of a request, in the state's form.
pub(crate) fn checked(tags: Entries<String>) -> Result<BTreeMap<String, String>, StreamsError> {
    let tags: BTreeMap<String, String> = tags.0.into_iter().collect();
    let invalid = |message: &str| Err(StreamsError::InvalidArgument(message.to_owned()));
    if tags.len() > usize::try_from(TAGS_MAX).unwrap_or(usize::MAX) {
        return Err(StreamsError::InvalidArgument(format!(
            "A resource cannot have more than {TAGS_MAX} tags; the request has {}.",
            tags.len()
        )));
    }
    for (key, value) in &tags {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return invalid("Tag keys starting with 'aws:' are reserved for system use.");
        }
        if !key.chars().chain(value.chars()).all(allowed) {
            return invalid(
                "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, \
                 _ . : / = + - @.",
            );
        }
    }
    Ok(tags)
}

fn allowed(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_what_the_service_takes() {
        let one = |key: &str, value: &str| checked(Entries(vec![(key.to_owned(), value.to_owned())]));
        assert!(one("Größe 1", "a/b=c+d-e@f:g_h.i").is_ok());
        assert!(one("aws:x", "1").is_err());
        assert!(one("AWS:x", "1").is_err());
        assert!(one("a*b", "1").is_err());
        assert!(one("a%b", "1").is_err());
        assert!(one("a", "<b>").is_err());
        let many = |n: u32| checked(Entries((0..n).map(|i| (i.to_string(), String::new())).collect()));
        assert!(many(50).is_ok());
        assert!(many(51).is_err());
    }
}
