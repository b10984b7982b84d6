//! Requests laid out and signed before the clock starts; every server gets the same bytes.

use millrace_base::{Clock, Rng, SeededRng, SystemClock};
use millrace_wire::sigv4::{Identity, Signing, sign};

use crate::load::{RECORD_BYTES, RECORDS_PER_PUT};

/// Different PutRecords bodies that are sent in turn.
const PUT_RECORDS_VARIANTS: usize = 32;
/// Different PutRecord bodies that are sent in turn.
const PUT_RECORD_VARIANTS: usize = 256;

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

    /// A signed JSON request.
    pub fn json(&self, operation: &str, body: &str) -> Vec<u8> {
        let target = format!("Kinesis_20131202.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("host", self.host.as_str()),
            ("x-amz-target", &target),
        ];
        let signing = Signing {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: body.as_bytes(),
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
        let mut request = String::from("POST / HTTP/1.1\r\n");
        for (name, value) in headers
            .iter()
            .map(|(n, v)| (*n, *v))
            .chain(added.iter().map(|(n, v)| (*n, v.as_str())))
        {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        request.into_bytes()
    }

    /// PutRecords of 500 records of 1 KiB random data under random keys, in several variants.
    pub fn put_records(&self) -> Vec<Vec<u8>> {
        let variant = |_| {
            let entries: Vec<String> = (0..RECORDS_PER_PUT)
                .map(|_| {
                    format!(
                        r#"{{"Data": "{}", "PartitionKey": "{}"}}"#,
                        self.data(),
                        self.rng.uuid()
                    )
                })
                .collect();
            // boto3's spacing.
            let body = format!(
                r#"{{"Records": [{}], "StreamName": "bench"}}"#,
                entries.join(", ")
            );
            self.json("PutRecords", &body)
        };
        (0..PUT_RECORDS_VARIANTS).map(variant).collect()
    }

    /// PutRecord of 1 KiB random data under a random key, in several variants.
    pub fn put_record(&self) -> Vec<Vec<u8>> {
        let variant = |_| {
            let (data, key) = (self.data(), self.rng.uuid());
            let body = format!(r#"{{"StreamName": "bench", "Data": "{data}", "PartitionKey": "{key}"}}"#);
            self.json("PutRecord", &body)
        };
        (0..PUT_RECORD_VARIANTS).map(variant).collect()
    }

    /// PutRecord of this text to the shard that owns this hash key.
    pub fn put_one(&self, text: &str, hash_key: &str) -> Vec<u8> {
        let data = base64_simd::STANDARD.encode_to_string(text);
        let body = format!(
            r#"{{"StreamName":"bench","Data":"{data}","PartitionKey":"p","ExplicitHashKey":"{hash_key}"}}"#
        );
        self.json("PutRecord", &body)
    }

    fn data(&self) -> String {
        let mut bytes = [0; RECORD_BYTES];
        self.rng.fill(&mut bytes);
        base64_simd::STANDARD.encode_to_string(bytes)
    }
}
