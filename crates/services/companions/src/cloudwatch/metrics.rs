//! Counters of the service, each defined once with its unit and help, printed for Prometheus.

millrace_base::metrics! {
    /// All metrics of the service.
    pub struct Metrics {
        /// Metrics that are kept, of all accounts.
        stored_metrics: Gauge = "millrace_cloudwatch_metrics",
        /// Memory of the metrics that are kept, in bytes.
        stored_bytes: Gauge = "millrace_cloudwatch_memory_bytes",
        /// Data that were taken in.
        samples: Counter = "millrace_cloudwatch_samples_total",
        /// Data that were refused because there was no room for another metric.
        refused: Counter = "millrace_cloudwatch_refused_samples_total",
        /// Statistic sets of the services that were thrown away because too many waited or there was no room.
        dropped: Counter = "millrace_cloudwatch_dropped_emissions_total",
        /// Appends to the log of metrics.
        appends: Counter = "millrace_cloudwatch_appends_total",
        /// Bytes appended to the log of metrics.
        appended_bytes: Counter = "millrace_cloudwatch_appended_bytes_total",
        /// Records of the log of metrics that could not be read.
        unreadable: Counter = "millrace_cloudwatch_unreadable_records_total",
        /// Checkpoints that were written.
        checkpoints: Counter = "millrace_cloudwatch_checkpoints_total",
    }
}
