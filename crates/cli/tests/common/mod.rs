//! Runs the real binary.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests, of which every test file uses its part"
)]

mod raw;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use serde_json::Value;

pub use raw::{Client, Server, base64};

/// The command without anything of this process's environment that would steer it.
pub fn millrace() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("AWS_") || name.starts_with("MILLRACE_") {
            command.env_remove(&*name);
        }
    }
    command
}

/// A server that is killed when it is dropped.
pub struct Served {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub banner: String,
    pub endpoint: String,
}

impl Served {
    /// Starts a server on a free port.
    pub fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, &[])
    }

    pub fn start_with(data_dir: &Path, more: &[&str]) -> Self {
        let mut child = millrace()
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--set",
                "log.level=warn",
                "--data-dir",
            ])
            .arg(data_dir)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("millrace streams tail") {
            assert_ne!(
                stdout.read_line(&mut banner).unwrap(),
                0,
                "the server ended before it was ready: {banner}"
            );
        }
        let (_, endpoint) = banner.split_once("is ready at ").unwrap();
        let endpoint = endpoint.lines().next().unwrap().to_owned();
        Self {
            child,
            stdout,
            banner,
            endpoint,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits for its end.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Kills it as a crash would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Runs `millrace streams …` against it.
    pub fn streams(&self, args: &[&str]) -> Output {
        self.streams_with_input(args, b"")
    }

    pub fn streams_with_input(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = millrace()
            .args(["streams", "--endpoint", &self.endpoint])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// Runs it with `--json`, which must succeed.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.streams(&[args, &["--json"]].concat());
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs `tail … --json --no-follow` and yields its records.
    pub fn tail(&self, args: &[&str]) -> Vec<Value> {
        let output = self.streams(&[&["tail"], args, &["--json", "--no-follow"]].concat());
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        lines(&output.stdout)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that is killed when it is dropped.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal to a process that a test started.
pub fn signal(id: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &id.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// One JSON document a line.
pub fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
