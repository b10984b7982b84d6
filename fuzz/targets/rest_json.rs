//! REST requests to every service that has them: finding the operation, binding and validating never panic, and an
//! answer made of what was bound does not either.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use millrace_api::{Service, kinesis_video_archived_media, kinesis_video_media, kinesisvideo, lambda};
use millrace_fuzz::Http;
use millrace_wire::rest_json::{Request, decode, error, respond, route};
use millrace_wire::validate;

const SERVICES: [&Service; 4] = [
    &lambda::SERVICE,
    &kinesisvideo::SERVICE,
    &kinesis_video_media::SERVICE,
    &kinesis_video_archived_media::SERVICE,
];

fuzz_target!(|data: &[u8]| {
    let Some(http) = Http::parse(data) else { return };
    let body = Bytes::copy_from_slice(http.body);
    let headers: Vec<(&str, &str)> = http
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value).ok()?.trim())))
        .collect();
    let request = Request {
        query: http.query,
        headers: &headers,
        body: &body,
    };
    for service in SERVICES {
        let Some((operation, labels)) = route(service, http.method, http.path) else {
            continue;
        };
        let Some(shape) = operation.input else { continue };
        match decode(shape, &labels, &request) {
            Ok(value) => {
                let _ = validate(shape, &value);
            }
            Err(refused) => assert!((400..500).contains(&error(&refused).status), "{refused}"),
        }
        if let Some(output) = operation.output
            && let Ok(value) = decode(output, &labels, &request)
        {
            let answer = respond(operation, &value);
            assert!(answer.status >= 200);
        }
    }
});
