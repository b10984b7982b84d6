//! Clients that are scripts of `conformance/python`.

use anyhow::Result;

use super::install::{jars, packages, python};
use super::{BOTH, Client, Environment, Places, python_suite};

/// A second account, and changes that take long enough to be seen under way.
const SCENARIOS_SERVER: &[(&str, &str)] = &[
    ("MILLRACE_CREDENTIALS", "test:test,other:other:111111111111"),
    ("MILLRACE_STREAMS_TRANSITION_MS", "300"),
];

/// In the order in which they run.
pub(super) static CLIENTS: &[Client] = &[
    Client {
        name: "boto3",
        what: "HTTP/1.1, JSON",
        server: &[],
        schemes: BOTH,
        install: python,
        run: |p, e| suite(p, e, &["boto3_suite.py"]),
    },
    Client {
        name: "scenarios",
        what: "boto3, one file for each thing that the API does",
        server: SCENARIOS_SERVER,
        schemes: BOTH,
        install: python,
        run: |p, e| suite(p, e, &["scenarios.py"]),
    },
    Client {
        name: "scenarios-quotas",
        what: "those that need the published quotas",
        server: &[("MILLRACE_STREAMS_PROFILE", "aws")],
        schemes: BOTH,
        install: python,
        run: |p, e| {
            let only = ["--only", "quotas", "--only", "channel-quotas"];
            let quotas = ["--with", "quotas", "--patience", "30"];
            suite(p, e, &[&["scenarios.py"][..], &only, &quotas].concat())
        },
    },
    Client {
        name: "channels",
        what: "boto3, local buckets and an S3-compatible service",
        server: &[],
        schemes: BOTH,
        install: python,
        run: |p, e| suite(p, e, &["channels_suite.py"]),
    },
    Client {
        name: "encryption",
        what: "boto3, with keys of the server, of moto's KMS and of another server",
        server: &[],
        schemes: BOTH,
        install: python,
        run: |p, e| suite(p, e, &["encryption_suite.py"]),
    },
    Client {
        name: "dynamodb",
        what: "boto3, the same calls held against DynamoDB Local, dynalite and moto",
        server: &[],
        schemes: BOTH,
        install: dynamodb,
        run: |p, e| {
            let oracles = p.installed.join("dynamodb").display().to_string();
            let environment = [e, &[("ORACLES".to_owned(), oracles)]].concat();
            suite(p, &environment, &["dynamodb_suite.py"])
        },
    },
    Client {
        name: "cloudwatch",
        what: "HTTP/1.1, JSON, CBOR and forms, plain and compressed",
        server: &[],
        schemes: BOTH,
        install: python,
        run: |p, e| suite(p, e, &["cloudwatch_suite.py"]),
    },
    Client {
        name: "iam",
        what: "boto3: users, roles, keys, policies, sessions",
        server: &[],
        schemes: BOTH,
        install: python,
        run: |p, e| suite(p, e, &["iam_suite.py"]),
    },
    Client {
        name: "auth",
        what: "raw requests with every fault a signature can have",
        server: &[],
        schemes: BOTH,
        install: python,
        run: |p, e| suite(p, e, &["auth_suite.py"]),
    },
    Client {
        name: "awscli",
        what: "HTTP/1.1, JSON",
        server: &[],
        schemes: BOTH,
        install: python,
        run: |p, e| suite(p, e, &["cli_suite.py"]),
    },
];

/// A script of `conformance/python` with its arguments.
fn suite(places: &Places, environment: &Environment, script: &[&str]) -> Result<String> {
    python_suite(places, environment, "python", script)
}

/// The oracles beside the Python client: dynalite from npm, DynamoDB Local from Maven.
fn dynamodb(places: &Places) -> Result<()> {
    python(places)?;
    let (home, source) = (
        places.installed.join("dynamodb"),
        places.root.join("conformance/dynamodb"),
    );
    packages(&home, &source)?;
    jars(&home, &source.join("pom.xml"), &[])
}
