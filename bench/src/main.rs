//! `cargo xtask bench streams` runs this: every contender in turn, in one run, under the same signed requests.
//!
//! Arguments: what to measure, the contenders as a JSON file, a work directory, and the page to write. `scale` and
//! `fanout` measure the first contender alone.

mod contender;
mod fanout;
mod floor;
mod http;
mod load;
mod report;
mod requests;
mod scale;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use contender::Contender;
use load::{Latency, Throughput};
use requests::Requests;

/// Payload of the PutRecords scenario; also the state after which memory is read.
const INGEST_BYTES: usize = 1 << 30;
/// A slow contender is stopped after this long; its figures are of what it did.
const PATIENCE: Duration = Duration::from_secs(20);
/// Length of each PutRecord loop.
const PUT_RECORD_LENGTH: Duration = Duration::from_secs(5);
/// Records pushed in the fan-out scenario.
const FAN_OUT_PUTS: usize = 300;

/// What was measured of one contender; `None` is not supported.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    start_ms: f64,
    idle_mib: f64,
    put_one: Latency,
    put_many: Latency,
    put_records: Throughput,
    after_mib: f64,
    get_records: Throughput,
    fan_out: Option<Latency>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, contenders, work, page] = arguments.as_slice() else {
        bail!("usage: millrace-bench streams|scale|fanout CONTENDERS.json WORK_DIRECTORY PAGE.md");
    };
    let contenders = read(Path::new(contenders))?;
    let work = PathBuf::from(work);
    std::fs::create_dir_all(&work)?;
    let alone = || contenders.first().context("no contender");
    match what.as_str() {
        "streams" => {}
        "scale" => return write(page, &scale::run(alone()?, &work)?),
        "fanout" => return write(page, &fanout::run(alone()?, &work)?),
        other => bail!("there is nothing to measure called {other}"),
    }
    println!("floor: what this machine can do at all");
    let floor = floor::measure(&work)?;
    let mut rows = Vec::new();
    for contender in &contenders {
        println!("{}", contender.name);
        match measure(contender, &work) {
            Ok(figures) => rows.push((contender.clone(), Ok(figures))),
            Err(why) => {
                println!("   not measured: {why:#}");
                rows.push((contender.clone(), Err(format!("{why:#}"))));
            }
        }
    }
    write(page, &report::page(&rows, &floor)?)
}

fn write(page: &str, text: &str) -> Result<()> {
    std::fs::write(page, text)?;
    println!("wrote {page}");
    Ok(())
}

fn measure(contender: &Contender, work: &Path) -> Result<Figures> {
    let server = contender.start(work)?;
    std::thread::sleep(Duration::from_secs(1));
    let mut figures = Figures {
        start_ms: server.start.as_secs_f64() * 1e3,
        idle_mib: server.rss_mib(),
        ..Figures::default()
    };
    let requests = Requests::new(server.port);
    load::create(&server, &requests)?;
    figures.put_one = load::put_record(&server, &requests, 1, PUT_RECORD_LENGTH)?;
    figures.put_many = load::put_record(&server, &requests, load::CONNECTIONS, PUT_RECORD_LENGTH)?;
    println!(
        "   PutRecord ×1 p50 {:.2} p99 {:.2} ms",
        figures.put_one.p50, figures.put_one.p99
    );
    figures.fan_out = load::fan_out(&server, &requests, FAN_OUT_PUTS)?;
    figures.put_records = load::put_records(&server, &requests, INGEST_BYTES, PATIENCE)?;
    let t = figures.put_records;
    println!(
        "   PutRecords {:.1} MB/s {:.2} CPU-s/GB",
        t.mb_per_s, t.cpu_s_per_gb
    );
    figures.after_mib = server.rss_mib();
    figures.get_records = load::get_records(&server, &requests, INGEST_BYTES / 2, PATIENCE)?;
    let t = figures.get_records;
    println!(
        "   GetRecords {:.1} MB/s {:.2} CPU-s/GB",
        t.mb_per_s, t.cpu_s_per_gb
    );
    Ok(figures)
}

fn read(file: &Path) -> Result<Vec<Contender>> {
    let text = std::fs::read_to_string(file)?;
    let listed: serde_json::Value = serde_json::from_str(&text)?;
    let listed = listed.as_array().context("a list of contenders")?;
    listed
        .iter()
        .map(|c| {
            let texts = |key: &str| -> Vec<String> {
                let items = c[key].as_array().map(Vec::as_slice).unwrap_or_default();
                items
                    .iter()
                    .filter_map(|v| v.as_str().map(str::to_owned))
                    .collect()
            };
            let environment = c["environment"].as_object().into_iter().flatten();
            Ok(Contender {
                name: c["name"].as_str().context("a name")?.to_owned(),
                command: texts("command"),
                environment: environment
                    .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
                    .collect(),
                directory: c["directory"].as_str().unwrap_or_default().to_owned(),
                durable: c["durable"].as_bool().unwrap_or(false),
                signatures: c["signatures"].as_bool().unwrap_or(false),
            })
        })
        .collect()
}
