//! A toy machine, and what the control plane promises to every machine.

mod ending;
mod failures;
mod full;
mod replay;
mod sharing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millrace_base::Tasks;
use millrace_blob::Blobs;
use millrace_log::{Log, LogId};
use serde::{Deserialize, Serialize};

use crate::{Applied, Control, ControlError, Machine, Options, Part};

const LOG: LogId = LogId(7);

fn memory_log() -> Arc<dyn Log> {
    Arc::new(millrace_log::memory::MemoryLog::new(Arc::new(
        millrace_base::SystemClock::new(),
    )))
}

/// Accounts that never go below zero. Big numbers and many keys, as real states have them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Bank {
    accounts: BTreeMap<String, u128>,
    refused: u64,
    last_index: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Move {
    Deposit { to: String, amount: u128, note: u64 },
    Withdraw { from: String, amount: u128 },
    Panic,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Moved {
    Balance { index: u64, note: u64, balance: u128 },
    Refused,
}

impl Machine for Bank {
    type Command = Move;
    type Outcome = Moved;

    fn apply(&mut self, at: Applied, command: Move) -> Moved {
        assert!(
            self.last_index.is_none_or(|last| last < at.index),
            "applied twice or out of order"
        );
        self.last_index = Some(at.index);
        match command {
            Move::Deposit { to, amount, note } => {
                let balance = self.accounts.entry(to).or_default();
                *balance = balance.saturating_add(amount);
                Moved::Balance {
                    index: at.index,
                    note,
                    balance: *balance,
                }
            }
            Move::Withdraw { from, amount } => {
                let Some(left) = self.accounts.get(&from).and_then(|b| b.checked_sub(amount)) else {
                    self.refused += 1;
                    return Moved::Refused;
                };
                self.accounts.insert(from, left);
                Moved::Balance {
                    index: at.index,
                    note: 0,
                    balance: left,
                }
            }
            Move::Panic => panic!("a machine that breaks its promise"),
        }
    }
}

fn deposit(to: &str, amount: u128, note: u64) -> Move {
    Move::Deposit {
        to: to.to_owned(),
        amount,
        note,
    }
}

/// A node: two banks over a log and blobs that others may share.
struct Node {
    control: Control,
    first: Part<Bank>,
    second: Part<Bank>,
    tasks: Tasks,
}

impl Node {
    async fn open(log: &Arc<dyn Log>, blobs: &Blobs, options: Options) -> Result<Self, ControlError> {
        let tasks = Tasks::new();
        let mut builder = Control::builder(Arc::clone(log), LOG, blobs.clone(), tasks.clone(), options);
        let (first, second) = (builder.part::<Bank>(1), builder.part::<Bank>(2));
        Ok(Self {
            control: builder.open().await?,
            first,
            second,
            tasks,
        })
    }

    async fn stop(self) {
        assert!(self.tasks.drain(Duration::from_secs(5)).await);
    }

    fn states(&self) -> (Bank, Bank) {
        (self.first.read(Bank::clone), self.second.read(Bank::clone))
    }

    async fn reach(&self, index: u64) {
        let mut applied = self.control.changed();
        tokio::time::timeout(
            Duration::from_secs(5),
            applied.wait_for(|applied| *applied >= index),
        )
        .await
        .unwrap()
        .unwrap();
    }
}

fn rare_snapshots() -> Options {
    Options {
        snapshot_commands: u64::MAX,
        snapshot_bytes: u64::MAX,
        trim_slack: 0,
        ..Options::default()
    }
}
