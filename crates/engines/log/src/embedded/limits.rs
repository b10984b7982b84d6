//! Every bound of the embedded engine, with its unit.

/// Bytes of records that may wait for the disk: the puts of some hundred connections while it stalls. Beyond it appends
/// fail with `Overloaded`.
pub(crate) const QUEUE_BYTES_MAX: usize = 128 << 20;
/// Calls that may wait for the disk.
pub(crate) const QUEUE_CALLS_MAX: usize = 64 << 10;
/// Bytes of records after which a group commit takes no further call.
pub(crate) const GROUP_BYTES: usize = 4 << 20;
/// Largest body of a batch of the write-ahead log: one group, its largest last batch, and all ends.
pub(crate) const WAL_BODY_MAX: usize = 32 << 20;
/// Alignment of everything in a write-ahead segment and of a sealed file's end.
pub(crate) const ALIGN: usize = crate::disk::DIRECT_ALIGN;
/// Share of the first segment's size that the end of every segment keeps for batches without records, so that a
/// full disk can still be trimmed.
pub(crate) const META_RESERVE_SHARE: u64 = 16;
/// Sealed files kept open for reading.
pub(crate) const OPEN_FILES_MAX: usize = 256;
/// Largest footer of a sealed file that is believed.
pub(crate) const FOOTER_BYTES_MAX: u64 = 256 << 20;
/// Bytes of a sealed file that are read at once: enough for the disk, and little enough for the CPU's cache.
pub(crate) const GROUP_READ_BYTES: usize = 512 << 10;
/// Buffers for that kept for the next read while nobody needs them: about 36 MiB.
pub(crate) const READ_BUFFERS_MAX: usize = 56;
/// Bytes of memory that hold blocks of sealed files for the next reader.
pub(crate) const GROUPS_BYTES_MAX: usize = 16 << 20;
/// Bytes of records after which a block of a sealed file ends.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;
/// Segments of the write-ahead log that may wait before they are sealed, however little is in them.
pub(crate) const USED_SEGMENTS_MAX: usize = 16;
/// Bytes written to a sealed file at once.
pub(crate) const PIECE_BYTES: usize = 1 << 20;
/// Bytes of a sealed file that may wait in the operating system's cache.
pub(crate) const SYNC_BYTES: usize = 4 << 20;
/// A log with this much in one sealing gets a file of its own.
pub(crate) const OWN_FILE_BYTES: usize = 16 << 20;
/// Files of one retention class that are merged together.
pub(crate) const MERGE_FILES: usize = 8;
/// Files up to this size are merged: not those that one log fills alone.
pub(crate) const MERGE_BYTES_MAX: u64 = 16 << 20;
