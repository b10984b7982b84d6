//! Answers: status, the headers AWS sends, and a body that is whole or pushed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use millrace_base::Rng;
use millrace_wire::call::Events;
use millrace_wire::odd::OddAnswer;
use millrace_wire::{ApiError, Codec, Pieces};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::limits::CORS_MAX_AGE_SECS;
use crate::listener::CallGuard;
use crate::metrics::Metrics;

/// The request's id, as SDKs read it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// A second id, which AWS's front end gives.
const ID_2: HeaderName = HeaderName::from_static("x-amz-id-2");
/// The error's code.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
/// What a script of another origin may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date",
);
/// A push.
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("application/vnd.amazon.eventstream");

/// An answer's body.
pub(crate) enum AnswerBody {
    /// Written at once; the guard keeps the call open until it is.
    Whole { bytes: Bytes, call: Option<CallGuard> },
    /// Made while it is written.
    Pieces { pieces: Pieces, call: Option<CallGuard> },
    /// Written as it arises; ends early, but cleanly, when the server drains.
    Pushed {
        events: Events,
        drained: Pin<Box<WaitForCancellationFutureOwned>>,
        metrics: Arc<Metrics>,
        _call: Option<CallGuard>,
    },
}

/// The ids of one answer.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    pub(crate) request_id: String,
    id_2: String,
}

impl Ids {
    pub(crate) fn new(rng: &dyn Rng) -> Self {
        let mut bytes = [0; 72];
        rng.fill(&mut bytes);
        Self {
            request_id: rng.uuid(),
            id_2: base64_simd::STANDARD.encode_to_string(bytes),
        }
    }
}

/// A whole answer, without ids yet.
pub(crate) fn whole(
    status: StatusCode,
    content_type: Option<&'static str>,
    body: Bytes,
) -> Response<AnswerBody> {
    let body = AnswerBody::Whole {
        bytes: body,
        call: None,
    };
    finite(status, content_type, body)
}

/// An answer that is made while it is written, without ids yet.
pub(crate) fn pieces(
    status: StatusCode,
    content_type: Option<&'static str>,
    pieces: Pieces,
) -> Response<AnswerBody> {
    finite(status, content_type, AnswerBody::Pieces { pieces, call: None })
}

