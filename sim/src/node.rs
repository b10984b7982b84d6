//! One machine, and the process that runs on it: the product's log, control plane and Data Streams service.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use millrace_api::kinesis::SERVICE;
use millrace_base::tasks::Spawner;
use millrace_base::{ByteSize, Clock, Rng, SeededRng, Tasks};
use millrace_blob::{Blobs, Buckets};
use millrace_control::{Control, Options as ControlOptions, Status};
use millrace_keys::local::Options as KeyOptions;
use millrace_keys::{Keys, LocalKeys};
use millrace_log::disk::Disk;
use millrace_log::disk::sim::{Operation, SimDisk};
use millrace_log::embedded::{OpenError, Options, Steps};
use millrace_log::{EmbeddedLog, Log, LogId};
use millrace_streams::{Deps, Profile, Settings, Streams, StreamsState};
use millrace_wire::{ApiError, Caller, Codec, Reply};
use serde_json::Value;

use crate::dice::Dice;
use crate::plant::{Plant, PlantedDisk, PlantedLog};
use crate::sched::{Device, Role, Sched, Stop};
use crate::trace::Trace;

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
/// How often the background looks whether something is due, as in production.
const TICK: Duration = Duration::from_secs(2);
/// How long appends wait for sealing, as in production.
const ROOM_PATIENCE: Duration = Duration::from_secs(5);
/// Steps after which a process that is starting is taken to hang.
const BOOT_STEPS: u64 = 2_000_000;

/// What survives the process: the disk, the objects beside it, and the world's time.
#[derive(Debug)]
pub struct Machine {
    pub sched: Sched,
    pub disk: SimDisk,
    pub trace: Trace,
    blobs: Blobs,
    rng: Arc<SeededRng>,
    options: Options,
    settings: Settings,
    plant: Plant,
    control: ControlOptions,
    /// Whether syncs are slow at the moment.
    slow: Arc<AtomicBool>,
    pub slow_syncs: Arc<AtomicU64>,
    /// Appends of mutants, so that they err now and then.
    planted: Arc<AtomicU64>,
}

/// A running process.
pub struct Node {
    pub tasks: Tasks,
    pub streams: Streams,
    pub control: Control,
    pub steps: Arc<Steps>,
    fatal: Arc<Mutex<Option<String>>>,
}

/// Where a start leaves what it came to.
type Booted = Arc<Mutex<Option<Result<(Control, Streams), String>>>>;

