//! A blocking client on bare TCP: one call, one answer, no retries, so that a test knows what was acknowledged.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use millrace_base::{Clock, SystemClock};
use millrace_wire::sigv4::{Identity, Signing, sign};
use serde_json::{Value, json};

use super::Served;

/// A server that a test kills.
pub struct Server(Option<Served>);

impl Server {
    pub fn start(data_dir: &Path) -> Self {
        Self(Some(Served::start(data_dir)))
    }

    /// A client with a connection of its own.
    pub fn client(&self) -> Client {
        let endpoint = &self.0.as_ref().unwrap().endpoint;
        Client {
            authority: endpoint.strip_prefix("http://").unwrap().to_owned(),
            stream: None,
        }
    }

    /// A server with more settings.
    pub fn start_with(data_dir: &Path, more: &[&str]) -> Self {
        Self(Some(Served::start_with(data_dir, more)))
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &str {
        &self.0.as_ref().unwrap().endpoint
    }

    /// Ends it in good order.
    pub fn stop(&mut self) {
        let served = self.0.take().unwrap();
        served.signal("TERM");
        assert!(served.wait().success());
    }

    /// Kills it as a crash would: nothing gets a chance to finish.
    pub fn kill(&mut self) {
        self.0.take().unwrap().kill();
    }
}

/// Calls a server, signed with the local credentials.
pub struct Client {
    authority: String,
    stream: Option<TcpStream>,
}

impl Client {
    /// Calls an operation; an error when the server is gone or answers one.
    pub fn try_call(&mut self, operation: &str, input: &Value) -> std::io::Result<Value> {
        self.try_call_of(("kinesis", "Kinesis_20131202", "1.1"), operation, input)
    }

    /// Calls an operation of DynamoDB, which must succeed.
    pub fn dynamodb(&mut self, operation: &str, input: &Value) -> Value {
        self.try_call_of(("dynamodb", "DynamoDB_20120810", "1.0"), operation, input)
            .unwrap()
    }

    /// Calls an operation of Kinesis, which must succeed.
    pub fn call(&mut self, operation: &str, input: &Value) -> Value {
        self.try_call(operation, input).unwrap()
    }

    /// Calls an operation of a service: its name in signatures, its targets' prefix, its version of JSON.
    pub fn try_call_of(
        &mut self,
        service: (&str, &str, &str),
        operation: &str,
        input: &Value,
    ) -> std::io::Result<Value> {
        let body = serde_json::to_vec(input)?;
        let request = self.request(service, operation, &body);
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(&self.authority)?,
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(&request)?;
        let (status, answer) = answer(&mut stream)?;
        self.stream = Some(stream);
        if status != 200 {
            return Err(Error::other(format!(
                "{operation}: {status} {}",
                String::from_utf8_lossy(&answer)
            )));
        }
        if answer.is_empty() {
            Ok(Value::Null)
        } else {
            Ok(serde_json::from_slice(&answer)?)
        }
    }

    /// Creates a stream and waits until it is active.
    pub fn create_stream(&mut self, name: &str, shards: usize) {
        self.try_call("CreateStream", &json!({"StreamName": name, "ShardCount": shards}))
            .unwrap();
        self.wait_until_active(name);
    }

    /// Waits until a stream is active.
    pub fn wait_until_active(&mut self, name: &str) {
        for _ in 0..500 {
            let summary = self
                .try_call("DescribeStreamSummary", &json!({"StreamName": name}))
                .unwrap();
            if summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE" {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("stream {name} does not become active");
    }

    /// Data and sequence number of every record of a shard, in order; data is text.
    pub fn read_all(&mut self, stream: &str, shard: &str) -> Vec<(String, String)> {
        let start = json!({"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let mut iterator = self.try_call("GetShardIterator", &start).unwrap()["ShardIterator"].clone();
        let mut all = Vec::new();
        while iterator.is_string() {
            let page = self
                .try_call("GetRecords", &json!({"ShardIterator": iterator}))
                .unwrap();
            let records = page["Records"].as_array().unwrap();
            for record in records {
                let data = base64_simd::STANDARD
                    .decode_to_vec(record["Data"].as_str().unwrap())
                    .unwrap();
                let number = record["SequenceNumber"].as_str().unwrap().to_owned();
                all.push((String::from_utf8(data).unwrap(), number));
            }
            if records.is_empty() && page["MillisBehindLatest"] == 0 {
                break;
            }
            iterator = page["NextShardIterator"].clone();
        }
        all
    }

    fn request(&self, (service, prefix, json): (&str, &str, &str), operation: &str, body: &[u8]) -> Vec<u8> {
        let target = format!("{prefix}.{operation}");
        let content_type = format!("application/x-amz-json-{json}");
        let headers = [
            ("host", self.authority.as_str()),
            ("content-type", content_type.as_str()),
            ("x-amz-target", &target),
        ];
        let identity = Identity {
            access_key: "test",
            secret_key: "test",
            token: None,
        };
        let signing = Signing {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body,
            region: "us-east-1",
            service,
            now: SystemClock::new().now(),
        };
        let added = sign(&identity, &signing);
        let mut head = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers
            .into_iter()
            .chain(added.iter().map(|(name, value)| (*name, value.as_str())))
        {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        [head.as_bytes(), b"\r\n", body].concat()
    }
}

/// Reads an answer with a known length.
fn answer(stream: &mut TcpStream) -> std::io::Result<(u16, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 64 << 10];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            let whole = end + 4 + length.expect("an answer without a length");
            if bytes.len() >= whole {
                return Ok((status, bytes[end + 4..whole].to_vec()));
            }
        }
        match stream.read(&mut chunk)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// Standard base64.
pub fn base64(data: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(data)
}
