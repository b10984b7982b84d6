//! `bare-http PORT`: reads every request to its end and answers with as many bytes as the header `x-answer` says.
//!
//! Runtime and HTTP settings are those of the server that is measured, and nothing else is done: what it costs is what
//! no server on this library can save.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;

/// The server's bound on what it reads ahead, in bytes.
const H1_BUFFER_BYTES_MAX: usize = 128 << 10;
/// The largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 16 << 20;

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok());
    let port: u16 = port.ok_or_else(|| std::io::Error::other("usage: bare-http PORT"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(port))
}

async fn serve(port: u16) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    // Made once, as no server makes its answers.
    let answers = Bytes::from(vec![b'x'; ANSWER_BYTES_MAX]);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answers = answers.clone();
        tokio::spawn(async move {
            let mut http = Builder::new(TokioExecutor::new());
            http.http1().max_buf_size(H1_BUFFER_BYTES_MAX);
            let service = service_fn(move |request| answer(request, answers.clone()));
            // A client that goes away is no error here.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, answers: Bytes) -> Result<Response<Full<Bytes>>, Infallible> {
    let wanted = request.headers().get("x-answer");
    let wanted = wanted.and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    let length = wanted.unwrap_or(0).min(answers.len());
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    Ok(Response::new(Full::new(answers.slice(..length))))
}
