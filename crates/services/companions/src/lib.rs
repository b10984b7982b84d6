//! What Kinesis clients lean on besides Kinesis, just enough of it and on the same port.
//!
//! [`dynamodb`]: the tables in which consumers keep leases and locks. [`cloudwatch`]: the metrics that clients put and
//! the services emit. [`kms`]: the key service, over the server's own master keys. [`quotas`]: Service Quotas, by which
//! an account's quotas are looked at and changed.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod cloudwatch;
pub mod dynamodb;
pub mod kms;
pub mod quotas;
