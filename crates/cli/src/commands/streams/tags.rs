//! `millrace streams tags`.

use anyhow::Result;
use clap::Subcommand;
use millrace_api::Entries;
use millrace_api::kinesis::{
    AddTagsToStreamInput, ListTagsForStreamInput, ListTagsForStreamOutput, RemoveTagsFromStreamInput, Tag,
};

use super::Context;

/// Shows or changes the tags of a stream, then prints them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the tags
    List {
        /// Name of the stream
        name: String,
    },
    /// Set tags; those of the same key are replaced
    Set {
        /// Name of the stream
        name: String,
        /// The tags
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = parse)]
        tags: Vec<(String, String)>,
    },
    /// Remove tags
    Remove {
        /// Name of the stream
        name: String,
        /// Their keys
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
    },
}

/// Reads `KEY=VALUE`.
pub(super) fn parse(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write a tag as KEY=VALUE")?;
    if key.is_empty() {
        return Err("the key of a tag is not empty".to_owned());
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Runs the action.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let client = &context.client;
    let name = match args.action {
        Action::List { name } => name,
        Action::Set { name, tags } => {
            let stream_name = Some(name.clone());
            let input = AddTagsToStreamInput {
                stream_name,
                tags: Entries(tags),
                ..AddTagsToStreamInput::default()
            };
            client.send("AddTagsToStream", input).await?;
            name
        }
        Action::Remove { name, keys } => {
            let stream_name = Some(name.clone());
            let input = RemoveTagsFromStreamInput {
                stream_name,
                tag_keys: keys,
                ..RemoveTagsFromStreamInput::default()
            };
            client.send("RemoveTagsFromStream", input).await?;
            name
        }
    };
    let tags = all(context, &name).await?;
    let document: serde_json::Map<_, _> = tags
        .iter()
        .map(|tag| (tag.key.clone(), tag.value.clone().unwrap_or_default().into()))
        .collect();
    context.out.document(&document, || {
        tags.iter()
            .map(|tag| format!("{}={}", tag.key, tag.value.as_deref().unwrap_or_default()))
            .collect()
    })?;
    Ok(())
}

async fn all(context: &Context, name: &str) -> Result<Vec<Tag>> {
    let mut tags: Vec<Tag> = Vec::new();
    loop {
        let input = ListTagsForStreamInput {
            stream_name: Some(name.to_owned()),
            exclusive_start_tag_key: tags.last().map(|tag| tag.key.clone()),
            ..ListTagsForStreamInput::default()
        };
        let page: ListTagsForStreamOutput = context.client.call("ListTagsForStream", input).await?;
        let more = page.has_more_tags && !page.tags.is_empty();
        tags.extend(page.tags);
        if !more {
            return Ok(tags);
        }
    }
}
