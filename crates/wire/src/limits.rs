//! Every bound of this crate, in one place. The body itself is bounded before it gets here, by the server.

use std::time::Duration;

/// Deepest nesting of a decoded body, in lists, maps and structures. DynamoDB's 32 levels take three each.
pub const DEPTH_MAX: usize = 128;

/// Most values one body may decode to, absent members included. It bounds the memory a small body can ask for:
/// a slot takes 40 bytes, so that a body of `[{},{},…` costs 40 MiB at the very most.
pub const VALUE_SLOTS_MAX: usize = 1 << 20;

/// Most parameters of one form, and most segments of their names: each parameter takes some 100 bytes while the form is
/// read, each segment as many again. A megabyte of parameters as SDKs write them has far less.
pub const FORM_NODES_MAX: usize = 1 << 18;

/// Longest part of a caller's own text that an error message repeats, in bytes.
pub const ECHO_BYTES_MAX: usize = 4 * 1024;

/// Longest list or map that a validation message repeats, in bytes.
pub const ECHO_COLLECTION_BYTES_MAX: usize = 16 * 1024;

/// Most constraint failures one `ValidationException` lists; AWS stops there as well.
pub const VALIDATION_ERRORS_MAX: usize = 10;

/// Longest text beyond its own length constraint that is still held against its pattern, in characters. A longer
/// one is refused for its length alone.
pub const PATTERN_TEXT_CHARS_MAX: usize = 8 * 1024;

/// Most steps a pattern may take over one text; beyond, the text counts as not matching.
pub const PATTERN_STEPS_MAX: usize = 64 << 20;

/// Longest frame of an event stream, in bytes: 16 MiB of payload and the headers (Amazon event stream format).
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024 + 128 * 1024 + 16;

/// Longest block of headers in a frame, in bytes (Amazon event stream format).
pub const FRAME_HEADERS_BYTES_MAX: usize = 128 * 1024;

/// Longest ARN, in bytes; the longest ARN constraint of the models.
pub const ARN_BYTES_MAX: usize = 2048;

/// Longest identity-based policy, in characters that are no white space: the largest of the IAM quotas, that of a
/// role's inline policies. Managed policies have 6144, users' inline policies 2048 (IAM User Guide, "IAM and AWS STS
/// quotas"); who knows where a policy is attached holds it against these by `Policy::chars`.
pub const POLICY_IDENTITY_CHARS_MAX: usize = 10_240;

/// Longest managed policy, in characters that are no white space (IAM User Guide, "IAM and AWS STS quotas").
pub const POLICY_MANAGED_CHARS_MAX: usize = 6144;

/// Longest policy passed for one session, in characters (STS API reference, AssumeRole, `Policy`).
pub const POLICY_SESSION_CHARS_MAX: usize = 2048;

/// Longest trust policy of a role, in characters that are no white space: the quota's highest setting (IAM User Guide,
/// "IAM and AWS STS quotas").
pub const POLICY_TRUST_CHARS_MAX: usize = 4096;

/// Longest resource policy, in bytes, white space included (Kinesis developer guide, "Policy limits": 20 KB).
pub const POLICY_RESOURCE_BYTES_MAX: usize = 20 * 1024;

/// Longest text of any policy that is looked at, in bytes, white space included (IAM API reference, `PolicyDocument`).
pub const POLICY_TEXT_BYTES_MAX: usize = 128 * 1024;

/// Most values in one policy document, nested ones included.
pub const POLICY_VALUES_MAX: usize = 8 * 1024;

/// Deepest nesting of a policy document, in lists and objects. The grammar needs six.
pub const POLICY_DEPTH_MAX: usize = 8;

/// Most characters between two `*` of which one is a `?`. What has none is searched in linear time at any length.
pub const POLICY_WILD_CHARS_MAX: usize = 64;

/// Longest part of a policy that an error message repeats, in bytes.
pub const POLICY_ECHO_BYTES_MAX: usize = 200;

/// Most headers one signature may list.
pub const SIGNED_HEADERS_MAX: usize = 128;

/// Most derived signing keys that are remembered; one is some 300 bytes.
pub const SIGNING_KEYS_MAX: usize = 1024;

/// How far a client's clock may be off, either way (AWS General Reference, "Signature Version 4").
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(15 * 60);

/// Longest life of a query-form signature, in seconds: seven days (AWS General Reference).
pub const QUERY_EXPIRES_S_MAX: u64 = 7 * 24 * 3600;
