//! One request to one answer.
//!
//! The order is AWS's: what is wrong with the head, the body's bounds, whether the body parses, the signature, and
//! only then the operation. To parse a body twice would cost every good call; so the signature is verified first, and
//! a body that does not parse overrules a refusal.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, header};
use hyper::body::Incoming;
use millrace_api::{Kind, Operation, Service, Shape};
use millrace_base::{Clock, Rng};
use millrace_wire::odd::{wrapped_serialization, wrapped_unknown_operation};
use millrace_wire::{ApiError, Body, Caller, Codec, Reply, Source};
use tokio_util::sync::CancellationToken;

use crate::answer::{self, AnswerBody, Ids};
use crate::audit::{Asked, Audit, is_audited};
use crate::auth::Authenticator;
use crate::body::{Bodies, BodyError, Collected};
use crate::listener::{CallGuard, Peer};
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::roles::{self, Services};
use crate::route::{Route, queried, query_service, route, text};
use crate::spoken::Spoken;
use crate::traces::{self, Traces};

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) readiness: Readiness,
    pub(crate) auth: Authenticator,
    pub(crate) traces: Traces,
    /// Opened with the services, whose directory it shares.
    pub(crate) audit: OnceLock<Audit>,
    pub(crate) bodies: Bodies,
    /// Empty until they are open.
    pub(crate) services: OnceLock<Services>,
    /// Ends pushes.
    pub(crate) draining: CancellationToken,
}

/// What is known of a request besides itself.
#[derive(Clone, Copy, Debug)]
struct Arrival<'a> {
    ids: &'a Ids,
    peer: Peer,
}

/// An answer, and what is counted about it.
struct Outcome {
    response: Response<AnswerBody>,
    operation: Option<(&'static str, &'static str)>,
    code: String,
}

/// Accepts any object and looks at none of its members: what AWS does to a body before it looks at the signature.
static ANY: Shape = Shape {
    name: "Any",
    kind: Kind::Structure {
        members: &[],
        union: false,
        event_stream: false,
    },
};

/// Answers a request; `call` lasts until the answer is written.
pub(crate) async fn handle(
    edge: Arc<Edge>,
    request: Request<Incoming>,
    peer: Peer,
    call: CallGuard,
) -> Response<AnswerBody> {
    let (begun, came) = (edge.clock.monotonic(), edge.clock.now());
    let ids = Ids::new(&*edge.rng);
    let (head, body) = request.into_parts();
    let Outcome {
        mut response,
        operation,
        code,
    } = edge.answer(&head, body, &Arrival { ids: &ids, peer }).await;
    if head.headers.contains_key(header::ORIGIN) {
        answer::allow_origin(&mut response);
    }
    let took = edge.clock.monotonic().saturating_sub(begun);
    edge.count(&response, operation, &code, took);
    edge.traces.note(&traces::Call {
        operation,
        headers: &head.headers,
        method: head.method.as_str(),
        peer: peer.address,
        request_id: &ids.request_id,
        status: response.status().as_u16(),
        code: &code,
        begun: came,
        took,
    });
    tracing::debug!(
        operation = operation.map_or("none", |(_, name)| name),
        code,
        status = response.status().as_u16(),
        request_id = ids.request_id,
        "answered"
    );
    answer::seal(&mut response, &ids, call);
    response
}

impl Edge {
    fn count(
        &self,
        response: &Response<AnswerBody>,
        operation: Option<(&'static str, &'static str)>,
        code: &str,
        took: Duration,
    ) {
        // What is pushed is counted when it leaves.
        self.metrics
            .counters
            .answer_body_bytes
            .add(response.body().left().unwrap_or(0));
        self.metrics.answered(operation, code, took);
    }

    async fn answer(&self, head: &Parts, body: Incoming, arrival: &Arrival<'_>) -> Outcome {
        let failed = |spoken: &Spoken, error: &ApiError| Outcome::failed(spoken, error, arrival);
        match route(head) {
            Route::Admin(page) => Outcome::plain(page.answer(self), "Admin"),
            Route::Preflight => Outcome::plain(answer::preflight(&head.headers), "Preflight"),
            Route::Odd(odd) => match self.read(body, false).await {
                Ok(_) => Outcome::plain(answer::odd(odd), "Undetermined"),
                Err(error) => failed(&Spoken::by_nobody(Codec::Json11), &error),
            },
            Route::Wrapped => self.wrapped(body, arrival).await,
            Route::UnknownOperation(codec) => {
                let error = self.read(body, false).await.err();
                let error = error.unwrap_or_else(ApiError::unknown_operation);
                failed(&Spoken::by_nobody(codec), &error)
            }
            Route::Unbuilt(service) => {
                let error = self.read(body, false).await.err();
                let error = error.unwrap_or_else(|| roles::unbuilt(service));
                Outcome {
                    response: answer::rest_error(&error),
                    operation: None,
                    code: error.short_code().to_owned(),
                }
            }
            Route::Query => self.query(head, body, arrival).await,
            Route::Call { service, op, codec } => {
                let spoken = Spoken {
                    codec,
                    service: Some(service),
                    op: Some(op),
                };
                match self.read(body, self.auth.verifies()).await {
                    Ok(body) => self.run(head, body, spoken, arrival).await,
                    Err(error) => failed(&spoken, &error),
                }
            }
        }
    }

