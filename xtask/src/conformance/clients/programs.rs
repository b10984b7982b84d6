//! Programs and libraries that people put on top of an SDK: producers that pack records, consumers that share shards.

use anyhow::Result;

use super::install::{jars, java, npm, virtual_environment};
use super::{BOTH, Client, Environment, Places, node_suite, python_suite};

/// In the order in which they run.
pub(super) static CLIENTS: &[Client] = &[
    Client {
        name: "async-kinesis",
        what: "producer and consumer over aiobotocore, checkpoints in DynamoDB",
        server: &[],
        schemes: BOTH,
        install: python,
        run: |p, e| script(p, e, "async_kinesis_suite.py"),
    },
    Client {
        name: "aiokpl",
        what: "packed records, on a server with the published limits",
        server: &[("MILLRACE_STREAMS_PROFILE", "aws")],
        schemes: BOTH,
        install: python,
        run: |p, e| script(p, e, "aiokpl_suite.py"),
    },
    Client {
        name: "aws-kinesis-agg",
        what: "packed records, over boto3",
        server: &[],
        schemes: BOTH,
        install: python,
        run: |p, e| script(p, e, "aggregation_suite.py"),
    },
    Client {
        name: "lifion",
        what: "polling, and fan-out by a parser of its own; leases in DynamoDB",
        server: LIFION_SERVER,
        schemes: BOTH,
        install: |p| npm(p, "lifion"),
        run: |p, e| node_suite(p, e, "lifion"),
    },
    Client {
        name: "kcl-rs",
        what: "the Kinesis Client Library in Rust; leases in DynamoDB, metrics in CBOR",
        server: &[],
        schemes: BOTH,
        install: python,
        run: |p, e| script(p, e, "kcl_rs_suite.py"),
    },
    Client {
        name: "kpl",
        what: "the Kinesis Producer Library's native daemon, over TLS always, with the published limits",
        server: &[("MILLRACE_STREAMS_PROFILE", "aws")],
        schemes: &["https"],
        install: kpl,
        run: |p, e| {
            let home = p.installed.join("kpl").display().to_string();
            script(p, &[e, &[("KPL_HOME".to_owned(), home)]].concat(), "kpl_suite.py")
        },
    },
];

/// Frames that come at the published rate, since its parser takes one frame from each chunk; and a certificate for the
/// host that it insists on.
const LIFION_SERVER: &[(&str, &str)] = &[
    ("MILLRACE_STREAMS_PROFILE", "aws"),
    ("MILLRACE_TLS_NAMES", "kinesis.us-east-1.amazonaws.com"),
];

/// An environment of their own: they want other versions of botocore than the SDK's suites.
fn python(places: &Places) -> Result<()> {
    virtual_environment(places, "programs", "requirements-programs.txt")
}

fn script(places: &Places, environment: &Environment, script: &str) -> Result<String> {
    python_suite(places, environment, "programs", &[script])
}

/// The Java library with what it needs, from Maven, and the program that drives it.
fn kpl(places: &Places) -> Result<()> {
    python(places)?;
    let (home, source) = (places.installed.join("kpl"), places.root.join("conformance/kpl"));
    jars(&home, &source.join("pom.xml"), &["-DincludeScope=runtime"])?;
    java(&home, &source.join("Puts.java"))
}
