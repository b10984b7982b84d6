//! `millrace admin kms create`.

use anyhow::{Context as _, Result};
use millrace_api::kms::{CreateAliasRequest, CreateKeyRequest, CreateKeyResponse, OriginType};

use super::{Context, alias_name, show};

/// Makes a key and prints its id.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Alias that shall mean the key
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// Let the key wait for bytes of your own; see 'import'
    #[arg(long)]
    import: bool,
}

/// Makes it.
pub(super) async fn run(context: &Context, args: Args) -> Result<()> {
    let input = CreateKeyRequest {
        description: args.description,
        origin: args.import.then_some(OriginType::External),
        ..CreateKeyRequest::default()
    };
    // Another try could make another key.
    let made: CreateKeyResponse = context.client.once().call("CreateKey", input).await?;
    let id = made.key_metadata.unwrap_or_default().key_id;
    if let Some(alias) = args.alias {
        let input = CreateAliasRequest {
            alias_name: alias_name(&alias),
            target_key_id: id.clone(),
        };
        let pointed = context.client.send("CreateAlias", input).await;
        pointed.with_context(|| format!("key {id} was made, but has no alias"))?;
    }
    show(context, &id).await
}
