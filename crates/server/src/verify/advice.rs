//! What each finding means and what to do about it, in one sentence or two. `docs/operations/damage.md` says more.

/// The advice for a kind of finding.
pub(super) fn of(kind: &str) -> &'static str {
    match kind {
        "block" | "block-order" => {
            "the server starts and everything else can be read; a reader that comes to these records is told their numbers and \
             can go on behind them. To have them back, restore a backup into another directory and read them there"
        }
        "file-missing" | "file-footer" | "file-length" => {
            "the server refuses to start. Look for the file first (is everything mounted?), then restore the newest backup; \
             keep this directory, the other files are still good"
        }
        "wal-batch" | "wal-order" => {
            "the server refuses to start, because what it acknowledged is not there. Restore the newest backup, and have \
             producers send again what they sent since; or give up everything from this batch on with 'millrace doctor --repair'"
        }
        "manifest" | "manifest-edit" | "records-missing" => {
            "the server refuses to start. Restore the newest backup; keep this directory"
        }
        "unreadable" => {
            "the disk does not give these bytes: copy what can be read to another disk before anything else, then look again"
        }
        "snapshot" => {
            "where an older one is whole the next start uses that, sets this one aside, and nothing is lost; if another finding \
             says that none is left, restore the newest backup"
        }
        "snapshot-ahead" | "snapshot-missing" | "control-plane" | "log-missing" => {
            "log/ and blobs/ are not of the same moment, or one of them is damaged: the server does not start, or not with \
             everything. Restore both from one backup"
        }
        "checkpoint" => {
            "an older checkpoint is used; at the worst some metrics of the last 24 hours are missing"
        }
        "key" => {
            "what is encrypted under this key cannot be read without it: bring the file back from the backup of the keys"
        }
        "key-exposed" => "chmod 600 the file, and make a new key if others may have read it",
        "key-missing" => {
            "what is encrypted under this key cannot be read: bring the key back from a backup, or look in the directory that \
             keys.dir names (--keys-dir)"
        }
        "file-orphan" | "file-overlap" | "log-orphan" | "snapshot-aside" => {
            "nothing is lost; it only takes space"
        }
        "manifest-unfinished" | "wal-unfinished" => {
            "nothing to do: the next start goes on before it, as after every crash"
        }
        _ => "see docs/operations/damage.md",
    }
}
