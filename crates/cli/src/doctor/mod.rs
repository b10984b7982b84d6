//! The checks of `millrace doctor`: is this machine fit, and what to do where it is not.

mod clock;
mod disk;
mod machine;
mod port;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use millrace_base::Clock;
use serde::Serialize;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, with a drawback.
    Warn,
    /// It will not work.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        })
    }
}

/// One check's result.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// What was looked at; stable, for scripts.
    pub check: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was found, with numbers.
    pub found: String,
    /// What to do; absent where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// What was measured, for scripts.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub numbers: serde_json::Map<String, serde_json::Value>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
            numbers: serde_json::Map::new(),
        }
    }

    fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warn,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }

    fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fail,
            ..Self::warn(check, found, advice)
        }
    }

    fn number(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.numbers.insert(name.to_owned(), value.into());
        self
    }
}

/// Bytes as people read them.
fn human(bytes: u64) -> String {
    let (unit, shift) = if bytes >= 1 << 30 {
        ("GiB", 30)
    } else {
        ("MiB", 20)
    };
    format!(
        "{}.{} {unit}",
        bytes >> shift,
        (bytes >> (shift - 10) & 1023) * 10 / 1024
    )
}

/// What is checked.
pub(crate) struct Subject<'a> {
    /// Where the server would listen.
    pub listen: SocketAddr,
    /// Where it would keep its data.
    pub data_dir: &'a Path,
    /// Small synced writes that are measured.
    pub syncs: u32,
    /// What measures.
    pub clock: Arc<dyn Clock>,
}

/// Runs every check. It blocks: disks and ports answer when they like.
pub(crate) fn run(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = disk::check(subject);
    findings.push(clock::check(&*subject.clock));
    findings.push(port::check(subject.listen));
    findings.extend(machine::check());
    findings
}
