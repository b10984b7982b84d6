//! The embedded log engine's counts, for Prometheus.

use std::fmt::Write;

use millrace_base::metrics::Definition;
use millrace_log::embedded::{COMMIT_BUCKETS_MICROS, Metrics};

use super::seconds;

const COMMIT_SECONDS: Definition = Definition::histogram(
    "millrace_log_commit_duration_seconds",
    "Seconds one group commit took until the device confirmed it.",
);

const CALLS: Definition =
    Definition::counter("millrace_log_calls_total", "Log calls answered by group commits.");
const WAL_BYTES: Definition = Definition::counter(
    "millrace_log_wal_bytes_total",
    "Bytes written to the write-ahead log, headers and padding included.",
);
const QUEUE_CALLS: Definition =
    Definition::gauge("millrace_log_queue_calls", "Log calls that wait for the disk.");
const QUEUE_BYTES: Definition =
    Definition::gauge("millrace_log_queue_bytes", "Bytes that wait for the disk.");
const LOGS: Definition = Definition::gauge("millrace_log_logs", "Logs that exist.");
const TAIL_CACHE: Definition = Definition::gauge(
    "millrace_log_tail_cache_bytes",
    "Bytes of records in memory that are in no sealed file yet.",
);
const FILES: Definition = Definition::gauge("millrace_log_sealed_files", "Sealed files.");
const FILE_BYTES: Definition = Definition::gauge("millrace_log_sealed_bytes", "Bytes of sealed files.");
const SEALS: Definition = Definition::counter(
    "millrace_log_seals_total",
    "Times that records were moved to sealed files.",
);
const SEALED_BYTES: Definition = Definition::counter(
    "millrace_log_sealed_written_bytes_total",
    "Bytes written to sealed files, rewrites included.",
);
const COMPACTIONS: Definition =
    Definition::counter("millrace_log_compactions_total", "Rewrites of sealed files.");
const FAILURES: Definition = Definition::counter(
    "millrace_log_background_failures_total",
    "Sealings and rewrites that failed and are tried again.",
);
const DAMAGED: Definition = Definition::counter(
    "millrace_log_damaged_reads_total",
    "Reads that found damaged bytes.",
);
const DISK_FULL: Definition =
    Definition::gauge("millrace_log_disk_full", "1 while the disk has no room, else 0.");
const FAILED: Definition = Definition::gauge(
    "millrace_log_failed",
    "1 when the storage failed for good, else 0.",
);

/// Appends them.
pub(crate) fn write_log(metrics: &Metrics, out: &mut String) {
    for (definition, value) in [
        (CALLS, metrics.calls),
        (WAL_BYTES, metrics.wal_bytes),
        (QUEUE_CALLS, metrics.queue_calls),
        (QUEUE_BYTES, metrics.queue_bytes),
        (LOGS, metrics.logs),
        (TAIL_CACHE, metrics.tail_cache_bytes),
        (FILES, metrics.sealed_files),
        (FILE_BYTES, metrics.sealed_file_bytes),
        (SEALS, metrics.seals),
        (SEALED_BYTES, metrics.sealed_bytes_written),
        (COMPACTIONS, metrics.compactions),
        (FAILURES, metrics.background_failures),
        (DAMAGED, metrics.damaged_reads),
        (DISK_FULL, metrics.disk_full),
        (FAILED, metrics.failed),
    ] {
        definition.write(out, value);
    }
    COMMIT_SECONDS.head(out);
    let name = COMMIT_SECONDS.name;
    let mut sum = 0;
    for (i, count) in metrics.commit_buckets.iter().enumerate() {
        sum += count;
        let bound = COMMIT_BUCKETS_MICROS
            .get(i)
            .map_or("+Inf".to_owned(), |bound| seconds(*bound));
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {sum}");
    }
    let _ = writeln!(
        out,
        "{name}_sum {}\n{name}_count {sum}",
        seconds(metrics.commit_micros)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let mut metrics = Metrics::default();
        metrics.commit_buckets[0] = 2;
        metrics.commit_buckets[12] = 1;
        let mut out = String::new();
        write_log(&metrics, &mut out);
        for line in [
            "millrace_log_commit_duration_seconds_bucket{le=\"0.000050\"} 2",
            "millrace_log_commit_duration_seconds_bucket{le=\"+Inf\"} 3",
            "millrace_log_commit_duration_seconds_count 3",
        ] {
            assert!(out.lines().any(|l| l == line), "{out}");
        }
    }
}
