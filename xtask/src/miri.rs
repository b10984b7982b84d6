//! `cargo xtask miri`: the `unsafe` code of the tree under Miri, which finds undefined behaviour. There is one place:
//! hashing with vector instructions.
//!
//! It needs a nightly compiler with the components `miri` and `rust-src`: `rustup toolchain install nightly --component
//! miri --component rust-src`.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::tools;

/// Package and tests.
const TESTS: &[(&str, &str)] = &[("millrace-streams", "shard::hash")];
/// Random cases of a property: Miri is a thousand times slower than the machine.
const CASES: &str = "4";

/// Runs the tests.
pub fn run(root: &Path) -> Result<()> {
    let found = tools::nightly_cargo().args(["miri", "--version"]).output();
    ensure!(
        found.context("rustup is not here")?.status.success(),
        "Miri is missing: rustup toolchain install nightly --component miri --component rust-src"
    );
    for (package, tests) in TESTS {
        let status = tools::nightly_cargo()
            .current_dir(root)
            .args(["miri", "test", "--package", package, "--lib", "--target-dir", "target/miri", tests])
            // The compiler's, so that the program finds them and takes the path that is looked at.
            .env("RUSTFLAGS", "-C target-feature=+avx2")
            .env("MIRIFLAGS", "-Zmiri-disable-isolation")
            .env("PROPTEST_CASES", CASES)
            .status()?;
        ensure!(status.success(), "{tests} of {package} does not hold under Miri");
    }
    Ok(())
}
