//! `cargo xtask fuzz [--seconds N] [--keep] [TARGET …]`: every fuzz target for a while, from its seeds.
//!
//! Targets are the binaries of `fuzz/Cargo.toml`, seeds lie under `fuzz/seeds/<target>`, what a run finds new goes to
//! `fuzz/corpus/<target>`, and an input that breaks something to `fuzz/artifacts/<target>`: libFuzzer prints its
//! name, and `cargo +nightly fuzz run TARGET FILE` runs it again. Once fixed, it becomes a seed.
//!
//! `fuzz/kept/<target>.tar.gz` is what hours of that found, as few inputs as reach the same code; a corpus begins with
//! it. `--keep` writes it anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::asked::{Asked, misuse};
use crate::tools;

/// How long a target runs unless told otherwise; it is what CI does.
const SECONDS: &str = "20";
/// No input may take longer.
const INPUT_SECONDS_MAX: u64 = 10;
/// No input may need more memory.
const MEMORY_MIB_MAX: u64 = 1024;

/// Runs the named targets, or all, one after the other.
pub fn run(root: &Path, asked: &Asked) -> Result<()> {
    let dir = root.join("fuzz");
    let known = targets(&dir)?;
    let (wanted, seconds) = (&asked.names, asked.value("--seconds").unwrap_or(SECONDS));
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        return Err(misuse(format!("no fuzz target '{unknown}'; there are {known}")));
    }
    let compiler = Compiler::find()?;
    let chosen: Vec<&String> = known
        .iter()
        .filter(|name| wanted.is_empty() || wanted.contains(name))
        .collect();
    // Builds all first, so that the time is spent on running.
    let built = compiler.cargo_fuzz(root, "build").status()?;
    ensure!(built.success(), "the fuzz targets do not build");
    let mut broken = Vec::new();
    for name in &chosen {
        println!("-- fuzz {name}, {seconds} s");
        let (seeds, corpus) = (dir.join("seeds").join(name), dir.join("corpus").join(name));
        ensure!(
            seeds.is_dir(),
            "{} is missing: every target has seeds",
            seeds.display()
        );
        unpack(&kept(&dir, name), &corpus)?;
        let mut command = compiler.cargo_fuzz(root, "run");
        command.arg(name).arg(&corpus).arg(&seeds).arg("--").args([
            format!("-max_total_time={seconds}"),
            format!("-timeout={INPUT_SECONDS_MAX}"),
            format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
            "-verbosity=0".to_owned(),
            "-print_final_stats=1".to_owned(),
        ]);
        if !command.status()?.success() {
            broken.push(name.as_str());
        }
    }
    ensure!(
        broken.is_empty(),
        "broken by fuzzing: {}; see fuzz/artifacts",
        broken.join(", ")
    );
    println!("{} targets held for {seconds} s each", chosen.len());
    if asked.has("--keep") {
        for name in chosen {
            compiler.keep(root, name)?;
        }
    }
    Ok(())
}

fn kept(dir: &Path, name: &str) -> PathBuf {
    dir.join("kept").join(format!("{name}.tar.gz"))
}

/// Begins a corpus with what was kept.
fn unpack(kept: &Path, corpus: &Path) -> Result<()> {
    if corpus.exists() || !kept.exists() {
        std::fs::create_dir_all(corpus)?;
        return Ok(());
    }
    std::fs::create_dir_all(corpus)?;
    let mut tar = Command::new("tar");
    tools::quiet(tar.arg("-xzf").arg(kept).arg("-C").arg(corpus))
}

/// The binaries of the manifest, in its order.
fn targets(dir: &Path) -> Result<Vec<String>> {
    let manifest = std::fs::read_to_string(dir.join("Cargo.toml")).context("fuzz/Cargo.toml")?;
    let names: Vec<String> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|bin| {
            bin.lines()
                .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        })
        .map(str::to_owned)
        .collect();
    ensure!(!names.is_empty(), "fuzz/Cargo.toml has no targets");
    Ok(names)
}

/// What can build with libFuzzer's instrumentation.
enum Compiler {
    Nightly,
    /// The stable compiler, told to take unstable flags.
    Bootstrap,
}

impl Compiler {
    fn find() -> Result<Self> {
        let works = |arguments: &[&str]| {
            let tried = Command::new("cargo")
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            tried.is_ok_and(|status| status.success())
        };
        ensure!(
            works(&["fuzz", "--version"]),
            "cargo-fuzz is missing: cargo install --locked cargo-fuzz"
        );
        if works(&["+nightly", "--version"]) {
            return Ok(Self::Nightly);
        }
        println!(
            "no nightly toolchain (rustup toolchain install nightly): using stable with RUSTC_BOOTSTRAP=1"
        );
        Ok(Self::Bootstrap)
    }

    fn cargo_fuzz(&self, root: &Path, task: &str) -> Command {
        let mut command = match self {
            Self::Nightly => tools::nightly_cargo(),
            Self::Bootstrap => {
                let mut stable = Command::new("cargo");
                stable.env_remove("RUSTUP_TOOLCHAIN").env("RUSTC_BOOTSTRAP", "1");
                stable
            }
        };
        command.current_dir(root).args(["fuzz", task]);
        command
    }

    /// Keeps of a target's corpus and seeds what is needed to reach what they reach.
    fn keep(&self, root: &Path, name: &str) -> Result<()> {
        let dir = root.join("fuzz");
        let (few, archive) = (root.join("target/fuzz").join(name), kept(&dir, name));
        if few.exists() {
            std::fs::remove_dir_all(&few)?;
        }
        std::fs::create_dir_all(&few)?;
        std::fs::create_dir_all(dir.join("kept"))?;
        let mut merge = self.cargo_fuzz(root, "run");
        let folders = [
            &few,
            &dir.join("corpus").join(name),
            &dir.join("seeds").join(name),
        ];
        tools::quiet(
            merge
                .arg(name)
                .args(folders)
                .args(["--", "-merge=1", "-verbosity=0"]),
        )?;
        // The same inputs make the same archive.
        let mut tar = Command::new("tar");
        tar.args([
            "--sort=name",
            "--mtime=@0",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
        ]);
        tar.args(["--use-compress-program=gzip -9n", "-cf"]);
        tools::quiet(tar.arg(&archive).arg("-C").arg(&few).arg("."))?;
        println!("kept {} inputs of {name}", std::fs::read_dir(&few)?.count());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        for name in targets(&dir).unwrap() {
            assert!(
                dir.join("seeds").join(&name).read_dir().unwrap().next().is_some(),
                "{name}"
            );
            assert!(dir.join("targets").join(format!("{name}.rs")).is_file(), "{name}");
        }
    }
}
