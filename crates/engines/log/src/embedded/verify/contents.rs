//! What the logs of a store come to, as far as their bytes can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millrace_base::Timestamp;

use super::report::{Finding, Kind, Lost};
use crate::embedded::manifest::format::LogMeta;
use crate::embedded::state::Cached;
use crate::embedded::wal::Entry as Change;
use crate::{Entry, FrozenLog, LogId, Offset, Tail};

/// All logs.
#[derive(Debug, Default)]
pub(super) struct Contents {
    logs: BTreeMap<LogId, State>,
    /// The logs whose records are kept.
    keep: BTreeSet<LogId>,
}

#[derive(Debug)]
struct State {
    meta: LogMeta,
    /// Where its records are, readable or not: first, end, and the file.
    spans: Vec<(Offset, Offset, Arc<str>)>,
    entries: Vec<Entry>,
}

impl Contents {
    /// The logs of the MANIFEST's tables; records of `keep` are kept.
    pub(super) fn new(logs: &BTreeMap<LogId, LogMeta>, keep: &[LogId]) -> Self {
        let state = |meta: &LogMeta| State {
            meta: *meta,
            spans: Vec::new(),
            entries: Vec::new(),
        };
        Self {
            logs: logs.iter().map(|(id, meta)| (*id, state(meta))).collect(),
            keep: keep.iter().copied().collect(),
        }
    }

    /// A sealed file has an extent of a log.
    pub(super) fn sealed(&mut self, log: LogId, (first, end): (Offset, Offset), file: &Arc<str>) {
        if let Some(state) = self.logs.get_mut(&log) {
            state.spans.push((first, end, Arc::clone(file)));
        }
    }

    /// Keeps records, if they are of a log that is to be kept.
    pub(super) fn hold(&mut self, log: LogId, run: &Cached) {
        if self.keep.contains(&log)
            && let Some(state) = self.logs.get_mut(&log)
        {
            let mut budget = crate::batch::Budget::unbounded();
            run.collect(run.first, &mut budget, &mut state.entries);
        }
    }

    /// Applies a change as recovery does; `None` where it does not follow from what was before.
    pub(super) fn apply(&mut self, change: Change, file: &Arc<str>) -> Option<()> {
        self.apply_over_gaps(change, file, &mut Vec::new(), false)
    }

    /// Applies a change of a batch before which some are missing; what those must have held is added to `lost`.
    pub(super) fn apply_loosely(&mut self, change: Change, file: &Arc<str>, lost: &mut Vec<Lost>) {
        // What does not follow at all tells nothing.
        let _ = self.apply_over_gaps(change, file, lost, true);
    }

    fn apply_over_gaps(
        &mut self,
        change: Change,
        file: &Arc<str>,
        lost: &mut Vec<Lost>,
        loosely: bool,
    ) -> Option<()> {
        match change {
            Change::Create { log, retention_ms } => {
                let meta = LogMeta {
                    retention_ms,
                    start: 0,
                    end: 0,
                    last_time: Timestamp(0),
                    sealed: false,
                };
                let state = State {
                    meta,
                    spans: Vec::new(),
                    entries: Vec::new(),
                };
                self.logs.insert(log, state).is_none().then_some(())?;
            }
            Change::Append {
                log,
                first,
                time,
                batch,
            } => {
                let state = self.logs.get_mut(&log)?;
                let meta = &mut state.meta;
                let follows = first == meta.end || (loosely && first > meta.end);
                if !follows || meta.sealed || time < meta.last_time {
                    return None;
                }
                if first > meta.end {
                    lost.push(Lost {
                        log,
                        first: meta.end,
                        end: first,
                        from: Some(meta.last_time),
                        until: Some(time),
                    });
                    state.spans.push((meta.end, first, Arc::clone(file)));
                }
                let run = Cached {
                    first,
                    time,
                    bytes: batch.bytes,
                    ends: batch.ends,
                    in_place: None,
                };
                (meta.end, meta.last_time) = (run.end(), time);
                state.spans.push((first, run.end(), Arc::clone(file)));
                self.hold(log, &run);
            }
            Change::Trim { log, before } => {
                let meta = &mut self.logs.get_mut(&log)?.meta;
                (meta.start..=meta.end).contains(&before).then_some(())?;
                meta.start = before;
            }
            Change::Seal { log, end } => {
                let meta = &mut self.logs.get_mut(&log)?.meta;
                (end == meta.end).then_some(())?;
                meta.sealed = true;
            }
            Change::Delete { log } => {
                self.logs.remove(&log)?;
            }
        }
        Some(())
    }

