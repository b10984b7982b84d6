//! DynamoDB through its front door: `Dynamodb::call` with JSON bodies, over memory engines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod batches;
mod bounds;
mod durability;
mod expiry;
mod items;
mod kcl;
mod legacy;
mod reads;
mod tables;
mod transactions;
mod world;
