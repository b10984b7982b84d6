//! All shards of a stream, as they come and go.

use std::collections::{BTreeMap, BTreeSet};

use millrace_api::kinesis::{
    ChildShard, ListShardsInput, ListShardsOutput, Shard, ShardFilter, ShardFilterType,
};
use millrace_base::Tasks;
use tokio::sync::mpsc;

use super::limits::DELIVERIES_MAX;
use super::{Delivery, Start, poll, push};
use crate::client::{CallError, Client};

/// How shards are read.
#[derive(Clone, Debug)]
pub(crate) enum How {
    /// By GetRecords.
    Poll {
        /// The stream's name.
        stream: String,
    },
    /// By SubscribeToShard.
    Push {
        /// The registered consumer.
        consumer_arn: String,
    },
}

/// What a follower reads with.
#[derive(Clone)]
pub(crate) struct Options {
    /// Calls the server.
    pub client: Client,
    /// How.
    pub how: How,
    /// Runs the readers.
    pub tasks: Tasks,
}

/// Reads shards and whatever they are split or merged into.
pub(crate) struct Follower {
    options: Options,
    topology: Topology,
    sink: mpsc::Sender<Delivery>,
    deliveries: mpsc::Receiver<Delivery>,
}

impl Follower {
    /// Starts to read these shards.
    pub(crate) fn start(options: Options, shards: Vec<(String, Start)>) -> Self {
        let (sink, deliveries) = mpsc::channel(DELIVERIES_MAX);
        let mut follower = Self {
            options,
            topology: Topology::default(),
            sink,
            deliveries,
        };
        follower
            .topology
            .reading
            .extend(shards.iter().map(|(shard, _)| shard.clone()));
        for (shard, start) in shards {
            follower.read(shard, start);
        }
        follower
    }

    /// Shards that are being read.
    pub(crate) fn reading(&self) -> usize {
        self.topology.reading.len()
    }

    /// The next thing a reader says; `None` when every shard has ended. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        if self.topology.reading.is_empty() {
            return None;
        }
        let delivery = self.deliveries.recv().await?;
        match &delivery {
            Delivery::End { shard, children } => {
                for child in self.topology.ended(shard, children) {
                    self.read(child, Start::TrimHorizon);
                }
            }
            Delivery::Failed { shard, .. } => {
                self.topology.reading.remove(shard);
            }
            Delivery::Records { .. } | Delivery::Trouble { .. } => {}
        }
        Some(delivery)
    }

    fn read(&self, shard: String, start: Start) {
        let (client, sink) = (self.options.client.clone(), self.sink.clone());
        match self.options.how.clone() {
            How::Poll { stream } => self
                .options
                .tasks
                .spawn_until_stop(poll::run(client, stream, shard, start, sink)),
            How::Push { consumer_arn } => {
                self.options
                    .tasks
                    .spawn_until_stop(push::run(client, consumer_arn, shard, start, sink));
            }
        }
    }
}

/// Which shards are read, and which wait for their parents.
#[derive(Debug, Default)]
struct Topology {
    reading: BTreeSet<String>,
    /// Children and the parents they wait for.
    waiting: BTreeMap<String, BTreeSet<String>>,
    /// Children that were started: both parents of a merge name the same one.
    started: BTreeSet<String>,
}

impl Topology {
    /// A shard has ended; yields the children that can start.
    fn ended(&mut self, shard: &str, children: &[ChildShard]) -> Vec<String> {
        self.reading.remove(shard);
        for child in children {
            if !self.started.contains(&child.shard_id) {
                self.waiting
                    .entry(child.shard_id.clone())
                    .or_insert_with(|| child.parent_shards.iter().cloned().collect());
            }
        }
        // A parent that is not read has nothing to wait for.
        let ready = |parents: &BTreeSet<String>| parents.is_disjoint(&self.reading);
        let ready: Vec<String> = self
            .waiting
            .iter()
            .filter(|(_, parents)| ready(parents))
            .map(|(child, _)| child.clone())
            .collect();
        for child in &ready {
            self.waiting.remove(child);
            self.started.insert(child.clone());
            self.reading.insert(child.clone());
        }
        ready
    }
}

/// The shards from which everything from `start` on can be reached, each exactly once.
///
/// # Errors
/// [`CallError`].
pub(crate) async fn shards_at(client: &Client, stream: &str, start: &Start) -> Result<Vec<Shard>, CallError> {
    let (kind, timestamp) = match start {
        Start::Latest => (ShardFilterType::AtLatest, None),
        Start::AtTimestamp(time) => (ShardFilterType::AtTimestamp, Some(*time)),
        Start::TrimHorizon | Start::AtSequence(_) | Start::AfterSequence(_) => {
            (ShardFilterType::AtTrimHorizon, None)
        }
    };
    let filter = ShardFilter {
        r#type: kind,
        shard_id: None,
        timestamp,
    };
    list(client, stream, Some(filter)).await
}

/// All pages of ListShards.
///
/// # Errors
/// [`CallError`].
pub(crate) async fn list(
    client: &Client,
    stream: &str,
    filter: Option<ShardFilter>,
) -> Result<Vec<Shard>, CallError> {
    let first = ListShardsInput {
        stream_name: Some(stream.to_owned()),
        shard_filter: filter,
        ..ListShardsInput::default()
    };
    let mut page: ListShardsOutput = client.call("ListShards", first).await?;
    let mut shards = page.shards.take().unwrap_or_default();
    while let Some(token) = page.next_token.take() {
        let next = ListShardsInput {
            next_token: Some(token),
            ..ListShardsInput::default()
        };
        page = client.call("ListShards", next).await?;
        shards.append(&mut page.shards.take().unwrap_or_default());
    }
    Ok(shards)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(id: &str, parents: &[&str]) -> ChildShard {
        let parent_shards = parents.iter().map(|parent| (*parent).to_owned()).collect();
        ChildShard {
            shard_id: id.to_owned(),
            parent_shards,
            ..ChildShard::default()
        }
    }

    fn reading(shards: &[&str]) -> Topology {
        Topology {
            reading: shards.iter().map(|shard| (*shard).to_owned()).collect(),
            ..Topology::default()
        }
    }

    #[test]
    fn a_split_starts_both_children() {
        let mut topology = reading(&["0", "1"]);
        let children = [child("2", &["0"]), child("3", &["0"])];
        assert_eq!(topology.ended("0", &children), ["2", "3"]);
        assert_eq!(topology.reading.len(), 3);
    }

    #[test]
    fn a_merge_starts_its_child_once_behind_both_parents() {
        let mut topology = reading(&["0", "1"]);
        let merged = [child("2", &["0", "1"])];
        assert!(topology.ended("0", &merged).is_empty());
        assert_eq!(topology.ended("1", &merged), ["2"]);
        assert!(topology.ended("1", &merged).is_empty());
        assert!(topology.ended("2", &[]).is_empty());
        assert!(topology.reading.is_empty());
    }

    #[test]
    fn a_parent_that_is_not_read_is_not_waited_for() {
        let mut topology = reading(&["1"]);
        assert_eq!(topology.ended("1", &[child("2", &["0", "1"])]), ["2"]);
    }
}
