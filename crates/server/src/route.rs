//! Which service and operation a request is for, from its head alone.
//!
//! The order is that of AWS's front end: a request that names nothing, then one of an unknown body format, then one
//! that names an unknown operation. Paths mean nothing to the JSON protocols.

use http::request::Parts;
use http::{HeaderMap, Method, header};
use millrace_api::{Operation, Protocol, Service};
use millrace_wire::odd::{self, OddAnswer};
use millrace_wire::{Codec, rest_json};

use crate::admin::Page;

/// The services whose requests carry `X-Amz-Target`.
static TARGETED: [&Service; 8] = [
    &millrace_api::kinesis::SERVICE,
    &millrace_api::firehose::SERVICE,
    &millrace_api::kinesisanalytics::SERVICE,
    &millrace_api::kinesisanalyticsv2::SERVICE,
    &millrace_api::dynamodb::SERVICE,
    &millrace_api::glue::SERVICE,
    &millrace_api::service_quotas::SERVICE,
    &millrace_api::kms::SERVICE,
];

/// The services whose operations are named by method and path.
static BY_PATH: [&Service; 6] = [
    &millrace_api::lambda::SERVICE,
    &millrace_api::kinesisvideo::SERVICE,
    &millrace_api::kinesis_video_media::SERVICE,
    &millrace_api::kinesis_video_archived_media::SERVICE,
    &millrace_api::kinesis_video_signaling::SERVICE,
    &millrace_api::kinesis_video_webrtc_storage::SERVICE,
];

/// Names the operation.
pub(crate) const TARGET: &str = "x-amz-target";

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Route {
    /// One of this server's own pages.
    Admin(Page),
    /// A browser asks whether it may call.
    Preflight,
    /// An operation of a JSON protocol.
    Call {
        service: &'static Service,
        op: &'static Operation,
        codec: Codec,
    },
    /// A query-protocol request: the operation is in the query or in the form.
    Query,
    /// An operation of a protocol whose services this version does not have.
    Unbuilt(&'static Service),
    /// No operation of that name.
    UnknownOperation(Codec),
    /// `application/json`, whose answer depends on whether the body parses.
    Wrapped,
    /// Nothing a body could change.
    Odd(OddAnswer),
}

/// Where this request goes.
pub(crate) fn route(head: &Parts) -> Route {
    if let Some(page) = Page::of(&head.method, head.uri.path()) {
        return Route::Admin(page);
    }
    let headers = &head.headers;
    if head.method == Method::OPTIONS && headers.contains_key(header::ORIGIN) {
        return Route::Preflight;
    }
    let target = text(headers, TARGET).unwrap_or_default();
    let content_type = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if target.is_empty() {
        let form = media.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let named = parameter(head.uri.query().unwrap_or_default(), "Action").is_some();
        let able = head.method == Method::POST || head.method == Method::GET && named;
        return if able && (form || named) {
            Route::Query
        } else {
            by_path(head).map_or_else(|| Route::Odd(odd::undetermined()), Route::Unbuilt)
        };
    }
    if head.method != Method::POST {
        return Route::Odd(odd::undetermined());
    }
    if media.eq_ignore_ascii_case("application/json") {
        return Route::Wrapped;
    }
    let Some(codec) = Codec::of_content_type(content_type) else {
        return Route::Odd(odd::unknown_content_type());
    };
    match operation(target) {
        Some((service, op)) => Route::Call { service, op, codec },
        None => Route::UnknownOperation(codec),
    }
}

fn operation(target: &str) -> Option<(&'static Service, &'static Operation)> {
    let (prefix, name) = target.split_once('.')?;
    let service = *TARGETED.iter().find(|service| service.target_prefix == prefix)?;
    debug_assert!(matches!(service.protocol, Protocol::Json10 | Protocol::Json11));
    Some((service, service.operation(name)?))
}

/// The service whose operation the path names: REST, or `/service/<name>/operation/<name>` of Smithy's RPC v2.
fn by_path(head: &Parts) -> Option<&'static Service> {
    let path = head.uri.path();
    if let Some(rest) = path.strip_prefix("/service/") {
        let cloudwatch = &millrace_api::cloudwatch::SERVICE;
        let (name, operation) = rest.split_once("/operation/")?;
        return (name == cloudwatch.target_prefix && cloudwatch.operation(operation).is_some())
            .then_some(cloudwatch);
    }
    let names = |service: &&&'static Service| rest_json::route(service, head.method.as_str(), path).is_some();
    BY_PATH.iter().find(names).copied()
}

/// A header as text; `None` when it is missing or no visible ASCII.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The first value of a parameter in a query or a form, percent-decoded; `None` when it is missing.
pub(crate) fn parameter(encoded: &str, name: &str) -> Option<String> {
    encoded.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name).then(|| decode(value))
    })
}

