//! Results held against the allow-lists and the findings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// How a case went.
struct Verdict<'a> {
    passed: bool,
    /// It is in the allow-list.
    listed: bool,
    why: &'a str,
}

/// Collects results and judges them.
pub struct Report {
    lists: PathBuf,
    findings: String,
    passed: usize,
    failed: usize,
    skipped: usize,
    complaints: Vec<String>,
}

impl Report {
    /// Reads the findings; allow-lists are read as clients come.
    pub fn new(root: &Path) -> Result<Self> {
        let lists = root.join("conformance");
        let findings = std::fs::read_to_string(lists.join("FINDINGS.md"))?;
        Ok(Self {
            lists,
            findings,
            passed: 0,
            failed: 0,
            skipped: 0,
            complaints: Vec::new(),
        })
    }

    /// A client that could not be installed is said, never passed over in silence.
    pub fn not_run(&mut self, client: &str, why: &str) {
        self.skipped += 1;
        self.complaints.push(format!("{client}: not run: {why}"));
    }

    /// One run's output.
    pub fn add(&mut self, client: &str, scheme: &str, output: Result<String>) {
        let allowed = self.allowed(client);
        let output = match output {
            Ok(output) => output,
            Err(why) => return self.not_run(client, &format!("{why:#}")),
        };
        let mut seen = BTreeSet::new();
        for line in output.lines() {
            if let Some(rest) = line.strip_prefix("not run ") {
                println!("   not run {scheme} {rest}");
                self.skipped += 1;
                continue;
            }
            let (passed, rest) = match (line.strip_prefix("ok "), line.strip_prefix("not ok ")) {
                (Some(rest), _) => (true, rest),
                (_, Some(rest)) => (false, rest),
                _ => continue,
            };
            let (case, why) = rest.split_once(" # ").unwrap_or((rest, ""));
            seen.insert(case.to_owned());
            let verdict = Verdict {
                passed,
                listed: allowed.contains(case),
                why,
            };
            self.judge(client, scheme, case, &verdict);
        }
        for missing in allowed.difference(&seen) {
            self.failed += 1;
            self.complaints
                .push(format!("{client} {scheme} {missing}: allowed, but did not run"));
        }
    }

    fn judge(&mut self, client: &str, scheme: &str, case: &str, verdict: &Verdict<'_>) {
        let Verdict { passed, listed, why } = *verdict;
        println!(
            "   {} {scheme} {case} {why}",
            if passed { "ok    " } else { "not ok" }
        );
        if passed {
            self.passed += 1;
        } else {
            self.failed += usize::from(listed);
            self.skipped += usize::from(!listed);
        }
        let complaint = match (passed, listed) {
            (true, true) => return,
            (true, false) => "passes: add it to the allow-list",
            (false, true) => "is in the allow-list and fails",
            (false, false) if self.findings.contains(&format!("`{client} {case}`")) => return,
            (false, false) => "fails and is not explained in FINDINGS.md",
        };
        self.complaints
            .push(format!("{client} {scheme} {case}: {complaint} {why}"));
    }

    fn allowed(&self, client: &str) -> BTreeSet<String> {
        let text = std::fs::read_to_string(self.lists.join(format!("{client}.allow"))).unwrap_or_default();
        text.lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }

    /// Prints the sums; an error when anything is to be mended.
    pub fn close(self) -> Result<()> {
        for complaint in &self.complaints {
            println!("!! {complaint}");
        }
        println!(
            "conformance: {} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        );
        if self.complaints.is_empty() {
            Ok(())
        } else {
            bail!("{} things to mend", self.complaints.len())
        }
    }
}