/// Why there is no process.
#[derive(Debug)]
pub enum Refused {
    /// The machine went down meanwhile.
    Down,
    /// The log does not open.
    Log(OpenError),
    /// Something above it does not.
    Service(String),
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Machine {
    /// A machine of the seed's making.
    pub fn new(seed: u64, transition: Duration, plant: Plant, trace: Trace) -> Self {
        let mut dice = Dice::new(seed, 2);
        let sched = Sched::new(seed, trace.clone());
        let disk = SimDisk::new(dice.any(), dice.one_in(2));
        let rng = Arc::new(SeededRng::new(dice.any()));
        let slow = Arc::new(AtomicBool::new(false));
        let slow_syncs = Arc::new(AtomicU64::new(0));
        {
            let (sched, trace, slow, slow_syncs) = (
                sched.clone(),
                trace.clone(),
                Arc::clone(&slow),
                Arc::clone(&slow_syncs),
            );
            disk.on_operation(Box::new(move |operation, bytes| {
                trace.event(0x2000 + operation as u64);
                let micros = match operation {
                    Operation::Sync if slow.load(Ordering::Relaxed) => {
                        slow_syncs.fetch_add(1, Ordering::Relaxed);
                        sched.dice(|dice| 50_000 + dice.roll(1_500_000))
                    }
                    Operation::Sync => sched.dice(|dice| 60 + dice.roll(400)),
                    _ => 2 + bytes as u64 / 1_000,
                };
                sched.pass(Duration::from_micros(micros));
            }));
        }
        let beneath: Arc<dyn Disk> = Arc::new(disk.clone());
        let on: Arc<dyn Disk> = PlantedDisk::over(beneath, plant);
        let mut options = Options::on_disk(on, Arc::new(sched.clone()), Arc::clone(&rng) as Arc<dyn Rng>);
        options.first_segment_bytes = ByteSize(64 << 10);
        options.segment_bytes = ByteSize((64 << 10) << dice.roll(3));
        options.seal_bytes = ByteSize(1 << (13 + dice.roll(6)));
        options.seal_age = Duration::from_secs(1 + dice.roll(60));
        options.tail_cache_bytes = ByteSize(512 << 10);
        options.footer_cache_bytes = ByteSize(1 << (11 + dice.roll(6)));
        let control = ControlOptions {
            snapshot_commands: 8 + dice.roll(60),
            trim_slack: dice.roll(10),
            rng: Arc::clone(&rng) as Arc<dyn Rng>,
            ..ControlOptions::default()
        };
        Self {
            sched,
            disk,
            trace,
            blobs: Blobs::memory(),
            rng,
            options,
            settings: Settings {
                profile: Profile::Open,
                transition,
                retention_check: Duration::from_secs(600),
                scaling_check: Duration::from_secs(3600),
            },
            plant,
            control,
            slow,
            slow_syncs,
            planted: Arc::default(),
        }
    }

    /// Whether the product runs as it is.
    pub fn is_sound(&self) -> bool {
        self.plant == Plant::None
    }

    /// Makes every sync take its time, or no more.
    pub fn set_slow(&self, slow: bool) {
        self.slow.store(slow, Ordering::Relaxed);
    }

    /// Starts the process and waits until it serves.
    pub fn start(&self) -> Result<Node, Refused> {
        let fatal: Arc<Mutex<Option<String>>> = Arc::default();
        let (noted, on_down) = (Arc::clone(&fatal), self.disk.clone());
        self.sched
            .begin(Box::new(move || !on_down.is_down() && lock(&noted).is_none()));
        let mut options = self.options.clone();
        let noted = Arc::clone(&fatal);
        options.on_fatal = Some(Arc::new(move |reason| {
            *lock(&noted) = Some(reason.to_owned());
        }));
        let opened = EmbeddedLog::open_in_steps(&options);
        if self.disk.is_down() {
            return Err(Refused::Down);
        }
        let (log, steps) = opened.map_err(Refused::Log)?;
        let (steps, bell) = (Arc::new(steps), Arc::new(Bell::default()));
        self.add_devices(&steps, &bell);
        let log = PlantedLog::over(Arc::new(log), self.plant, Arc::clone(&self.planted));
        let tasks = Tasks::on(Arc::new(self.sched.clone()) as Arc<dyn Spawner>);
        let booted = Booted::default();
        self.sched.run_task(self.boot(log, tasks.clone(), &booted));
        let stop = self.sched.run(BOOT_STEPS, || lock(&booted).is_some());
        let result = lock(&booted).take();
        match (stop, result) {
            (Stop::Dead, _) => Err(Refused::Down),
            (_, Some(Ok((control, streams)))) => Ok(Node {
                tasks,
                streams,
                control,
                steps,
                fatal,
            }),
            (_, Some(Err(why))) => Err(Refused::Service(why)),
            (stop, None) => panic!("the process hangs while it starts: {stop:?}"),
        }
    }

    fn boot(
        &self,
        log: Arc<dyn Log>,
        tasks: Tasks,
        into: &Booted,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (blobs, options, settings) = (self.blobs.clone(), self.control.clone(), self.settings.clone());
        let (clock, rng) = (self.sched.clone(), Arc::clone(&self.rng));
        let into = Arc::clone(into);
        async move {
            let opening = async {
                let mut builder =
                    Control::builder(Arc::clone(&log), LogId(0), blobs.clone(), tasks.clone(), options);
                let part = builder.part::<StreamsState>(1);
                let control = builder.open().await.map_err(|error| error.to_string())?;
                let keys = LocalKeys::open(KeyOptions {
                    dir: None,
                    default_alias: Some("alias/aws/kinesis".to_owned()),
                    clock: Arc::new(clock.clone()),
                    rng: Arc::clone(&rng) as Arc<dyn Rng>,
                })
                .map_err(|error| error.to_string())?;
                let deps = Deps {
                    log,
                    control: part,
                    blobs,
                    clock: Arc::new(clock) as Arc<dyn Clock>,
                    rng,
                    tasks,
                    buckets: Buckets::memory(),
                    keys: Arc::new(keys) as Arc<dyn Keys>,
                    settings,
                };
                let streams = Streams::open(deps).await.map_err(|error| error.to_string())?;
                Ok((control, streams))
            };
            let opened = opening.await;
            *lock(&into) = Some(opened);
        }
    }

    fn add_devices(&self, steps: &Arc<Steps>, bell: &Arc<Bell>) {
        let (sched, steps, bell) = (&self.sched, || Arc::clone(steps), || Arc::clone(bell));
        sched.add_device(Arc::new(Committer {
            steps: steps(),
            bell: bell(),
            since: Mutex::default(),
        }));
        sched.add_device(Arc::new(Background {
            sched: sched.clone(),
            steps: steps(),
            bell: bell(),
            last: Mutex::default(),
        }));
        sched.add_device(Arc::new(Segments {
            steps: steps(),
            retry_at: Mutex::default(),
        }));
    }
}

impl Node {
    /// Why the storage failed for good, if it did. From then on nothing may have been acknowledged.
    pub fn failed(&self) -> Option<String> {
        lock(&self.fatal).clone()
    }