/// `application/x-www-form-urlencoded` (WHATWG URL 5.1): `+` is a space, a broken escape stands for itself.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => match rest.as_slice() {
                [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    out.push(nibble(*high) << 4 | nibble(*low));
                    rest.nth(1);
                }
                _ => out.push(b'%'),
            },
            other => out.push(*other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10) & 0x0f,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const JSON: &str = "application/x-amz-json-1.1";

    fn routed(method: &str, uri: &str, headers: &[(&str, &str)]) -> String {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match route(&request.body(()).unwrap().into_parts().0) {
            Route::Admin(page) => format!("{page:?}"),
            Route::Preflight => "preflight".to_owned(),
            Route::Call { service, op, codec } => format!("{} {} {codec:?}", service.id, op.name),
            Route::Query => "query".to_owned(),
            Route::UnknownOperation(_) => "unknown".to_owned(),
            Route::Unbuilt(service) => format!("unbuilt {}", service.id),
            Route::Wrapped => "wrapped".to_owned(),
            Route::Odd(odd) => odd.status.to_string(),
        }
    }

    fn target(name: &str, content_type: &str) -> String {
        routed("POST", "/", &[(TARGET, name), ("content-type", content_type)])
    }

    #[test]
    fn targets_name_operations() {
        assert_eq!(
            target("Kinesis_20131202.PutRecord", JSON),
            "kinesis PutRecord Json11"
        );
        let cbor = "application/x-amz-cbor-1.1";
        assert_eq!(
            target("Kinesis_20131202.PutRecord", cbor),
            "kinesis PutRecord Cbor11"
        );
        let json10 = "application/x-amz-json-1.0; charset=utf-8";
        assert_eq!(
            target("DynamoDB_20120810.GetItem", json10),
            "dynamodb GetItem Json10"
        );
        for name in [
            "Kinesis_20131202.putRecord",
            "Kinesis_20131202.",
            "Kinesis_20131202",
            "Nope.PutRecord",
            ".",
        ] {
            assert_eq!(target(name, JSON), "unknown", "{name}");
        }
    }

    #[test]
    fn odd_requests_get_the_front_end_s_answers() {
        assert_eq!(routed("POST", "/", &[("content-type", JSON)]), "403");
        assert_eq!(routed("GET", "/", &[]), "403");
        assert_eq!(
            routed(
                "PUT",
                "/",
                &[(TARGET, "Kinesis_20131202.PutRecord"), ("content-type", JSON)]
            ),
            "403"
        );
        assert_eq!(target("Kinesis_20131202.PutRecord", "text/plain"), "404");
        assert_eq!(target("Kinesis_20131202.PutRecord", ""), "404");
        assert_eq!(
            target("Kinesis_20131202.PutRecord", "application/json"),
            "wrapped"
        );
        assert_eq!(
            routed("OPTIONS", "/", &[("origin", "https://a.example")]),
            "preflight"
        );
        assert_eq!(routed("OPTIONS", "/", &[]), "403");
    }

    #[test]
    fn services_named_by_a_path_are_found() {
        assert_eq!(routed("POST", "/createStream", &[]), "unbuilt kinesisvideo");
        assert_eq!(routed("GET", "/2015-03-31/functions/f", &[]), "unbuilt lambda");
        let rpc = "/service/GraniteServiceVersion20100801/operation";
        assert_eq!(
            routed("POST", &format!("{rpc}/PutMetricData"), &[]),
            "unbuilt cloudwatch"
        );
        assert_eq!(routed("POST", &format!("{rpc}/Nope"), &[]), "403");
        assert_eq!(routed("POST", "/service/x", &[]), "403");
    }

    #[test]
    fn queries_and_pages_are_found() {
        let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        assert_eq!(routed("POST", "/", &form), "query");
        assert_eq!(
            routed("GET", "/?Version=2011-06-15&Action=GetCallerIdentity", &[]),
            "query"
        );
        assert_eq!(routed("GET", "/", &form), "403");
        assert_eq!(routed("GET", "/healthz", &[]), "Health");
        assert_eq!(routed("HEAD", "/readyz", &[]), "Ready");
        assert_eq!(routed("GET", "/metrics", &[]), "Metrics");
        assert_eq!(routed("POST", "/metrics", &[]), "403");
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(
            parameter("a=1&Action=Get%43aller+x%2", "Action").as_deref(),
            Some("GetCaller x%2")
        );
        assert_eq!(parameter("Action", "Action").as_deref(), Some(""));
        assert_eq!(parameter("a=%e9%FF", "a").as_deref(), Some("\u{fffd}\u{fffd}"));
        assert_eq!(parameter("", "Action"), None);
    }
}
