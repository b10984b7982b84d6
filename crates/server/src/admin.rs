//! This server's own pages: `/healthz`, `/readyz`, `/metrics`. They need no signature and say no secret.

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use crate::answer::{self, AnswerBody};
use crate::edge::Edge;
use crate::metrics::{write_log, write_process};

const TEXT: &str = "text/plain; charset=utf-8";
/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The process runs.
    Health,
    /// Calls are answered.
    Ready,
    /// Counters.
    Metrics,
}

impl Page {
    /// The page that a method and a path name.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        if method != Method::GET && method != Method::HEAD {
            return None;
        }
        match path {
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }

    /// The page's contents. `HEAD` is cut to the head by the HTTP layer.
    pub(crate) fn answer(self, edge: &Edge) -> Response<AnswerBody> {
        match self {
            Self::Health => answer::whole(StatusCode::OK, Some(TEXT), Bytes::from_static(b"ok\n")),
            Self::Ready => match edge.readiness.reason() {
                None => answer::whole(StatusCode::OK, Some(TEXT), Bytes::from_static(b"ready\n")),
                Some(reason) => {
                    let text = format!("not ready: {reason}\n");
                    answer::whole(StatusCode::SERVICE_UNAVAILABLE, Some(TEXT), text.into())
                }
            },
            Self::Metrics => {
                let mut text = String::with_capacity(16 << 10);
                write_process(&mut text);
                edge.metrics.write(&mut text);
                if let Some(services) = edge.services.get() {
                    services.streams.write_prometheus(&mut text);
                    services.dynamodb.write_prometheus(&mut text);
                    services.cloudwatch.write_prometheus(&mut text);
                    if let Some(log) = &services.embedded {
                        write_log(&log.metrics(), &mut text);
                    }
                }
                answer::whole(StatusCode::OK, Some(METRICS), text.into())
            }
        }
    }
}
