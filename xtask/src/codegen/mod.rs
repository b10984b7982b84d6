//! `cargo xtask codegen [--check]`: writes `crates/api/src/<service>/` from the published API models.
//!
//! The models are those of botocore, in the version that `xtask/services.json` pins; the wheel is downloaded into
//! `target/codegen`. Only facts are taken: names, types, constraints, bindings, statuses. No prose is copied. With
//! `--check` nothing is written and a difference is an error. What Millrace answers besides AWS's operations has a model
//! of the same form in `xtask/models`.

mod model;
pub mod names;
mod read;
mod tables;
mod types;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::model::Model;
use crate::asked::Asked;
use crate::tools::{quiet, wheel};

/// Regenerates; with `--check` compares only.
pub fn run(root: &Path, asked: &Asked) -> Result<()> {
    let check = asked.has("--check");
    let list: Value = serde_json::from_str(&std::fs::read_to_string(root.join("xtask/services.json"))?)?;
    let version = list["botocore"]
        .as_str()
        .context("services.json names a botocore version")?;
    let data = models(root, version)?;
    let mut files = BTreeMap::new();
    for entry in list["services"]
        .as_array()
        .context("services.json lists services")?
    {
        let model = Model::load(&root.join("xtask/models"), &data, entry)?;
        let folder = root.join("crates/api/src").join(model.module());
        let source = if entry["own"] == true {
            "xtask/models".to_owned()
        } else {
            format!("botocore {version}")
        };
        let typed = entry["types"].as_bool().unwrap_or(false);
        files.insert(folder.join("mod.rs"), tables::module(&model, typed, &source));
        files.insert(folder.join("shapes.rs"), tables::shapes(&model)?);
        if typed {
            files.insert(folder.join("types.rs"), types::types(&model)?);
        }
    }
    let scratch = root.join("target/codegen/out");
    let mut differing = Vec::new();
    for (path, text) in &files {
        let formatted = rustfmt(&scratch, path, text, root)?;
        if std::fs::read_to_string(path).is_ok_and(|had| had == formatted) {
            continue;
        }
        differing.push(path.strip_prefix(root).unwrap_or(path).display().to_string());
        if !check {
            std::fs::create_dir_all(path.parent().context("a generated file has a folder")?)?;
            std::fs::write(path, formatted)?;
        }
    }
    if check && !differing.is_empty() {
        bail!(
            "not as generated: {}; run `cargo xtask codegen`",
            differing.join(", ")
        );
    }
    println!("codegen: {} files, {} changed", files.len(), differing.len());
    Ok(())
}

/// The folder with the models, downloaded if need be.
fn models(root: &Path, version: &str) -> Result<PathBuf> {
    let home = root.join("target/codegen").join(version);
    let data = home.join("wheel/botocore/data");
    if !data.exists() {
        wheel(&home, &format!("botocore=={version}"))?;
    }
    Ok(data)
}

fn rustfmt(scratch: &Path, path: &Path, text: &str, root: &Path) -> Result<String> {
    std::fs::create_dir_all(scratch)?;
    // A file of its own name would make rustfmt look for the modules it declares.
    let name = path
        .strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
        .replace(['/', '\\'], "-");
    let file = scratch.join(name);
    std::fs::write(
        &file,
        text.replace("pub mod shapes;", "//pub mod shapes;")
            .replace("mod types;", "//mod types;"),
    )?;
    quiet(
        Command::new("rustfmt")
            .args(["--edition", "2024", "--config-path"])
            .arg(root.join("rustfmt.toml"))
            .arg(&file),
    )?;
    let formatted = std::fs::read_to_string(&file)?;
    Ok(formatted
        .replace("//pub mod shapes;", "pub mod shapes;")
        .replace("//mod types;", "mod types;"))
}
