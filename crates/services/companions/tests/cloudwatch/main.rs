//! CloudWatch through its calls, in every protocol, over a log in memory and a clock that the tests move.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod data;
mod emissions;
mod lasting;
mod listing;
mod puts;
mod statistics;
mod world;
