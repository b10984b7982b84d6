//! Every bound of local keys, with its unit.

/// Master keys of one directory.
pub const MASTERS_MAX: usize = 10_000;
/// Versions of one master key: more than two years of a rotation every day.
pub const VERSIONS_MAX: usize = 1_000;
/// Aliases of one directory.
pub const ALIASES_MAX: usize = 10_000;
/// Bytes of an alias.
pub const ALIAS_BYTES_MAX: usize = 256;
/// Bytes of a description.
pub const DESCRIPTION_BYTES_MAX: usize = 8_192;
/// Bytes of a file that is believed.
pub const FILE_BYTES_MAX: u64 = 4 << 20;
/// Bytes of a secret that a master key wraps itself.
pub const SECRET_BYTES_MAX: usize = 4_096;
