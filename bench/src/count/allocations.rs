//! Allocations of a process: a library that is compiled here and loaded before the C library counts them in a file.
//!
//! It sees what is taken by `malloc` and its kin. A server with an allocator of its own linked in stays at nought,
//! which is told as not measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const SOURCE: &str = include_str!("allocations.c");

/// The library and the file in which it counts.
pub struct Counter {
    library: PathBuf,
    file: PathBuf,
}

impl Counter {
    /// Compiles the library.
    pub fn new(folder: &Path) -> Result<Self> {
        let folder = std::fs::canonicalize(folder)?;
        let (source, library) = (folder.join("allocations.c"), folder.join("allocations.so"));
        std::fs::write(&source, SOURCE)?;
        let done = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-fno-builtin", "-o"])
            .args([&library, &source])
            .output()
            .context("a C compiler is needed to count allocations")?;
        if !done.status.success() {
            bail!("{}", String::from_utf8_lossy(&done.stderr));
        }
        let file = folder.join("allocations");
        std::fs::write(&file, [0; 8])?;
        Ok(Self { library, file })
    }

    /// What makes a server count.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("BENCH_ALLOCATIONS", self.file.display().to_string()),
        ]
    }

    /// Allocations per call while `work` makes so many calls.
    pub fn during(&self, work: impl Fn() -> Result<u64>) -> Result<f64> {
        let before = self.count()?;
        let calls = work()?;
        let counted = self.count()? - before;
        if counted == 0 || calls == 0 {
            bail!("its allocator does not go by malloc");
        }
        Ok(counted as f64 / calls as f64)
    }

    fn count(&self) -> Result<u64> {
        let bytes = std::fs::read(&self.file)?;
        let count = bytes.first_chunk().context("the counter is gone")?;
        Ok(u64::from_ne_bytes(*count))
    }
}
