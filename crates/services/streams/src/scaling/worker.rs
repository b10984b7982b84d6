//! Looks at every on-demand stream again and again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::heat::{Heat, Track};
use super::plan::{Plan, Seen, plan};
use crate::limits::GROWTH_WINDOW;
use crate::service::Streams;
use crate::state::{Command, LogNumber, Mode, Status, Stream, StreamKey, StreamUid};

/// What is known of the streams. In memory only: after a start everything is measured anew.
#[derive(Debug, Default)]
struct Known {
    tracks: HashMap<LogNumber, Track>,
    growth: HashMap<StreamUid, Growth>,
}

/// When a stream last began to grow, and how many shards it had then.
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
        let quotas = streams.quotas(&key.account, &key.region);
        let plan = known.plan(streams, &stream, quotas.shards_per_stream);
        if stream.status() != Status::Active || plan == Plan::default() {
            continue;
        }
        let (splits, merges) = (plan.splits.len(), plan.merges.len());
        let command = Command::Reshard {
            key: key.clone(),
            request: plan.request(stream.uid),
            quotas,
        };
        match streams.propose(command).await {
            Ok(_) => tracing::info!(stream = key.name, splits, merges, "an on-demand stream is scaled"),
            // It changed in between; the next look sees it as it is then.
            Err(error) => tracing::debug!(stream = key.name, %error, "an on-demand stream was not scaled"),
        }
    }
}

impl Known {
    /// Takes in what came into the stream's shards, and says what to do about it; it never has more than `most`
    /// shards.
    fn plan(&mut self, streams: &Streams, stream: &Stream, most: u32) -> Plan {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let now = streams.0.clock.monotonic();
        let seen = stream.open_shards().map(|shard| {
            // A shard that could not be counted is neither hot nor cold.
            let (mut heat, mut usage, mut samples) = (Heat::Mild, 0.0, Vec::new());
            if let Some(load) = streams.0.loads.get(shard.log) {
                let track = self
                    .tracks
                    .entry(shard.log)
                    .or_insert_with(|| Track::new(now, &load));
                track.observe(now, &load);
                (heat, usage, samples) = (track.heat(), track.usage(), load.samples);
            }
            Seen {
                index: shard.index,
                range: shard.range,
                heat,
                usage,
                samples,
            }
        });
        let seen: Vec<Seen> = seen.collect();
        let open = seen.len();
        let growth = self.growth.get(&stream.uid);
        let growth = growth.filter(|growth| now.saturating_sub(growth.since) < GROWTH_WINDOW);
        let from = growth.copied().unwrap_or(Growth { since: now, open });
        let least = usize::try_from(stream.least_shards()).unwrap_or(usize::MAX);
        // Warm throughput is what it may double from, too.
        let most = from.open.max(least).saturating_mul(2).min(most);
        let plan = plan(seen, most.saturating_sub(open), least);
        if !plan.splits.is_empty() {
            self.growth.insert(stream.uid, from);
        }
        plan
    }
}
