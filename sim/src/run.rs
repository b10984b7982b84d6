//! One seed from beginning to end: lives of the process with faults and crashes between them, then the reckoning.

mod rot;
mod verify;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millrace_log::disk::sim::{Crash, Faults};
use serde::{Deserialize, Serialize};

use crate::client::{self, Customer, World};
use crate::dice::Dice;
use crate::ledger::Chain;
use crate::linear::{self, Verdict};
use crate::node::{Client, Machine, Node, Refused};
use crate::plant::Plant;
use crate::sched::{Role, Stop};
use crate::trace::Trace;

/// Steps after which a life is taken to go round in circles.
const LIFE_STEPS: u64 = 3_000_000;

/// What a seed came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    pub seed: u64,
    /// Why it failed, if it did.
    pub broken: Vec<String>,
    pub trace: u64,
    pub disk: u64,
    pub events: u64,
    pub simulated_ms: u64,
    pub calls: u64,
    pub acknowledged: u64,
    pub reads: u64,
    pub recoveries: u64,
    pub kills: u64,
    pub power_failures: u64,
    pub clean_stops: u64,
    pub crashed_starts: u64,
    pub spoiled_starts: u64,
    pub fatal: u64,
    pub internal: u64,
    pub clock_jumps: u64,
    pub full_disks: u64,
    pub slow_syncs: u64,
    pub seals: u64,
    pub merges: u64,
    pub undecided: u64,
    pub rot_named: u64,
    pub rot_local: u64,
    pub rot_harmless: u64,
    pub faults: Vec<(String, u64)>,
}

pub struct Simulation {
    dice: Dice,
    machine: Machine,
    world: Arc<World>,
    customers: Vec<Arc<Mutex<Customer>>>,
    report: Report,
    /// Whether an operation of the disk may have failed since the start, which explains an internal failure.
    faulty: bool,
}

/// Runs a seed.
pub fn run(seed: u64, plant: Plant, aloud: bool) -> Report {
    let mut simulation = Simulation::new(seed, plant, Trace::new(aloud));
    simulation.lives();
    simulation.reckoning();
    simulation.finish()
}

impl Simulation {
    fn new(seed: u64, plant: Plant, trace: Trace) -> Self {
        let mut dice = Dice::new(seed, 3);
        let millis = [0, 30, 1_500][dice.index(3)];
        let machine = Machine::new(seed, Duration::from_millis(millis), plant, trace.clone());
        let leaps = dice.one_in(4);
        let world = World::new(machine.sched.clone(), trace, millis > 1_000, leaps, plant);
        let customers = (0..2 + dice.roll(3)).map(|at| {
            Arc::new(Mutex::new(Customer {
                dice: Dice::new(seed, 100 + at),
                chains: Vec::new(),
            }))
        });
        Self {
            customers: customers.collect(),
            dice,
            machine,
            world: Arc::new(world),
            report: Report {
                seed,
                ..Report::default()
            },
            faulty: false,
        }
    }

    fn lives(&mut self) {
        for _ in 0..3 + self.dice.roll(8) {
            if self.is_over() {
                return;
            }
            self.set_faults();
            match self.start() {
                Some(node) => self.live(&node),
                None => self.crash(),
            }
        }
    }

    fn is_over(&self) -> bool {
        !self.world.ledger().broken.is_empty()
    }

    /// What goes wrong in the next life.
    fn set_faults(&mut self) {
        let dice = &mut self.dice;
        let mut rate = |one_in: u64, most: u64| {
            let hit = dice.one_in(one_in);
            let rate = u32::try_from(dice.roll(most)).unwrap_or(0);
            if hit { rate } else { 0 }
        };
        let faults = Faults {
            read_errors: rate(5, 20_000),
            short: rate(2, 200_000),
            write_errors: rate(8, 20_000),
            write_full: rate(6, 6_000),
            sync_errors: rate(6, 80_000),
        };
        self.faulty = faults.read_errors + faults.write_errors + faults.write_full + faults.sync_errors > 0;
        self.machine.disk.set_faults(faults);
        self.machine.set_slow(self.dice.one_in(8));
        if self.dice.one_in(4) {
            let after = 1 + self.dice.roll(30);
            self.machine.disk.crash_after(Some(after));
        }
        // Not for days on end: every two seconds sealing would try again.
        if self.dice.one_in(8) && !self.world.leaps {
            self.faulty = true;
            self.report.full_disks += 1;
            let more = self.dice.roll(300 << 10);
            self.machine.disk.set_capacity(self.machine.disk.used() + more);
        }
        // While the clock catches up, a stream may be made again in the second of the one before it: only their names
        // then tell their numbers apart.
        if self.dice.one_in(6) && !self.world.names_return {
            self.report.clock_jumps += 1;
            let most = if self.dice.one_in(3) { 600_000 } else { 5_000 };
            let jump =
                i64::try_from(self.dice.roll(2 * most)).unwrap_or(0) - i64::try_from(most).unwrap_or(0);
            // Never before the beginning, and together less than a day.
            self.machine.sched.jump(jump);
        }
    }

