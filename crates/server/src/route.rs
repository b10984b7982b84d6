//! Which service and operation a request is for, from its head alone.
//!
//! The order is that of AWS's front end: a request that names nothing, then one of an unknown body format, then one
//! that names an unknown operation. Paths mean nothing to the JSON protocols.

use http::request::Parts;
use http::{HeaderMap, Method, header};
use millrace_api::{Operation, Service};
use millrace_wire::odd::{self, OddAnswer};
use millrace_wire::query::parameter;
use millrace_wire::{ApiError, Codec, rest_json};

use crate::admin::Page;
use crate::spoken::{RPC_V2_CBOR, SMITHY_PROTOCOL, Spoken};

/// The services whose requests carry `X-Amz-Target`.
static TARGETED: &[&Service] = &[
    &millrace_api::kinesis::SERVICE,
    &millrace_api::millrace::SERVICE,
    &millrace_api::firehose::SERVICE,
    &millrace_api::kinesisanalytics::SERVICE,
    &millrace_api::kinesisanalyticsv2::SERVICE,
    &millrace_api::cloudwatch::SERVICE,
    &millrace_api::dynamodb::SERVICE,
    &millrace_api::glue::SERVICE,
    &millrace_api::service_quotas::SERVICE,
    &millrace_api::kms::SERVICE,
];

/// The services that speak the query protocol.
static QUERIED: &[&Service] = &[
    &millrace_api::sts::SERVICE,
    &millrace_api::iam::SERVICE,
    &millrace_api::cloudwatch::SERVICE,
];

/// The services that speak Smithy's RPC v2.
static RPC: &[&Service] = &[&millrace_api::cloudwatch::SERVICE];

/// The services whose operations are named by method and path.
static BY_PATH: &[&Service] = &[
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
    /// An operation, whatever the body holds.
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
            by_path(head)
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
    Some((service, service.operation(name)?))
}

/// What the path names: an operation of Smithy's RPC v2, or one of REST.
fn by_path(head: &Parts) -> Route {
    let path = head.uri.path();
    if let Some(rest) = path.strip_prefix("/service/") {
        return rpc(head, rest).unwrap_or_else(|| Route::Odd(odd::undetermined()));
    }
    let names = |service: &&&'static Service| rest_json::route(service, head.method.as_str(), path).is_some();
    match BY_PATH.iter().find(names) {
        Some(service) => Route::Unbuilt(service),
        None => Route::Odd(odd::undetermined()),
    }
}

/// `POST /service/<name>/operation/<name>` with the header that names the protocol (Smithy RPC v2 CBOR, "Requests").
fn rpc(head: &Parts, rest: &str) -> Option<Route> {
    let (name, operation) = rest.split_once("/operation/")?;
    let service = *RPC.iter().find(|service| service.target_prefix == name)?;
    let speaks = text(&head.headers, SMITHY_PROTOCOL) == Some(RPC_V2_CBOR);
    (speaks && head.method == Method::POST).then(|| match service.operation(operation) {
        Some(op) => Route::Call {
            service,
            op,
            codec: Codec::RpcV2Cbor,
        },
        None => Route::UnknownOperation(Codec::RpcV2Cbor),
    })
}

/// What a form and the request around it name: by `Version` and `Action`, or, where the version is nobody's, by the
/// service that the signature is for.
pub(crate) fn queried(
    head: &Parts,
    form: &str,
    signed_for: Option<&str>,
) -> Result<Spoken, (Spoken, ApiError)> {
    let get = |name: &str| parameter(form, name).unwrap_or_default();
    let (action, version) = (get("Action"), get("Version"));
    let of_version = QUERIED.iter().copied().find(|service| service.version == version);
    let service = of_version
        .or_else(|| query_service(signed_for))
        .unwrap_or(&millrace_api::sts::SERVICE);
    let accepts = text(&head.headers, header::ACCEPT.as_str()).unwrap_or_default();
    let spoken = Spoken {
        codec: if accepts.starts_with("application/json") {
            Codec::QueryJson
        } else {
            Codec::QueryXml
        },
        service: Some(service),
        op: None,
    };
    match service.operation(&action).filter(|_| of_version.is_some()) {
        Some(op) => Ok(Spoken {
            op: Some(op),
            ..spoken
        }),
        None => {
            let version = if version.is_empty() {
                "NO_VERSION_SPECIFIED"
            } else {
                &version
            };
            let text = format!("Could not find operation {action} for version {version}");
            Err((spoken, ApiError::client("InvalidAction", text)))
        }
    }
}

/// The service of the query protocol that signs by this name.
pub(crate) fn query_service(signing_name: Option<&str>) -> Option<&'static Service> {
    let name = signing_name?;
    QUERIED
        .iter()
        .copied()
        .find(|service| service.signing_name == name)
}

/// A header as text; `None` when it is missing or no visible ASCII.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
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
        assert_eq!(
            target("GraniteServiceVersion20100801.PutMetricData", json10),
            "cloudwatch PutMetricData Json10"
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
        let protocol = [("smithy-protocol", "rpc-v2-cbor")];
        assert_eq!(
            routed("POST", &format!("{rpc}/PutMetricData"), &protocol),
            "cloudwatch PutMetricData RpcV2Cbor"
        );
        assert_eq!(routed("POST", &format!("{rpc}/PutMetricData"), &[]), "403");
        assert_eq!(routed("GET", &format!("{rpc}/PutMetricData"), &protocol), "403");
        assert_eq!(routed("POST", &format!("{rpc}/Nope"), &protocol), "unknown");
        assert_eq!(routed("POST", "/service/x", &protocol), "403");
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
    fn forms_name_their_service_and_operation() {
        let named = |form: &str, accept: &str, signed_for: Option<&str>| {
            let head = Request::post("/")
                .header("accept", accept)
                .body(())
                .unwrap()
                .into_parts()
                .0;
            match queried(&head, form, signed_for) {
                Ok(spoken) => format!("{:?} {:?}", spoken.named().unwrap(), spoken.codec),
                Err((spoken, error)) => format!("{} {}", spoken.service.unwrap().id, error.message),
            }
        };
        assert_eq!(
            named("Action=GetCallerIdentity&Version=2011-06-15", "*/*", None),
            r#"("sts", "GetCallerIdentity") QueryXml"#
        );
        assert_eq!(
            named(
                "Action=PutMetricData&Version=2010-08-01&X=1",
                "application/json",
                Some("sts")
            ),
            r#"("cloudwatch", "PutMetricData") QueryJson"#
        );
        assert_eq!(
            named("Action=GetCallerIdentity&Version=2010-08-01", "", None),
            "cloudwatch Could not find operation GetCallerIdentity for version 2010-08-01"
        );
        assert_eq!(
            named("Action=ListMetrics", "", Some("monitoring")),
            "cloudwatch Could not find operation ListMetrics for version NO_VERSION_SPECIFIED"
        );
        assert_eq!(
            named("x", "", Some("s3")),
            "sts Could not find operation  for version NO_VERSION_SPECIFIED"
        );
    }
}
