//! `millrace admin backup`: a copy of everything, on the machine of the server, running or stopped.

use std::path::PathBuf;

use anyhow::Result;
use millrace_server::backup::{Wanted, backup};

use crate::commands::server::Options;
use crate::output::{Output, follow, note, progress_bar};
use crate::seams;

/// Copies everything that a server has into a new directory, at one moment, while the server goes on or is stopped. Run
/// it on the server's machine, as the server's user; the data directory is found by the server's configuration. The copy
/// has everything that was acknowledged before: records, streams, queues, channels, tables, users, metrics and – unless
/// told otherwise – the master keys. 'millrace admin restore' makes a data directory of it again.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory to make, best on another disk
    target: PathBuf,
    /// Leave the master keys out; without them what is encrypted cannot be read
    #[arg(long)]
    without_keys: bool,
    #[command(flatten)]
    server: Options,
}

/// Makes it.
pub(super) fn run(args: &Args, out: Output) -> Result<()> {
    let config = args.server.load()?;
    let wanted = Wanted {
        master_keys: !args.without_keys,
    };
    seams::block_on(|_| async move {
        let bar = progress_bar(Some(0));
        let taken = tokio::select! {
            taken = backup(&config, &args.target, wanted, follow(&bar)) => taken,
            () = seams::interrupted() => {
                bar.finish_and_clear();
                note(format_args!("interrupted: remove {}.partial", args.target.display()));
                return Err(crate::exit::Early::Interrupted.into());
            }
        };
        bar.finish_and_clear();
        let taken = taken?;
        out.document(&taken, || {
            let keys = if taken.master_keys {
                "with the master keys: whoever has this directory can read every record"
            } else {
                "without master keys"
            };
            vec![
                format!(
                    "backup of {} in {}: {} files, {} bytes, {keys}",
                    taken.made,
                    taken.backup.display(),
                    taken.files,
                    taken.bytes
                ),
                format!(
                    "check it with: cd {} && sha256sum --check --quiet SHA256SUMS",
                    taken.backup.display()
                ),
            ]
        })?;
        Ok(())
    })
}
