//! `cargo xtask coverage [--check]`: which operations are served, into README.md and docs/compat/coverage.md.
//!
//! An operation is served when its service has a file for it, named like it. What there is to serve comes from
//! the generated tables. Of Data Streams every member is looked at too ([`members`]).

mod members;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use millrace_api::Service;

use crate::asked::Asked;
use crate::codegen::names;
use crate::page::with_part;

const README: &str = "README.md";
const PAGE: &str = "docs/compat/coverage.md";

/// The service whose members are looked at one by one.
const STREAMS: &str = "crates/services/streams/src/ops";

/// The services of the family: what people call one, its tables, and the folder with a file per served operation.
/// Those without a folder are not begun.
const SERVICES: &[(&str, &Service, Option<&str>)] = &[
    ("Data Streams", &millrace_api::kinesis::SERVICE, Some(STREAMS)),
    ("Data Firehose", &millrace_api::firehose::SERVICE, None),
    (
        "Data Analytics (SQL)",
        &millrace_api::kinesisanalytics::SERVICE,
        None,
    ),
    (
        "Data Analytics 2",
        &millrace_api::kinesisanalyticsv2::SERVICE,
        None,
    ),
    ("Video Streams", &millrace_api::kinesisvideo::SERVICE, None),
    (
        "Video Streams media",
        &millrace_api::kinesis_video_media::SERVICE,
        None,
    ),
    (
        "Video Streams archived media",
        &millrace_api::kinesis_video_archived_media::SERVICE,
        None,
    ),
    (
        "Video Streams signaling",
        &millrace_api::kinesis_video_signaling::SERVICE,
        None,
    ),
    (
        "Video Streams WebRTC storage",
        &millrace_api::kinesis_video_webrtc_storage::SERVICE,
        None,
    ),
    (
        "CloudWatch",
        &millrace_api::cloudwatch::SERVICE,
        Some("crates/services/companions/src/cloudwatch/ops"),
    ),
    (
        "STS",
        &millrace_api::sts::SERVICE,
        Some("crates/services/access/src/sts"),
    ),
    (
        "DynamoDB, for leases and locks",
        &millrace_api::dynamodb::SERVICE,
        Some("crates/services/companions/src/dynamodb/ops"),
    ),
    (
        "KMS, for symmetric keys",
        &millrace_api::kms::SERVICE,
        Some("crates/services/companions/src/kms/ops"),
    ),
];

/// Writes both files; with `--check` compares only.
pub fn run(root: &Path, asked: &Asked) -> Result<()> {
    let check = asked.has("--check");
    let mut table = "| service | operations | of |\n|---|--:|--:|\n".to_owned();
    let mut page = "# Coverage\n\nWritten by `cargo xtask coverage`. An operation that is not served answers a clear error.\n"
        .to_owned();
    for (title, service, folder) in SERVICES {
        let all = service.operations.iter().map(|op| op.name);
        let served = match folder {
            Some(folder) => served(&root.join(folder), all.clone())?,
            None => BTreeSet::new(),
        };
        let (count, of) = (served.len(), service.operations.len());
        let _ = writeln!(table, "| {title} | {count} | {of} |");
        let counts = match folder {
            Some(folder) if *folder == STREAMS => {
                let source = root.join(folder).join("..");
                members::count(root, service, &source)?
            }
            _ => members::Counts::new(),
        };
        let _ = write!(
            page,
            "\n## {title}: {count} of {of}\n\n| operation | served |{}\n|---|---|{}\n",
            if counts.is_empty() {
                ""
            } else {
                " members in | out |"
            },
            if counts.is_empty() { "" } else { "--:|--:|" }
        );
        for name in all {
            let served = if served.contains(name) { "yes" } else { "not yet" };
            let _ = match counts.get(name) {
                Some((input, output)) => writeln!(page, "| {name} | {served} | {input} | {output} |"),
                None => writeln!(page, "| {name} | {served} |"),
            };
        }
    }
    let readme = fs::read_to_string(root.join(README)).context(README)?;
    let readme = with_part(&readme, "coverage", &table).context(README)?;
    for (name, text) in [(README, readme), (PAGE, page)] {
        put(&root.join(name), &text, check).with_context(|| name.to_owned())?;
    }
    Ok(())
}

/// The operations that have a file.
fn served<'a>(folder: &Path, all: impl Iterator<Item = &'a str>) -> Result<BTreeSet<&'a str>> {
    let listing = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let files = listing.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let files: BTreeSet<String> = files.collect::<Result<_>>()?;
    Ok(all
        .filter(|name| files.contains(&format!("{}.rs", names::snake(name))))
        .collect())
}

fn put(path: &Path, text: &str, check: bool) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|had| had == text) {
        return Ok(());
    }
    if check {
        bail!("not up to date; run `cargo xtask coverage` and commit what it writes");
    }
    fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
    fs::write(path, text)?;
    println!("coverage: wrote {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_served_when_it_has_a_file() {
        let folder = std::env::temp_dir().join(format!("millrace-coverage-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("put_record.rs"), "").unwrap();
        fs::write(folder.join("mod.rs"), "").unwrap();
        let found = served(&folder, ["PutRecord", "PutRecords"].into_iter()).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["PutRecord"]);
    }
}
