//! `cargo xtask coverage`: which operations are served, written into README.md and docs/compat/coverage.md.
//!
//! An operation is served when its service crate has a file for it, `src/ops/<operation>.rs`. What there is to serve
//! comes from the generated tables.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::codegen;

const README: &str = "README.md";
const PAGE: &str = "docs/compat/coverage.md";
const BEGIN: &str = "<!-- coverage:begin -->";
const END: &str = "<!-- coverage:end -->";

/// Where the operations of a model are served, if not in `crates/services/<model>/src/ops`.
const HOMES: &[(&str, &str)] = &[("kinesis", "crates/services/streams/src/ops")];

/// One service's operations.
struct Service {
    model: String,
    name: String,
    operations: Vec<String>,
    served: BTreeSet<String>,
}

/// Writes both, or with `check` only compares.
pub fn run(root: &Path, check: bool) -> Result<()> {
    let services = codegen::listed(root)?
        .into_iter()
        .map(|service| held_against_files(root, service))
        .collect::<Result<Vec<_>>>()?;
    let readme = root.join(README);
    let old = fs::read_to_string(&readme).unwrap_or_else(|_| format!("{BEGIN}\n{END}\n"));
    let files = [
        (readme, between_markers(&old, &table(&services))?),
        (root.join(PAGE), page(&services)),
    ];
    for (path, text) in files {
        if fs::read_to_string(&path).ok().as_ref() == Some(&text) {
            continue;
        }
        if check {
            bail!(
                "{} is not up to date: run `cargo xtask coverage` and commit what it writes",
                path.display()
            );
        }
        fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    let served: usize = services.iter().map(|s| s.served.len()).sum();
    println!("coverage: {served} operations are served");
    Ok(())
}

fn held_against_files(root: &Path, listed: codegen::Listed) -> Result<Service> {
    let home = HOMES.iter().find(|(model, _)| *model == listed.model);
    let folder: PathBuf = home.map_or_else(
        || root.join("crates/services").join(&listed.model).join("src/ops"),
        |(_, folder)| root.join(folder),
    );
    let served = listed
        .operations
        .iter()
        .filter(|op| folder.join(codegen::snake(op) + ".rs").is_file())
        .cloned();
    Ok(Service {
        served: served.collect(),
        model: listed.model,
        name: listed.name,
        operations: listed.operations,
    })
}
