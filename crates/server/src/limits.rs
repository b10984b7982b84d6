//! Every bound of the edge that is not a setting, with its unit.

use std::time::Duration;

use millrace_base::ByteSize;

/// Largest value of `server.body_max`; a body is one contiguous buffer.
pub const BODY_BYTES_MAX: ByteSize = ByteSize::mib(256);
/// Bytes of a body beyond the bound that are read and thrown away, so that its client reads the refusal instead of a
/// broken connection.
pub const BODY_DISCARD_BYTES_MAX: usize = 64 << 20;
/// Largest body that a compressed one may unpack to, in bytes. CloudWatch takes 1 MB as it is sent, and nothing else is
/// sent compressed.
pub const UNPACKED_BYTES_MAX: usize = 8 << 20;
/// Unit in which the memory of bodies is accounted, in bytes.
pub const BODY_PERMIT_BYTES: usize = 1 << 10;
/// Bytes from which a piece of a body is kept as it arrived; smaller ones are joined, since each holds a buffer.
pub const PIECE_BYTES_MIN: usize = 16 << 10;

/// Connections that wait for the server to accept them.
pub const BACKLOG: u32 = 1024;
/// Open files that connections leave for the log, keys and calls to other services, where the process may have as many.
pub const FILES_RESERVED: u64 = 400;
/// Pause after the operating system refuses to give a connection, such as for lack of file descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Largest head of an HTTP/1.1 request, and buffer of its connection, in bytes.
pub const H1_BUFFER_BYTES_MAX: usize = 128 << 10;
/// Headers of one HTTP/1.1 request.
pub const H1_HEADERS_MAX: usize = 100;
/// Largest header list of an HTTP/2 request, in bytes (RFC 9113 6.5.2).
pub const H2_HEADER_LIST_BYTES_MAX: u32 = 64 << 10;
/// Largest HTTP/2 frame a client may send, in bytes: fewer frames for large bodies.
pub const H2_FRAME_BYTES_MAX: u32 = 64 << 10;
/// Bytes a client may send ahead on one HTTP/2 stream.
pub const H2_STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// Bytes a client may send ahead on all streams of an HTTP/2 connection.
pub const H2_CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// Bytes of answers that wait in one HTTP/2 stream for the client's window.
pub const H2_SEND_BUFFER_BYTES_MAX: usize = 256 << 10;
/// HTTP/2 streams a client may reset before they are accepted; beyond, the connection is closed (CVE-2023-44487).
pub const H2_PENDING_RESETS_MAX: usize = 32;
/// HTTP/2 streams the server may have to reset for a client's mistakes; beyond, the connection is closed.
pub const H2_LOCAL_RESETS_MAX: usize = 256;
/// Pings an idle HTTP/2 connection's client, to find those that are gone.
pub const H2_PING_EVERY: Duration = Duration::from_secs(30);
/// How long a pinged client may take to answer.
pub const H2_PING_PATIENCE: Duration = Duration::from_secs(20);

/// How long a connection that was told to end may still take to say goodbye.
pub const GOODBYE_PATIENCE: Duration = Duration::from_secs(2);
/// How long background work of the services may take to stop.
pub const TASKS_PATIENCE: Duration = Duration::from_secs(10);
/// How often the files of a certificate are looked at.
pub const TLS_POLL_EVERY: Duration = Duration::from_secs(5);
/// Largest certificate or key file, in bytes.
pub const PEM_BYTES_MAX: u64 = 1 << 20;
/// Life of a self-signed certificate; it is made anew at every start and every [`SELF_SIGNED_RENEW`].
pub const SELF_SIGNED_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// Age at which a running server replaces its self-signed certificate.
pub const SELF_SIGNED_RENEW: Duration = Duration::from_secs(30 * 24 * 3600);
/// Life of the local certificate authority.
pub const SELF_SIGNED_CA_LIFE: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Longest question on the administrative socket, in bytes.
pub const ADMIN_LINE_BYTES_MAX: u64 = 4096;
/// How long a question on the administrative socket may take to arrive.
pub const ADMIN_PATIENCE: Duration = Duration::from_secs(10);
/// How long a question waits for another backup to end.
pub const BUSY_PATIENCE: Duration = Duration::from_secs(2);
/// How long a backup waits for a running server to stage its state: it writes what is unsealed first.
pub const STAGE_PATIENCE: Duration = Duration::from_secs(600);
/// Attempts to stage a state while snapshots of the control plane are replaced.
pub const STAGE_ATTEMPTS: u32 = 5;

/// Operations that are counted one by one; the rest is counted together.
pub const METRIC_OPERATIONS_MAX: usize = 512;
/// Result codes of one operation that are counted one by one; the rest is counted together.
pub const METRIC_CODES_MAX: usize = 32;
/// Seconds a browser may remember a preflight answer, as AWS says.
pub const CORS_MAX_AGE_SECS: &str = "172800";

/// Audit entries that wait to be written; control-plane calls wait while there are as many.
pub const AUDIT_QUEUE_MAX: usize = 4096;

/// Request parameters in an audit entry, in bytes; larger ones are left out.
pub const AUDIT_PARAMETERS_BYTES_MAX: usize = 64 << 10;

/// How long one request to a trace collector may take, and the last one at a stop.
pub const TRACES_PATIENCE: Duration = Duration::from_secs(5);

/// Longest answer of a trace collector, in bytes.
pub const TRACES_ANSWER_BYTES_MAX: usize = 1 << 20;

/// Time between two looks for master keys whose wait for their deletion is over.
pub const KEY_REMOVAL_CHECK: Duration = Duration::from_secs(3600);
