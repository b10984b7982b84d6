//! The client against a server that answers from a script.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use millrace_api::kinesis::{
    DescribeLimitsInput, DescribeLimitsOutput, StartingPosition, SubscribeToShardEvent,
};
use millrace_api::kinesis::{ShardIteratorType, SubscribeToShardInput};
use millrace_base::{SeededRng, SystemClock, Tasks};
use millrace_wire::event_stream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

const LIMITS: &str =
    r#"{"ShardLimit":5,"OpenShardCount":2,"OnDemandStreamCount":0,"OnDemandStreamCountLimit":1}"#;

fn answer(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nx-amzn-requestid: id-1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into()
}

/// Reads one request to its end; `None` when the client is gone.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    }
}

/// Answers requests on one connection until the script or the client ends.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &mut std::vec::IntoIter<Vec<u8>>,
    seen: &mpsc::UnboundedSender<String>,
) {
    while let Some(request) = request(&mut stream).await {
        let _ = seen.send(request);
        let Some(answer) = script.next() else { return };
        let last = answer.starts_with(b"HTTP/1.1 200 LAST");
        for piece in answer.chunks(7) {
            stream.write_all(piece).await.unwrap();
            stream.flush().await.unwrap();
        }
        if last {
            return;
        }
    }
}

/// A client of a server with this script, and the requests the server has seen.
async fn scripted(script: Vec<Vec<u8>>) -> (Client, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::unbounded_channel();
    let tasks = Tasks::new();
    tasks.spawn(async move {
        let mut script = script.into_iter();
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &mut script, &sender).await;
        }
    });
    (client(false, port, None, tasks), receiver)
}

fn client(tls: bool, port: u16, ca: Option<&Path>, tasks: Tasks) -> Client {
    let host = if tls { "localhost" } else { "127.0.0.1" };
    let endpoint = Endpoint {
        tls,
        host: host.to_owned(),
        port,
    };
    let seams = (
        Arc::new(SystemClock::new()) as _,
        Arc::new(SeededRng::new(1)) as _,
        tasks,
    );
    Client::new(endpoint, "eu-west-1".to_owned(), Credentials::local(), ca, seams).unwrap()
}

async fn limits(client: &Client) -> Result<DescribeLimitsOutput, CallError> {
    client
        .call("DescribeLimits", DescribeLimitsInput::default())
        .await
}

