//! The server under test: the built binary on a free port, with a data directory and certificate of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Longest a start may take, builds excluded.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// A running server; killed when dropped.
pub struct Server {
    binary: PathBuf,
    child: Child,
    port: u16,
    data: PathBuf,
}

impl Server {
    /// Starts it with `settings` on a fresh data directory and waits until it says where it listens.
    pub fn start(binary: &Path, root: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let data = root.join("target/conformance/data");
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .env("MILLRACE_TLS_SELF_SIGNED", "true")
            .env("MILLRACE_CLOUDWATCH_SAMPLE_SECS", "1")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting the server")?;
        let (found, port) = mpsc::channel();
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|o| Box::new(o) as _),
            child.stderr.take().map(|o| Box::new(o) as _),
        ];
        for output in outputs.into_iter().flatten() {
            let found = found.clone();
            // Reads to the end, so that the server never blocks on a full pipe.
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if let Some(port) = port_in(&line) {
                        let _ = found.send(port);
                    } else if line.contains("panicked") || line.contains("ERROR") {
                        println!("   server: {line}");
                    }
                }
            });
        }
        let until = Instant::now() + START_PATIENCE;
        loop {
            if let Ok(port) = port.recv_timeout(Duration::from_millis(100)) {
                return Ok(Self {
                    binary: binary.to_owned(),
                    child,
                    port,
                    data,
                });
            }
            if let Some(status) = child.try_wait()? {
                bail!("the server ended at once: {status}");
            }
            if Instant::now() > until {
                let _ = child.kill();
                bail!("the server did not say where it listens");
            }
        }
    }

    /// What a client is told.
    pub fn environment(&self, scheme: &str) -> Vec<(String, String)> {
        let mut variables = vec![
            (
                "ENDPOINT".to_owned(),
                format!("{scheme}://127.0.0.1:{}", self.port),
            ),
            ("DATA_DIR".to_owned(), self.data.display().to_string()),
            ("MILLRACE".to_owned(), self.binary.display().to_string()),
            ("AWS_REGION".to_owned(), "us-east-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
            ("PYTHONUNBUFFERED".to_owned(), "1".to_owned()),
            ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()),
        ];
        if scheme == "https" {
            let ca = self.data.join("tls/ca.pem").display().to_string();
            variables.push(("NODE_EXTRA_CA_CERTS".to_owned(), ca.clone()));
            variables.push(("CA_FILE".to_owned(), ca));
        }
        variables
    }

    /// Stops it with SIGTERM; an error when it had died before or does not stop.
    pub fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended during the run: {status}");
        }
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("the server ended with {status} after SIGTERM");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the server did not stop within 30 s of SIGTERM")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("://127.0.0.1:")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
