//! What the fuzz targets share: choosing a shape by the first byte, reading an HTTP request or a policy out of raw text,
//! the way of a request from its signature to its permission, and the properties that hold for every body format.

mod ask;
mod body;
mod http;
pub mod sent;

pub use ask::{ACCOUNT, Ask};
pub use body::{Body, hold, split};
pub use http::Http;
