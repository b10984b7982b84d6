//! fakecloud: an emulator of many services in Rust that keeps records in memory.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{About, Contender, Kind, Place, install};

const NAME: &str = "fakecloud";
const VERSION: &str = "0.51.0";

/// The rival.
pub struct Fakecloud;

impl Contender for Fakecloud {
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
        command.arg("--addr").arg(format!("127.0.0.1:{}", place.port));
        Ok(command)
    }

    fn mallocs(&self) -> bool {
        true
    }
}
