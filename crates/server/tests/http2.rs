//! HTTP/2 in clear and over TLS, with and without ALPN; both protocols and both transports on one port.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use millrace_base::Tasks;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use support::{Call, Http1, eventually, healthy, metric, start};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type Client = SendRequest<Full<Bytes>>;

async fn open<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) -> Client {
    let (client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    Tasks::new().spawn(async move {
        // Its end is not of interest here.
        let _ = connection.await;
    });
    client
}

fn request(call: &Call<'_>) -> http::Request<Full<Bytes>> {
    let mut request = http::Request::post("http://localhost/").version(http::Version::HTTP_2);
    for (name, value) in call.headers() {
        if name != "host" && name != ":authority" {
            request = request.header(name, value);
        }
    }
    request
        .body(Full::new(Bytes::copy_from_slice(call.body)))
        .unwrap()
}

async fn answer(client: &mut Client, call: &Call<'_>) -> (u16, String) {
    client.ready().await.unwrap();
    let response = client.send_request(request(call)).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn tls(address: std::net::SocketAddr, ca: &Path, alpn: &[&str]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

#[tokio::test]
async fn prior_knowledge_in_clear_with_either_name_of_the_host_signed() {
    let server = start(&[]).await;
    let mut client = open(TcpStream::connect(server.local_addr()).await.unwrap()).await;
    for host in ["host", ":authority"] {
        let call = Call {
            host,
            ..Call::new("ListStreams", b"{}")
        };
        let (status, body) = answer(&mut client, &call).await;
        assert_eq!(status, 200, "{host}: {body}");
    }
    let body = format!("{{{}}}", " ".repeat(3 << 20));
    assert_eq!(
        answer(&mut client, &Call::new("ListStreams", body.as_bytes()))
            .await
            .0,
        200
    );
    let (status, body) = answer(
        &mut client,
        &Call {
            secret: "x",
            ..Call::new("ListStreams", b"{}")
        },
    )
    .await;
    assert!(
        status == 400 && body.contains("InvalidSignatureException"),
        "{body}"
    );
}

#[tokio::test]
async fn calls_of_one_connection_run_at_the_same_time() {
    let server = start(&[]).await;
    let mut client = open(TcpStream::connect(server.local_addr()).await.unwrap()).await;
    client.ready().await.unwrap();
    let call = Call::new("DescribeLimits", b"{}");
    let calls = (0..50).map(|_| client.send_request(request(&call)));
    for response in futures_util::future::join_all(calls).await {
        assert_eq!(response.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn tls_and_clear_text_share_the_port_whatever_alpn_says() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let server = start(&[("storage.data_dir", data), ("tls.self_signed", "true")]).await;
    let address = server.local_addr();
    let ca = server.certificate_authority().unwrap();
    let call = Call::new("ListStreams", b"{}");
    for alpn in [&[][..], &["h2"], &["h2", "http/1.1"], &["http/1.1"]] {
        let mut client = open(tls(address, &ca, alpn).await).await;
        assert_eq!(answer(&mut client, &call).await.0, 200, "{alpn:?}");
    }
    for alpn in [&[][..], &["http/1.1"]] {
        let mut client = Http1::over(tls(address, &ca, alpn).await);
        assert_eq!(client.call(&call).await.status, 200, "{alpn:?}");
    }
    assert_eq!(Http1::open(address).await.call(&call).await.status, 200);
    let offered = tls(address, &ca, &["h2", "http/1.1"]).await;
    assert_eq!(offered.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    server.stop();
    server.join().await;
}

#[tokio::test]
async fn clear_text_is_refused_where_tls_is_required() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let settings = [
        ("tls.cert", cert.to_str().unwrap()),
        ("tls.key", key.to_str().unwrap()),
        ("tls.required", "true"),
    ];
    let server = start(&settings).await;
    let mut clear = Http1::open(server.local_addr()).await;
    clear.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    if let Some(answer) = clear.try_answer().await {
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (400, "This port needs TLS: https://\n")
        );
    }
    clear.ended().await;
    let first = tls(server.local_addr(), &cert, &[]).await;
    let mut client = Http1::over(first);
    assert_eq!(client.get("/healthz").await.status, 200);

    // A new certificate is used at once, and the open connection goes on.
    let next = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&key, next.signing_key.serialize_pem()).unwrap();
    std::fs::write(&cert, next.cert.pem()).unwrap();
    server.reload_tls().unwrap();
    let second = tls(server.local_addr(), &cert, &[]).await;
    assert_eq!(
        second.get_ref().1.peer_certificates().unwrap()[0],
        *next.cert.der()
    );
    assert_eq!(client.get("/healthz").await.status, 200);
    std::fs::write(&cert, "nothing").unwrap();
    assert!(server.reload_tls().unwrap_err().to_string().contains("cert.pem"));
}

#[tokio::test]
async fn tls_where_there_is_none_and_broken_handshakes_end_the_connection() {
    let server = start(&[]).await;
    let mut client = TcpStream::connect(server.local_addr()).await.unwrap();
    client
        .write_all(&[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])
        .await
        .unwrap();
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = client.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
    eventually("it is counted", async || {
        metric(server.local_addr(), "millrace_connections_failed_total").await >= 1.0
    })
    .await;
}

/// A frame of HTTP/2 (RFC 9113 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_HEADERS: u8 = 4;

fn preface() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    bytes
}

/// POST http://x/ by HPACK's static table (RFC 7541 A).
fn head() -> Vec<u8> {
    vec![0x83, 0x86, 0x84, 0x41, 1, b'x']
}

/// The kinds of the frames that come until the server hangs up.
async fn frames(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(support::PATIENCE, stream.read_to_end(&mut bytes)).await;
    // A reset is an end as well.
    let _ = read.expect("the server does not hang up");
    let mut kinds = Vec::new();
    let mut rest = bytes.as_slice();
    while let [a, b, c, kind, ..] = rest {
        kinds.push(*kind);
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap();
        rest = rest.get(9 + length..).unwrap_or_default();
    }
    kinds
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection() {
    let server = start(&[]).await;
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let mut bytes = preface();
    for stream in (1..20_000).step_by(2) {
        bytes.extend(frame(HEADERS, END_HEADERS, stream, &head()));
        bytes.extend(frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
    }
    // The server may hang up while this is written.
    let _ = stream.write_all(&bytes).await;
    let kinds = frames(stream).await;
    assert!(kinds.contains(&GOAWAY), "{kinds:?}");
    healthy(server.local_addr()).await;
}

#[tokio::test]
async fn a_reset_call_leaves_nothing_behind() {
    let server = start(&[("server.body_max", "64KiB"), ("server.body_memory", "64KiB")]).await;
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let mut bytes = preface();
    let mut promised = head();
    // content-length: 65536 takes all the memory for bodies; x-amz-target makes it a call.
    promised.extend([0x0f, 0x0d, 5]);
    promised.extend(b"65536");
    for (name, value) in [
        ("content-type", support::JSON),
        ("x-amz-target", "Kinesis_20131202.ListStreams"),
    ] {
        promised.extend([0, u8::try_from(name.len()).unwrap()]);
        promised.extend(name.as_bytes());
        promised.push(u8::try_from(value.len()).unwrap());
        promised.extend(value.as_bytes());
    }
    bytes.extend(frame(HEADERS, END_HEADERS, 1, &promised));
    stream.write_all(&bytes).await.unwrap();
    let call = Call::new("ListStreams", b"{}");
    eventually("the call holds the memory", async || {
        let mut client = Http1::open(server.local_addr()).await;
        let asked = tokio::time::timeout(std::time::Duration::from_millis(200), client.call(&call)).await;
        asked.is_err()
    })
    .await;
    stream
        .write_all(&frame(RST_STREAM, 0, 1, &8u32.to_be_bytes()))
        .await
        .unwrap();
    assert_eq!(
        Http1::open(server.local_addr()).await.call(&call).await.status,
        200
    );
}

#[tokio::test]
async fn a_header_list_beyond_the_bound_and_broken_frames_are_refused() {
    let server = start(&[]).await;
    for broken in [
        frame(HEADERS, END_HEADERS, 1, &[0xff; 40]),
        frame(SETTINGS, 0, 0, &[1]),
        vec![0xff; 64],
    ] {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        let mut bytes = preface();
        bytes.extend(broken);
        let _ = stream.write_all(&bytes).await;
        assert!(frames(stream).await.contains(&GOAWAY));
    }
    let mut client = open(TcpStream::connect(server.local_addr()).await.unwrap()).await;
    client.ready().await.unwrap();
    let mut large = request(&Call::new("ListStreams", b"{}"));
    large
        .headers_mut()
        .insert("x-large", "y".repeat(80 << 10).parse().unwrap());
    let refused = client.send_request(large).await;
    assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status() == 431));
}
