//! `millrace admin kms enable`, `disable`, `rotate` and `cancel-deletion`: one call on one key.

use anyhow::Result;
use millrace_api::kms::{
    CancelKeyDeletionRequest, DisableKeyRequest, EnableKeyRequest, RotateKeyOnDemandRequest,
};

use super::{Context, describe, show};

/// Changes a key.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id, ARN or alias (alias/NAME) of the key
    key: String,
}

/// What is done with it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    /// Switch it on.
    On,
    /// Switch it off.
    Off,
    /// Give it new bytes.
    Over,
    /// Take its deletion back.
    Back,
}

/// Changes it and shows it.
pub(super) async fn run(context: &Context, turn: Turn, args: Args) -> Result<()> {
    let client = &context.client;
    let key_id = describe(client, &args.key).await?.key_id;
    let id = key_id.clone();
    match turn {
        Turn::On => client.send("EnableKey", EnableKeyRequest { key_id }).await?,
        Turn::Off => client.send("DisableKey", DisableKeyRequest { key_id }).await?,
        // Another try could rotate it twice.
        Turn::Over => {
            let input = RotateKeyOnDemandRequest { key_id };
            client.once().send("RotateKeyOnDemand", input).await?;
        }
        Turn::Back => {
            let input = CancelKeyDeletionRequest { key_id };
            client.send("CancelKeyDeletion", input).await?;
        }
    }
    show(context, &id).await
}
