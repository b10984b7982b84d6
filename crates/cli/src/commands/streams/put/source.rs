//! Where records come from: arguments, lines of files or of standard input, whole files.
//!
//! Files are read by a thread of their own, because reading standard input cannot be interrupted.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use millrace_base::{Rng, tasks};
use tokio::sync::mpsc::{self, error::TryRecvError};

use super::limits::{READ_AHEAD_MAX, RECORD_BYTES_MAX};

/// What is read.
pub(super) enum Kind {
    /// Records of the command line, then whole files.
    Given {
        records: Vec<String>,
        blobs: Vec<PathBuf>,
    },
    /// Lines of these files; of standard input where there is none.
    Lines { files: Vec<PathBuf> },
}

/// Where a record's partition key comes from.
pub(super) enum Keys {
    /// The same for all.
    Fixed(String),
    /// Another one for each.
    Random(Arc<dyn Rng>),
    /// A member of the record, which is a JSON object.
    Member(Vec<String>),
}

/// A record to put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// Where it stood, for messages.
    pub(super) place: String,
    pub(super) key: String,
    pub(super) data: Bytes,
}

/// What the reader yields: a record, or why one cannot be put.
pub(super) type Read1 = Result<Input, (String, String)>;

/// Yields records as they are read.
pub(super) struct Source {
    receiver: mpsc::Receiver<Result<Read1>>,
}

impl Kind {
    /// How much there is to read, where that is known.
    pub(super) fn bytes(&self) -> Option<u64> {
        let size = |path: &PathBuf| {
            std::fs::metadata(path)
                .ok()
                .filter(std::fs::Metadata::is_file)
                .map(|meta| meta.len())
        };
        match self {
            Self::Given { records, blobs } => {
                let given: usize = records.iter().map(String::len).sum();
                let files: Option<u64> = blobs.iter().map(size).sum();
                Some(files? + given as u64)
            }
            Self::Lines { files } if files.is_empty() => None,
            Self::Lines { files } => files.iter().map(size).sum(),
        }
    }
}

impl Source {
    /// Starts to read.
    pub(super) fn open(kind: Kind, keys: Keys) -> Result<Self> {
        // A file that is not there is noticed before anything is sent.
        let files = match &kind {
            Kind::Given { blobs, .. } => blobs,
            Kind::Lines { files } => files,
        };
        for path in files {
            File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        }
        let (sender, receiver) = mpsc::channel(READ_AHEAD_MAX);
        tasks::thread("read-records", move || {
            let reader = Reader { keys, sender };
            if let Err(Stop::Failed(error)) = reader.all(kind) {
                let _ = reader.sender.blocking_send(Err(error));
            }
        })?;
        Ok(Self { receiver })
    }

    /// Waits for the next record; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Result<Read1>> {
        self.receiver.recv().await
    }

    /// The next record if it is there already.
    pub(super) fn ready(&mut self) -> Result<Result<Read1>, TryRecvError> {
        self.receiver.try_recv()
    }
}

enum Stop {
    /// Nobody wants more.
    Done,
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

struct Reader {
    keys: Keys,
    sender: mpsc::Sender<Result<Read1>>,
}

impl Reader {
    fn all(&self, kind: Kind) -> Result<(), Stop> {
        match kind {
            Kind::Given { records, blobs } => {
                for (nth, record) in records.into_iter().enumerate() {
                    self.deliver(format!("record {}", nth + 1), record.into_bytes())?;
                }
                for path in blobs {
                    let mut data = Vec::new();
                    let file = File::open(&path)?;
                    file.take(RECORD_BYTES_MAX as u64 + 1).read_to_end(&mut data)?;
                    self.deliver(path.display().to_string(), data)?;
                }
            }
            Kind::Lines { files } if files.is_empty() => self.lines("line", std::io::stdin().lock())?,
            Kind::Lines { files } => {
                for path in files {
                    let name = path.display().to_string();
                    self.lines(
                        &name,
                        BufReader::with_capacity(256 << 10, File::open(Path::new(&path))?),
                    )?;
                }
            }
        }
        Ok(())
    }

    fn lines(&self, name: &str, mut input: impl BufRead) -> Result<(), Stop> {
        let mut number = 0u64;
        while let Some(line) = line(&mut input)? {
            number += 1;
            if !line.is_empty() {
                self.deliver(format!("{name} {number}"), line)?;
            }
        }
        Ok(())
    }

    fn deliver(&self, place: String, data: Vec<u8>) -> Result<(), Stop> {
        let read = self.input(place, data);
        self.sender.blocking_send(Ok(read)).map_err(|_| Stop::Done)
    }

    fn input(&self, place: String, data: Vec<u8>) -> Read1 {
        if data.len() > RECORD_BYTES_MAX {
            return Err((place, "a record has at most 10 MiB".to_owned()));
        }
        let key = match &self.keys {
            Keys::Fixed(key) => key.clone(),
            Keys::Random(rng) => rng.uuid(),
            Keys::Member(path) => match member(&data, path) {
                Ok(key) => key,
                Err(why) => return Err((place, why)),
            },
        };
        Ok(Input {
            place,
            key,
            data: data.into(),
        })
    }
}

/// The next line without its end, cut one byte behind the bound; the rest of a cut line is passed over.
fn line(input: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let bound = RECORD_BYTES_MAX as u64 + 2;
    if input.by_ref().take(bound).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() as u64 == bound {
        input.skip_until(b'\n')?;
    }
    Ok(Some(line))
}

/// The text or number that `path` leads to.
fn member(data: &[u8], path: &[String]) -> Result<String, String> {
    let object: serde_json::Value =
        serde_json::from_slice(data).map_err(|error| format!("it is no JSON: {error}"))?;
    let mut value = &object;
    for name in path {
        value = value
            .get(name)
            .ok_or_else(|| format!("it has no member '{}'", path.join(".")))?;
    }
    match value {
        serde_json::Value::String(text) if !text.is_empty() => Ok(text.clone()),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        serde_json::Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(format!(
            "its member '{}' is no partition key: a text or a number is",
            path.join(".")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_their_ends_and_bounded() {
        let mut input = &b"a\r\n\nlast"[..];
        let mut lines = Vec::new();
        while let Some(line) = line(&mut input).unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(lines, ["a", "", "last"]);

        let mut long = vec![b'x'; RECORD_BYTES_MAX + 100];
        long.extend_from_slice(b"\nnext\n");
        let mut input = &long[..];
        assert!(line(&mut input).unwrap().unwrap().len() > RECORD_BYTES_MAX);
        assert_eq!(line(&mut input).unwrap().unwrap(), b"next");
    }

    #[test]
    fn keys_come_out_of_objects() {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let data = br#"{"id":7,"user":{"name":"a"},"tags":[],"none":""}"#;
        assert_eq!(member(data, &path("id")).unwrap(), "7");
        assert_eq!(member(data, &path("user.name")).unwrap(), "a");
        for wrong in ["nothing", "user", "tags", "none", "user.name.more"] {
            assert!(member(data, &path(wrong)).is_err(), "{wrong}");
        }
        assert!(member(b"{", &path("id")).unwrap_err().contains("no JSON"));
    }
}
