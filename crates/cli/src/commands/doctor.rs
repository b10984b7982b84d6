//! `millrace doctor`: is this machine fit, or with `--verify`: is everything sound that a stopped server left.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use millrace_server::verify::{self, Finding, Severity, Verified};

use crate::doctor::{self, Subject, Verdict};
use crate::exit::Early;
use crate::output::{Output, follow, progress_bar};
use crate::seams::{self, Seams};

/// Measures the disk and looks at clock, port and limits; or, with --verify, reads everything in the data directory of a
/// stopped server and says what is damaged, and what that costs. Ends with status 1 when something would not work or is
/// damaged.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address the server would listen on
    #[arg(
        long,
        env = "MILLRACE_LISTEN",
        default_value = "127.0.0.1:4567",
        value_name = "ADDRESS"
    )]
    listen: SocketAddr,
    /// Directory the server would keep its data in
    #[arg(
        long,
        env = "MILLRACE_DATA_DIR",
        default_value = "./millrace-data",
        value_name = "DIR"
    )]
    data_dir: PathBuf,
    /// Number of small durable writes to measure
    #[arg(long, default_value_t = 300, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    syncs: u32,
    /// Look through the data directory instead: every byte that has a checksum. Changes nothing
    #[arg(long)]
    verify: bool,
    /// Say what a repair of a damaged write-ahead log would give up; with --accept-loss, do it
    #[arg(long, conflicts_with = "verify")]
    repair: bool,
    /// Repair, and give up what --repair says
    #[arg(long, requires = "repair")]
    accept_loss: bool,
    /// Directory of the master keys, where it is not in the data directory; for --verify
    #[arg(long, env = "MILLRACE_KEYS_DIR", value_name = "DIR")]
    keys_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the checks.
pub(crate) fn run(args: &Args) -> Result<()> {
    let out = Output::new(args.json);
    if args.verify {
        return verify(args, out);
    }
    if args.repair {
        return repair(args, out);
    }
    let seams = Seams::new();
    let subject = Subject {
        listen: args.listen,
        data_dir: &args.data_dir,
        syncs: args.syncs,
        clock: seams.clock,
    };
    let findings = doctor::run(&subject);
    let worst = findings
        .iter()
        .map(|finding| finding.verdict)
        .max()
        .unwrap_or(Verdict::Ok);
    let document = serde_json::json!({ "verdict": worst, "findings": findings });
    out.document(&document, || {
        let mut lines = Vec::new();
        for finding in &findings {
            let style = match finding.verdict {
                Verdict::Ok => "32",
                Verdict::Warn => "33",
                Verdict::Fail => "31",
            };
            let verdict = out.styled(style, format_args!("{:<4}", finding.verdict));
            lines.push(format!("{verdict}  {:<10}  {}", finding.check, finding.found));
            lines.extend(finding.advice.iter().map(|advice| format!("{:18}→ {advice}", "")));
        }
        lines
    })?;
    if worst == Verdict::Fail {
        Err(Early::Failed.into())
    } else {
        Ok(())
    }
}

/// Looks through a data directory.
fn verify(args: &Args, out: Output) -> Result<()> {
    seams::block_on(|_| async move {
        let bar = progress_bar(Some(0));
        let verified = verify::verify(&args.data_dir, args.keys_dir.as_deref(), follow(&bar)).await;
        bar.finish_and_clear();
        let verified = verified?;
        let verdict = if verified.is_damaged() { "damaged" } else { "ok" };
        let document = serde_json::json!({
            "verdict": verdict, "checked": verified.checked, "findings": verified.findings,
        });
        out.document(&document, || told(out, &verified))?;
        if verified.is_damaged() {
            Err(Early::Failed.into())
        } else {
            Ok(())
        }
    })
}

/// Repairs a data directory, or says what that would cost.
fn repair(args: &Args, out: Output) -> Result<()> {
    seams::block_on(|_| async move {
        let bar = progress_bar(Some(0));
        let repaired = verify::repair(
            &args.data_dir,
            args.keys_dir.as_deref(),
            args.accept_loss,
            follow(&bar),
        )
        .await;
        bar.finish_and_clear();
        let repaired = repaired?;
        out.document(&repaired, || {
            let mut lines = told(out, &repaired.verified);
            if repaired.done {
                lines.push(format!(
                    "repaired; what was there is in {}",
                    repaired.copies.join(", ")
                ));
                lines.extend(
                    repaired
                        .set_aside
                        .iter()
                        .map(|aside| format!("set aside: {aside}")),
                );
            } else {
                lines.push(
                    "nothing was changed; to give this up and go on before it, add --accept-loss".to_owned(),
                );
            }
            lines
        })?;
        if repaired.done && !repaired.verified.is_damaged() {
            Ok(())
        } else {
            Err(Early::Failed.into())
        }
    })
}

/// Everything that was found, and what was looked at.
fn told(out: Output, verified: &Verified) -> Vec<String> {
    let mut lines: Vec<String> = verified
        .findings
        .iter()
        .flat_map(|finding| found(out, finding))
        .collect();
    if let Some(gives_up) = &verified.gives_up {
        lines.push(format!(
            "a repair gives up batch {} and {} behind it, with every change since, and these records:",
            gives_up.batch, gives_up.batches
        ));
        lines.extend(
            gives_up
                .records
                .iter()
                .map(|records| format!("{:8}{records}", "")),
        );
    }
    let checked = &verified.checked;
    let damages = verified
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Damage)
        .count();
    let result = match damages {
        0 => "nothing is damaged".to_owned(),
        1 => "1 damage".to_owned(),
        several => format!("{several} damages"),
    };
    lines.push(format!(
        "{} files, {} bytes: {} blocks and {} batches with {} records in {} logs, {} snapshots, {} keys: {}",
        checked.files,
        checked.bytes,
        checked.blocks,
        checked.batches,
        checked.records,
        checked.logs,
        checked.snapshots,
        checked.keys,
        out.bold(result)
    ));
    lines
}

fn found(out: Output, finding: &Finding) -> Vec<String> {
    let (word, style) = match finding.severity {
        Severity::Damage => ("DAMAGE", "31"),
        Severity::Notice => ("notice", "33"),
    };
    let place = match (finding.offset, finding.bytes) {
        (Some(offset), Some(bytes)) => format!(" at byte {offset} ({bytes} bytes)"),
        (Some(offset), None) => format!(" at byte {offset}"),
        (None, _) => String::new(),
    };
    let mut lines = vec![
        format!(
            "{}  {}{place}  [{}]",
            out.styled(style, word),
            finding.file,
            finding.kind
        ),
        format!("{:8}{}", "", finding.detail),
    ];
    lines.extend(
        finding
            .affected
            .iter()
            .map(|affected| format!("{:8}lost: {affected}", "")),
    );
    lines.push(format!("{:8}→ {}", "", finding.advice));
    lines
}
