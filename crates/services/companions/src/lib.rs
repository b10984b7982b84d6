//! What Kinesis clients lean on besides Kinesis, just enough of it and on the same port.
//!
//! `dynamodb`: the tables in which consumers keep leases and locks. `cloudwatch`: the metrics that clients and the
//! services emit.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
