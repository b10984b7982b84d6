//! This server, as it comes and without signatures.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::{About, Contender, Kind, Place, speaks_http};

/// Millrace.
pub struct Millrace {
    program: PathBuf,
    signatures: bool,
}

impl Millrace {
    /// Of this program; with or without verified signatures.
    pub fn new(program: &Path, signatures: bool) -> Self {
        Self {
            program: program.to_owned(),
            signatures,
        }
    }
}

impl Contender for Millrace {
    fn about(&self) -> About {
        About {
            name: if self.signatures {
                "millrace"
            } else {
                "millrace, auth none"
            },
            durable: true,
            signatures: self.signatures,
            kind: Kind::Ours,
        }
    }

    fn install(&self, _: &Path) -> Result<()> {
        ensure!(self.program.exists(), "{} is not built", self.program.display());
        Ok(())
    }

    fn command(&self, place: &Place) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command
            .args(["serve", "--listen"])
            .arg(format!("127.0.0.1:{}", place.port))
            .arg("--data-dir")
            .arg(&place.data)
            .env("MILLRACE_LOG_LEVEL", "warn");
        if !self.signatures {
            command.env("MILLRACE_AUTH", "none");
        }
        Ok(command)
    }

    fn answers(&self, port: u16) -> bool {
        speaks_http(port, "/readyz")
    }

    fn mallocs(&self) -> bool {
        true
    }
}
