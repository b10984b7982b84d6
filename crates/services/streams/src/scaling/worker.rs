//! Looks at every on-demand stream again and again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::heat::Track;
use super::plan::{Plan, Seen, plan};
use crate::error::StreamsError;
use crate::limits::{GROWTH_WINDOW, ON_DEMAND_SHARDS};
use crate::service::Streams;
use crate::state::{Command, LogNumber, Mode, ReshardRequest, Status, Stream, StreamKey, StreamUid};

/// What is known of the streams. In memory only: after a start everything is measured anew.
#[derive(Debug, Default)]
struct Known {
    tracks: HashMap<LogNumber, Track>,
    growth: HashMap<StreamUid, Growth>,
}

/// How many shards a stream had when it last was allowed to double.
#[derive(Clone, Copy, Debug)]
struct Growth {
    since: Duration,
    open: usize,
}

/// Measures and scales until the service stops.
pub(crate) async fn run(streams: Streams) {
    let mut known = Known::default();
    loop {
        look(&streams, &mut known).await;
        streams.0.clock.sleep(streams.0.settings.scaling_check).await;
    }
}

async fn look(streams: &Streams, known: &mut Known) {
    let all: Vec<(StreamKey, Arc<Stream>)> = streams.0.control.read(|state| {
        let on_demand = state
            .streams()
            .filter(|(_, stream)| stream.mode == Mode::OnDemand);
        on_demand
            .map(|(key, stream)| (key.clone(), Arc::clone(stream)))
            .collect()
    });
    let open = all.iter().flat_map(|(_, stream)| stream.open_shards());
    let logs: HashSet<LogNumber> = open.map(|shard| shard.log).collect();
    streams.0.loads.retain(&logs);
    known.tracks.retain(|log, _| logs.contains(log));
    let uids: HashSet<StreamUid> = all.iter().map(|(_, stream)| stream.uid).collect();
    known.growth.retain(|uid, _| uids.contains(uid));
    for (key, stream) in all {
        let plan = known.plan(streams, &stream);
        if stream.status() != Status::Active || plan == Plan::default() {
            continue;
        }
        let (splits, merges) = (plan.splits.len(), plan.merges.len());
        match propose(streams, key.clone(), plan).await {
            Ok(()) => tracing::info!(stream = key.name, splits, merges, "an on-demand stream is scaled"),
            // It changed in between; the next look sees it as it is then.
            Err(error) => tracing::debug!(stream = key.name, %error, "an on-demand stream was not scaled"),
        }
    }
}

impl Known {
    /// Takes in what came into the stream's shards, and says what to do about it.
    fn plan(&mut self, streams: &Streams, stream: &Stream) -> Plan {
        let now = streams.0.clock.monotonic();
        let seen = stream.open_shards().map(|shard| {
            let load = streams.0.loads.get(shard.log);
            let track = self
                .tracks
                .entry(shard.log)
                .or_insert_with(|| Track::new(now, &load));
            track.observe(now, &load);
            Seen {
                index: shard.index,
                range: shard.range,
                heat: track.heat(),
                usage: track.usage(),
                samples: load.samples,
            }
        });
        let seen: Vec<Seen> = seen.collect();
        let open = seen.len();
        let growth = self
            .growth
            .entry(stream.uid)
            .or_insert(Growth { since: now, open });
        if now.saturating_sub(growth.since) >= GROWTH_WINDOW {
            *growth = Growth { since: now, open };
        }
        let room = growth.open.saturating_mul(2).saturating_sub(open);
        let least = ON_DEMAND_SHARDS.max(stream.warm_throughput_mib.unwrap_or(0));
        plan(seen, room, usize::try_from(least).unwrap_or(usize::MAX))
    }
}

async fn propose(streams: &Streams, key: StreamKey, plan: Plan) -> Result<(), StreamsError> {
    let splits = plan.splits.into_iter().map(|(shard, at)| (shard, at.to_string()));
    let command = Command::Reshard {
        quotas: streams.quotas(&key.region),
        key,
        request: ReshardRequest::Scale {
            splits: splits.collect(),
            merges: plan.merges,
        },
    };
    streams.propose(command).await.map(|_| ())
}
