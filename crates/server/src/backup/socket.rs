//! `admin.sock` in the data directory: how a command on the server's machine asks a running server for a backup.
//!
//! ```text
//! command: {"do":"backup"}\n
//! server:  {"staged":"/var/lib/millrace/log/backup","batch":42,"keys":"/var/lib/millrace/keys"}\n   or {"error":"…"}\n
//! ```
//! What is staged stays until the command closes its end, whether it is done or dead. Only the server's user gets through:
//! the socket's mode is 0600, its directory's 0700, and the server asks the kernel who is there.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_base::{Clock as _, SystemClock, Tasks};
use millrace_log::EmbeddedLog;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader as AsyncReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;

use super::stage::{Staged, clear, stage};
use crate::limits::{ACCEPT_PAUSE, ADMIN_LINE_BYTES_MAX, ADMIN_PATIENCE, BUSY_PATIENCE, STAGE_PATIENCE};

const NAME: &str = "admin.sock";
/// Longest path that a socket's address takes on every system.
const PATH_BYTES_MAX: usize = 100;

/// The socket's name, which goes when the server stops. After a crash the next start removes it.
struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The server's end.
#[derive(Debug)]
pub(crate) struct AdminSocket {
    dir: PathBuf,
    log: Arc<EmbeddedLog>,
    /// Where master keys are, unless another service has them.
    keys: Option<PathBuf>,
    /// One backup at a time.
    busy: Mutex<()>,
}

impl AdminSocket {
    /// Listens in the data directory until the tasks stop. The caller has the store open, so that whatever is there is
    /// left of a former run.
    pub(crate) fn open(
        dir: &Path,
        log: Arc<EmbeddedLog>,
        keys: Option<PathBuf>,
        tasks: &Tasks,
    ) -> io::Result<()> {
        let dir = fs::canonicalize(dir)?;
        clear(&dir)?;
        match fs::remove_file(dir.join(NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = at(&dir, UnixListener::bind)?;
        fs::set_permissions(dir.join(NAME), fs::Permissions::from_mode(0o600))?;
        let owner = fs::metadata(dir.join(NAME))?.uid();
        let name = Name(dir.join(NAME));
        let keys = keys.map(|keys| fs::canonicalize(&keys).unwrap_or(keys));
        let socket = Arc::new(Self {
            dir,
            log,
            keys,
            busy: Mutex::default(),
        });
        let (group, clock) = (tasks.clone(), SystemClock::new());
        tasks.spawn_until_stop(async move {
            let _name = name;
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // No descriptor is free, most likely.
                    clock.sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                let is_owner = stream
                    .peer_cred()
                    .is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0);
                if is_owner {
                    let socket = Arc::clone(&socket);
                    group.spawn_until_stop(async move {
                        if let Err(error) = socket.serve(stream).await {
                            tracing::debug!(%error, "an administrative connection broke");
                        }
                    });
                }
            }
        });
        Ok(())
    }

    async fn serve(&self, stream: UnixStream) -> io::Result<()> {
        let (reading, mut writing) = stream.into_split();
        let mut reading = AsyncReader::new(reading.take(ADMIN_LINE_BYTES_MAX));
        let mut line = String::new();
        let asked = tokio::time::timeout(ADMIN_PATIENCE, reading.read_line(&mut line));
        asked.await.map_err(io::Error::other)??;
        let question: Value = serde_json::from_str(&line).unwrap_or_default();
        let answer = |answer: Value| async move {
            let line = format!("{answer}\n");
            writing.write_all(line.as_bytes()).await.map(|()| writing)
        };
        if question["do"] != "backup" {
            let text = "this server only knows how to do a backup; the command is of another version";
            answer(json!({ "error": text })).await?;
            return Ok(());
        }
        // One that is done still has to be cleared away.
        let Ok(_busy) = tokio::time::timeout(BUSY_PATIENCE, self.busy.lock()).await else {
            answer(json!({ "error": "another backup is under way" })).await?;
            return Ok(());
        };
        let staged = match stage(&self.log, &self.dir).await {
            Ok(staged) => staged,
            Err(error) => {
                tracing::warn!(%error, "a backup could not be staged");
                answer(json!({ "error": error.to_string() })).await?;
                return Ok(());
            }
        };
        tracing::info!(batch = staged.batch, "a backup is taken");
        let told = answer(json!({ "staged": staged.dir, "batch": staged.batch, "keys": self.keys })).await;
        if let Ok(writing) = told {
            // It is done, or dead.
            let mut rest = Vec::new();
            let _ = reading.read_to_end(&mut rest).await;
            drop(writing);
        }
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || clear(&dir))
            .await
            .map_err(io::Error::other)?
    }
}

/// A running server that holds a staged state for this end.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) staged: Staged,
    pub(super) keys: Option<PathBuf>,
    /// Dropping it lets the state go.
    _stream: BlockingStream,
}

/// What came of a question.
#[derive(Debug)]
pub(super) enum Asked {
    Held(Held),
    /// The server's sentence.
    Refused(String),
    /// Nobody listens.
    Nobody(io::Error),
}

/// Asks the server that has the data directory `dir` to stage its state. Blocks.
pub(super) fn ask(dir: &Path) -> io::Result<Asked> {
    let mut stream = match at(dir, BlockingStream::connect) {
        Ok(stream) => stream,
        Err(error) => return Ok(Asked::Nobody(error)),
    };
    stream.set_read_timeout(Some(STAGE_PATIENCE))?;
    stream.write_all(b"{\"do\":\"backup\"}\n")?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let answer: Value = serde_json::from_str(&line).unwrap_or_default();
    let path = |name: &str| answer[name].as_str().map(PathBuf::from);
    match (path("staged"), answer["batch"].as_u64()) {
        (Some(staged), Some(batch)) => Ok(Asked::Held(Held {
            staged: Staged { dir: staged, batch },
            keys: path("keys"),
            _stream: stream,
        })),
        _ => {
            let error = answer["error"].as_str().unwrap_or("it ended before it answered");
            Ok(Asked::Refused(error.to_owned()))
        }
    }
}

/// Calls `f` with the socket's address, which may be no longer than some hundred bytes: a longer one goes through the
/// directory's descriptor, where the system has such paths.
fn at<T>(dir: &Path, f: impl FnOnce(PathBuf) -> io::Result<T>) -> io::Result<T> {
    let path = dir.join(NAME);
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return f(path);
    }
    let handle = File::open(dir)?;
    f(PathBuf::from(format!(
        "/proc/self/fd/{}/{NAME}",
        handle.as_raw_fd()
    )))
}
