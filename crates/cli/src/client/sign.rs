//! Signing a request (AWS Signature Version 4).

use http::HeaderName;
use millrace_wire::sigv4::{self, Identity, Signing};

use super::Client;

impl Client {
    /// The headers of a POST of `body` to `/`: those of `head`, all of them signed, and the signature.
    pub(super) fn signed(&self, head: [(HeaderName, String); 3], body: &[u8]) -> Vec<(HeaderName, String)> {
        let credentials = &self.identity.credentials;
        let identity = Identity {
            access_key: &credentials.access_key,
            secret_key: credentials.secret_key.expose(),
            token: credentials
                .session_token
                .as_ref()
                .map(|token| token.expose().as_str()),
        };
        let headers: Vec<_> = head
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let signing = Signing {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body,
            region: &self.identity.region,
            service: self.service.signing_name,
            now: self.clock.now(),
        };
        let added = sigv4::sign(&identity, &signing);
        let added = added
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), value));
        head.into_iter().chain(added).collect()
    }
}
