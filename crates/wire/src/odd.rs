//! The answers AWS's front end gives before it knows a body format: XML, and the wrapped form of
//! `application/json`. Recorded against AWS by the emulators' authors.

use crate::ApiError;
use crate::xml::escape;

/// An answer outside of the body formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddAnswer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`; `None` where AWS sends none.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: String,
}

/// Nothing names an operation: no `X-Amz-Target`, or a method other than POST. HTTP 403.
#[must_use]
pub fn undetermined() -> OddAnswer {
    xml_error(&ApiError::client(
        "AccessDeniedException",
        "Unable to determine service/operation name to be authorized",
    ))
}

/// An operation is named, but the `Content-Type` is of no known body format. HTTP 404.
#[must_use]
pub fn unknown_content_type() -> OddAnswer {
    OddAnswer {
        status: 404,
        content_type: None,
        body: "<UnknownOperationException/>\n".to_owned(),
    }
}

/// An error for a request of no known body format, such as one without a signature. HTTP 403.
#[must_use]
pub fn xml_error(error: &ApiError) -> OddAnswer {
    let code = error.short_code();
    let mut message = String::new();
    escape(&error.message, &mut message);
    let body = format!("<{code}>\n  <Message>{message}</Message>\n</{code}>\n");
    OddAnswer {
        status: 403,
        content_type: None,
        body,
    }
}

/// `application/json`, which the JSON services do not speak, with a body that parses. HTTP 404.
#[must_use]
pub fn wrapped_unknown_operation() -> OddAnswer {
    wrapped(404, crate::error::UNKNOWN_OPERATION)
}

/// `application/json` with a body that does not parse. HTTP 400.
#[must_use]
pub fn wrapped_serialization() -> OddAnswer {
    wrapped(400, crate::error::SERIALIZATION)
}

fn wrapped(status: u16, code: &str) -> OddAnswer {
    let body = format!(r#"{{"Output":{{"__type":"com.amazon.coral.service#{code}"}},"Version":"1.0"}}"#);
    OddAnswer {
        status,
        content_type: Some("application/json"),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_those_of_the_front_end() {
        assert_eq!(
            undetermined().body,
            "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized\
             </Message>\n</AccessDeniedException>\n"
        );
        assert_eq!(undetermined().status, 403);
        assert_eq!(unknown_content_type().status, 404);
        assert_eq!(unknown_content_type().body, "<UnknownOperationException/>\n");
        let wrapped = wrapped_unknown_operation();
        assert_eq!(
            (wrapped.status, wrapped.content_type),
            (404, Some("application/json"))
        );
        assert_eq!(
            wrapped.body,
            r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}"#
        );
        assert_eq!(wrapped_serialization().status, 400);
    }

    #[test]
    fn a_message_cannot_break_out_of_its_element() {
        let answer = xml_error(&ApiError::client("X", "a</Message><b>&"));
        assert_eq!(
            answer.body,
            "<X>\n  <Message>a&lt;/Message&gt;&lt;b&gt;&amp;</Message>\n</X>\n"
        );
    }
}
