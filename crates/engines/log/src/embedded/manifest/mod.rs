//! The MANIFEST: which logs and files there are, and from where on the write-ahead log counts.
//!
//! It is written anew at every open and when its edits outgrow its tables (written aside, synced, renamed, the
//! directory synced); between, frames of edits are appended and synced. A frame that does not pass ends the file:
//! it was never acted upon.

pub(crate) mod format;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::disk::{Access, Disk, DiskFile};
use crate::embedded::codec::as_u64;
use crate::{LogId, embedded::options::OpenError};
use format::{Edit, FORMAT_VERSION, FileMeta, HEADER_BYTES, HeaderError, LogMeta};

pub(crate) const NAME: &str = "MANIFEST";
const ASIDE: &str = "MANIFEST.tmp";
/// Edits that may pile up before the tables are written anew, however small those are.
const EDIT_BYTES_MIN: u64 = 1 << 20;

/// What the MANIFEST says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    pub(crate) epoch: u64,
    /// The last batch that the tables contain, and its epoch.
    pub(crate) trimmed: (u64, u64),
    pub(crate) logs: BTreeMap<LogId, LogMeta>,
    pub(crate) files: BTreeMap<u64, FileMeta>,
}

impl Tables {
    fn apply(&mut self, edit: &Edit) {
        match *edit {
            Edit::Epoch(epoch) => self.epoch = epoch,
            Edit::WalTrim { seq, epoch } => self.trimmed = (seq, epoch),
            Edit::Log(id, meta) => {
                self.logs.insert(id, meta);
            }
            Edit::LogDeleted(id) => {
                self.logs.remove(&id);
            }
            Edit::FileAdded(id, meta) => {
                self.files.insert(id, meta);
            }
            Edit::FileRemoved(id) => {
                self.files.remove(&id);
            }
        }
    }

    fn edits(&self) -> Vec<Edit> {
        let mut edits = vec![
            Edit::Epoch(self.epoch),
            Edit::WalTrim {
                seq: self.trimmed.0,
                epoch: self.trimmed.1,
            },
        ];
        edits.extend(self.logs.iter().map(|(id, meta)| Edit::Log(*id, *meta)));
        edits.extend(self.files.iter().map(|(id, meta)| Edit::FileAdded(*id, *meta)));
        edits
    }
}

/// Reads a whole MANIFEST.
pub(crate) fn decode(bytes: &[u8]) -> Result<(u64, Tables), HeaderError> {
    let key = format::decode_header(bytes)?;
    match decode_frames(key, bytes) {
        // The tables were synced before the file got its name.
        (_, 0, _) => Err(HeaderError::Damaged),
        (tables, _, _) => Ok((key, tables)),
    }
}

/// Reads the frames of a MANIFEST: the tables, how many frames say that, and where the last of those ends.
pub(crate) fn decode_frames(key: u64, bytes: &[u8]) -> (Tables, u64, usize) {
    let mut tables = Tables::default();
    let (mut at, mut seq) = (HEADER_BYTES, 0);
    while let Some((edits, len)) = bytes
        .get(at..)
        .and_then(|rest| format::decode_frame(key, seq, rest))
    {
        edits.iter().for_each(|edit| tables.apply(edit));
        at += len;
        seq += 1;
    }
    (tables, seq, at)
}

/// The bytes of a MANIFEST that says just these tables.
pub(crate) fn encode(key: u64, tables: &Tables) -> Vec<u8> {
    let mut bytes = format::encode_header(key).to_vec();
    bytes.extend_from_slice(&format::encode_frame(key, 0, &tables.edits()));
    bytes
}

/// Reads the store's MANIFEST; `None` when there is none.
pub(crate) fn load(disk: &dyn Disk) -> Result<Option<(u64, Tables)>, OpenError> {
    let failed = |source| OpenError::Io {
        doing: "read",
        file: NAME.to_owned(),
        source,
    };
    let file = match disk.open(NAME, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let len = file.len().map_err(failed)?;
    let mut bytes = vec![0; usize::try_from(len).map_err(|_| failed(io::ErrorKind::FileTooLarge.into()))?];
    let read = file.read_at(&mut bytes, 0).map_err(failed)?;
    bytes.truncate(read);
    decode(&bytes).map(Some).map_err(|error| match error {
        HeaderError::Version(found) => OpenError::Version {
            file: NAME.to_owned(),
            found,
            known: FORMAT_VERSION,
        },
        HeaderError::Damaged => OpenError::Damaged {
            file: NAME.to_owned(),
            detail: "its header or its tables do not have their checksum".to_owned(),
        },
    })
}

/// The open MANIFEST.
#[derive(Debug)]
pub(crate) struct Manifest {
    disk: Arc<dyn Disk>,
    key: u64,
    tables: Tables,
    file: Arc<dyn DiskFile>,
    next_frame: u64,
    end: u64,
    tables_bytes: u64,
}

impl Manifest {
    /// Writes `tables` as the store's MANIFEST, replacing the old one in one step.
    pub(crate) fn write(disk: Arc<dyn Disk>, key: u64, tables: Tables) -> io::Result<Self> {
        let (file, end) = write_tables(&*disk, key, &tables)?;
        Ok(Self {
            disk,
            key,
            tables,
            file,
            next_frame: 1,
            end,
            tables_bytes: end,
        })
    }

    /// What it says.
    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Applies `edits` as one; they are durable when this returns. After an error other than a full disk nothing
    /// is known about them, and the store must not go on.
    pub(crate) fn append(&mut self, edits: &[Edit]) -> io::Result<()> {
        if self.end - self.tables_bytes > self.tables_bytes.max(EDIT_BYTES_MIN) {
            let (file, end) = write_tables(&*self.disk, self.key, &self.tables)?;
            (self.file, self.end, self.tables_bytes, self.next_frame) = (file, end, end, 1);
        }
        let frame = format::encode_frame(self.key, self.next_frame, edits);
        self.file.write_at(&frame, self.end)?;
        // Whatever a failed sync says, what it left is unknown; only a failed write is known to be no frame.
        self.file.sync().map_err(io::Error::other)?;
        self.end += as_u64(frame.len());
        self.next_frame += 1;
        edits.iter().for_each(|edit| self.tables.apply(edit));
        Ok(())
    }
}

fn write_tables(disk: &dyn Disk, key: u64, tables: &Tables) -> io::Result<(Arc<dyn DiskFile>, u64)> {
    match disk.unlink(ASIDE) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.open(ASIDE, Access::Create)?;
    let bytes = encode(key, tables);
    file.write_at(&bytes, 0)?;
    // From here on no error, whatever it says, means that nothing has changed.
    file.sync().map_err(io::Error::other)?;
    disk.rename(ASIDE, NAME).map_err(io::Error::other)?;
    disk.sync_dir().map_err(io::Error::other)?;
    Ok((file, as_u64(bytes.len())))
}
