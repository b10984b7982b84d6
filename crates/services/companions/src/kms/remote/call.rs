//! One call: encode, sign, send, read, decode – and again where that helps, within bounds.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::Full;
use millrace_api::kms::SERVICE;
use millrace_api::{Operation, Typed};
use millrace_http::backoff;
use millrace_keys::KeyError;
use millrace_wire::Codec;
use millrace_wire::sigv4::{self, Identity, Signing};

use super::Inner;
use super::error::{CallError, refused};
use crate::kms::limits::{ANSWER_BYTES_MAX, ATTEMPT_TIME_MAX, ATTEMPTS_MAX, BACKOFF, CALL_TIME_MAX};

const CODEC: Codec = Codec::Json11;

impl Inner {
    /// Calls an operation that is about `key`, signed for `region`.
    pub(super) async fn call<I: Typed, O: Typed>(
        &self,
        operation: &'static str,
        (region, key): (&str, &str),
        input: I,
    ) -> Result<O, KeyError> {
        let op = SERVICE.operation(operation);
        let shapes = op.and_then(|op| Some((op, op.input?, op.output?)));
        let (op, asked, answered) = shapes.ok_or_else(|| self.strange(operation, "being known"))?;
        let body = Bytes::from(CODEC.encode(asked, &input.into_value()));
        let tries = self.tries(op, region, &body);
        let answer = match tokio::time::timeout(CALL_TIME_MAX, tries).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(error.into_key_error(key)),
            Err(_) => return Err(self.slow(operation, CALL_TIME_MAX.as_secs()).into_key_error(key)),
        };
        let value = CODEC.decode(answered, &answer);
        let output = value.ok().and_then(|value| O::from_value(value).ok());
        output.ok_or_else(|| self.strange(operation, "what it is made of"))
    }

    async fn tries(&self, op: &'static Operation, region: &str, body: &Bytes) -> Result<Bytes, CallError> {
        // It is never closed.
        let _permit = self.calls.acquire().await;
        let mut attempt = 1;
        loop {
            let tried = tokio::time::timeout(ATTEMPT_TIME_MAX, self.attempt(op, region, body)).await;
            let error = match tried {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => self.slow(op.name, ATTEMPT_TIME_MAX.as_secs()),
            };
            if attempt == ATTEMPTS_MAX || !error.is_passing() {
                return Err(error);
            }
            tracing::debug!(%error, attempt, "calling the KMS again");
            let wait = backoff(attempt, BACKOFF, &*self.seams.rng);
            self.seams.clock.sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, op: &'static Operation, region: &str, body: &Bytes) -> Result<Bytes, CallError> {
        let request = || self.request(op, region, body);
        let (response, connection) = self.connections.exchange(request).await?;
        let status = response.status();
        let read = self
            .connections
            .read(response.into_body(), connection, ANSWER_BYTES_MAX)
            .await;
        let bytes = read.map_err(|error| CallError::Unreachable(error.to_string()))?;
        if status == StatusCode::OK {
            return Ok(bytes);
        }
        Err(refused(op.name, status, &bytes))
    }

    fn request(
        &self,
        op: &'static Operation,
        region: &str,
        body: &Bytes,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let head = [
            (HOST, self.options.endpoint.authority()),
            (CONTENT_TYPE, CODEC.content_type().to_owned()),
            (
                HeaderName::from_static("x-amz-target"),
                format!("{}.{}", SERVICE.target_prefix, op.name),
            ),
        ];
        let identity = Identity {
            access_key: &self.options.access_key,
            secret_key: self.options.secret_key.expose(),
            token: self
                .options
                .session_token
                .as_ref()
                .map(|token| token.expose().as_str()),
        };
        let headers: Vec<_> = head
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let added = sigv4::sign(
            &identity,
            &Signing {
                method: "POST",
                path: "/",
                query: "",
                headers: &headers,
                body,
                region,
                service: SERVICE.signing_name,
                now: self.seams.clock.now(),
            },
        );
        let added = added
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), value));
        let mut request = Request::post("/")
            .body(Full::new(body.clone()))
            .map_err(|error| CallError::Request(error.to_string()))?;
        for (name, value) in head.into_iter().chain(added) {
            let value =
                HeaderValue::try_from(value).map_err(|error| CallError::Request(error.to_string()))?;
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }

    fn slow(&self, operation: &str, seconds: u64) -> CallError {
        CallError::Unreachable(format!(
            "the KMS at {} did not answer {operation} within {seconds} s",
            self.options.endpoint
        ))
    }
}
