//! kinesalite: an emulator on Node.js, here with its store in memory.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{About, Contender, Kind, Place, install};

const NAME: &str = "kinesalite";
const VERSION: &str = "3.3.3";

/// The rival.
pub struct Kinesalite;

impl Contender for Kinesalite {
    fn about(&self) -> About {
        About {
            name: NAME,
            durable: false,
            signatures: false,
            kind: Kind::Api,
        }
    }

    fn install(&self, home: &Path) -> Result<()> {
        install::node(home, NAME, VERSION)
    }

    fn command(&self, place: &Place) -> Result<Command> {
        let mut command = Command::new(install::node_program(&place.home, NAME));
        command
            .arg("--port")
            .arg(place.port.to_string())
            .args(["--shardLimit", "100"]);
        Ok(command)
    }
}
