//! Connections to a server that answers from a script.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use millrace_base::Tasks;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Connections, Endpoint, ReadError, TrustError, Unreachable};

/// Reads one request that has no body; `false` when the client is gone.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => bytes.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// Answers `per_connection` requests with their number, then closes.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, per_connection: usize, answered: &mut usize) {
    for _ in 0..per_connection {
        if !request(&mut stream).await {
            return;
        }
        *answered += 1;
        let body = format!("answer {answered}");
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

async fn scripted(per_connection: usize) -> Connections {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tasks = Tasks::new();
    tasks.spawn(async move {
        let mut answered = 0;
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, per_connection, &mut answered).await;
        }
    });
    Connections::new(endpoint(false, port), None, tasks).unwrap()
}

fn endpoint(tls: bool, port: u16) -> Endpoint {
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://localhost:{port}").parse().unwrap()
}

async fn get(connections: &Connections, bytes_max: usize) -> Result<Bytes, ReadError> {
    let make = || Ok::<_, Unreachable>(Request::get("/").body(Full::default()).unwrap());
    let (response, connection) = connections.exchange(make).await?;
    assert_eq!(response.status(), 200);
    connections
        .read(response.into_body(), connection, bytes_max)
        .await
}

#[tokio::test]
async fn a_connection_is_used_again_until_it_is_closed() {
    let connections = scripted(2).await;
    for number in 1..6 {
        assert_eq!(get(&connections, 100).await.unwrap(), format!("answer {number}"));
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read() {
    let connections = scripted(9).await;
    assert_eq!(get(&connections, 8).await.unwrap().len(), 8);
    assert_eq!(get(&connections, 7).await, Err(ReadError::TooLong(7)));
    assert!(get(&connections, 8).await.is_ok(), "on another connection");
}

#[tokio::test]
async fn nobody_there_is_told_with_the_endpoint() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let connections = Connections::new(endpoint(false, port), None, Tasks::new()).unwrap();
    let error = get(&connections, 1).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot reach http://localhost:{port}: ")),
        "{error}"
    );
}

#[tokio::test]
async fn tls_trusts_whom_it_is_told_to() {
    let authority = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (pem, stranger, empty) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("c"));
    std::fs::write(&pem, authority.cert.pem()).unwrap();
    std::fs::write(&stranger, other.cert.pem()).unwrap();
    std::fs::write(&empty, "").unwrap();

    let key = rustls::pki_types::PrivateKeyDer::try_from(authority.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
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
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, 1, &mut 0).await;
            }
        }
    });
    let trusting = |bundle: Option<&Path>| Connections::new(endpoint(true, port), bundle, tasks.clone());
    let refused = get(&trusting(Some(&stranger)).unwrap(), 99).await;
    assert!(matches!(refused, Err(ReadError::Unreachable(_))), "{refused:?}");
    assert_eq!(get(&trusting(Some(&pem)).unwrap(), 99).await.unwrap(), "answer 1");
    assert_eq!(trusting(None).map(drop).unwrap_err(), TrustError::NoBundle);
    assert!(matches!(trusting(Some(&empty)), Err(TrustError::Empty(_))));
    assert!(matches!(
        trusting(Some(Path::new("/nowhere"))),
        Err(TrustError::Unreadable { .. })
    ));
}
