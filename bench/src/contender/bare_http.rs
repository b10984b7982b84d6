//! A server that only receives bodies and sends answers, with our HTTP library and runtime: the floor of all that
//! speak HTTP. Its program stands beside this one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{About, Contender, Kind, Place};

/// The floor.
pub struct BareHttp;

impl Contender for BareHttp {
    fn about(&self) -> About {
        About {
            name: "bare-http",
            durable: false,
            signatures: false,
            kind: Kind::Floor,
        }
    }

    fn install(&self, _: &Path) -> Result<()> {
        let program = program()?;
        ensure!(program.exists(), "{} is not built", program.display());
        Ok(())
    }

    fn command(&self, place: &Place) -> Result<Command> {
        let mut command = Command::new(program()?);
        command.arg(place.port.to_string());
        Ok(command)
    }
}

fn program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("a program lies in a folder")?;
    Ok(folder.join("bare-http"))
}
