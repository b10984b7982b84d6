//! A recording of what reached the file system, and what a power cut may leave of it.
//!
//! The model is that of `millrace_log::disk`: bytes of a file survive only behind a sync of the file or a write through
//! (`O_DSYNC`); a name that was made, moved or removed only behind a sync of its directory; of what is not synced any
//! 512-byte sector and any name may be there or not.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::world::Chance;

/// What is written or lost as a whole.
const SECTOR: usize = 512;
/// Bytes of a head in the trace: `struct head` of preload.c.
const HEAD: usize = 32;

/// One recorded operation. Numbers are those of preload.c.
#[derive(Clone, Debug)]
pub enum Op {
    /// A file appears.
    Create { path: String, inode: u64 },
    /// Bytes of the trace are written; durable at once if `through`.
    Write {
        inode: u64,
        offset: u64,
        data: Range<usize>,
        through: bool,
    },
    /// What was written before will be durable when it ends.
    SyncBegin { path: String, inode: u64, id: u64 },
    /// It is.
    SyncEnd { id: u64 },
    /// A name moves.
    Rename { from: String, to: String },
    /// A name goes.
    Unlink { path: String },
    /// A file gets another length.
    Truncate { inode: u64, len: u64 },
    /// A directory appears.
    Mkdir { path: String },
    /// A file gets another name.
    Link { from: String, to: String },
}

/// A whole recording.
#[derive(Debug)]
pub struct Trace {
    bytes: Vec<u8>,
    /// In their order.
    pub ops: Vec<Op>,
}

impl Trace {
    /// Reads a recording of files below `root`; their names lose that part.
    pub fn read(file: &Path, root: &Path) -> Result<Self> {
        let bytes = fs::read(file).context("reading the trace")?;
        let root = root.display().to_string();
        let mut ops = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let head = bytes
                .get(at..at + HEAD)
                .context("the trace ends within an operation")?;
            let word = |from: usize| u64::from_le_bytes(head[from..from + 8].try_into().unwrap_or_default());
            let (op, path_len) = (word(0) & 0xffff_ffff, usize::try_from(word(0) >> 32)?);
            let (inode, offset, len) = (word(8), word(16), usize::try_from(word(24))?);
            let name = at + HEAD..at + HEAD + path_len;
            let data = name.end..name.end + len;
            ensure!(data.end <= bytes.len(), "the trace ends within an operation");
            let text = |range: Range<usize>| -> Result<String> {
                let path = std::str::from_utf8(&bytes[range]).context("a name")?;
                Ok(path
                    .strip_prefix(&root)
                    .unwrap_or(path)
                    .trim_start_matches('/')
                    .to_owned())
            };
            let path = text(name)?;
            at = data.end;
            ops.push(match op {
                1 => Op::Create { path, inode },
                2 | 3 => Op::Write {
                    inode,
                    offset,
                    data,
                    through: op == 3,
                },
                4 => Op::SyncBegin {
                    path,
                    inode,
                    id: offset,
                },
                5 => Op::SyncEnd { id: offset },
                6 => Op::Rename {
                    from: path,
                    to: text(data)?,
                },
                7 => Op::Unlink { path },
                8 => Op::Truncate { inode, len: offset },
                9 => Op::Mkdir { path },
                10 => Op::Link {
                    from: path,
                    to: text(data)?,
                },
                other => bail!("operation {other} in the trace"),
            });
        }
        Ok(Self { bytes, ops })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: u64, data: Range<usize> },
    Truncate(u64),
}

#[derive(Clone, Debug, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// Changes that left `pending` for `durable`.
    flushed: usize,
}

/// A change of names, which happens as a whole.
#[derive(Clone, Debug)]
struct Naming {
    effects: Vec<(String, Option<Node>)>,
}

/// What a sync that began will make durable.
#[derive(Clone, Debug)]
enum Sync {
    File(usize, usize),
    Folder(String, usize),
}

/// The disk while a recording is played.
#[derive(Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    by_inode: HashMap<u64, usize>,
    /// As the process sees it.
    live: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    /// With their numbers.
    pending: Vec<(usize, Naming)>,
    namings: usize,
    syncs: HashMap<u64, Sync>,
}

