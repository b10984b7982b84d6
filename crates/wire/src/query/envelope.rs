//! What stands around a result or an error.

use millrace_api::{Operation, Service};

use super::codes::{code, side};
use crate::xml::escape;
use crate::{ApiError, Codec, json};

/// The namespace of errors that belong to no service.
const NAMESPACE: &str = "http://webservices.amazon.com/AWSFault/2005-15-09";

/// Puts an answer of the query protocol together.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Whose answer it is; `None` where the request names nobody.
    pub service: Option<&'static Service>,
    /// In XML unless this is [`Codec::QueryJson`].
    pub codec: Codec,
    /// Repeated in the answer.
    pub request_id: &'a str,
}

impl Envelope<'_> {
    /// The body of an answer: `result` is what [`Codec::encode`] made, or empty where the operation has no output.
    #[must_use]
    pub fn result(&self, op: &Operation, result: &[u8]) -> Vec<u8> {
        let name = op.name;
        let mut out = Vec::with_capacity(result.len() + 256);
        let request_id = self.escaped(self.request_id);
        if self.codec == Codec::QueryJson {
            out.extend_from_slice(format!("{{\"{name}Response\":{{").as_bytes());
            if op.output.is_some() {
                out.extend_from_slice(format!("\"{name}Result\":").as_bytes());
                out.extend_from_slice(result);
                out.push(b',');
            }
            out.extend_from_slice(
                format!("\"ResponseMetadata\":{{\"RequestId\":{request_id}}}}}}}").as_bytes(),
            );
            return out;
        }
        out.extend_from_slice(format!("<{name}Response xmlns=\"{}\">\n", self.namespace()).as_bytes());
        if op.output.is_some() {
            out.extend_from_slice(format!("  <{name}Result>").as_bytes());
            out.extend_from_slice(result);
            out.extend_from_slice(format!("</{name}Result>\n").as_bytes());
        }
        let end = format!(
            "  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</{name}Response>\n"
        );
        out.extend_from_slice(end.as_bytes());
        out
    }

    /// HTTP status and body of an error.
    #[must_use]
    pub fn error(&self, error: &ApiError) -> (u16, Vec<u8>) {
        let (code, status) = code(error);
        let side = side(status);
        let (code, message, request_id) = (
            self.escaped(code),
            self.escaped(&error.message),
            self.escaped(self.request_id),
        );
        let body = if self.codec == Codec::QueryJson {
            format!(
                "{{\"Error\":{{\"Type\":\"{side}\",\"Code\":{code},\"Message\":{message}}},\"RequestId\":{request_id}}}"
            )
        } else {
            format!(
                "<ErrorResponse xmlns=\"{}\">\n  <Error>\n    <Type>{side}</Type>\n    <Code>{code}</Code>\n    \
                 <Message>{message}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
                self.namespace()
            )
        };
        (status, body.into_bytes())
    }

    fn namespace(&self) -> &'static str {
        self.service.map_or(NAMESPACE, |service| service.xml_namespace)
    }

    /// A text for its place: in quotes in JSON.
    fn escaped(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        if self.codec == Codec::QueryJson {
            let mut quoted = Vec::with_capacity(text.len() + 2);
            json::quote(text, &mut quoted);
            out.push_str(&String::from_utf8_lossy(&quoted));
        } else {
            escape(text, &mut out);
        }
        out
    }
}

/// The value of `x-amzn-query-error`: the code by which clients of the query protocol know an error, and whose fault it
/// is (Smithy, `aws.protocols#awsQueryCompatible`).
#[must_use]
pub fn error_header(error: &ApiError) -> String {
    let (code, _) = code(error);
    format!("{code};{}", side(error.status))
}
