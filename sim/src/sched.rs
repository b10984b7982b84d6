//! The scheduler: one thread, one seed. It decides which task runs next and when time passes.
//!
//! Tasks are futures; *devices* are the engine's own threads, of which each step is one call. While a disk operation
//! takes its time ([`Sched::pass`]) other tasks and devices run inside it, so that a commit under way meets readers,
//! and sealing meets commits. What would wait for a lock of the engine that is held further out is not chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use millrace_base::clock::Sleep;
use millrace_base::tasks::{Spawner, Task};
use millrace_base::{Clock, Timestamp};

use crate::dice::Dice;
use crate::trace::Trace;

/// When every simulation begins.
const START: Timestamp = Timestamp(1_700_000_000_000);
/// How deep tasks run inside the disk operations of others.
const DEPTH_MAX: usize = 3;
/// Steps inside one disk operation.
const INSIDE_MAX: u64 = 6;

/// Which of the engine's locks a device takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The committer's, for as long as a step takes.
    Commit,
    /// The background's for as long as a step takes, the committer's for moments.
    Background,
    /// The committer's for moments.
    Segments,
}

impl Role {
    /// Whether it would wait for a lock of those that are under way.
    fn waits(self, under_way: &[Self]) -> bool {
        under_way.contains(&self) || under_way.contains(&Self::Commit)
    }
}

/// A thread of the engine.
pub trait Device: Send + Sync {
    /// Its locks.
    fn role(&self) -> Role;
    /// When it wants to run next, if at all.
    fn due(&self, now: Duration) -> Option<Duration>;
    /// One step.
    fn run(&self, now: Duration);
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What it waited for came.
    Done,
    /// The process is dead.
    Dead,
    /// Nothing will ever happen again.
    Stuck,
    /// It took more steps than a run may.
    Endless,
}

/// Whether the process still lives.
type Alive = Box<dyn Fn() -> bool + Send + Sync>;

struct Slot {
    /// Absent while it is polled.
    task: Option<Task>,
    waker: Waker,
}

struct State {
    dice: Dice,
    tasks: BTreeMap<u64, Slot>,
    next_task: u64,
    timers: BTreeMap<(Duration, u64), Waker>,
    next_timer: u64,
    now: Duration,
    /// Milliseconds by which the wall clock is off.
    wall: i64,
    /// The latest the wall clock ever showed.
    latest: Timestamp,
    under_way: Vec<Role>,
    depth: usize,
}

struct Inner {
    state: Mutex<State>,
    ready: Arc<Mutex<BTreeSet<u64>>>,
    devices: Mutex<Vec<Arc<dyn Device>>>,
    alive: Mutex<Alive>,
    trace: Trace,
}

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Sched(Arc<Inner>);

impl fmt::Debug for Sched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sched")
    }
}

struct Waken {
    id: u64,
    ready: Arc<Mutex<BTreeSet<u64>>>,
}