/// What is kept of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// Everything.
    All,
    /// Each sector and each name by chance.
    Some,
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Disk {
    /// Plays one operation.
    pub fn play(&mut self, trace: &Trace, op: &Op) {
        match op {
            Op::Create { path, inode } => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.by_inode.insert(*inode, file);
                self.name(vec![(path.clone(), Some(Node::File(file)))]);
            }
            Op::Write {
                inode,
                offset,
                data,
                through,
            } => {
                let Some(file) = self.file(*inode) else { return };
                file.pending.push(Change::Write {
                    offset: *offset,
                    data: data.clone(),
                });
                if *through {
                    // What stands before it in the same file is rare, and then of another part of it.
                    let all = file.flushed + file.pending.len();
                    file.flush(all, &trace.bytes);
                }
            }
            Op::Truncate { inode, len } => {
                if let Some(file) = self.file(*inode) {
                    file.pending.push(Change::Truncate(*len));
                }
            }
            Op::SyncBegin { path, inode, id } => {
                let sync = match self.live.get(path) {
                    _ if path.is_empty() => Sync::Folder(String::new(), self.namings),
                    Some(Node::Folder) => Sync::Folder(path.clone(), self.namings),
                    _ => match self.by_inode.get(inode) {
                        Some(file) => {
                            Sync::File(*file, self.files[*file].flushed + self.files[*file].pending.len())
                        }
                        None => return,
                    },
                };
                self.syncs.insert(*id, sync);
            }
            Op::SyncEnd { id } => self.synced(*id, &trace.bytes),
            Op::Rename { from, to } => {
                let node = self.live.get(from).copied();
                self.name(vec![(from.clone(), None), (to.clone(), node)]);
            }
            Op::Unlink { path } => self.name(vec![(path.clone(), None)]),
            Op::Mkdir { path } => self.name(vec![(path.clone(), Some(Node::Folder))]),
            Op::Link { from, to } => {
                let node = self.live.get(from).copied();
                self.name(vec![(to.clone(), node)]);
            }
        }
    }

    fn file(&mut self, inode: u64) -> Option<&mut File> {
        let file = self.by_inode.get(&inode)?;
        self.files.get_mut(*file)
    }

    fn name(&mut self, effects: Vec<(String, Option<Node>)>) {
        apply(&mut self.live, &effects);
        self.pending.push((self.namings, Naming { effects }));
        self.namings += 1;
    }

    fn synced(&mut self, id: u64, bytes: &[u8]) {
        match self.syncs.remove(&id) {
            Some(Sync::File(file, upto)) => self.files[file].flush(upto, bytes),
            Some(Sync::Folder(folder, upto)) => {
                let durable = &mut self.durable;
                self.pending.retain(|(number, naming)| {
                    let due =
                        *number < upto && naming.effects.iter().any(|(path, _)| folder_of(path) == folder);
                    if due {
                        apply(durable, &naming.effects);
                    }
                    !due
                });
            }
            None => {}
        }
    }

    /// What a power cut leaves, in an empty folder; `next` was under way.
    pub fn cut(
        &self,
        trace: &Trace,
        next: Option<&Op>,
        (keep, chance): (Keep, &Chance),
        to: &Path,
    ) -> Result<()> {
        let mut names = self.durable.clone();
        let in_order = chance.one_in(2);
        for (_, naming) in &self.pending {
            let kept = match keep {
                Keep::Nothing => false,
                Keep::All => true,
                Keep::Some => chance.one_in(2),
            };
            if kept {
                apply(&mut names, &naming.effects);
            } else if in_order {
                // As a journal of metadata does: nothing behind it either.
                break;
            }
        }
        for (path, node) in &names {
            let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
            let reachable = folders
                .into_iter()
                .all(|folder| names.get(folder) == Some(&Node::Folder));
            match node {
                _ if !reachable || path.is_empty() => {}
                Node::Folder => fs::create_dir_all(to.join(path))?,
                Node::File(file) => {
                    fs::write(to.join(path), self.contents(*file, trace, next, (keep, chance)))?
                }
            }
        }
        Ok(())
    }

    fn contents(
        &self,
        index: usize,
        trace: &Trace,
        next: Option<&Op>,
        (keep, chance): (Keep, &Chance),
    ) -> Vec<u8> {
        let file = &self.files[index];
        let mut contents = file.durable.clone();
        let under_way = match next {
            Some(Op::Write {
                inode, offset, data, ..
            }) if self.by_inode.get(inode) == Some(&index) => Some(Change::Write {
                offset: *offset,
                data: data.clone(),
            }),
            _ => None,
        };
        for change in file.pending.iter().chain(&under_way) {
            match (keep, change) {
                (Keep::Nothing, _) => {}
                (Keep::Some, Change::Write { offset, data }) => {
                    torn(&mut contents, *offset, &trace.bytes[data.clone()], chance)
                }
                (Keep::Some, Change::Truncate(_)) if chance.one_in(2) => {}
                _ => change.apply(&mut contents, &trace.bytes),
            }
        }
        contents
    }

    /// Whether `folder` holds exactly what the process saw last; else what is different. So it is known that nothing
    /// escaped the recording.
    pub fn agrees_with(&self, trace: &Trace, folder: &Path) -> Result<()> {
        let everything = Chance::of(0);
        for (path, node) in &self.live {
            let Node::File(file) = node else { continue };
            let found = fs::read(folder.join(path)).with_context(|| format!("{path} was recorded"))?;
            ensure!(
                found == self.contents(*file, trace, None, (Keep::All, &everything)),
                "{path} has bytes that were not recorded"
            );
        }
        let mut open = vec![folder.to_owned()];
        while let Some(next) = open.pop() {
            for entry in fs::read_dir(&next)? {
                let entry = entry?;
                let path = entry.path();
                // The administrative socket holds no bytes, and no start depends on it.
                if entry.file_type()?.is_socket() {
                    continue;
                }
                let name = path.strip_prefix(folder)?.display().to_string();
                ensure!(self.live.contains_key(&name), "{name} was not recorded");
                if path.is_dir() {
                    open.push(path);
                }
            }
        }
        Ok(())
    }
}

