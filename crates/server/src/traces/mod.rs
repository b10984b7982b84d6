//! Traces: a span for each call, sent to an OpenTelemetry collector by OTLP over HTTP where one is configured.
//!
//! Names and attributes follow OpenTelemetry's semantic conventions for RPC and HTTP servers. A span continues the
//! trace that the client's `traceparent` header names (W3C Trace Context); whether it is kept follows the client's
//! decision, or else the configured share. Spans wait in a queue of bounded size; when it is full they are dropped and
//! counted by the library, never waited for.

mod client;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use millrace_base::Timestamp;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

use crate::config::TracesConfig;
use crate::limits::TRACES_PATIENCE;
use client::Client;

/// The header that carries a trace from client to server (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The endpoint is no address that can be sent to.
    #[error("traces cannot be sent to {endpoint}: {detail}. Correct traces.endpoint, or leave it empty")]
    Endpoint {
        /// As configured.
        endpoint: String,
        /// The library's words.
        detail: String,
    },
}

/// Sends spans. Clones share the queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traces(Option<Arc<On>>);

#[derive(Debug)]
struct On {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// One call, as a span tells it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Service and operation, where they are known.
    pub(crate) operation: Option<(&'static str, &'static str)>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) method: &'a str,
    pub(crate) peer: Option<std::net::IpAddr>,
    pub(crate) request_id: &'a str,
    /// HTTP status.
    pub(crate) status: u16,
    /// `OK` or the error's.
    pub(crate) code: &'a str,
    /// When it came, and how long its answer took.
    pub(crate) begun: Timestamp,
    pub(crate) took: Duration,
}

impl Traces {
    /// Starts to send, from within the runtime that sends.
    ///
    /// # Errors
    /// [`TracesError`].
    pub(crate) fn open(config: &TracesConfig) -> Result<Self, TracesError> {
        let Some(endpoint) = &config.endpoint else {
            return Ok(Self(None));
        };
        let refused = |detail: String| TracesError::Endpoint {
            endpoint: endpoint.clone(),
            detail,
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new().map_err(refused)?)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(TRACES_PATIENCE)
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let share = Sampler::TraceIdRatioBased(config.share);
        let service = [
            KeyValue::new("service.name", "millrace"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ];
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(share)))
            .with_resource(Resource::builder().with_attributes(service).build())
            .build();
        let tracer = provider.tracer("millrace");
        Ok(Self(Some(Arc::new(On { provider, tracer }))))
    }

    /// Notes a call that was answered.
    pub(crate) fn note(&self, call: &Call<'_>) {
        let Some(on) = &self.0 else { return };
        let name = match call.operation {
            Some((service, operation)) => format!("{service}/{operation}"),
            None => call.method.to_owned(),
        };
        let begun = SystemTime::UNIX_EPOCH + Duration::from_millis(call.begun.0);
        let mut attributes = vec![
            KeyValue::new("http.request.method", call.method.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(call.status)),
            KeyValue::new("aws.request_id", call.request_id.to_owned()),
        ];
        if let Some((service, operation)) = call.operation {
            attributes.push(KeyValue::new("rpc.system", "aws-api"));
            attributes.push(KeyValue::new("rpc.service", service));
            attributes.push(KeyValue::new("rpc.method", operation));
        }
        if let Some(peer) = call.peer {
            attributes.push(KeyValue::new("client.address", peer.to_string()));
        }
        if call.code != "OK" {
            attributes.push(KeyValue::new("error.type", call.code.to_owned()));
        }
        let parent = call
            .headers
            .get(TRACEPARENT)
            .and_then(|value| parent(value.to_str().ok()?));
        let context = match parent {
            Some(parent) => Context::new().with_remote_span_context(parent),
            None => Context::new(),
        };
        let mut span = on
            .tracer
            .span_builder(name)
            .with_kind(SpanKind::Server)
            .with_start_time(begun)
            .with_attributes(attributes)
            .start_with_context(&on.tracer, &context);
        // A client's mistake is no error of the server (semantic conventions for HTTP spans, "Status").
        if call.status >= 500 {
            span.set_status(Status::error(call.code.to_owned()));
        }
        span.end_with_timestamp(begun + call.took);
    }

    /// Sends what waits; waits for that no longer than [`TRACES_PATIENCE`].
    pub(crate) async fn close(&self) {
        let Some(on) = self.0.clone() else { return };
        let sent =
            tokio::task::spawn_blocking(move || on.provider.shutdown_with_timeout(TRACES_PATIENCE)).await;
        if !matches!(sent, Ok(Ok(()))) {
            tracing::warn!("the last traces could not be sent");
        }
    }
}

/// `VERSION-TRACE-PARENT-FLAGS` in hex (W3C Trace Context 3.2); `None` for what is none.
fn parent(text: &str) -> Option<SpanContext> {
    let mut parts = text.trim().split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    // A later version may have more parts; this one has not.
    let rest_fits = version != "00" || parts.next().is_none();
    if !(hex(version, 2) && version != "ff" && hex(trace, 32) && hex(span, 16) && hex(flags, 2) && rest_fits)
    {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1),
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_what_the_recommendation_says() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = parent(good).unwrap();
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id().to_string(), "b7ad6b7169203331");
        assert!(context.is_sampled() && context.is_remote());
        assert!(parent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more").is_some());
        for bad in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-ä",
        ] {
            assert!(parent(bad).is_none(), "{bad}");
        }
    }
}
