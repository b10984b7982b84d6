//! `cargo xtask conformance [--long] [CLIENT …]`: real clients against a freshly started server, over http and https.
//!
//! `--long` runs all clients over both schemes, and the variations of those that take minutes.
//!
//! Every client is installed under `target/conformance` and prints `ok CASE` or `not ok CASE # why`, among other lines;
//! `not run CASE # why` is for what could not be tried.
//! A case that is in `conformance/<client>.allow` must pass; one that fails without being listed must be explained in
//! `conformance/FINDINGS.md`; one that passes without being listed is asked into the list.

mod clients;
mod report;
mod server;

use std::path::{Path, PathBuf};

use anyhow::Result;

use self::report::Report;
use self::server::Server;
use crate::asked::{Asked, misuse};
use crate::tools;

/// Where things are.
pub struct Places {
    /// The checkout.
    pub root: PathBuf,
    /// Where clients are installed.
    pub installed: PathBuf,
}

/// Runs the named clients, or all.
pub fn run(root: &Path, asked: &Asked) -> Result<()> {
    let (wanted, long) = (&asked.names, asked.has("--long"));
    let places = Places {
        root: root.to_owned(),
        installed: root.join("target/conformance"),
    };
    std::fs::create_dir_all(&places.installed)?;
    let known = clients::all();
    if let Some(unknown) = wanted.iter().find(|w| known.iter().all(|c| c.name != w.as_str())) {
        let names: Vec<&str> = known.iter().map(|c| c.name).collect();
        let known = names.join(", ");
        return Err(misuse(format!("no client '{unknown}'; there are {known}")));
    }
    // The profile that the tests have built most of already.
    let binary = tools::binary(root, "millrace", &["--quiet", "--package", "millrace-cli"])?;
    let mut report = Report::new(root)?;
    for client in known
        .iter()
        .filter(|c| wanted.is_empty() || wanted.iter().any(|w| *w == c.name))
    {
        println!("-- {}: {}", client.name, client.what);
        if let Err(why) = (client.install)(&places) {
            report.not_run(client.name, &format!("{why:#}"));
            continue;
        }
        for scheme in if long { clients::BOTH } else { client.schemes } {
            let server = Server::start(&binary, root, client.server)?;
            let mut environment = server.environment(scheme);
            environment.extend(long.then(|| ("LONG".to_owned(), "1".to_owned())));
            let output = (client.run)(&places, &environment);
            server.stop()?;
            report.add(client.name, scheme, output);
        }
    }
    report.close()
}