    /// Whether the control plane stands still on this node.
    pub fn control_failed(&self) -> Option<String> {
        match &*self.control.status().borrow() {
            Status::Failed(error) => Some(error.to_string()),
            _ => None,
        }
    }
}

/// A client of the service.
#[derive(Clone, Debug)]
pub struct Client(pub Streams);

impl Client {
    /// One call, with JSON on both sides.
    pub async fn call(&self, op: &str, body: &Value) -> Result<Value, ApiError> {
        let op = SERVICE
            .operation(op)
            .unwrap_or_else(|| panic!("no operation {op}"));
        let caller = Caller {
            access_key: "sim".to_owned(),
            request_id: "r".to_owned(),
            ..Caller::root(ACCOUNT, REGION)
        };
        let caller = caller.asking(&SERVICE, op);
        let body = Bytes::from(body.to_string());
        let answer: Bytes = match self.0.call(&caller, op, Codec::Json11, body).await? {
            Reply::Body(body) => body,
            Reply::Pieces(pieces) => pieces.pieces.flatten().collect(),
            Reply::Events(_) => panic!("events were not asked for"),
        };
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&answer).unwrap_or_else(|error| panic!("an answer is no JSON: {error}")))
    }
}

/// Wakes the background.
#[derive(Debug, Default)]
struct Bell(AtomicBool);

struct Committer {
    steps: Arc<Steps>,
    bell: Arc<Bell>,
    /// Since when it waits for room.
    since: Mutex<Option<Duration>>,
}

impl Device for Committer {
    fn role(&self) -> Role {
        Role::Commit
    }

    fn due(&self, now: Duration) -> Option<Duration> {
        if !self.steps.has_calls() {
            return None;
        }
        let mut since = lock(&self.since);
        if !self.steps.is_out_of_room() {
            *since = None;
            return Some(now);
        }
        self.bell.0.store(true, Ordering::Relaxed);
        let waited = now.saturating_sub(*since.get_or_insert(now));
        Some(if waited >= ROOM_PATIENCE {
            now
        } else {
            now + Duration::from_millis(5)
        })
    }

    fn run(&self, _now: Duration) {
        *lock(&self.since) = None;
        self.steps.commit(self.steps.take());
        if self.steps.is_behind() {
            self.bell.0.store(true, Ordering::Relaxed);
        }
    }
}

struct Background {
    sched: Sched,
    steps: Arc<Steps>,
    bell: Arc<Bell>,
    last: Mutex<Duration>,
}

impl Device for Background {
    fn role(&self) -> Role {
        Role::Background
    }

    fn due(&self, now: Duration) -> Option<Duration> {
        if self.bell.0.load(Ordering::Relaxed) {
            return Some(now);
        }
        Some(*lock(&self.last) + TICK)
    }

    fn run(&self, now: Duration) {
        *lock(&self.last) = now;
        self.bell.0.store(false, Ordering::Relaxed);
        let mut pace = |bytes: usize| self.sched.pass(Duration::from_micros(bytes as u64 / 64));
        for _ in 0..8 {
            if !self.steps.background(&mut pace) {
                break;
            }
        }
    }
}

struct Segments {
    steps: Arc<Steps>,
    retry_at: Mutex<Duration>,
}

impl Device for Segments {
    fn role(&self) -> Role {
        Role::Segments
    }

    fn due(&self, now: Duration) -> Option<Duration> {
        self.steps.wants_segment().then(|| now.max(*lock(&self.retry_at)))
    }

    fn run(&self, now: Duration) {
        if !self.steps.prepare_segment() && self.steps.wants_segment() {
            *lock(&self.retry_at) = now + TICK;
        }
    }
}
