//! Security Token Service: who am I (API reference, GetCallerIdentity).
//!
//! The query protocol: `Action=GetCallerIdentity&Version=2011-06-15`, answered in XML, or in JSON where the client
//! accepts only that. Error codes of the query protocol have other names than those of the JSON protocols.

mod get_caller_identity;

use http::request::Parts;
use http::{Response, header};
use millrace_api::{Operation, Service};
use millrace_wire::{ApiError, Caller};

use crate::answer::{self, AnswerBody};
use crate::route::{parameter, text};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const XML: &str = "text/xml";
const JSON: &str = "application/json";

/// One request of the query protocol.
#[derive(Debug)]
pub(crate) struct Sts {
    /// What it asks for.
    pub(crate) op: Result<&'static Operation, ApiError>,
    json: bool,
}

impl Sts {
    /// The service's table.
    pub(crate) fn service() -> &'static Service {
        &millrace_api::sts::SERVICE
    }

    /// Reads a request; parameters are in the query and in the form.
    pub(crate) fn read(head: &Parts, body: &[u8]) -> Self {
        let form = std::str::from_utf8(body).unwrap_or_default();
        let query = head.uri.query().unwrap_or_default();
        let get = |name: &str| {
            parameter(form, name)
                .or_else(|| parameter(query, name))
                .unwrap_or_default()
        };
        let (action, version) = (get("Action"), get("Version"));
        let known = Self::service().operation(&action);
        let op = known
            .filter(|_| version == Self::service().version)
            .ok_or_else(|| {
                let version = if version.is_empty() {
                    "NO_VERSION_SPECIFIED"
                } else {
                    &version
                };
                ApiError::client(
                    "InvalidAction",
                    format!("Could not find operation {action} for version {version}"),
                )
            });
        let accepts = text(&head.headers, header::ACCEPT.as_str()).unwrap_or_default();
        Self {
            op,
            json: accepts.starts_with(JSON),
        }
    }

    /// Answers an authenticated caller.
    pub(crate) fn call(&self, caller: &Caller) -> Result<Response<AnswerBody>, ApiError> {
        let op = self.op.as_ref().map_err(Clone::clone)?;
        if op.name != "GetCallerIdentity" {
            let text = format!(
                "The operation {} is not supported by this version of Millrace yet.",
                op.name
            );
            return Err(ApiError::client("InvalidAction", text));
        }
        let body = get_caller_identity::body(caller, self.json);
        Ok(answer::whole(
            http::StatusCode::OK,
            Some(self.content_type()),
            body.into(),
        ))
    }

    /// An error in this protocol's form.
    pub(crate) fn error(&self, error: &ApiError, request_id: &str) -> Response<AnswerBody> {
        let (code, status) = query_code(error);
        let kind = if status < 500 { "Sender" } else { "Receiver" };
        let body = if self.json {
            serde_json::json!({
                "Error": {"Type": kind, "Code": code, "Message": error.message}, "RequestId": request_id,
            })
            .to_string()
        } else {
            format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\">\n  <Error>\n    <Type>{kind}</Type>\n    <Code>{}</Code>\n    \
                 <Message>{}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
                escape(code),
                escape(&error.message)
            )
        };
        let mut response = answer::whole(answer::status(status), Some(self.content_type()), body.into());
        answer::error_type(&mut response, code);
        response
    }

    const fn content_type(&self) -> &'static str {
        if self.json { JSON } else { XML }
    }
}

/// Code and status as the query protocol has them (STS API reference, Common Errors).
fn query_code(error: &ApiError) -> (&str, u16) {
    match error.short_code() {
        "MissingAuthenticationTokenException" => ("MissingAuthenticationToken", 403),
        "UnrecognizedClientException" => ("InvalidClientTokenId", 403),
        "InvalidSignatureException" => ("SignatureDoesNotMatch", 403),
        "IncompleteSignatureException" => ("IncompleteSignature", 400),
        "ExpiredTokenException" | "ExpiredToken" => ("ExpiredToken", 403),
        other => (other, error.status),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http_body_util::BodyExt;

    use super::*;

    fn read(uri: &str, accept: &str, body: &str) -> Sts {
        let request = Request::post(uri).header("accept", accept).body(()).unwrap();
        Sts::read(&request.into_parts().0, body.as_bytes())
    }

    fn caller() -> Caller {
        Caller {
            request_id: "r-1".to_owned(),
            ..Caller::root("123456789012", "us-east-1")
        }
    }

    async fn body(response: Response<AnswerBody>) -> String {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    const ASKED: &str = "Action=GetCallerIdentity&Version=2011-06-15";

    #[tokio::test]
    async fn the_caller_is_told_who_it_is() {
        let xml = body(read("/", "*/*", ASKED).call(&caller()).unwrap()).await;
        assert!(
            xml.starts_with(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
            )
        );
        assert!(xml.contains("<Arn>arn:aws:iam::123456789012:root</Arn>"), "{xml}");
        assert!(
            xml.contains("<Account>123456789012</Account>") && xml.contains("<RequestId>r-1</RequestId>")
        );
        let json = body(
            read(&format!("/?{ASKED}"), "application/json", "")
                .call(&caller())
                .unwrap(),
        )
        .await;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let result = &json["GetCallerIdentityResponse"]["GetCallerIdentityResult"];
        assert_eq!(result["Account"], "123456789012");
    }

    #[tokio::test]
    async fn unknown_actions_are_refused() {
        for (form, expected) in [
            (
                "Action=<Nope>&Version=2011-06-15",
                "Could not find operation &lt;Nope&gt; for version 2011-06-15",
            ),
            (
                "Action=GetCallerIdentity",
                "Could not find operation GetCallerIdentity for version NO_VERSION_SPECIFIED",
            ),
            (
                "Action=AssumeRole&Version=2011-06-15",
                "AssumeRole is not supported",
            ),
            ("\u{fffd}", "Could not find operation  for version"),
        ] {
            let sts = read("/", "", form);
            let error = sts.call(&caller()).unwrap_err();
            assert_eq!((error.short_code(), error.status), ("InvalidAction", 400));
            let xml = body(sts.error(&error, "r-1")).await;
            assert!(xml.contains(expected), "{xml}");
        }
    }

    #[test]
    fn auth_errors_have_their_query_names() {
        let sts = read("/", "", ASKED);
        let response = sts.error(&ApiError::client("InvalidSignatureException", "x"), "r");
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["x-amzn-errortype"], "SignatureDoesNotMatch");
    }
}
