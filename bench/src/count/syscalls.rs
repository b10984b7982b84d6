//! System calls of a process: by `perf`, which costs it little, or by `strace`, which slows it down but counts as well.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::Running;

/// How long a tool may take until it is attached.
const ATTACH: Duration = Duration::from_secs(1);
/// How long it may take to write down what it counted.
const WRITE: Duration = Duration::from_secs(20);

/// System calls per call while `work` makes so many calls.
pub fn during(server: &Running, folder: &Path, work: impl Fn() -> Result<u64>) -> Result<f64> {
    let file = folder.join("syscalls");
    let by_perf = with(perf(server, &file), &work).and_then(|calls| Ok((calls, perf_sum(&file)?)));
    let (calls, sum) = match by_perf {
        Ok(counted) => counted,
        Err(perf) => {
            let calls = with(strace(server, &file), &work);
            let calls = calls.with_context(|| format!("neither by perf ({perf:#}) nor by strace"))?;
            (calls, strace_sum(&file)?)
        }
    };
    if calls == 0 {
        bail!("no call was made");
    }
    println!("   {:.1} system calls per call", sum / calls as f64);
    Ok(sum / calls as f64)
}

fn pids(server: &Running) -> Vec<String> {
    server.tree().iter().map(u32::to_string).collect()
}

fn perf(server: &Running, file: &Path) -> Command {
    let mut perf = Command::new("perf");
    perf.args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-o"])
        .arg(file)
        .arg("-p")
        .arg(pids(server).join(","));
    perf
}

fn strace(server: &Running, file: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-o"]).arg(file);
    for pid in pids(server) {
        strace.arg("-p").arg(pid);
    }
    strace
}

/// Does the work while a tool is attached.
fn with(mut tool: Command, work: impl Fn() -> Result<u64>) -> Result<u64> {
    let mut child = tool
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    std::thread::sleep(ATTACH);
    if let Some(status) = child.try_wait()? {
        bail!("it ended at once: {status}");
    }
    let calls = work();
    interrupt(&mut child)?;
    calls
}

/// Ends a tool as ctrl-C would, so that it writes its counts.
fn interrupt(child: &mut Child) -> Result<()> {
    // SAFETY: a plain system call; the process is this one's own child.
    unsafe { libc::kill(i32::try_from(child.id())?, libc::SIGINT) };
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > WRITE {
            child.kill()?;
            child.wait()?;
            bail!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn perf_sum(file: &Path) -> Result<f64> {
    let text = std::fs::read_to_string(file)?;
    let line = text.lines().find(|line| line.contains("raw_syscalls"));
    let count = line.and_then(|line| line.split(',').next()).unwrap_or_default();
    count.parse().with_context(|| format!("it counted {count}"))
}

/// The last line of its table: percent, seconds, microseconds a call, calls, errors where there were any, `total`.
fn strace_sum(file: &Path) -> Result<f64> {
    let text = std::fs::read_to_string(file)?;
    let line = text.lines().rev().find(|line| line.ends_with("total"));
    let calls = line.and_then(|line| line.split_whitespace().nth(3));
    Ok(calls.context("it has no sum")?.parse()?)
}
