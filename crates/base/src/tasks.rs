//! Background tasks: spawned in one place, told to stop together, awaited together.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A task as a [`Spawner`] gets it.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs tasks where there is no runtime: a simulator that decides itself what runs when.
pub trait Spawner: Send + Sync + fmt::Debug {
    /// Runs `task` until it ends.
    fn spawn(&self, task: Task);
}

/// A group of background tasks that stops as one. Clones share the group.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    /// Instead of the current runtime.
    spawner: Option<Arc<dyn Spawner>>,
}

impl Tasks {
    /// An empty group.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty group whose tasks `spawner` runs.
    #[must_use]
    pub fn on(spawner: Arc<dyn Spawner>) -> Self {
        Self {
            spawner: Some(spawner),
            ..Self::default()
        }
    }

    /// Runs `task` on the current runtime until it ends. It is not aborted at shutdown: a task that may run
    /// for long watches [`Tasks::stopping`].
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match &self.spawner {
            None => drop(self.tracker.spawn(task)),
            Some(spawner) => spawner.spawn(Box::pin(self.tracker.track_future(task))),
        }
    }

    /// Runs `task` until it ends or the group stops, whichever comes first; it is dropped at an await point.
    pub fn spawn_until_stop<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Completes when the group is told to stop.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the group was told to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Tells every task to stop; returns at once.
    pub fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
    }

    /// Tells every task to stop and waits for them, at most `patience`. Says whether all ended.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.stop();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }

    /// Tasks that still run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tracker.len()
    }
}

/// Starts a named operating-system thread; for work that blocks on a disk, away from the runtime.
///
/// # Errors
/// The operating system's, when it has no thread to give.
pub fn thread<F, T>(name: &str, body: F) -> std::io::Result<std::thread::JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    std::thread::Builder::new().name(name.to_owned()).spawn(body)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn a_group_stops_as_one() {
        let tasks = Tasks::new();
        tasks.spawn_until_stop(std::future::pending());
        let watcher = tasks.clone();
        tasks.spawn(async move { watcher.stopping().await });
        assert_eq!(tasks.running(), 2);
        assert!(tasks.drain(Duration::from_secs(5)).await);
        assert_eq!(tasks.running(), 0);
    }

    /// Keeps tasks until the test runs them.
    #[derive(Default)]
    struct Kept(Mutex<Vec<Task>>);

    impl fmt::Debug for Kept {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Kept")
        }
    }

    impl Spawner for Kept {
        fn spawn(&self, task: Task) {
            self.0.lock().unwrap().push(task);
        }
    }

    #[tokio::test]
    async fn a_spawner_of_its_own_runs_the_tasks_of_a_group() {
        let kept = Arc::new(Kept::default());
        let tasks = Tasks::on(Arc::clone(&kept) as Arc<dyn Spawner>);
        tasks.spawn_until_stop(std::future::pending());
        tasks.spawn(async {});
        assert_eq!(tasks.running(), 2);
        tasks.stop();
        let all = std::mem::take(&mut *kept.0.lock().unwrap());
        for task in all {
            task.await;
        }
        assert_eq!(tasks.running(), 0);
    }

    #[tokio::test]
    async fn a_task_that_ignores_the_stop_is_reported() {
        let tasks = Tasks::new();
        tasks.spawn(std::future::pending());
        assert!(!tasks.drain(Duration::from_millis(10)).await);
    }
}