    /// Runs a call whose body arrived.
    async fn run(&self, head: &Parts, body: Collected, spoken: Spoken, arrival: &Arrival<'_>) -> Outcome {
        let (Some(service), Some(op)) = (spoken.service, spoken.op) else {
            return Outcome::failed(&spoken, &ApiError::unknown_operation(), arrival);
        };
        let reply = match self.call(head, body, (service, op, spoken.codec), arrival).await {
            Ok(reply) => reply,
            Err(error) => return Outcome::failed(&spoken, &error, arrival),
        };
        let (status, content_type) = (answer::status(op.status), Some(spoken.codec.content_type()));
        let response = match reply {
            Reply::Body(body) => spoken.result(body, &arrival.ids.request_id),
            Reply::Pieces(pieces) => answer::pieces(status, content_type, pieces),
            Reply::Events(events) => {
                let drained = self.draining.clone().cancelled_owned();
                answer::pushed(events, drained, Arc::clone(&self.metrics))
            }
        };
        Outcome::ok(response, spoken.named())
    }

    async fn call(
        &self,
        head: &Parts,
        body: Collected,
        (service, op, codec): (&'static Service, &'static Operation, Codec),
        arrival: &Arrival<'_>,
    ) -> Result<Reply, ApiError> {
        if !Services::has(service) {
            return Err(roles::unbuilt(service));
        }
        let services = self.ready()?;
        let caller = match self.authenticate(head, service, &body, arrival) {
            Ok(caller) => caller.asking(service, op).coming(source(head, arrival)),
            Err(refusal) => {
                if !is_packed(head) {
                    codec.decode(&ANY, body.bytes.whole())?;
                }
                let asked = asked(head, (service, op), Some((codec, &body.bytes)), arrival);
                self.note(asked, Err(&refusal)).await;
                return Err(refusal);
            }
        };
        // A form had to be unpacked before anybody knew what it asks for.
        let body = if codec.is_query() {
            Ok(body)
        } else {
            self.unpacked(head, body).await
        };
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                let asked = Asked {
                    caller: Some(&caller),
                    ..asked(head, (service, op), None, arrival)
                };
                self.note(asked, Err(&error)).await;
                return Err(error);
            }
        };
        // The bytes' memory counts until the call is answered.
        let parts = body.bytes.clone();
        let result = services.call(service, &caller, op, codec, parts).await;
        let asked = Asked {
            caller: Some(&caller),
            ..asked(head, (service, op), Some((codec, &body.bytes)), arrival)
        };
        self.note(asked, result.as_ref().map(|_| ())).await;
        result
    }

    /// Adds a call to the audit log.
    async fn note(&self, asked: Asked<'_>, result: Result<(), &ApiError>) {
        let audit = self.audit.get().filter(|audit| audit.is_on());
        let Some(audit) = audit.filter(|_| is_audited(asked.service, asked.op.name)) else {
            return;
        };
        let asked = Asked {
            error: result.err(),
            ..asked
        };
        audit.note(&asked, self.clock.now()).await;
    }

    /// Finds out what a form asks for, and runs it.
    async fn query(&self, head: &Parts, body: Incoming, arrival: &Arrival<'_>) -> Outcome {
        let signed_for = self.auth.signed_for(head);
        let nobody = Spoken {
            service: query_service(signed_for.as_deref()),
            ..Spoken::by_nobody(Codec::QueryXml)
        };
        let body = match self.form(head, body, &nobody, arrival).await {
            Ok(body) => body,
            Err(error) => return Outcome::failed(&nobody, &error, arrival),
        };
        let text = String::from_utf8_lossy(body.bytes.whole());
        match queried(head, &text, signed_for.as_deref()) {
            Ok(spoken) => self.run(head, body, spoken, arrival).await,
            Err((spoken, error)) => Outcome::failed(&spoken, &error, arrival),
        }
    }

    /// All parameters of a request: those of the form, then those of the query. A packed form hides what it asks for,
    /// so its caller has to be known before it is unpacked.
    async fn form(
        &self,
        head: &Parts,
        body: Incoming,
        nobody: &Spoken,
        arrival: &Arrival<'_>,
    ) -> Result<Collected, ApiError> {
        let mut body = self.read(body, self.auth.verifies()).await?;
        if is_packed(head) {
            let service = nobody.service.unwrap_or(&millrace_api::cloudwatch::SERVICE);
            self.authenticate(head, service, &body, arrival)?;
            body = self.unpacked(head, body).await?;
        }
        let query = head.uri.query().unwrap_or_default().as_bytes();
        if !query.is_empty() {
            let joined = [body.bytes.whole(), b"&".as_slice(), query].concat();
            body.bytes = Bytes::from(joined).into();
        }
        Ok(body)
    }

    async fn wrapped(&self, body: Incoming, arrival: &Arrival<'_>) -> Outcome {
        match self.read(body, false).await {
            Err(error) => Outcome::failed(&Spoken::by_nobody(Codec::Json11), &error, arrival),
            Ok(body) if Codec::Json11.decode(&ANY, body.bytes.whole()).is_ok() => Outcome::plain(
                answer::odd(wrapped_unknown_operation()),
                "UnknownOperationException",
            ),
            Ok(_) => Outcome::plain(answer::odd(wrapped_serialization()), "SerializationException"),
        }
    }

    fn authenticate(
        &self,
        head: &Parts,
        service: &'static Service,
        body: &Collected,
        arrival: &Arrival<'_>,
    ) -> Result<Caller, ApiError> {
        let caller = self.auth.authenticate(
            head,
            service,
            body.sha256,
            (self.clock.now(), &arrival.ids.request_id),
            self.services.get().map(|services| &services.access),
        );
        if caller.is_err() {
            self.metrics.counters.auth_failures.add(1);
        }
        caller
    }

    fn ready(&self) -> Result<&Services, ApiError> {
        self.services.get().ok_or_else(|| {
            ApiError::client("ServiceUnavailable", "The server is starting. Retry.").with_status(503)
        })
    }

    /// The body as it was before the client compressed it.
    async fn unpacked(&self, head: &Parts, body: Collected) -> Result<Collected, ApiError> {
        if !is_packed(head) {
            return Ok(body);
        }
        let unpacked = self.bodies.unpack(body).await;
        unpacked.map_err(|error| {
            self.metrics.counters.bodies_refused.add(1);
            refusal(error)
        })
    }

    async fn read(&self, body: Incoming, hash: bool) -> Result<Collected, ApiError> {
        match self.bodies.collect(body, hash).await {
            Ok(body) => {
                let bytes = u64::try_from(body.bytes.len()).unwrap_or(u64::MAX);
                self.metrics.counters.request_body_bytes.add(bytes);
                Ok(body)
            }
            Err(error) => {
                self.metrics.counters.bodies_refused.add(1);
                Err(refusal(error))
            }
        }
    }
}

