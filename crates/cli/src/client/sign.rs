//! Signing a request.
