//! `millrace doctor`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;

use crate::doctor::{self, Subject, Verdict};
use crate::exit::Early;
use crate::output::Output;
use crate::seams::Seams;

/// Measures the disk and looks at clock, port and limits. Ends with status 1 when something would not work.
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
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the checks.
pub(crate) fn run(args: &Args) -> Result<()> {
    let out = Output::new(args.json);
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
