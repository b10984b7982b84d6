//! A server under load: how it is started, and what the operating system says it used.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What the bench knows of a server before it starts.
#[derive(Clone, Debug)]
pub struct Contender {
    /// Name in the tables.
    pub name: String,
    /// Program and arguments; `{port}` and `{data}` are filled in.
    pub command: Vec<String>,
    /// Environment; `{port}` is filled in.
    pub environment: Vec<(String, String)>,
    /// Where it is started; empty for here.
    pub directory: String,
    /// Whether an acknowledged record survives a power cut.
    pub durable: bool,
    /// Whether it verifies signatures.
    pub signatures: bool,
}

/// A running contender; killed when dropped, with all it started.
pub struct Running {
    child: Child,
    /// Its port on the loopback address.
    pub port: u16,
    /// From spawn to the first answered request.
    pub start: Duration,
    /// Its data directory.
    pub data: PathBuf,
}

impl Contender {
    /// Starts it on a free port and waits for its first HTTP answer.
    pub fn start(&self, work: &Path) -> Result<Running> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let data = work.join(format!(
            "data-{}",
            self.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
        ));
        let _ = fs::remove_dir_all(&data);
        fs::create_dir_all(&data)?;
        let log = fs::File::create(work.join("server.log"))?;
        let begun = Instant::now();
        let child = self.spawn(port, &data, log)?;
        let mut running = Running {
            child,
            port,
            start: Duration::ZERO,
            data,
        };
        while !answers(port) {
            if let Some(status) = running.child.try_wait()? {
                bail!(
                    "it ended at once: {status}; it said: {}",
                    last_line(&work.join("server.log"))
                );
            }
            if begun.elapsed() > Duration::from_secs(60) {
                bail!("it does not answer");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        running.start = begun.elapsed();
        Ok(running)
    }

    fn spawn(&self, port: u16, data: &Path, log: fs::File) -> Result<Child> {
        let fill = |text: &str| {
            text.replace("{port}", &port.to_string())
                .replace("{data}", &data.display().to_string())
        };
        Command::new(fill(&self.command[0]))
            .args(self.command[1..].iter().map(|a| fill(a)))
            .envs(self.environment.iter().map(|(k, v)| (k.clone(), fill(v))))
            .current_dir(if self.directory.is_empty() {
                "."
            } else {
                &self.directory
            })
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", self.name))
    }
}

fn last_line(log: &Path) -> String {
    let said = fs::read_to_string(log).unwrap_or_default();
    said.lines().last().unwrap_or("nothing").to_owned()
}

fn answers(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let mut first = [0; 12];
    stream.write_all(head).is_ok() && stream.read_exact(&mut first).is_ok() && first.starts_with(b"HTTP/1.1")
}

impl Running {
    /// Ends it the hard way and starts it again on the same data; how long that took until it answered.
    pub fn restart(&mut self, contender: &Contender, work: &Path) -> Result<Duration> {
        self.settle();
        self.child.kill()?;
        self.child.wait()?;
        let begun = Instant::now();
        let log = fs::File::create(work.join("server.log"))?;
        self.child = contender.spawn(self.port, &self.data, log)?;
        while !answers(self.port) {
            if begun.elapsed() > Duration::from_secs(60) {
                bail!("it does not answer after a restart");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(begun.elapsed())
    }

    /// CPU seconds used so far, user and system, by the process and its children.
    pub fn cpu_seconds(&self) -> f64 {
        self.tree().iter().filter_map(|pid| cpu(*pid)).sum()
    }

    /// Waits until it has nothing left to do, 10 s at most: what it put off belongs to what it was asked.
    pub fn settle(&self) {
        let begun = Instant::now();
        let mut before = self.cpu_seconds();
        while begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(300));
            let now = self.cpu_seconds();
            if now - before < 0.011 {
                return;
            }
            before = now;
        }
    }

    /// Resident memory of the process and its children, in MiB.
    pub fn rss_mib(&self) -> f64 {
        self.tree().iter().filter_map(|pid| rss(*pid)).sum::<f64>() / 1024.0
    }

    fn tree(&self) -> Vec<u32> {
        let mut tree = vec![self.child.id()];
        let mut next = 0;
        while next < tree.len() {
            let children = format!("/proc/{0}/task/{0}/children", tree[next]);
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
        let _ = fs::remove_dir_all(&self.data);
    }
}

fn cpu(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // SAFETY: sysconf has no precondition.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Some(ticks as f64 / per_second as f64)
}

fn rss(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
