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
use millrace_wire::{ApiError, Caller, Codec, Reply, Source};
use tokio_util::sync::CancellationToken;

use crate::answer::{self, AnswerBody, Ids};
use crate::audit::{Asked, Audit, is_audited};
use crate::auth::Authenticator;
use crate::body::{Bodies, BodyError, Collected};
use crate::listener::{CallGuard, Peer};
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::roles::{self, Services, Sts};
use crate::route::{Route, route};
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
            .answer_body_bytes
            .add(response.body().left().unwrap_or(0));
        self.metrics.answered(operation, code, took);
    }

    async fn answer(&self, head: &Parts, body: Incoming, arrival: &Arrival<'_>) -> Outcome {
        match route(head) {
            Route::Admin(page) => Outcome::plain(page.answer(self), "Admin"),
            Route::Preflight => Outcome::plain(answer::preflight(&head.headers), "Preflight"),
            Route::Odd(odd) => match self.read(body, false).await {
                Ok(_) => Outcome::plain(answer::odd(odd), "Undetermined"),
                Err(error) => Outcome::failed(Codec::Json11, None, &error),
            },
            Route::Wrapped => self.wrapped(body).await,
            Route::UnknownOperation(codec) => {
                let error = self.read(body, false).await.err();
                Outcome::failed(codec, None, &error.unwrap_or_else(ApiError::unknown_operation))
            }
            Route::Unbuilt(service) => {
                let error = self.read(body, false).await.err();
                let error = error.unwrap_or_else(|| roles::unbuilt(service));
                Outcome {
                    response: answer::foreign(service.protocol, &error),
                    operation: None,
                    code: error.short_code().to_owned(),
                }
            }
            Route::Query => self.query(head, body, arrival).await,
            Route::Call { service, op, codec } => {
                let named = Some((service.id, op.name));
                let reply = match self.call(head, body, (service, op, codec), arrival).await {
                    Ok(reply) => reply,
                    Err(error) => return Outcome::failed(codec, named, &error),
                };
                let (status, content_type) = (answer::status(op.status), Some(codec.content_type()));
                let response = match reply {
                    Reply::Body(body) => answer::whole(status, content_type, body),
                    Reply::Pieces(pieces) => answer::pieces(status, content_type, pieces),
                    Reply::Events(events) => {
                        let drained = self.draining.clone().cancelled_owned();
                        answer::pushed(events, drained, Arc::clone(&self.metrics))
                    }
                };
                Outcome::ok(response, named)
            }
        }
    }

    async fn call(
        &self,
        head: &Parts,
        body: Incoming,
        (service, op, codec): (&'static Service, &'static Operation, Codec),
        arrival: &Arrival<'_>,
    ) -> Result<Reply, ApiError> {
        let body = self.read(body, self.auth.verifies()).await?;
        if !Services::has(service) {
            return Err(roles::unbuilt(service));
        }
        let services = self.ready()?;
        let caller = match self.authenticate(head, service, &body, arrival) {
            Ok(caller) => caller.asking(service, op).coming(source(head, arrival)),
            Err(refusal) => {
                codec.decode(&ANY, &body.bytes)?;
                let asked = asked(head, (service, op), Some((codec, &body.bytes)), arrival);
                self.note(asked, Err(&refusal)).await;
                return Err(refusal);
            }
        };
        // The bytes' memory counts until the call is answered.
        let bytes = body.bytes.clone();
        let result = services.call(service, &caller, op, codec, bytes).await;
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

    async fn query(&self, head: &Parts, body: Incoming, arrival: &Arrival<'_>) -> Outcome {
        let body = match self.read(body, self.auth.verifies()).await {
            Ok(body) => body,
            Err(error) => {
                let sts = Sts::read(head, b"");
                return Outcome {
                    response: sts.error(&error, &arrival.ids.request_id),
                    operation: None,
                    code: error.short_code().to_owned(),
                };
            }
        };
        let sts = Sts::read(head, &body.bytes);
        let operation = sts.op.as_ref().ok().map(|op| (Sts::service().id, op.name));
        let known = sts.op.as_ref().map(|_| ()).map_err(Clone::clone);
        let result = known
            .and_then(|()| self.authenticate(head, Sts::service(), &body, arrival))
            .and_then(|caller| sts.call(&caller));
        match result {
            Ok(response) => Outcome::ok(response, operation),
            Err(error) => Outcome {
                response: sts.error(&error, &arrival.ids.request_id),
                operation,
                code: error.short_code().to_owned(),
            },
        }
    }

    async fn wrapped(&self, body: Incoming) -> Outcome {
        match self.read(body, false).await {
            Err(error) => Outcome::failed(Codec::Json11, None, &error),
            Ok(body) if Codec::Json11.decode(&ANY, &body.bytes).is_ok() => Outcome::plain(
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
            self.clock.now(),
            &arrival.ids.request_id,
        );
        if caller.is_err() {
            self.metrics.auth_failures.add(1);
        }
        caller
    }

    fn ready(&self) -> Result<&Services, ApiError> {
        self.services.get().ok_or_else(|| {
            ApiError::client("ServiceUnavailable", "The server is starting. Retry.").with_status(503)
        })
    }

    async fn read(&self, body: Incoming, hash: bool) -> Result<Collected, ApiError> {
        match self.bodies.collect(body, hash).await {
            Ok(body) => {
                let bytes = u64::try_from(body.bytes.len()).unwrap_or(u64::MAX);
                self.metrics.request_body_bytes.add(bytes);
                Ok(body)
            }
            Err(error) => {
                self.metrics.bodies_refused.add(1);
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

/// A call as the audit log has it, of nobody yet.
fn asked<'a>(
    head: &'a Parts,
    (service, op): (&'static Service, &'static Operation),
    body: Option<(Codec, &'a Bytes)>,
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
            "The request body is larger than server.body_max. Send fewer or smaller records at once.",
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

    fn failed(codec: Codec, operation: Option<(&'static str, &'static str)>, error: &ApiError) -> Self {
        Self {
            response: answer::error(codec, error),
            operation,
            code: error.short_code().to_owned(),
        }
    }
}
