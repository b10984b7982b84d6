//! One call: encode, sign, send, read, decode – and again where that helps.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use millrace_api::{Operation, Service, Typed};
use millrace_base::{Clock, Rng, Tasks};
use millrace_http::{Connection, Connections, ReadError, backoff, tls};
use millrace_wire::Codec;

use super::limits::{ATTEMPTS_MAX, BACKOFF_MAX, BACKOFF_START, RESPONSE_BYTES_MAX, RESPONSE_TIME_MAX};
use super::{CallError, Credentials, Endpoint, Events, form};

const CODEC: Codec = Codec::Json11;
/// What names the certificates that are trusted, where it is set.
const CA_VARIABLES: [&str; 2] = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"];

/// A client of one endpoint. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Client {
    pub(super) service: &'static Service,
    /// Attempts of one call, the first included.
    attempts_max: u32,
    connections: Arc<Connections>,
    pub(super) identity: Arc<Identity>,
    pub(super) clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

/// Who calls, and where.
pub(super) struct Identity {
    pub(super) endpoint: Endpoint,
    pub(super) region: String,
    pub(super) credentials: Credentials,
}

impl Client {
    /// A client of Data Streams; `ca` names the certificates it trusts instead of the system's.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(
        endpoint: Endpoint,
        region: String,
        credentials: Credentials,
        ca: Option<&Path>,
        seams: (Arc<dyn Clock>, Arc<dyn Rng>, Tasks),
    ) -> Result<Self> {
        let (clock, rng, tasks) = seams;
        let bundle = ca.map(Path::to_owned).or_else(|| tls::bundle(&CA_VARIABLES));
        let connections = Connections::new(endpoint.clone(), bundle.as_deref(), tasks)
            .map_err(|error| anyhow!("{error}: name a PEM file with --ca or AWS_CA_BUNDLE"))?;
        let connections = Arc::new(connections);
        Ok(Self {
            service: &millrace_api::kinesis::SERVICE,
            attempts_max: ATTEMPTS_MAX,
            connections,
            identity: Arc::new(Identity {
                endpoint,
                region,
                credentials,
            }),
            clock,
            rng,
        })
    }

    /// The same for another service behind the endpoint.
    pub(crate) fn of(&self, service: &'static Service) -> Self {
        Self {
            service,
            ..self.clone()
        }
    }

    /// The same that tries once: for what must not be done twice.
    pub(crate) fn once(&self) -> Self {
        Self {
            attempts_max: 1,
            ..self.clone()
        }
    }

    /// Where it calls.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.identity.endpoint
    }

    /// The clock it signs and waits by.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Its randomness.
    pub(crate) fn rng(&self) -> &Arc<dyn Rng> {
        &self.rng
    }

    /// Calls an operation and yields its answer, trying again while that may help.
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn call<I: Typed, O: Typed>(
        &self,
        operation: &'static str,
        input: I,
    ) -> Result<O, CallError> {
        let operation = self.find(operation)?;
        let malformed = |detail: String| CallError::Malformed {
            operation: operation.name,
            detail,
        };
        let shape = operation
            .output
            .ok_or_else(|| malformed("the operation has no answer".to_owned()))?;
        let mut body = self.body(operation, input).await?;
        if form::speaks(self.service) {
            let result = form::result(operation, &body);
            body = result
                .ok_or_else(|| malformed("the answer has no result".to_owned()))?
                .into();
        }
        let value = CODEC
            .decode(shape, &body)
            .map_err(|error| malformed(error.to_string()))?;
        O::from_value(value).map_err(|error| malformed(error.to_string()))
    }

    /// Calls an operation that answers nothing.
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn send<I: Typed>(&self, operation: &'static str, input: I) -> Result<(), CallError> {
        self.body(self.find(operation)?, input).await.map(drop)
    }

    /// Calls an operation that answers an event stream. It is tried once: the caller knows where to go on.
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn subscribe<I: Typed>(
        &self,
        operation: &'static str,
        input: I,
    ) -> Result<Events, CallError> {
        let operation = self.find(operation)?;
        let body = self.encode(operation, input)?;
        let (response, connection) = self.exchange(operation, &body).await?;
        if response.status().is_success() {
            let id = request_id(&response);
            return Ok(Events::new(operation, id, response.into_body(), connection));
        }
        Err(self
            .read(operation, response, connection)
            .await
            .err()
            .unwrap_or_else(|| CallError::Malformed {
                operation: operation.name,
                detail: "an error without a body".to_owned(),
            }))
    }

    fn find(&self, name: &'static str) -> Result<&'static Operation, CallError> {
        let unknown = || CallError::Request {
            operation: name,
            detail: "there is no such operation".to_owned(),
        };
        self.service.operation(name).ok_or_else(unknown)
    }

    async fn body<I: Typed>(&self, operation: &'static Operation, input: I) -> Result<Bytes, CallError> {
        let body = self.encode(operation, input)?;
        let mut attempt = 1;
        loop {
            let error = match self.attempt(operation, &body).await {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            if attempt == self.attempts_max || !error.is_passing() {
                return Err(error);
            }
            tracing::debug!(%error, attempt, "trying again");
            let wait = backoff(attempt, (BACKOFF_START, BACKOFF_MAX), &*self.rng);
            self.clock.sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, operation: &'static Operation, body: &Bytes) -> Result<Bytes, CallError> {
        let whole = async {
            let (response, connection) = self.exchange(operation, body).await?;
            self.read(operation, response, connection).await
        };
        match tokio::time::timeout(RESPONSE_TIME_MAX, whole).await {
            Ok(result) => result,
            Err(_) => Err(CallError::Timeout {
                operation: operation.name,
                seconds: RESPONSE_TIME_MAX.as_secs(),
            }),
        }
    }

    /// Sends a request and waits for the head of the answer.
    async fn exchange(
        &self,
        operation: &'static Operation,
        body: &Bytes,
    ) -> Result<(Response<Incoming>, Connection), CallError> {
        self.connections.exchange(|| self.request(operation, body)).await
    }

    fn encode<I: Typed>(&self, operation: &'static Operation, input: I) -> Result<Bytes, CallError> {
        let refused = |detail: &str| CallError::Request {
            operation: operation.name,
            detail: detail.to_owned(),
        };
        if form::speaks(self.service) {
            let form = form::encode(self.service, operation, input);
            return form
                .map(Bytes::from)
                .ok_or_else(|| refused("its parameters are not flat"));
        }
        let shape = operation
            .input
            .ok_or_else(|| refused("the operation takes nothing"))?;
        Ok(CODEC.encode(shape, &input.into_value()).into())
    }

    fn request(
        &self,
        operation: &'static Operation,
        body: &Bytes,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let refused = |detail: String| CallError::Request {
            operation: operation.name,
            detail,
        };
        let authority = self.identity.endpoint.authority();
        let [content_type, named] = if form::speaks(self.service) {
            [
                (CONTENT_TYPE, form::FORM.to_owned()),
                (ACCEPT, form::ACCEPT.to_owned()),
            ]
        } else {
            let target = format!("{}.{}", self.service.target_prefix, operation.name);
            [
                (CONTENT_TYPE, CODEC.content_type().to_owned()),
                (HeaderName::from_static("x-amz-target"), target),
            ]
        };
        let head = [(HOST, authority), content_type, named];
        let mut request = Request::post("/")
            .body(Full::new(body.clone()))
            .map_err(|error| refused(error.to_string()))?;
        let headers = request.headers_mut();
        for (name, value) in self.signed(head, body) {
            let value = HeaderValue::try_from(value).map_err(|error| refused(error.to_string()))?;
            headers.insert(name, value);
        }
        Ok(request)
    }

    /// Reads an answer to its end.
    async fn read(
        &self,
        operation: &'static Operation,
        response: Response<Incoming>,
        connection: Connection,
    ) -> Result<Bytes, CallError> {
        let (status, id) = (response.status(), request_id(&response));
        let read = self
            .connections
            .read(response.into_body(), connection, RESPONSE_BYTES_MAX)
            .await;
        let bytes = read.map_err(|error| match error {
            ReadError::Unreachable(error) => error.into(),
            ReadError::TooLong(_) => CallError::Malformed {
                operation: operation.name,
                detail: error.to_string(),
            },
        })?;
        if status.is_success() {
            return Ok(bytes);
        }
        Err(api_error(operation, status, id, &bytes))
    }
}

fn request_id(response: &Response<Incoming>) -> String {
    let id = response
        .headers()
        .get("x-amzn-requestid")
        .and_then(|id| id.to_str().ok());
    id.unwrap_or("-").to_owned()
}

fn api_error(
    operation: &'static Operation,
    status: http::StatusCode,
    request_id: String,
    body: &[u8],
) -> CallError {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(rename = "__type")]
        code: String,
        #[serde(default, alias = "Message")]
        message: String,
    }
    let told = serde_json::from_slice::<Body>(body).map(|told| (told.code, told.message));
    match told.or_else(|error| form::error(body).ok_or(error)) {
        Ok((code, message)) => CallError::Api {
            operation: operation.name,
            // Some services write a namespace before the code.
            code: code.rsplit('#').next().unwrap_or_default().to_owned(),
            message,
            status: status.as_u16(),
            request_id,
        },
        Err(_) if status.is_server_error() => CallError::Api {
            operation: operation.name,
            code: status
                .canonical_reason()
                .unwrap_or("ServerError")
                .replace(' ', ""),
            message: format!("HTTP {status}"),
            status: status.as_u16(),
            request_id,
        },
        Err(_) => CallError::Malformed {
            operation: operation.name,
            detail: format!("HTTP {status} without an error code"),
        },
    }
}
