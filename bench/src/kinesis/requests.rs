//! Requests laid out and signed before the clock starts; every server gets the same bytes.

use millrace_base::{Clock, SeededRng, SystemClock};
use millrace_wire::sigv4::{Identity, Signing, sign};

use super::{STREAM, cbor};
use crate::client::Request;
use crate::load::{Codec, Http, Shape};

/// Makes requests for one server.
pub struct Requests {
    host: String,
    rng: SeededRng,
    clock: SystemClock,
}

impl Requests {
    /// For the server on that port.
    pub fn new(port: u16) -> Self {
        Self {
            host: format!("127.0.0.1:{port}"),
            rng: SeededRng::new(1),
            clock: SystemClock::new(),
        }
    }

    /// A signed request of JSON over HTTP/1.1, as bytes.
    pub fn json(&self, operation: &str, body: &str) -> Vec<u8> {
        self.signed(operation, body.as_bytes(), Codec::Json, Http::One)
            .bytes
    }

    /// A signed request.
    pub fn signed(&self, operation: &str, body: &[u8], codec: Codec, http: Http) -> Request {
        let target = format!("Kinesis_20131202.{operation}");
        let content_type = match codec {
            Codec::Json => "application/x-amz-json-1.1",
            Codec::Cbor => "application/x-amz-cbor-1.1",
        };
        let headers = [
            ("content-type", content_type),
            ("host", self.host.as_str()),
            ("x-amz-target", &target),
        ];
        let signing = Signing {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body,
            region: "us-east-1",
            service: "kinesis",
            now: self.clock.now(),
        };
        let added = sign(
            &Identity {
                access_key: "test",
                secret_key: "test",
                token: None,
            },
            &signing,
        );
        let headers = headers.iter().map(|(name, value)| (*name, *value));
        let added = added.iter().map(|(name, value)| (*name, value.as_str()));
        let all: Vec<(String, String)> = headers
            .chain(added)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Request::new(http, &all, body)
    }

    /// Puts of a shape, in as many variants as it has: PutRecord where a call has one record.
    pub fn puts(&self, stream: &str, shape: &Shape) -> Vec<Request> {
        let variant = |_| {
            let records = shape.records(&self.rng);
            let operation = if shape.records == 1 {
                "PutRecord"
            } else {
                "PutRecords"
            };
            let body = match shape.codec {
                Codec::Json => json(stream, &records).into_bytes(),
                Codec::Cbor => cbor::puts(stream, &records),
            };
            self.signed(operation, &body, shape.codec, shape.http)
        };
        (0..shape.variants()).map(variant).collect()
    }

    /// PutRecord of this text to the shard that owns this hash key.
    pub fn put_one(&self, text: &str, hash_key: &str) -> Vec<u8> {
        let data = base64_simd::STANDARD.encode_to_string(text);
        let body = format!(
            r#"{{"StreamName":"{STREAM}","Data":"{data}","PartitionKey":"p","ExplicitHashKey":"{hash_key}"}}"#
        );
        self.json("PutRecord", &body)
    }
}

/// A body with `boto3`'s spacing.
fn json(stream: &str, records: &[(String, Vec<u8>)]) -> String {
    let entry = |(key, data): &(String, Vec<u8>)| {
        let data = base64_simd::STANDARD.encode_to_string(data);
        format!(r#""Data": "{data}", "PartitionKey": "{key}""#)
    };
    match records {
        [one] => format!(r#"{{"StreamName": "{stream}", {}}}"#, entry(one)),
        many => {
            let entries: Vec<String> = many.iter().map(|r| format!("{{{}}}", entry(r))).collect();
            format!(
                r#"{{"Records": [{}], "StreamName": "{stream}"}}"#,
                entries.join(", ")
            )
        }
    }
}
