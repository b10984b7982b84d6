//! Shard iterators: no bytes pass without the key, and what passes with it is written again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace_streams::fuzzing::iterator_token;

fuzz_target!(|data: &[u8]| iterator_token(data));
