//! kinesis-local (kinesis-mock): an emulator on Node.js that keeps records in memory.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{About, Contender, Kind, Place, install};

const NAME: &str = "kinesis-local";
const VERSION: &str = "0.6.2";

/// The rival.
pub struct KinesisLocal;

impl Contender for KinesisLocal {
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
        let program = std::fs::canonicalize(install::node_program(&place.home, NAME))?;
        let mut command = Command::new(program);
        command
            .env("KINESIS_MOCK_PLAIN_PORT", place.port.to_string())
            .env("KINESIS_MOCK_TLS_PORT", "0")
            .env("SHARD_LIMIT", "100")
            .env("LOG_LEVEL", "ERROR")
            // It looks for its certificate in the directory it is started in.
            .current_dir(install::node_package(&place.home, NAME));
        Ok(command)
    }
}
