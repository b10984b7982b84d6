//! The server's process: started, asked whether it is ready, ended gently or not.

use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::Client;
use crate::preload::Control;
use crate::world::World;

/// How long a start may take, recovery included.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Setup {
    binary: PathBuf,
    /// Where its files are.
    pub data: PathBuf,
    /// What it said, all starts one behind the other.
    pub log: PathBuf,
    settings: Vec<String>,
    environment: Vec<(String, String)>,
    open_files: Option<u64>,
}

impl Setup {
    /// Small segments and early sealing, so that a short run goes through every part of the engine.
    pub fn new(world: &World, folder: &Path) -> Self {
        let setup = Self {
            binary: world.server.clone(),
            data: folder.join("data"),
            log: folder.join("server.log"),
            settings: Vec::new(),
            environment: Vec::new(),
            open_files: None,
        };
        setup
            .with("log.level=warn")
            .with("storage.segment=1MiB")
            .with("storage.seal=3MiB")
            .with("storage.tail_cache=16MiB")
            .with("storage.seal_age_secs=1")
            .with("streams.transition_ms=5")
    }

    /// With one more setting, `name=value`.
    pub fn with(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    /// With this library and its control in between.
    pub fn under(mut self, control: &Control) -> Self {
        self.environment.extend(control.environment(&self.data));
        self
    }

    /// With at most that many open files.
    pub fn open_files(mut self, most: u64) -> Self {
        self.open_files = Some(most);
        self
    }

    /// Starts it and waits until it is ready.
    pub fn start(&self) -> Result<Server> {
        let mut server = self.spawn()?;
        server.until_ready()?;
        Ok(server)
    }

    /// Starts it and does not wait.
    pub fn spawn(&self) -> Result<Server> {
        // Free until somebody else takes it, which on a loopback port is rare enough.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MILLRACE_") {
                command.env_remove(name);
            }
        }
        command
            .args(["serve", "--quiet", "--listen"])
            .arg(format!("127.0.0.1:{port}"));
        command.arg("--data-dir").arg(&self.data);
        for setting in &self.settings {
            command.arg("--set").arg(setting);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let log_start = log.metadata()?.len();
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let open_files = self.open_files;
        // SAFETY: between fork and exec only system calls are made, and nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                if let Some(most) = open_files {
                    let limit = libc::rlimit {
                        rlim_cur: most,
                        rlim_max: most,
                    };
                    if libc::setrlimit(libc::RLIMIT_NOFILE, &limit) != 0 {
                        return Err(std::io::Error::last_os_error());
                    }
                }
                Ok(())
            });
        }
        let begun = Instant::now();
        let child = command.spawn().context("starting the server")?;
        Ok(Server {
            child,
            port,
            begun,
            recovery: Duration::ZERO,
            log: self.log.clone(),
            log_start,
        })
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Its port on the loopback address.
    pub port: u16,
    begun: Instant,
    /// From the start to the first `/readyz` that says so.
    pub recovery: Duration,
    log: PathBuf,
    log_start: u64,
}

impl Server {
    /// A client with a connection of its own.
    pub fn client(&self) -> Client {
        Client::new(self.port)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn until_ready(&mut self) -> Result<()> {
        loop {
            if matches!(self.client().page("/readyz"), Ok((200, _))) {
                self.recovery = self.begun.elapsed();
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended before it was ready ({status}): {}", self.said());
            }
            if self.begun.elapsed() > START_PATIENCE {
                bail!(
                    "the server is not ready after {START_PATIENCE:?}: {}",
                    self.said()
                );
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills it as a crash would: nothing gets a chance to finish.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) -> Result<()> {
        let id = i32::try_from(self.id())?;
        // SAFETY: a plain system call on a child that was not waited for.
        if unsafe { libc::kill(id, signal) } != 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        Ok(())
    }

    /// How it ended; `None` when it still runs after `patience`.
    pub fn wait(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if begun.elapsed() >= patience {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it said since this start, the last of it.
    pub fn said(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let from = usize::try_from(self.log_start)
            .unwrap_or_default()
            .min(bytes.len());
        let text = String::from_utf8_lossy(&bytes[from..]).into_owned();
        let tail: Vec<&str> = text.lines().rev().take(4).collect();
        tail.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }

    /// CPU time it used so far, user and system.
    pub fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        let fields: Vec<i64> = stat
            .rsplit_once(')')
            .map(|(_, rest)| {
                rest.split_whitespace()
                    .filter_map(|field| field.parse().ok())
                    .collect()
            })
            .unwrap_or_default();
        // State, the third field, is a letter and falls out; utime and stime are fields 14 and 15.
        let ticks = fields.get(10).copied().unwrap_or_default() + fields.get(11).copied().unwrap_or_default();
        // SAFETY: sysconf has no precondition.
        let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        Duration::from_millis(u64::try_from(ticks * 1000 / per_second.max(1)).unwrap_or_default())
    }

    /// Files and sockets it has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).map_or(0, Iterator::count)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
