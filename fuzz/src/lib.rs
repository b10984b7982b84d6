//! What the fuzz targets share: choosing a shape by the first byte, reading an HTTP request out of raw text, and the
//! properties that hold for every body format.

mod body;
mod http;

pub use body::{Body, hold, split};
pub use http::Http;