impl Wake for Waken {
    fn wake(self: Arc<Self>) {
        lock(&self.ready).insert(self.id);
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Choice {
    Task(u64),
    Device(Arc<dyn Device>),
}

impl Sched {
    /// A scheduler with nothing to do.
    pub fn new(seed: u64, trace: Trace) -> Self {
        let state = State {
            dice: Dice::new(seed, 1),
            tasks: BTreeMap::new(),
            next_task: 0,
            timers: BTreeMap::new(),
            next_timer: 0,
            now: Duration::ZERO,
            wall: 0,
            latest: START,
            under_way: Vec::new(),
            depth: 0,
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            ready: Arc::default(),
            devices: Mutex::default(),
            alive: Mutex::new(Box::new(|| true)),
            trace,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    /// Time that passed since the simulation began.
    pub fn now(&self) -> Duration {
        self.state().now
    }

    /// The latest the wall clock ever showed.
    pub fn latest(&self) -> Timestamp {
        self.state().latest
    }

    /// Moves the wall clock, and only that, by so many milliseconds.
    pub fn jump(&self, millis: i64) {
        self.0.trace.note(|| format!("clock jumps by {millis} ms"));
        self.state().wall += millis;
    }

    /// Begins the life of a process: what its threads are, and what tells that it is dead.
    pub fn begin(&self, alive: Alive) {
        *lock(&self.0.alive) = alive;
    }

    /// Adds a thread of the engine.
    pub fn add_device(&self, device: Arc<dyn Device>) {
        lock(&self.0.devices).push(device);
    }

    /// Ends the life of a process: tasks, timers and devices are gone.
    pub fn end(&self) {
        let tasks = {
            let mut state = self.state();
            (state.under_way, state.depth) = (Vec::new(), 0);
            (
                std::mem::take(&mut state.tasks),
                std::mem::take(&mut state.timers),
            )
        };
        // Outside of the lock: what they drop may call back. It may even wake, so that the ready ones go last.
        drop(tasks);
        lock(&self.0.devices).clear();
        self.state().timers.clear();
        lock(&self.0.ready).clear();
    }

    /// Runs what `task` does among the others.
    pub fn run_task(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.state();
        let id = state.next_task;
        state.next_task += 1;
        let waker = Waker::from(Arc::new(Waken {
            id,
            ready: Arc::clone(&self.0.ready),
        }));
        let slot = Slot {
            task: Some(Box::pin(task)),
            waker,
        };
        state.tasks.insert(id, slot);
        lock(&self.0.ready).insert(id);
    }

    /// Runs until `done`, at most so many steps.
    pub fn run(&self, steps: u64, done: impl Fn() -> bool) -> Stop {
        for _ in 0..steps {
            if !self.is_alive() {
                return Stop::Dead;
            }
            if done() {
                return Stop::Done;
            }
            if !self.step() {
                return Stop::Stuck;
            }
        }
        Stop::Endless
    }

    fn is_alive(&self) -> bool {
        (lock(&self.0.alive))()
    }

    /// Runs one thing, or lets time pass until there is one.
    fn step(&self) -> bool {
        let (choices, alarm) = self.choices();
        if choices.is_empty() {
            let Some(alarm) = alarm else { return false };
            self.advance_to(alarm);
            return true;
        }
        self.take(choices);
        true
    }

    /// What could run now, and when something else could.
    fn choices(&self) -> (Vec<Choice>, Option<Duration>) {
        let devices: Vec<Arc<dyn Device>> = lock(&self.0.devices).clone();
        let (now, under_way, mut alarm) = {
            let state = self.state();
            let first = state.timers.first_key_value().map(|((due, _), _)| *due);
            (state.now, state.under_way.clone(), first)
        };
        let mut choices = Vec::new();
        for device in devices {
            if device.role().waits(&under_way) {
                continue;
            }
            match device.due(now) {
                Some(due) if due <= now => choices.push(Choice::Device(device)),
                Some(due) => alarm = Some(alarm.map_or(due, |alarm| alarm.min(due))),
                None => {}
            }
        }
        let state = self.state();
        let ready = lock(&self.0.ready);
        let free = |id: &&u64| state.tasks.get(*id).is_some_and(|slot| slot.task.is_some());
        choices.extend(ready.iter().filter(free).map(|id| Choice::Task(*id)));
        (choices, alarm)
    }

    fn take(&self, mut choices: Vec<Choice>) {
        let at = self.state().dice.index(choices.len());
        match choices.swap_remove(at) {
            Choice::Task(id) => self.poll(id),
            Choice::Device(device) => self.holding(device.role(), || device.run(self.now())),
        }
        let mut state = self.state();
        let later = state.now + state.dice.micros(40);
        drop(state);
        self.advance_to(later);
    }

    /// Does what takes the locks of `role`.
    pub fn holding(&self, role: Role, work: impl FnOnce()) {
        self.0.trace.event(0x1000 + role as u64);
        self.state().under_way.push(role);
        work();
        self.state().under_way.retain(|other| *other != role);
    }

    fn poll(&self, id: u64) {
        lock(&self.0.ready).remove(&id);
        let taken = {
            let mut state = self.state();
            let slot = state.tasks.get_mut(&id);
            slot.and_then(|slot| slot.task.take().map(|task| (task, slot.waker.clone())))
        };
        let Some((mut task, waker)) = taken else { return };
        self.0.trace.event(id);
        let polled = task.as_mut().poll(&mut Context::from_waker(&waker));
        let mut state = self.state();
        match polled {
            Poll::Ready(()) => drop(state.tasks.remove(&id)),
            Poll::Pending => {
                if let Some(slot) = state.tasks.get_mut(&id) {
                    slot.task = Some(task);
                    return;
                }
            }
        }
        drop(state);
        drop(task);
    }

    /// Lets `time` pass during a disk operation. Others may run meanwhile.
    pub fn pass(&self, time: Duration) {
        let until = self.now() + time;
        let inside = {
            let mut state = self.state();
            if state.depth >= DEPTH_MAX || !state.dice.one_in(3) {
                0
            } else {
                state.depth += 1;
                1 + state.dice.roll(INSIDE_MAX)
            }
        };
        for _ in 0..inside {
            if !self.is_alive() {
                break;
            }
            let (choices, alarm) = self.choices();
            if !choices.is_empty() {
                self.take(choices);
            } else if let Some(alarm) = alarm.filter(|alarm| *alarm <= until) {
                self.advance_to(alarm);
            } else {
                break;
            }
        }
        if inside > 0 {
            let mut state = self.state();
            state.depth = state.depth.saturating_sub(1);
        }
        self.advance_to(until);
    }

    fn advance_to(&self, time: Duration) {
        let mut due = Vec::new();
        let mut state = self.state();
        state.now = state.now.max(time);
        state.latest = state.latest.max(state.wall_time());
        while let Some(entry) = state.timers.first_entry() {
            if entry.key().0 > time {
                break;
            }
            due.push(entry.remove());
        }
        drop(state);
        due.into_iter().for_each(Waker::wake);
    }

    /// Decides something.
    pub fn dice<T>(&self, roll: impl FnOnce(&mut Dice) -> T) -> T {
        roll(&mut self.state().dice)
    }
}

impl State {
    fn wall_time(&self) -> Timestamp {
        let passed = i64::try_from(START.0).unwrap_or(0) + self.wall;
        Timestamp(u64::try_from(passed).unwrap_or(0)).plus(self.now)
    }
}

impl Spawner for Sched {
    fn spawn(&self, task: Task) {
        self.run_task(task);
    }
}

impl Clock for Sched {
    fn now(&self) -> Timestamp {
        self.state().wall_time()
    }

    fn monotonic(&self) -> Duration {
        self.state().now
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let due = Self::now(self).saturating_add(duration);
        Box::pin(Sleeping {
            sched: self.clone(),
            due,
            timer: None,
        })
    }
}

struct Sleeping {
    sched: Sched,
    due: Duration,
    timer: Option<u64>,
}

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let sched = self.sched.clone();
        let mut state = sched.state();
        if state.now >= self.due {
            return Poll::Ready(());
        }
        let timer = *self.timer.get_or_insert_with(|| {
            state.next_timer += 1;
            state.next_timer
        });
        state.timers.insert((self.due, timer), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.sched.state().timers.remove(&(self.due, timer));
        }
    }
}
