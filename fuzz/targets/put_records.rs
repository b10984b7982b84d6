//! Bodies of PutRecord and PutRecords: the fast scanner takes nothing that the tables refuse, and reads it as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace_streams::fuzzing::put_records;

fuzz_target!(|data: &[u8]| put_records(data));
