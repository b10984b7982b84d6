//! Expressions of DynamoDB: any text is read without a panic, and what reads is stored, read back and evaluated.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace_companions::dynamodb::fuzzing::expressions;

fuzz_target!(|data: &[u8]| expressions(data));
