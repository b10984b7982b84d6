//! A call's protocol: how its result or its error becomes an answer.

use bytes::Bytes;
use http::Response;
use http::header::{HeaderName, HeaderValue};
use millrace_api::{Operation, Service};
use millrace_wire::query::{self, Envelope};
use millrace_wire::{ApiError, Codec};

use crate::answer::{self, AnswerBody};

/// Names Smithy's protocol, in requests and answers.
pub(crate) const SMITHY_PROTOCOL: &str = "smithy-protocol";
/// Its value for RPC v2 in CBOR.
pub(crate) const RPC_V2_CBOR: &str = "rpc-v2-cbor";
/// An error's code in the query protocol, where a service spoke that one first.
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// What a request is written in, and whom it is for as far as that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoken {
    pub(crate) codec: Codec,
    pub(crate) service: Option<&'static Service>,
    pub(crate) op: Option<&'static Operation>,
}

impl Spoken {
    /// Of a request that names no operation.
    pub(crate) const fn by_nobody(codec: Codec) -> Self {
        Self {
            codec,
            service: None,
            op: None,
        }
    }

    /// Service and operation as they are counted.
    pub(crate) fn named(&self) -> Option<(&'static str, &'static str)> {
        Some((self.service?.id, self.op?.name))
    }

    /// A result that a service encoded in the codec.
    pub(crate) fn result(&self, body: Bytes, request_id: &str) -> Response<AnswerBody> {
        let status = answer::status(self.op.map_or(200, |op| op.status));
        let body = match self.op {
            Some(op) if self.codec.is_query() => self.envelope(request_id).result(op, &body).into(),
            _ => body,
        };
        // RPC v2 says nothing of what is not there; the JSON services always did.
        let content_type =
            (self.codec != Codec::RpcV2Cbor || !body.is_empty()).then(|| self.codec.content_type());
        let mut response = answer::whole(status, content_type, body);
        self.protocol(&mut response);
        response
    }

    /// An error.
    pub(crate) fn error(&self, error: &ApiError, request_id: &str) -> Response<AnswerBody> {
        let (status, body) = if self.codec.is_query() {
            self.envelope(request_id).error(error)
        } else {
            (error.status, self.codec.error_body(&self.modelled(error)))
        };
        let content_type = Some(self.codec.content_type());
        let mut response = answer::whole(answer::status(status), content_type, body.into());
        if self.codec.is_query() {
            answer::error_type(&mut response, query::code(error).0);
        } else {
            answer::error_type(&mut response, self.modelled(error).short_code());
        }
        let compatible = self.service.is_some_and(Service::is_query_compatible);
        if compatible
            && !self.codec.is_query()
            && let Ok(value) = HeaderValue::from_str(&query::error_header(error))
        {
            response.headers_mut().insert(QUERY_ERROR, value);
        }
        self.protocol(&mut response);
        response
    }

    /// The error under the name of its shape, which is not its code where the query protocol came first.
    fn modelled(&self, error: &ApiError) -> ApiError {
        let errors = self.op.map(|op| op.errors).unwrap_or_default();
        let shape = errors.iter().find(|known| known.code == error.code);
        let mut error = error.clone();
        if let Some(shape) = shape {
            error.code = shape.shape.name.into();
        }
        error
    }

    fn envelope<'a>(&self, request_id: &'a str) -> Envelope<'a> {
        Envelope {
            service: self.service,
            codec: self.codec,
            request_id,
        }
    }

    fn protocol(&self, response: &mut Response<AnswerBody>) {
        if self.codec == Codec::RpcV2Cbor {
            let name = HeaderName::from_static(SMITHY_PROTOCOL);
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(RPC_V2_CBOR));
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http_body_util::BodyExt;
    use millrace_api::cloudwatch;

    use super::*;

    fn spoken(codec: Codec) -> Spoken {
        Spoken {
            codec,
            service: Some(&cloudwatch::SERVICE),
            op: Some(cloudwatch::op::PUT_METRIC_DATA),
        }
    }

    fn header<'a>(response: &'a Response<AnswerBody>, name: &str) -> Option<&'a str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    async fn body(response: Response<AnswerBody>) -> String {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[tokio::test]
    async fn an_error_has_the_name_of_its_shape_and_the_code_of_the_query_protocol() {
        let error = ApiError::client("InvalidParameterValue", "bad");
        let json = spoken(Codec::Json10).error(&error, "r");
        assert_eq!(
            header(&json, "x-amzn-query-error"),
            Some("InvalidParameterValue;Sender")
        );
        assert_eq!(
            body(json).await,
            r#"{"__type":"InvalidParameterValueException","message":"bad"}"#
        );
        let cbor = spoken(Codec::RpcV2Cbor).error(&error, "r");
        assert_eq!(header(&cbor, "smithy-protocol"), Some("rpc-v2-cbor"));
        assert_eq!(header(&cbor, "content-type"), Some("application/cbor"));
        assert_eq!(
            header(&cbor, "x-amzn-query-error"),
            Some("InvalidParameterValue;Sender")
        );
        let xml = spoken(Codec::QueryXml).error(&error, "r");
        assert_eq!(header(&xml, "x-amzn-query-error"), None);
        assert!(body(xml).await.contains("<Code>InvalidParameterValue</Code>"));
        let kinesis = Spoken {
            service: Some(&millrace_api::kinesis::SERVICE),
            ..spoken(Codec::Json11)
        };
        assert_eq!(header(&kinesis.error(&error, "r"), "x-amzn-query-error"), None);
    }

    #[tokio::test]
    async fn nothing_is_said_of_an_empty_result_in_rpc() {
        let response = spoken(Codec::RpcV2Cbor).result(Bytes::new(), "r");
        assert_eq!(header(&response, "content-type"), None);
        assert_eq!(header(&response, "smithy-protocol"), Some("rpc-v2-cbor"));
        let response = spoken(Codec::Json10).result(Bytes::new(), "r");
        assert_eq!(
            header(&response, "content-type"),
            Some("application/x-amz-json-1.0")
        );
        let xml = body(spoken(Codec::QueryXml).result(Bytes::new(), "r-1")).await;
        assert!(
            xml.starts_with("<PutMetricDataResponse") && xml.contains("r-1"),
            "{xml}"
        );
    }

    #[test]
    fn a_code_no_header_can_carry_is_left_out() {
        let error = ApiError::client("A\nB", "x").with_status(9);
        let response = Spoken::by_nobody(Codec::Json11).error(&error, "r");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(header(&response, "x-amzn-errortype"), None);
    }
}
