//! A server's process: how it is started, and what the operating system says it used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::contender::{Contender, Place};

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(60);
/// How long what a server put off is waited for.
const SETTLE: Duration = Duration::from_secs(10);
/// CPU seconds within 300 ms below which a server is taken to be idle: two ticks, for some never rest altogether.
const IDLE_S: f64 = 0.021;

/// A running server; killed when dropped, with all it started, and its data removed.
pub struct Running {
    child: Child,
    /// Its port on the loopback address.
    pub port: u16,
    /// From spawn to the first answered request.
    pub start: Duration,
    place: Place,
    log: PathBuf,
}

impl Running {
    /// Starts a contender on a free port with an empty data directory, and waits for its first answer.
    pub fn start(contender: &dyn Contender, home: &Path, work: &Path) -> Result<Self> {
        Self::start_with(contender, (home, work), &[])
    }

    /// The same, with more in its environment.
    pub fn start_with(
        contender: &dyn Contender,
        (home, work): (&Path, &Path),
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let port = free_port()?;
        let name = contender.about().name;
        let data = work.join(format!(
            "data-{}",
            name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
        ));
        let _ = fs::remove_dir_all(&data);
        fs::create_dir_all(&data)?;
        let place = Place {
            home: home.to_owned(),
            data: fs::canonicalize(data)?,
            port,
        };
        let log = work.join("server.log");
        let mut command = contender.command(&place)?;
        command.envs(environment.iter().copied());
        let (child, start) = spawn(contender, command, port, &log)?;
        Ok(Self {
            child,
            port,
            start,
            place,
            log,
        })
    }

    /// Ends it the hard way and starts it again on the same data; how long that took until it answered.
    pub fn restart(&mut self, contender: &dyn Contender) -> Result<Duration> {
        self.settle();
        self.child.kill()?;
        self.child.wait()?;
        let command = contender.command(&self.place)?;
        let took;
        (self.child, took) = spawn(contender, command, self.port, &self.log)?;
        Ok(took)
    }

    /// CPU seconds used so far, user and system, by the process and its children.
    pub fn cpu_seconds(&self) -> f64 {
        self.tree().iter().filter_map(|pid| cpu_seconds(*pid)).sum()
    }

    /// Waits until it has nothing left to do, 10 s at most: what it put off belongs to what it was asked.
    pub fn settle(&self) {
        let begun = Instant::now();
        let mut before = self.cpu_seconds();
        while begun.elapsed() < SETTLE {
            std::thread::sleep(Duration::from_millis(300));
            let now = self.cpu_seconds();
            if now - before < IDLE_S {
                return;
            }
            before = now;
        }
    }

    /// Resident memory of the process and its children, in MiB.
    pub fn rss_mib(&self) -> f64 {
        self.memory("VmRSS:")
    }

    /// The most that was ever resident, in MiB.
    pub fn peak_mib(&self) -> f64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, line: &str) -> f64 {
        let kib: f64 = self.tree().iter().filter_map(|pid| memory(*pid, line)).sum();
        kib / 1024.0
    }

    /// The process and all below it.
    pub fn tree(&self) -> Vec<u32> {
        let mut tree = vec![self.child.id()];
        let mut next = 0;
        while let Some(pid) = tree.get(next) {
            let children = format!("/proc/{pid}/task/{pid}/children");
            let listed = fs::read_to_string(children).unwrap_or_default();
            tree.extend(
                listed
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
            next += 1;
        }
        tree
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for pid in self.tree() {
            if let Ok(pid) = i32::try_from(pid) {
                // SAFETY: a plain system call; the processes are this one's own children.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
        }
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.place.data);
    }
}

/// A port of the loopback address that nobody listens on.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn spawn(
    contender: &dyn Contender,
    mut command: Command,
    port: u16,
    log: &Path,
) -> Result<(Child, Duration)> {
    let name = contender.about().name;
    let file = fs::File::create(log)?;
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    while !contender.answers(port) {
        if let Some(status) = child.try_wait()? {
            let said = fs::read_to_string(log).unwrap_or_default();
            let said = said.lines().last().unwrap_or("nothing");
            bail!("it ended at once: {status}; it said: {said}");
        }
        if begun.elapsed() > START {
            let _ = child.kill();
            let _ = child.wait();
            bail!("it does not answer");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((child, begun.elapsed()))
}

/// CPU seconds of one process, user and system; `None` where there is none.
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // SAFETY: sysconf has no precondition.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Some(ticks as f64 / per_second as f64)
}

fn memory(pid: u32, line: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(line))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