    fn quiet(&mut self) {
        self.machine.disk.set_faults(Faults::default());
        self.machine.disk.set_capacity(u64::MAX);
        self.machine.disk.crash_after(None);
        self.machine.set_slow(false);
        self.faulty = false;
    }

    /// Starts the process; `None` when it did not come up, for a reason that is allowed.
    fn start(&mut self) -> Option<Node> {
        self.report.recoveries += 1;
        match self.machine.start() {
            Ok(node) => {
                // What was given for the start is over.
                self.machine.disk.crash_after(None);
                Some(node)
            }
            Err(Refused::Down) => {
                self.report.crashed_starts += 1;
                None
            }
            Err(refused) => {
                self.report.spoiled_starts += 1;
                let why = match refused {
                    Refused::Log(error) => error.to_string(),
                    Refused::Service(why) => why,
                    Refused::Down => String::new(),
                };
                self.machine.trace.note(|| format!("does not start: {why}"));
                let damaged = why.contains("damaged") && !why.contains("error");
                if !self.faulty || damaged {
                    self.world
                        .ledger()
                        .broke(format!("the process does not start: {why}"));
                }
                None
            }
        }
    }

    /// Clients call until they are done or the process dies.
    fn live(&mut self, node: &Node) {
        let calls = 4 + self.dice.roll(40);
        let left = Arc::new(Mutex::new(self.customers.len()));
        for customer in &self.customers {
            let (world, customer) = (Arc::clone(&self.world), Arc::clone(customer));
            let (client, left) = (Client(node.streams.clone()), Arc::clone(&left));
            self.report.calls += calls;
            self.machine.sched.run_task(async move {
                client::run(world, client, customer, calls).await;
                *left.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            });
        }
        let writes = 1 + self.dice.roll(400);
        self.machine
            .disk
            .crash_after((!self.dice.one_in(4)).then_some(writes));
        let stop = self.machine.sched.run(LIFE_STEPS, || {
            *left.lock().unwrap_or_else(PoisonError::into_inner) == 0
        });
        self.after(node, stop);
        let metrics = node.steps.metrics();
        self.report.seals += metrics.seals;
        self.report.merges += metrics.compactions;
        if stop == Stop::Done && node.failed().is_none() && self.dice.one_in(3) {
            self.stop(node);
        } else {
            self.crash();
        }
    }

    /// What must hold after a life, however it ended.
    fn after(&mut self, node: &Node, stop: Stop) {
        self.machine
            .trace
            .note(|| format!("the process ends: {stop:?} {:?}", node.failed()));
        if matches!(stop, Stop::Stuck | Stop::Endless) {
            self.world
                .ledger()
                .broke(format!("nothing moves any more: {stop:?}"));
        }
        if let Some(reason) = node.failed() {
            self.report.fatal += 1;
            if !self.faulty && !self.machine.disk.is_down() {
                self.world
                    .ledger()
                    .broke(format!("the storage failed without a fault: {reason}"));
            }
        }
        if let Some(reason) = node.control_failed()
            && !self.faulty
            && !self.machine.disk.is_down()
        {
            self.world
                .ledger()
                .broke(format!("the control plane failed without a fault: {reason}"));
        }
        let mut internal = self.world.internal.lock().unwrap_or_else(PoisonError::into_inner);
        self.report.internal += internal.len() as u64;
        let first = internal.first().cloned();
        internal.clear();
        drop(internal);
        // A call that was running when the process died goes on to its next wait.
        let explained = self.faulty || self.machine.disk.is_down() || node.failed().is_some();
        if let Some(first) = first.filter(|_| !explained) {
            self.world
                .ledger()
                .broke(format!("a call fails without a fault: {first}"));
        }
    }

    fn stop(&mut self, node: &Node) {
        node.tasks.stop();
        let stopped = self.machine.sched.run(LIFE_STEPS, || node.tasks.running() == 0);
        if stopped == Stop::Done {
            self.machine.sched.holding(Role::Commit, || node.steps.close());
            self.report.clean_stops += 1;
        }
        self.end(Crash::Kill);
    }

