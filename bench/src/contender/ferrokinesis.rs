//! ferrokinesis: an emulator in Rust that keeps records in memory.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{About, Contender, Kind, Place, install};

const NAME: &str = "ferrokinesis";
const VERSION: &str = "0.7.0";

/// The rival.
pub struct Ferrokinesis;

impl Contender for Ferrokinesis {
    fn about(&self) -> About {
        About {
            name: NAME,
            durable: false,
            signatures: false,
            kind: Kind::Api,
        }
    }

    fn install(&self, home: &Path) -> Result<()> {
        install::rust(home, NAME, VERSION)
    }

    fn command(&self, place: &Place) -> Result<Command> {
        let mut command = Command::new(install::rust_program(&place.home, NAME));
        command.arg("--port").arg(place.port.to_string());
        Ok(command)
    }

    fn mallocs(&self) -> bool {
        true
    }
}
