//! `cargo xtask tidy`: holds what the design promises about the tree.
//!
//! Import direction between crates, words a layer must not know, sizes of files, functions and inline tests, a
//! contract at the top of each module, and purity of what must not do I/O. Generated files are passed over.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Longest source file, without its inline tests, in lines.
const FILE_LINES_MAX: usize = 500;
/// Longest function, in lines. Clippy counts statements and allows a reasoned exception; this bound does not.
const FUNCTION_LINES_MAX: usize = 110;
/// Longest inline test module, in lines; longer ones move to a sibling `tests.rs`.
const INLINE_TESTS_LINES_MAX: usize = 160;

/// Which crates a crate may name, by folder. What is not listed may name nothing.
const EDGES: &[(&str, &[&str])] = &[
    ("crates/cli", &["server", "http", "api", "wire", "base"]),
    (
        "crates/server",
        &[
            "access",
            "companions",
            "streams",
            "log",
            "control",
            "keys",
            "http",
            "blob",
            "api",
            "wire",
            "base",
        ],
    ),
    (
        "crates/services/access",
        &["control", "keys", "blob", "log", "api", "wire", "base"],
    ),
    (
        "crates/services/companions",
        &[
            "streams", "log", "control", "keys", "http", "blob", "api", "wire", "base",
        ],
    ),
    (
        "crates/services/streams",
        &["log", "control", "keys", "blob", "api", "wire", "base"],
    ),
    ("crates/engines/control", &["log", "blob", "base"]),
    ("crates/engines/keys", &["base"]),
    ("crates/engines/http", &["base"]),
    ("crates/engines/blob", &["base"]),
    ("crates/engines/log", &["base"]),
    ("crates/wire", &["api", "base"]),
    ("crates/api", &["base"]),
    ("crates/base", &[]),
    ("xtask", &["api"]),
];

/// Words a folder must not contain, with why.
const BANNED: &[(&str, &[&str], &str)] = &[
    (
        "crates/engines",
        &[
            "aws",
            "kinesis",
            "shard",
            "partition key",
            "sequence number",
            "firehose",
            "lambda",
        ],
        "engines know nothing of AWS",
    ),
    (
        "crates/wire/src",
        &["millrace_log", "tokio::", "std::fs", "std::net", "async fn"],
        "wire is sans-IO",
    ),
    (
        "crates/api/src",
        &["tokio::", "std::fs", "std::net", "async fn"],
        "api is tables",
    ),
];

/// Runs every check and prints what is off.
pub fn run(root: &Path) -> Result<()> {
    let mut findings = Vec::new();
    edges(root, &mut findings)?;
    let mut files = 0;
    for source in sources(root)? {
        let text = fs::read_to_string(&source).with_context(|| format!("reading {}", source.display()))?;
        if text.starts_with("// @generated") {
            continue;
        }
        files += 1;
        let path = source
            .strip_prefix(root)
            .unwrap_or(&source)
            .to_string_lossy()
            .replace('\\', "/");
        check_file(&path, &text, &mut findings);
    }
    if findings.is_empty() {
        println!("tidy: {files} files, nothing to mend");
        return Ok(());
    }
    for finding in &findings {
        println!("{finding}");
    }
    bail!("tidy: {} findings", findings.len())
}

fn edges(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    for (folder, allowed) in EDGES {
        let manifest = root.join(folder).join("Cargo.toml");
        let text =
            fs::read_to_string(&manifest).with_context(|| format!("reading {}", manifest.display()))?;
        for line in text.lines() {
            let Some(rest) = line.trim().strip_prefix("millrace-") else {
                continue;
            };
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect();
            if !allowed.contains(&name.as_str()) {
                findings.push(format!(
                    "{folder}/Cargo.toml: may not depend on {name}; see EDGES in xtask/src/tidy.rs"
                ));
            }
        }
    }
    Ok(())
}

fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = ["crates", "xtask", "bench", "faults", "fuzz", "sim", "conformance"]
        .iter()
        .map(|d| root.join(d))
        .collect();
    while let Some(folder) = open.pop() {
        let Ok(listing) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in listing {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                if !matches!(
                    name.as_str(),
                    "target" | "node_modules" | "testdata" | "corpus" | "artifacts"
                ) {
                    open.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn check_file(path: &str, text: &str, findings: &mut Vec<String>) {
    if !text.starts_with("//!") {
        findings.push(format!("{path}:1: a module opens with its contract in `//!`"));
    }
    let lines: Vec<&str> = text.lines().collect();
    let tests_at = lines
        .iter()
        .position(|line| *line == "mod tests {")
        .unwrap_or(lines.len());
    let code = &lines[..tests_at];
    let is_test = path.contains("/tests/")
        || path.contains("tests.rs")
        || path.contains("_tests")
        || path.contains("/contract/");
    if !is_test && code.len() > FILE_LINES_MAX {
        findings.push(format!(
            "{path}: {} lines, more than {FILE_LINES_MAX}: divide it by what it does",
            code.len()
        ));
    }
    if lines.len() - tests_at > INLINE_TESTS_LINES_MAX {
        let count = lines.len() - tests_at;
        findings.push(format!(
            "{path}: {count} lines of inline tests: move them to a sibling tests.rs"
        ));
    }
    if !is_test {
        functions(path, code, findings);
    }
    if path.ends_with("/lib.rs") {
        lib_is_a_listing(path, code, findings);
    }
    for (folder, words, why) in BANNED {
        if path.starts_with(folder) && !is_test {
            banned(path, code, words, why, findings);
        }
    }
}

/// Counts on rustfmt's layout: a function ends at the first closing brace with its own indentation.
fn functions(path: &str, code: &[&str], findings: &mut Vec<String>) {
    for (start, line) in code.iter().enumerate() {
        let body = line.trim_start();
        if !(body.contains("fn ") && !body.starts_with("//") && !body.starts_with('*')) || body.contains("\"")
        {
            continue;
        }
        let indent = line.len() - body.len();
        let end = code[start..]
            .iter()
            .position(|l| l.len() == indent + 1 && l.ends_with('}') && l.trim() == "}");
        let next = code[start + 1..].iter().position(|l| {
            let b = l.trim_start();
            l.len() - b.len() == indent
                && (b.starts_with("fn ") || b.starts_with("pub fn ") || b.starts_with("async fn "))
        });
        if let Some(length) = end
            && next.is_none_or(|n| length <= n + 1)
            && length + 1 > FUNCTION_LINES_MAX
        {
            findings.push(format!(
                "{path}:{}: a function of {} lines, more than {FUNCTION_LINES_MAX}",
                start + 1,
                length + 1
            ));
        }
    }
}

fn lib_is_a_listing(path: &str, code: &[&str], findings: &mut Vec<String>) {
    let mut definitions = code.iter().enumerate().filter(|(_, line)| {
        let line = line.trim_start_matches("pub ");
        ["fn ", "struct ", "enum ", "trait ", "impl ", "impl<"]
            .iter()
            .any(|word| line.starts_with(word))
    });
    if let Some((at, _)) = definitions.next() {
        findings.push(format!(
            "{path}:{}: lib.rs holds docs, `mod` and `pub use` only",
            at + 1
        ));
    }
}

fn banned(path: &str, code: &[&str], words: &[&str], why: &str, findings: &mut Vec<String>) {
    for (at, line) in code.iter().enumerate() {
        // The path of a library's module is not our word for anything.
        let lower = line.to_ascii_lowercase().replace("use object_store::aws::", "");
        for word in words.iter().filter(|word| mentions(&lower, word)) {
            findings.push(format!("{path}:{}: says '{word}'; {why}", at + 1));
        }
    }
}

/// Whether `line` has `word` standing alone, so that `crawls` does not count as `aws`.
fn mentions(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let alone = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
        alone(before) && (alone(after) || after == Some('s') || word.ends_with(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        check_file(path, text, &mut found);
        found
    }

    #[test]
    fn a_tidy_file_has_no_finding() {
        assert!(findings("crates/base/src/x.rs", "//! What it is.\n\nfn f() {\n}\n").is_empty());
    }

    #[test]
    fn a_missing_header_a_long_file_and_a_long_function_are_found() {
        let body = "    let x = 1;\n".repeat(FILE_LINES_MAX);
        let found = findings("crates/base/src/x.rs", &format!("fn f() {{\n{body}}}\n"));
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn an_engine_that_names_a_shard_is_found() {
        assert_eq!(
            findings("crates/engines/log/src/x.rs", "//! Of shards.\n").len(),
            1
        );
        assert!(findings("crates/engines/log/src/x.rs", "//! It crawls.\n").is_empty());
    }

    #[test]
    fn code_in_lib_is_found() {
        assert_eq!(
            findings("crates/x/src/lib.rs", "//! X.\npub fn f() {\n}\n").len(),
            1
        );
    }
}
