//! Programs and libraries that people put on top of an SDK: producers that pack records, consumers that share shards.

use std::process::Command;

use anyhow::Result;

use super::{BOTH, Client, Environment, Places, output, virtual_environment};

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
];

/// An environment of their own: they want other versions of botocore than the SDK's suites.
fn python(places: &Places) -> Result<()> {
    virtual_environment(places, "programs", "requirements-programs.txt")
}

fn script(places: &Places, environment: &Environment, script: &str) -> Result<String> {
    output(
        Command::new(places.installed.join("programs/bin/python"))
            .arg(script)
            .current_dir(places.root.join("conformance/python")),
        environment,
    )
}