#[tokio::test]
async fn a_call_is_signed_and_its_connection_used_again() {
    let (client, mut seen) = scripted(vec![
        answer("200 OK", LIMITS),
        answer("200 LAST", LIMITS),
        answer("200 OK", LIMITS),
    ])
    .await;
    for _ in 0..3 {
        // Behind the second answer the server closes: the third call opens another connection.
        assert_eq!(limits(&client).await.unwrap().shard_limit, 5);
    }
    let request = seen.recv().await.unwrap().to_lowercase();
    for part in [
        "post / http/1.1\r\n",
        "x-amz-target: kinesis_20131202.describelimits\r\n",
        "content-type: application/x-amz-json-1.1\r\n",
        "/eu-west-1/kinesis/aws4_request, signedheaders=content-type;host;x-amz-date;x-amz-target, signature=",
        "\r\n\r\n{}",
    ] {
        assert!(request.contains(part), "{part} is missing in {request}");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let throttled = r#"{"__type":"LimitExceededException","message":"Rate exceeded"}"#;
    let script = vec![
        answer("503 Service Unavailable", "busy"),
        answer("400 Bad Request", throttled),
        answer("200 OK", LIMITS),
    ];
    let (client, mut seen) = scripted(script).await;
    assert_eq!(limits(&client).await.unwrap().open_shard_count, 2);
    drop(client);
    let mut requests = 0;
    while seen.try_recv().is_ok() {
        requests += 1;
    }
    assert_eq!(requests, 3);
}

#[tokio::test]
async fn what_will_not_pass_is_told_at_once() {
    let missing =
        r#"{"__type":"com.amazonaws.kinesis#ResourceNotFoundException","message":"no such stream"}"#;
    let (client, mut seen) = scripted(vec![answer("400 Bad Request", missing)]).await;
    let error = limits(&client).await.unwrap_err();
    assert_eq!(error.code(), Some("ResourceNotFoundException"));
    assert_eq!(
        error.to_string(),
        "DescribeLimits: no such stream (ResourceNotFoundException, request id-1)"
    );
    assert!(seen.recv().await.is_some() && seen.try_recv().is_err());

    for script in [
        answer("404 Not Found", "<html>"),
        answer("200 OK", "<html>"),
        answer("200 OK", "{}"),
    ] {
        let (client, _seen) = scripted(vec![script]).await;
        assert!(matches!(limits(&client).await, Err(CallError::Malformed { .. })));
    }
}

fn events_answer(frames: &[Bytes], cut: usize) -> Vec<u8> {
    let body = frames.concat();
    let mut answer =
        b"HTTP/1.1 200 LAST\r\nconnection: close\r\ncontent-type: application/vnd.amazon.eventstream\r\n\r\n"
            .to_vec();
    answer.extend_from_slice(&body[..body.len() - cut]);
    answer
}

async fn subscribe(script: Vec<u8>) -> Events {
    let (client, _seen) = scripted(vec![script]).await;
    let input = SubscribeToShardInput {
        consumer_arn: "arn".to_owned(),
        stream_id: None,
        shard_id: "shardId-000000000000".to_owned(),
        starting_position: StartingPosition {
            r#type: ShardIteratorType::Latest,
            sequence_number: None,
            timestamp: None,
        },
        dry_run: None,
    };
    client.subscribe("SubscribeToShard", input).await.unwrap()
}

fn frames() -> Vec<Bytes> {
    let json = "application/x-amz-json-1.1";
    let payload = br#"{"Records":[{"Data":"aGk=","PartitionKey":"k","SequenceNumber":"7"}],"ContinuationSequenceNumber":"8","MillisBehindLatest":5}"#;
    vec![
        event_stream::initial_response(json, b"{}"),
        event_stream::event("SomethingOfTomorrow", json, b"{}"),
        event_stream::event("SubscribeToShardEvent", json, payload),
        event_stream::event("SubscribeToShardEvent", json, payload),
    ]
}

#[tokio::test]
async fn events_arrive_whatever_the_pieces() {
    let mut events = subscribe(events_answer(&frames(), 0)).await;
    for _ in 0..2 {
        let PushedEvent::Event(event) = events.next::<SubscribeToShardEvent>().await.unwrap() else {
            panic!("the end")
        };
        assert_eq!(
            (&event.records[0].data[..], event.millis_behind_latest),
            (&b"hi"[..], 5)
        );
    }
    assert!(matches!(
        events.next::<SubscribeToShardEvent>().await,
        Ok(PushedEvent::End)
    ));
}

#[tokio::test]
async fn the_end_of_a_shard_has_no_continuation() {
    let child =
        r#"{"ShardId":"c","ParentShards":["p"],"HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"1"}}"#;
    let payload = format!(
        r#"{{"Records":[],"ContinuationSequenceNumber":null,"MillisBehindLatest":0,"ChildShards":[{child}]}}"#
    );
    let event = event_stream::event(
        "SubscribeToShardEvent",
        "application/x-amz-json-1.1",
        payload.as_bytes(),
    );
    let mut events = subscribe(events_answer(&[event], 0)).await;
    let PushedEvent::Event(event) = events.next::<SubscribeToShardEvent>().await.unwrap() else {
        panic!("the end")
    };
    assert_eq!(event.continuation_sequence_number, "");
    assert_eq!(event.child_shards.unwrap()[0].shard_id, "c");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_noticed() {
    let mut events = subscribe(events_answer(&frames(), 3)).await;
    assert!(events.next::<SubscribeToShardEvent>().await.is_ok());
    assert!(matches!(
        events.next::<SubscribeToShardEvent>().await,
        Err(CallError::Malformed { .. })
    ));

    let mut bad = frames();
    let mut frame = bad[2].to_vec();
    frame[40] ^= 1;
    bad[2] = frame.into();
    let mut events = subscribe(events_answer(&bad, 0)).await;
    assert!(matches!(
        events.next::<SubscribeToShardEvent>().await,
        Err(CallError::Malformed { .. })
    ));
}

#[tokio::test]
async fn an_exception_in_a_stream_is_an_error() {
    let exception = event_stream::exception(
        "ResourceInUseException",
        "application/x-amz-json-1.1",
        br#"{"message":"taken"}"#,
    );
    let mut events = subscribe(events_answer(&[frames()[0].clone(), exception], 0)).await;
    let error = events.next::<SubscribeToShardEvent>().await.unwrap_err();
    assert_eq!(error.code(), Some("ResourceInUseException"));
    assert!(error.to_string().contains("taken"), "{error}");
}

#[tokio::test]
async fn tls_trusts_whom_it_is_told_to() {
    let authority = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let pem = dir.path().join("ca.pem");
    std::fs::write(&pem, authority.cert.pem()).unwrap();
    let stranger = dir.path().join("stranger.pem");
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&stranger, other.cert.pem()).unwrap();

    let key = rustls::pki_types::PrivateKeyDer::try_from(authority.signing_key.serialize_der()).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![authority.cert.der().clone()], key)
            .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tasks = Tasks::new();
    tasks.spawn(async move {
        let (seen, _requests) = mpsc::unbounded_channel();
        let mut script = vec![answer("200 OK", LIMITS)].into_iter();
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, &mut script, &seen).await;
            }
        }
    });
    let refused = limits(&client(true, port, Some(&stranger), tasks.clone())).await;
    assert!(
        matches!(refused, Err(CallError::Unreachable { .. })),
        "{refused:?}"
    );
    assert_eq!(
        limits(&client(true, port, Some(&pem), tasks))
            .await
            .unwrap()
            .shard_limit,
        5
    );
}
