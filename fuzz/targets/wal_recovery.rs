//! A store with one file damaged or replaced: opening and reading it ends in an answer or an error, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace_log::embedded::fuzz_recovery;

fuzz_target!(|data: &[u8]| fuzz_recovery(data));
