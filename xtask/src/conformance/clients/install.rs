//! How clients are installed: with the package managers of their languages, once for each state of their recipe.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Places;
use crate::tools::{self, quiet};

/// The virtual environment of the Python clients.
pub(super) fn python(places: &Places) -> Result<()> {
    virtual_environment(places, "python", "requirements.txt")
}

/// A virtual environment of that name, with what a file of `conformance/python` requires.
pub(super) fn virtual_environment(places: &Places, name: &str, requirements: &str) -> Result<()> {
    let home = places.installed.join(name);
    let requirements = places.root.join("conformance/python").join(requirements);
    once(&home, &requirements, || {
        quiet(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
        quiet(
            Command::new(home.join("bin/pip"))
                .args(["install", "--quiet", "-r"])
                .arg(&requirements),
        )
    })
}

/// The suite of a folder of `conformance`, with the packages that it requires.
pub(super) fn npm(places: &Places, name: &str) -> Result<()> {
    let (home, source) = (
        places.installed.join(name),
        places.root.join("conformance").join(name),
    );
    std::fs::create_dir_all(&home)?;
    std::fs::copy(source.join("suite.mjs"), home.join("suite.mjs"))?;
    packages(&home, &source)
}

/// The packages of npm that `source/package.json` requires, in `home`.
pub(super) fn packages(home: &Path, source: &Path) -> Result<()> {
    let recipe = source.join("package.json");
    std::fs::create_dir_all(home)?;
    once(home, &recipe, || {
        std::fs::copy(&recipe, home.join("package.json"))?;
        quiet(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--silent"])
                .current_dir(home),
        )
    })
}

/// What a Maven project depends on, in `home/jars`; `options` say which part of it.
pub(super) fn jars(home: &Path, project: &Path, options: &[&str]) -> Result<()> {
    let folder = home.join("jars");
    std::fs::create_dir_all(&folder)?;
    once(&folder, project, || {
        quiet(
            Command::new("mvn")
                .args(["--quiet", "--batch-mode", "--file"])
                .arg(project)
                .arg("dependency:copy-dependencies")
                .args(options)
                .arg(format!("-DoutputDirectory={}", folder.display())),
        )
    })
}

/// A wheel of the Kinesis Client Library for Python, in `home/wheel`, but for its jars, in `home/jars`.
pub(super) fn wheel(home: &Path, package: &str) -> Result<()> {
    tools::wheel(home, package)?;
    std::fs::rename(home.join("wheel/amazon_kclpy/jars"), home.join("jars"))?;
    Ok(())
}

/// A Java program of one file, compiled against the jars in `home/jars` into `home/out`.
pub(super) fn java(home: &Path, program: &Path) -> Result<()> {
    let out = home.join("out");
    std::fs::create_dir_all(&out)?;
    once(home, program, || {
        quiet(
            Command::new("javac")
                .args(["-nowarn", "-cp", &format!("{}/jars/*", home.display()), "-d"])
                .arg(&out)
                .arg(program),
        )
    })
}

/// Runs `install` unless it ran for this very `recipe` before.
fn once(home: &Path, recipe: &Path, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = home.join("installed-from");
    let wanted = std::fs::read(recipe)?;
    if std::fs::read(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    install()?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}