    fn crash(&mut self) {
        let crash = if self.dice.one_in(3) {
            Crash::Kill
        } else {
            Crash::Power
        };
        match crash {
            Crash::Kill => self.report.kills += 1,
            Crash::Power => self.report.power_failures += 1,
        }
        self.end(crash);
    }

    fn end(&mut self, crash: Crash) {
        self.machine.trace.note(|| format!("{crash:?}"));
        self.machine.sched.end();
        self.machine.disk.reboot(crash);
        self.machine.disk.set_capacity(u64::MAX);
        self.world.ledger().died();
    }

    /// Without faults everything must be there and work.
    fn reckoning(&mut self) {
        if self.is_over() {
            return;
        }
        self.quiet();
        let Some(node) = self.start() else {
            let broken = !self.is_over();
            if broken {
                self.world
                    .ledger()
                    .broke("the process does not start without faults".to_owned());
            }
            return;
        };
        self.verify(&node);
        self.after(&node, Stop::Done);
        let latest = self.machine.sched.latest();
        let chains: Vec<Chain> = self
            .customers
            .iter()
            .flat_map(|customer| {
                std::mem::take(&mut customer.lock().unwrap_or_else(PoisonError::into_inner).chains)
            })
            .collect();
        {
            let mut ledger = self.world.ledger();
            chains.into_iter().for_each(|chain| ledger.keep_chain(chain));
            ledger.close(latest);
        }
        self.linearizable();
        if !self.is_over() {
            rot::autopsy(self, &node);
        }
        self.machine.sched.end();
    }

    fn verify(&mut self, node: &Node) {
        let (world, client) = (Arc::clone(&self.world), Client(node.streams.clone()));
        self.complete(async move { verify::all(&world, &client).await });
    }

    /// Runs the task to its end, among the others.
    fn complete(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        let done = Arc::new(Mutex::new(false));
        let flag = Arc::clone(&done);
        self.machine.sched.run_task(async move {
            task.await;
            *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        });
        let stop = self.machine.sched.run(LIFE_STEPS, || {
            *done.lock().unwrap_or_else(PoisonError::into_inner)
        });
        if stop != Stop::Done {
            self.world
                .ledger()
                .broke(format!("what is stored cannot be read: {stop:?}"));
        }
    }

    fn linearizable(&mut self) {
        let mut names: Vec<String> = self
            .world
            .ledger()
            .control
            .iter()
            .map(|op| op.stream.clone())
            .collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let calls = {
                let ledger = self.world.ledger();
                ledger
                    .control
                    .iter()
                    .filter(|op| op.stream == name)
                    .cloned()
                    .collect()
            };
            match linear::check(calls) {
                Verdict::Linearizable => {}
                Verdict::Undecided => self.report.undecided += 1,
                Verdict::Broken(why) => {
                    self.world
                        .ledger()
                        .broke(format!("the calls on {name} have no order: {why}"));
                }
            }
        }
    }

    fn finish(mut self) -> Report {
        let tally = self.machine.disk.tally();
        let (trace, events) = self.machine.trace.sum();
        let content = Trace::new(false);
        for (name, bytes) in self.machine.disk.files() {
            content.bytes(name.as_bytes());
            content.bytes(&bytes);
        }
        let ledger = self.world.ledger();
        self.report.broken.clone_from(&ledger.broken);
        self.report.acknowledged = ledger.acknowledged;
        self.report.reads = ledger.reads;
        drop(ledger);
        self.report.trace = trace;
        self.report.events = events;
        self.report.disk = content.sum().0;
        self.report.simulated_ms = u64::try_from(self.machine.sched.now().as_millis()).unwrap_or(u64::MAX);
        self.report.slow_syncs = self.machine.slow_syncs.load(std::sync::atomic::Ordering::Relaxed);
        self.report.faults = [
            ("torn sectors", tally.sectors_torn),
            ("lost sectors", tally.sectors_lost),
            ("reordered sectors", tally.sectors_reordered),
            ("lost names", tally.names_lost),
            ("short calls", tally.short),
            ("interrupted calls", tally.interrupted),
            ("read errors", tally.read_errors),
            ("write errors", tally.write_errors),
            ("full disk", tally.full),
            ("sync errors", tally.sync_errors),
            ("rotten bits", tally.bits_rotten),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .to_vec();
        self.report
    }
}