fn apply(names: &mut BTreeMap<String, Node>, effects: &[(String, Option<Node>)]) {
    for (path, node) in effects {
        match node {
            Some(node) => names.insert(path.clone(), *node),
            None => names.remove(path),
        };
    }
}

impl File {
    /// Makes all changes before number `upto` durable.
    fn flush(&mut self, upto: usize, bytes: &[u8]) {
        let due = upto.saturating_sub(self.flushed).min(self.pending.len());
        for change in self.pending.drain(..due) {
            change.apply(&mut self.durable, bytes);
        }
        self.flushed += due;
    }
}

impl Change {
    fn apply(&self, contents: &mut Vec<u8>, bytes: &[u8]) {
        match self {
            Self::Write { offset, data } => put(
                contents,
                usize::try_from(*offset).unwrap_or_default(),
                &bytes[data.clone()],
            ),
            Self::Truncate(len) => contents.resize(usize::try_from(*len).unwrap_or_default(), 0),
        }
    }
}

fn put(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if contents.len() < end {
        contents.resize(end, 0);
    }
    contents[offset..end].copy_from_slice(bytes);
}

/// Writes whole, not at all, or any of its sectors.
fn torn(contents: &mut Vec<u8>, offset: u64, bytes: &[u8], chance: &Chance) {
    let offset = usize::try_from(offset).unwrap_or_default();
    match chance.between(0, 4) {
        0 => {}
        1 => put(contents, offset, bytes),
        _ => {
            let mut at = 0;
            while at < bytes.len() {
                let end = (at + SECTOR - (offset + at) % SECTOR).min(bytes.len());
                if chance.one_in(2) {
                    put(contents, offset + at, &bytes[at..end]);
                }
                at = end;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> (Trace, Disk) {
        let trace = Trace {
            bytes: b"abcd".to_vec(),
            ops: Vec::new(),
        };
        let mut disk = Disk::default();
        disk.play(
            &trace,
            &Op::Create {
                path: "a.tmp".to_owned(),
                inode: 7,
            },
        );
        disk.play(
            &trace,
            &Op::Write {
                inode: 7,
                offset: 0,
                data: 0..4,
                through: false,
            },
        );
        (trace, disk)
    }

    fn left(trace: &Trace, disk: &Disk, name: &str) -> Option<Vec<u8>> {
        let folder = std::env::temp_dir().join(format!("millrace-trace-{}-{name}", std::process::id()));
        crate::world::clear(&folder).unwrap();
        disk.cut(trace, None, (Keep::Nothing, &Chance::of(1)), &folder)
            .unwrap();
        let found = fs::read(folder.join("a")).ok();
        fs::remove_dir_all(&folder).unwrap();
        found
    }

    #[test]
    fn what_is_not_synced_is_gone_and_what_is_stays() {
        let (trace, mut disk) = world();
        disk.play(
            &trace,
            &Op::Rename {
                from: "a.tmp".to_owned(),
                to: "a".to_owned(),
            },
        );
        assert_eq!(left(&trace, &disk, "nothing"), None);
        disk.play(
            &trace,
            &Op::SyncBegin {
                path: String::new(),
                inode: 1,
                id: 1,
            },
        );
        disk.play(&trace, &Op::SyncEnd { id: 1 });
        assert_eq!(left(&trace, &disk, "name"), Some(Vec::new()));
        disk.play(
            &trace,
            &Op::SyncBegin {
                path: "a".to_owned(),
                inode: 7,
                id: 2,
            },
        );
        // Behind the beginning of the sync: not covered by it.
        disk.play(
            &trace,
            &Op::Write {
                inode: 7,
                offset: 4,
                data: 0..4,
                through: false,
            },
        );
        disk.play(&trace, &Op::SyncEnd { id: 2 });
        assert_eq!(left(&trace, &disk, "bytes"), Some(b"abcd".to_vec()));
        disk.play(
            &trace,
            &Op::Write {
                inode: 7,
                offset: 0,
                data: 2..4,
                through: true,
            },
        );
        assert_eq!(left(&trace, &disk, "through"), Some(b"cdcdabcd".to_vec()));
    }
}
