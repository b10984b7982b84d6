//! `millrace admin restore`: a data directory out of a backup.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use millrace_server::backup::{BackupError, restore};

use crate::commands::server::Options;
use crate::output::{Output, follow, note, progress_bar};

/// Makes a data directory of a backup. It must be missing or empty; every file is held against its checksum before
/// anything is moved into place. Then start a server on it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The backup
    backup: PathBuf,
    #[command(flatten)]
    server: Options,
}

/// Restores it.
pub(super) fn run(args: &Args, out: Output) -> Result<()> {
    let config = args.server.load()?;
    let dir = config.storage.dir().ok_or(BackupError::InMemory)?;
    let bar = progress_bar(Some(0));
    let restored = restore(&args.backup, dir, &mut follow(&bar));
    bar.finish_and_clear();
    let restored = restored.with_context(|| format!("restoring {}", args.backup.display()))?;
    if restored.master_keys
        && let Some(keys) = &config.keys.dir
    {
        note(format_args!(
            "the master keys of the backup are in {}: move them to {}, which keys.dir names, before the server starts",
            dir.join("keys").display(),
            keys.display()
        ));
    }
    out.document(&restored, || {
        vec![
            format!(
                "{} is as it was at {}: {} files, {} bytes",
                restored.data_dir.display(),
                restored.made,
                restored.files,
                restored.bytes
            ),
            format!(
                "start it with: millrace serve --data-dir {}",
                restored.data_dir.display()
            ),
        ]
    })?;
    Ok(())
}
