//! The clients: how each is installed and run.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::Places;

mod kcl;
mod programs;
mod python;
mod sdks;

/// The schemes of a client that is quick.
pub const BOTH: &[&str] = &["http", "https"];

/// Variables that a client is run with.
pub type Environment = [(String, String)];

/// One client.
pub struct Client {
    /// Name on the command line and of its allow-list.
    pub name: &'static str,
    /// What a reader of the output should know.
    pub what: &'static str,
    /// Variables that its server is started with.
    pub server: &'static [(&'static str, &'static str)],
    /// Those that it is run over when nothing more is asked for.
    pub schemes: &'static [&'static str],
    /// Installs it; quick when it is there already.
    pub install: fn(&Places) -> Result<()>,
    /// Runs it; gives its standard output back.
    pub run: fn(&Places, &Environment) -> Result<String>,
}

/// Every client, the quick ones first.
pub fn all() -> Vec<&'static Client> {
    [python::CLIENTS, sdks::CLIENTS, programs::CLIENTS, kcl::CLIENTS]
        .into_iter()
        .flatten()
        .collect()
}

/// The virtual environment of the Python clients.
fn python(places: &Places) -> Result<()> {
    virtual_environment(places, "python", "requirements.txt")
}

/// A virtual environment of that name, with what a file of `conformance/python` requires.
fn virtual_environment(places: &Places, name: &str, requirements: &str) -> Result<()> {
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
fn npm(places: &Places, name: &str) -> Result<()> {
    let (home, source) = (
        places.installed.join(name),
        places.root.join("conformance").join(name),
    );
    std::fs::create_dir_all(&home)?;
    std::fs::copy(source.join("suite.mjs"), home.join("suite.mjs"))?;
    once(&home, &source.join("package.json"), || {
        std::fs::copy(source.join("package.json"), home.join("package.json"))?;
        quiet(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--silent"])
                .current_dir(&home),
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

fn only(folder: &Path, extension: &str) -> Result<std::path::PathBuf> {
    let mut files = std::fs::read_dir(folder)?.filter_map(|e| e.ok().map(|e| e.path()));
    files
        .find(|f| f.extension().is_some_and(|e| e == extension))
        .with_context(|| format!("no .{extension} file in {}", folder.display()))
}

fn quiet(command: &mut Command) -> Result<()> {
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

fn output(command: &mut Command, environment: &Environment) -> Result<String> {
    let variables = environment.iter().map(|(k, v)| (k.as_str(), v.as_str()));
    let done = command
        .envs(variables)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {command:?}"))?;
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    if !done.status.success() {
        print!("{}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(printed)
}