/// How a call came, as conditions of policies see it.
fn source(head: &Parts, arrival: &Arrival<'_>) -> Source {
    Source {
        address: arrival.peer.address,
        secure: arrival.peer.secure,
        user_agent: user_agent(head).map(str::to_owned),
    }
}

fn user_agent(head: &Parts) -> Option<&str> {
    head.headers.get(header::USER_AGENT)?.to_str().ok()
}

/// Whether the body is compressed, in the one way that SDKs do it.
fn is_packed(head: &Parts) -> bool {
    let encoding = text(&head.headers, header::CONTENT_ENCODING.as_str());
    encoding.is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case("gzip"))
}

/// A call as the audit log has it, of nobody yet.
fn asked<'a>(
    head: &'a Parts,
    (service, op): (&'static Service, &'static Operation),
    body: Option<(Codec, &'a Body)>,
    arrival: &Arrival<'a>,
) -> Asked<'a> {
    Asked {
        service,
        op,
        body,
        caller: None,
        request_id: &arrival.ids.request_id,
        user_agent: user_agent(head),
        address: arrival.peer.address,
        secure: arrival.peer.secure,
        error: None,
    }
}

fn refusal(error: BodyError) -> ApiError {
    let (code, text, status) = match error {
        BodyError::TooLarge => (
            "RequestEntityTooLargeException",
            "The request body is larger than server.body_max, or unpacks to more than 8 MiB. Send less at once.",
            413,
        ),
        BodyError::TooSlow => (
            "RequestTimeoutException",
            "The request body did not arrive within server.body_secs. Retry.",
            408,
        ),
        BodyError::CutOff => (
            "IncompleteBody",
            "The connection ended before the request body was complete. Retry.",
            400,
        ),
        BodyError::NotGzip => (
            millrace_wire::error::SERIALIZATION,
            "The request body is no gzip, though Content-Encoding says so.",
            400,
        ),
        BodyError::NoMemory => (
            "ServiceUnavailable",
            "The server holds as many request bodies as server.body_memory allows. Retry.",
            503,
        ),
    };
    ApiError::client(code, text).with_status(status)
}

impl Outcome {
    fn ok(response: Response<AnswerBody>, operation: Option<(&'static str, &'static str)>) -> Self {
        Self {
            response,
            operation,
            code: "OK".to_owned(),
        }
    }

    fn plain(response: Response<AnswerBody>, code: &str) -> Self {
        Self {
            response,
            operation: None,
            code: code.to_owned(),
        }
    }

    fn failed(spoken: &Spoken, error: &ApiError, arrival: &Arrival<'_>) -> Self {
        Self {
            response: spoken.error(error, &arrival.ids.request_id),
            operation: spoken.named(),
            code: error.short_code().to_owned(),
        }
    }
}
