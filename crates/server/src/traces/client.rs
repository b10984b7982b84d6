//! How spans travel: `reqwest` on the server's own runtime, for an exporter whose thread has none.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

use crate::limits::{TRACES_ANSWER_BYTES_MAX, TRACES_PATIENCE};

/// Sends requests.
#[derive(Clone, Debug)]
pub(super) struct Client {
    inner: reqwest::Client,
    runtime: Handle,
}

impl Client {
    /// A client on the runtime that this is called on.
    pub(super) fn new() -> Result<Self, String> {
        // TLS takes the process's provider; the first one to install it wins, and all are the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            inner: reqwest::Client::builder()
                .timeout(TRACES_PATIENCE)
                .build()
                .map_err(|error| error.to_string())?,
            runtime: Handle::try_current().map_err(|error| error.to_string())?,
        })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.inner.clone();
        self.runtime.spawn(send(client, request)).await?
    }
}

async fn send(client: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len().saturating_add(piece.len()) > TRACES_ANSWER_BYTES_MAX {
            return Err("the collector's answer is too long".into());
        }
        body.extend_from_slice(&piece);
    }
    let mut whole = Response::builder().status(answer.status());
    if let Some(headers) = whole.headers_mut() {
        headers.clone_from(answer.headers());
    }
    Ok(whole.body(body.into())?)
}
