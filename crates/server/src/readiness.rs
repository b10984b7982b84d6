//! Whether calls are answered, and why not.

use std::sync::{OnceLock, PoisonError, RwLock};

use millrace_control::Status;
use tokio::sync::watch;

/// The phases of a server's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Running,
    Draining,
}

/// What `/readyz` says.
#[derive(Debug)]
pub(crate) struct Readiness {
    phase: RwLock<Phase>,
    control: OnceLock<watch::Receiver<Status>>,
}

impl Readiness {
    pub(crate) const fn new() -> Self {
        Self {
            phase: RwLock::new(Phase::Starting),
            control: OnceLock::new(),
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Follows the control plane, without which nothing can be changed.
    pub(crate) fn follow(&self, control: watch::Receiver<Status>) {
        // Called once, by the start.
        let _ = self.control.set(control);
    }

    /// Why calls are not answered; `None` when they are.
    pub(crate) fn reason(&self) -> Option<String> {
        match *self.phase.read().unwrap_or_else(PoisonError::into_inner) {
            Phase::Starting => return Some("starting".to_owned()),
            Phase::Draining => return Some("draining".to_owned()),
            Phase::Running => {}
        }
        match &*self.control.get()?.borrow() {
            Status::Running => None,
            Status::Opening => Some("the control plane is opening".to_owned()),
            Status::Closed => Some("the control plane is closed".to_owned()),
            Status::Failed(error) => Some(format!("the control plane failed, restart the server: {error}")),
        }
    }
}
