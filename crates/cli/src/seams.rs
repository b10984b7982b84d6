//! The real clock, dice and tasks of this process.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use millrace_base::{Clock, Rng, SystemClock, SystemRng, Tasks};

/// Longest time that background tasks get to end.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// What every command needs of its surroundings. Clones share it.
#[derive(Clone)]
pub(crate) struct Seams {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Background tasks; they end with the command.
    pub tasks: Tasks,
}

impl Seams {
    /// The operating system's.
    pub(crate) fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            rng: Arc::new(SystemRng),
            tasks: Tasks::new(),
        }
    }
}

/// Runs an asynchronous command to its end, then ends its tasks.
pub(crate) fn block_on<F, C>(command: C) -> Result<()>
where
    C: FnOnce(Seams) -> F,
    F: Future<Output = Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime cannot be started")?;
    let seams = Seams::new();
    let tasks = seams.tasks.clone();
    let result = runtime.block_on(async {
        let result = command(seams).await;
        tasks.drain(DRAIN_TIME_MAX).await;
        result
    });
    // A thread that waits for a terminal's next line never ends by itself.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

/// Completes when the user presses ctrl-C or the process is told to end.
pub(crate) async fn interrupted() {
    let ctrl_c = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = ctrl_c => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = ctrl_c.await;
}