    /// Where each log ends, and when its newest record was appended.
    pub(super) fn ends(&self) -> BTreeMap<LogId, (Offset, Timestamp)> {
        let end = |state: &State| (state.meta.end, state.meta.last_time);
        self.logs.iter().map(|(id, state)| (*id, end(state))).collect()
    }

    /// The records that came behind these ends.
    pub(super) fn behind(&self, ends: &BTreeMap<LogId, (Offset, Timestamp)>) -> Vec<Lost> {
        let behind = self.logs.iter().filter_map(|(log, state)| {
            let (first, from) = ends.get(log).copied().unwrap_or_default();
            (first < state.meta.end).then_some(Lost {
                log: *log,
                first,
                end: state.meta.end,
                from: Some(from),
                until: Some(state.meta.last_time),
            })
        });
        behind.collect()
    }

    /// What of `lost` is still wanted.
    pub(super) fn wanted(&self, lost: &[Lost]) -> Vec<Lost> {
        let mut wanted: Vec<Lost> = Vec::new();
        for one in lost {
            let Some(state) = self.logs.get(&one.log) else {
                continue;
            };
            let first = one.first.max(state.meta.start);
            if first >= one.end {
                continue;
            }
            match wanted.last_mut() {
                // Neighbours are told as one.
                Some(last) if last.log == one.log && last.end == first => {
                    (last.end, last.until) = (one.end, one.until);
                }
                _ => wanted.push(Lost { first, ..*one }),
            }
        }
        wanted
    }

    /// Every record that can be asked for must be somewhere: yields those that are nowhere, and files that hold the same.
    pub(super) fn cross_check(&mut self) -> (Vec<Lost>, Vec<Finding>) {
        let (mut missing, mut overlaps) = (Vec::new(), Vec::new());
        for (log, state) in &mut self.logs {
            state.spans.sort_unstable_by_key(|span| (span.0, span.1));
            let meta = &state.meta;
            let mut end = meta.start;
            let mut held_by = "";
            for (first, upto, file) in &state.spans {
                if *first > end && end < meta.end {
                    missing.push(gap(*log, end, (*first).min(meta.end)));
                }
                if *first < end && *upto > meta.start && !held_by.is_empty() {
                    let detail = format!("holds records of log {} that {held_by} holds, too", log.0);
                    overlaps.push(Finding::new(Kind::FileOverlap, &**file, detail));
                }
                end = end.max(*upto);
                if *upto > meta.start {
                    held_by = file;
                }
            }
            if end < meta.end {
                missing.push(gap(*log, end, meta.end));
            }
        }
        (missing, overlaps)
    }

    /// The logs, and the records that were kept.
    pub(super) fn finish(self) -> (BTreeMap<LogId, Tail>, Vec<FrozenLog>) {
        let (mut tails, mut kept) = (BTreeMap::new(), Vec::new());
        for (id, mut state) in self.logs {
            let tail = Tail {
                start: state.meta.start,
                end: state.meta.end,
                last_time: state.meta.last_time,
                sealed: state.meta.sealed,
            };
            tails.insert(id, tail);
            if self.keep.contains(&id) {
                state.entries.sort_by_key(|entry| entry.offset);
                state.entries.dedup_by_key(|entry| entry.offset);
                kept.push(FrozenLog::new(id, tail, state.entries));
            }
        }
        (tails, kept)
    }
}

fn gap(log: LogId, first: Offset, end: Offset) -> Lost {
    Lost {
        log,
        first,
        end,
        from: None,
        until: None,
    }
}