fn finite(status: StatusCode, content_type: Option<&'static str>, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Some(content_type) = content_type {
        let value = HeaderValue::from_static(content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

/// A pushed answer.
pub(crate) fn pushed(
    events: Events,
    drained: WaitForCancellationFutureOwned,
    metrics: Arc<Metrics>,
) -> Response<AnswerBody> {
    metrics.counters.pushes.up();
    let mut response = Response::new(AnswerBody::Pushed {
        events,
        drained: Box::pin(drained),
        metrics,
        _call: None,
    });
    response.headers_mut().insert(header::CONTENT_TYPE, EVENT_STREAM);
    response
}

/// An error of a service that is called by paths.
pub(crate) fn rest_error(error: &ApiError) -> Response<AnswerBody> {
    let body = Bytes::from(Codec::Json11.error_body(error));
    let mut response = whole(status(error.status), Some("application/json"), body);
    error_type(&mut response, error.short_code());
    response
}

/// An answer of the front end.
pub(crate) fn odd(answer: OddAnswer) -> Response<AnswerBody> {
    whole(status(answer.status), answer.content_type, answer.body.into())
}

/// Names the error's code in its header.
pub(crate) fn error_type(response: &mut Response<AnswerBody>, code: &str) {
    // Codes are words of the API; one that no header can carry is left out.
    if let Ok(value) = HeaderValue::from_str(code) {
        response.headers_mut().insert(ERROR_TYPE, value);
    }
}

/// The status of an error; an impossible number is a fault of this server.
pub(crate) fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Gives an answer its ids and keeps its call open until it is written.
pub(crate) fn seal(response: &mut Response<AnswerBody>, ids: &Ids, guard: CallGuard) {
    for (name, text) in [(REQUEST_ID, &ids.request_id), (ID_2, &ids.id_2)] {
        if let Ok(value) = HeaderValue::from_str(text) {
            response.headers_mut().insert(name, value);
        }
    }
    match response.body_mut() {
        AnswerBody::Whole { call, .. }
        | AnswerBody::Pieces { call, .. }
        | AnswerBody::Pushed { _call: call, .. } => *call = Some(guard),
    }
}

/// Lets scripts of other origins read the answer, as AWS does.
pub(crate) fn allow_origin(response: &mut Response<AnswerBody>) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

/// The answer to a browser that asks whether it may call: yes.
pub(crate) fn preflight(asked: &HeaderMap) -> Response<AnswerBody> {
    let mut response = whole(StatusCode::OK, None, Bytes::new());
    let headers = response.headers_mut();
    for (asks, allows) in [
        (
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
        ),
        (
            header::ACCESS_CONTROL_REQUEST_METHOD,
            header::ACCESS_CONTROL_ALLOW_METHODS,
        ),
    ] {
        if let Some(value) = asked.get(asks) {
            headers.insert(allows, value.clone());
        }
    }
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static(CORS_MAX_AGE_SECS),
    );
    response
}

impl AnswerBody {
    /// Bytes still to be written; `None` where nobody knows.
    pub(crate) fn left(&self) -> Option<u64> {
        let left = match self {
            Self::Whole { bytes, .. } => bytes.len(),
            Self::Pieces { pieces, .. } => pieces.length,
            Self::Pushed { .. } => return None,
        };
        Some(u64::try_from(left).unwrap_or(u64::MAX))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Whole { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            Self::Whole { bytes, .. } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Pieces { pieces, .. } => Poll::Ready(pieces.pieces.next().map(|piece| {
                pieces.length = pieces.length.saturating_sub(piece.len());
                Ok(Frame::data(piece))
            })),
            Self::Pushed {
                events,
                drained,
                metrics,
                ..
            } => {
                if drained.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                events.as_mut().poll_next(cx).map(|event| {
                    let event = event?;
                    metrics
                        .counters
                        .answer_body_bytes
                        .add(u64::try_from(event.len()).unwrap_or(u64::MAX));
                    Some(Ok(Frame::data(event)))
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { bytes, .. } => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Pieces { pieces, .. } => write!(f, "Pieces({pieces:?})"),
            Self::Pushed { .. } => f.write_str("Pushed"),
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Self::Pushed { metrics, .. } = self {
            metrics.counters.pushes.down();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{StreamExt, stream};
    use http_body_util::BodyExt;
    use millrace_base::SystemRng;
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test]
    async fn a_push_ends_cleanly_when_the_server_drains() {
        let metrics = Arc::new(Metrics::default());
        let drain = CancellationToken::new();
        let endless = stream::iter([Bytes::from_static(b"frame")]).chain(stream::pending());
        let response = pushed(
            Box::pin(endless),
            drain.clone().cancelled_owned(),
            Arc::clone(&metrics),
        );
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/vnd.amazon.eventstream"
        );
        let mut body = response.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "frame");
        let counters = &metrics.counters;
        assert_eq!((counters.pushes.get(), counters.answer_body_bytes.get()), (1, 5));
        let next = tokio::time::timeout(Duration::from_millis(20), body.frame()).await;
        assert!(next.is_err(), "nothing is pushed yet");
        drain.cancel();
        assert!(body.frame().await.is_none());
        drop(body);
        assert_eq!(counters.pushes.get(), 0);
    }

    #[tokio::test]
    async fn a_whole_body_says_its_length_first() {
        let body = whole(StatusCode::OK, None, Bytes::from_static(b"abc")).into_body();
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(3), false));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
        assert!(
            whole(StatusCode::OK, None, Bytes::new())
                .into_body()
                .is_end_stream()
        );
    }

    #[tokio::test]
    async fn pieces_say_the_length_of_all_first() {
        let given = Pieces {
            length: 5,
            pieces: Box::new([Bytes::from_static(b"abc"), Bytes::from_static(b"de")].into_iter()),
        };
        let mut body = pieces(StatusCode::OK, None, given).into_body();
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "abc");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(2), false));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "de");
        assert!(body.is_end_stream() && body.frame().await.is_none());
    }

    #[test]
    fn ids_are_as_long_as_aws_s_and_differ() {
        let (a, b) = (Ids::new(&SystemRng), Ids::new(&SystemRng));
        assert_eq!((a.request_id.len(), a.id_2.len()), (36, 96));
        assert!(a.request_id != b.request_id && a.id_2 != b.id_2);
    }
}
