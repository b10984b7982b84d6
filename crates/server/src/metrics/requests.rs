//! Calls by operation and result, and how long their answers took.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use millrace_base::metrics::Definition;

use super::seconds;
use crate::limits::{METRIC_CODES_MAX, METRIC_OPERATIONS_MAX};

/// Upper bounds of the latency buckets, in microseconds; one more bucket takes the rest.
const BUCKETS_MICROS: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

const REQUESTS: Definition = Definition::counter(
    "millrace_requests_total",
    "Calls by operation and result code; OK is success.",
);
const LATENCY: Definition = Definition::histogram(
    "millrace_request_duration_seconds",
    "Seconds from a request's head to the start of its answer, its body's arrival included.",
);

/// A service's id and an operation's name, both from the tables.
pub(crate) type Named = (&'static str, &'static str);

/// What is not an operation of the tables.
const OTHER: Named = ("none", "none");

/// The calls so far.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    operations: RwLock<BTreeMap<Named, Arc<Operation>>>,
}

#[derive(Debug, Default)]
struct Operation {
    results: RwLock<BTreeMap<String, Arc<AtomicU64>>>,
    buckets: [AtomicU64; 15],
    micros: AtomicU64,
}

impl Requests {
    pub(super) fn count(&self, operation: Option<Named>, code: &str, took: Duration) {
        let operation = self.operation(operation.unwrap_or(OTHER));
        operation.result(code).fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        operation.micros.fetch_add(micros, Ordering::Relaxed);
        let bucket = BUCKETS_MICROS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = operation.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn operation(&self, named: Named) -> Arc<Operation> {
        let known = self.operations.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = known.get(&named) {
            return Arc::clone(operation);
        }
        let full = known.len() >= METRIC_OPERATIONS_MAX;
        drop(known);
        let named = if full { OTHER } else { named };
        let mut known = self.operations.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(named).or_default())
    }

    pub(super) fn write(&self, out: &mut String) {
        let operations = self.operations.read().unwrap_or_else(PoisonError::into_inner);
        REQUESTS.head(out);
        for ((service, name), operation) in &*operations {
            let results = operation.results.read().unwrap_or_else(PoisonError::into_inner);
            for (code, count) in &*results {
                let count = count.load(Ordering::Relaxed);
                // Writing into a String cannot fail, here and below.
                let _ = writeln!(
                    out,
                    "{}{{service=\"{service}\",operation=\"{name}\",code=\"{code}\"}} {count}",
                    REQUESTS.name
                );
            }
        }
        LATENCY.head(out);
        for ((service, name), operation) in &*operations {
            let labels = format!("service=\"{service}\",operation=\"{name}\"");
            let mut sum = 0;
            for (i, bucket) in operation.buckets.iter().enumerate() {
                sum += bucket.load(Ordering::Relaxed);
                let bound = BUCKETS_MICROS
                    .get(i)
                    .map_or("+Inf".to_owned(), |bound| seconds(*bound));
                let _ = writeln!(out, "{}_bucket{{{labels},le=\"{bound}\"}} {sum}", LATENCY.name);
            }
            let total = seconds(operation.micros.load(Ordering::Relaxed));
            let _ = writeln!(out, "{}_sum{{{labels}}} {total}", LATENCY.name);
            let _ = writeln!(out, "{}_count{{{labels}}} {sum}", LATENCY.name);
        }
    }
}

impl Operation {
    fn result(&self, code: &str) -> Arc<AtomicU64> {
        let known = self.results.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known.get(code) {
            return Arc::clone(count);
        }
        let full = known.len() >= METRIC_CODES_MAX;
        drop(known);
        // A label must not break out of its quotes; codes are words of the API.
        let word = !code.is_empty()
            && code
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
        let code = if full || !word { "Other" } else { code };
        let mut known = self.results.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(code.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_operation_and_code() {
        let requests = Requests::default();
        let put = Some(("kinesis", "PutRecord"));
        requests.count(put, "OK", Duration::from_micros(300));
        requests.count(put, "OK", Duration::from_secs(60));
        requests.count(put, "evil\"} 1\n", Duration::ZERO);
        requests.count(None, "X", Duration::ZERO);
        let mut out = String::new();
        requests.write(&mut out);
        for line in [
            "millrace_requests_total{service=\"kinesis\",operation=\"PutRecord\",code=\"OK\"} 2",
            "millrace_requests_total{service=\"kinesis\",operation=\"PutRecord\",code=\"Other\"} 1",
            "millrace_requests_total{service=\"none\",operation=\"none\",code=\"X\"} 1",
            "millrace_request_duration_seconds_bucket{service=\"kinesis\",operation=\"PutRecord\",le=\"0.000250\"} 1",
            "millrace_request_duration_seconds_bucket{service=\"kinesis\",operation=\"PutRecord\",le=\"0.000500\"} 2",
            "millrace_request_duration_seconds_bucket{service=\"kinesis\",operation=\"PutRecord\",le=\"+Inf\"} 3",
            "millrace_request_duration_seconds_sum{service=\"kinesis\",operation=\"PutRecord\"} 60.000300",
            "millrace_request_duration_seconds_count{service=\"kinesis\",operation=\"PutRecord\"} 3",
        ] {
            assert!(out.lines().any(|l| l == line), "{line}\n{out}");
        }
    }

    #[test]
    fn codes_are_bounded() {
        let requests = Requests::default();
        for i in 0..10_000 {
            requests.count(None, &format!("Code{i}"), Duration::ZERO);
        }
        let mut out = String::new();
        requests.write(&mut out);
        assert!(out.lines().count() < 100, "{}", out.lines().count());
        assert!(out.contains("code=\"Other\""));
    }
}
