//! The clients: how each is installed and run.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::Places;

mod install;
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

/// Runs a script of `conformance/python`, given with its arguments, in the virtual environment of that name.
fn python_suite(places: &Places, environment: &Environment, home: &str, script: &[&str]) -> Result<String> {
    output(
        Command::new(places.installed.join(home).join("bin/python"))
            .args(script)
            .current_dir(places.root.join("conformance/python")),
        environment,
    )
}

/// Runs the suite that [`install::npm`] installed under that name.
fn node_suite(places: &Places, environment: &Environment, name: &str) -> Result<String> {
    output(
        Command::new("node")
            .arg("suite.mjs")
            .current_dir(places.installed.join(name)),
        environment,
    )
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
