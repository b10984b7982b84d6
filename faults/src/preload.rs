//! The library between the server and the C library, and the shared page that steers it. The library is `preload.c`,
//! compiled when a scenario needs it; [`Page`] mirrors its `struct control`.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// `struct control` of preload.c.
#[repr(C)]
#[derive(Debug)]
pub struct Page {
    clock_offset_ns: AtomicI64,
    kind: AtomicU64,
    files: AtomicU64,
    calls: AtomicU64,
    countdown: AtomicI64,
    times: AtomicI64,
    fired: AtomicU64,
    fired_at_ns: AtomicU64,
    delay_us: AtomicU64,
    no_direct: AtomicU64,
    min_offset: AtomicU64,
    recorded: AtomicU64,
    seen: AtomicU64,
    freeze: AtomicU64,
    frozen: AtomicU64,
}

/// What happens to a call. The numbers are those of preload.c.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is done, EIO.
    EioBefore = 1,
    /// Nothing is done, ENOSPC.
    EnospcBefore,
    /// Half is written, EIO.
    EioHalf,
    /// All is written, EIO.
    EioAfter,
    /// All is written, ENOSPC.
    EnospcAfter,
    /// Half is written, and said to be.
    Short,
    /// EINTR.
    Interrupted,
    /// It takes long.
    Slow,
    /// Half is written, ENOSPC.
    EnospcHalf,
}

/// Classes of files, for [`Fault::files`].
pub mod files {
    /// Segments of the write-ahead log.
    pub const WAL: u64 = 1;
    /// The MANIFEST.
    pub const MANIFEST: u64 = 2;
    /// Sealed files.
    pub const SEALED: u64 = 4;
    /// Segments that are being made.
    pub const WAL_NEW: u64 = 16;
}

/// Kinds of calls, for [`Fault::calls`].
pub mod calls {
    /// Writes.
    pub const WRITE: u64 = 1;
    /// fsync and fdatasync.
    pub const SYNC: u64 = 2;
}

/// What is to happen.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// What.
    pub kind: Kind,
    /// To which files, bits of [`files`].
    pub files: u64,
    /// To which calls, bits of [`calls`].
    pub calls: u64,
    /// To the how manieth of them, from 1.
    pub nth: i64,
    /// And how many behind it.
    pub times: i64,
    /// For a slow call.
    pub delay: Duration,
}

/// The compiled library.
#[derive(Clone, Debug)]
pub struct Library(PathBuf);

impl Library {
    /// Compiles it; an inner error is the reason why this machine cannot.
    pub fn build(folder: &Path) -> Result<std::result::Result<Self, String>> {
        if !cfg!(target_os = "linux") {
            return Ok(Err("LD_PRELOAD is tried on Linux only".to_owned()));
        }
        let (source, library) = (folder.join("preload.c"), folder.join("preload.so"));
        fs::write(&source, include_str!("preload.c"))?;
        let mut command = Command::new("cc");
        command
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(&source);
        let done = match command.args(["-ldl", "-lpthread"]).output() {
            Ok(done) => done,
            Err(error) => return Ok(Err(format!("there is no C compiler (cc): {error}"))),
        };
        ensure!(
            done.status.success(),
            "preload.c: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(Ok(Self(library)))
    }

    /// A page for one server.
    pub fn control(&self, folder: &Path) -> Result<Control> {
        let path = folder.join("control");
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        file.set_len(4096)?;
        // SAFETY: a fresh shared mapping of a page of a file that stays as long as it is.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        ensure!(
            at != libc::MAP_FAILED,
            "mmap: {}",
            std::io::Error::last_os_error()
        );
        // SAFETY: the mapping is page-aligned, zeroed, larger than the struct, only ever touched through atomics, and
        // never unmapped: a process has a handful of them.
        let page = unsafe { &*at.cast::<Page>() };
        Ok(Control {
            library: self.0.clone(),
            path,
            page,
            trace: None,
        })
    }
}

/// Steers the library of one server, also while it runs.
#[derive(Clone, Debug)]
pub struct Control {
    library: PathBuf,
    path: PathBuf,
    page: &'static Page,
    trace: Option<PathBuf>,
}

impl Control {
    /// Has everything recorded that reaches the file system.
    pub fn recording(mut self, trace: &Path) -> Result<Self> {
        File::create(trace).context("making the trace")?;
        self.trace = Some(trace.to_owned());
        Ok(self)
    }

    /// What the server needs in its environment.
    pub fn environment(&self, data: &Path) -> Vec<(String, String)> {
        let mut all = vec![
            ("LD_PRELOAD".to_owned(), self.library.display().to_string()),
            ("FAULTS_CONTROL".to_owned(), self.path.display().to_string()),
            ("FAULTS_DIR".to_owned(), data.display().to_string()),
        ];
        all.extend(
            self.trace
                .iter()
                .map(|trace| ("FAULTS_TRACE".to_owned(), trace.display().to_string())),
        );
        all
    }

    /// Moves the server's wall clock to this machine's plus `ms`.
    pub fn set_clock(&self, ms: i64) {
        self.page.clock_offset_ns.store(ms * 1_000_000, Ordering::SeqCst);
    }

    /// Refuses O_DIRECT, or takes it.
    pub fn refuse_direct(&self, refused: bool) {
        self.page.no_direct.store(u64::from(refused), Ordering::SeqCst);
    }

    /// Lets it happen.
    pub fn arm(&self, fault: &Fault) {
        let page = self.page;
        page.kind.store(0, Ordering::SeqCst);
        page.fired.store(0, Ordering::SeqCst);
        page.files.store(fault.files, Ordering::SeqCst);
        page.calls.store(fault.calls, Ordering::SeqCst);
        page.countdown.store(fault.nth, Ordering::SeqCst);
        page.times.store(fault.times, Ordering::SeqCst);
        page.delay_us.store(
            u64::try_from(fault.delay.as_micros()).unwrap_or(u64::MAX),
            Ordering::SeqCst,
        );
        page.kind.store(fault.kind as u64, Ordering::SeqCst);
    }

    /// Nothing happens any more.
    pub fn disarm(&self) {
        self.page.kind.store(0, Ordering::SeqCst);
    }

    /// How often it happened since it was armed.
    pub fn fired(&self) -> u64 {
        self.page.fired.load(Ordering::SeqCst)
    }

    /// When it first happened, on this machine's monotonic clock, in nanoseconds.
    pub fn fired_at_ns(&self) -> u64 {
        self.page.fired_at_ns.load(Ordering::SeqCst)
    }

    /// Has the server stop between two recorded operations; true when it did.
    pub fn freeze(&self) -> bool {
        self.page.freeze.store(1, Ordering::SeqCst);
        self.page.frozen.load(Ordering::SeqCst) == 1
    }

    /// The next server runs.
    pub fn thaw(&self) {
        self.page.freeze.store(0, Ordering::SeqCst);
        self.page.frozen.store(0, Ordering::SeqCst);
    }

    /// Counts recorded operations.
    pub fn recorded(&self) -> &'static AtomicU64 {
        &self.page.recorded
    }
}

/// The monotonic clock, in nanoseconds, as the library reads it.
pub fn monotonic_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a plain system call that fills a struct of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap_or_default()
}
