//! Counters of the service, each defined once with its unit and help, printed for Prometheus.

millrace_base::metrics! {
    /// All metrics of the service.
    pub struct Metrics {
        /// Records that were acknowledged.
        incoming_records: Counter = "millrace_streams_incoming_records_total",
        /// Bytes of data and partition keys that were acknowledged.
        incoming_bytes: Counter = "millrace_streams_incoming_bytes_total",
        /// Records that GetRecords returned.
        outgoing_records: Counter = "millrace_streams_outgoing_records_total",
        /// Bytes of data that GetRecords returned.
        outgoing_bytes: Counter = "millrace_streams_outgoing_bytes_total",
        /// Records that were refused because a shard's write throughput was used up.
        write_throttled: Counter = "millrace_streams_write_throttled_records_total",
        /// Reads that were refused because a shard's read throughput was used up.
        read_throttled: Counter = "millrace_streams_read_throttled_calls_total",
        /// Records that were routed again because their shard was closed in between.
        rerouted_records: Counter = "millrace_streams_rerouted_records_total",
        /// Records of PutRecords that failed for any reason.
        failed_records: Counter = "millrace_streams_failed_records_total",
        /// Subscriptions that are open.
        subscriptions: Gauge = "millrace_streams_subscriptions",
        /// Records pushed to subscribers.
        pushed_records: Counter = "millrace_streams_pushed_records_total",
        /// Control-plane calls that were refused because of their rate.
        control_throttled: Counter = "millrace_streams_control_throttled_calls_total",
        /// Transitions of streams and consumers that were finished.
        transitions: Counter = "millrace_streams_transitions_total",
        /// Steps of transitions or of retention that failed and are tried again.
        lifecycle_errors: Counter = "millrace_streams_lifecycle_errors_total",
        /// Records that channels delivered.
        channel_records: Counter = "millrace_streams_channel_records_total",
        /// Records that channels put among their dead letters.
        channel_dead_records: Counter = "millrace_streams_channel_dead_records_total",
        /// Bytes that channels put, compressed.
        channel_bytes: Counter = "millrace_streams_channel_bytes_total",
        /// Objects that channels put.
        channel_objects: Counter = "millrace_streams_channel_objects_total",
        /// Deliveries and transitions of channels that failed and are tried again.
        channel_errors: Counter = "millrace_streams_channel_errors_total",
        /// Records that were encrypted.
        sealed_records: Counter = "millrace_streams_sealed_records_total",
        /// Records that were decrypted.
        opened_records: Counter = "millrace_streams_opened_records_total",
        /// Records that could not be decrypted because they are damaged or not where they belong; readers do not see them.
        corrupt_records: Counter = "millrace_streams_corrupt_records_total",
        /// Data keys that were made.
        data_keys_made: Counter = "millrace_streams_data_keys_made_total",
        /// Data keys that were unwrapped.
        data_keys_unwrapped: Counter = "millrace_streams_data_keys_unwrapped_total",
        /// Calls to make or unwrap a data key that were refused or failed.
        key_failures: Counter = "millrace_streams_key_failures_total",
        /// Closed shards that expired.
        expired_shards: Counter = "millrace_streams_expired_shards_total",
    }
}
