//! What an account committed itself to: a minimum throughput that it pays for in a region, for a day at least
//! (API reference, UpdateAccountSettings).

use std::time::Duration;

use millrace_base::Timestamp;
use millrace_control::Applied;
use serde::{Deserialize, Serialize};

use super::{Changed, Outcome, StreamsState};

/// How long a commitment lasts at least.
const COMMITMENT_MIN: Duration = Duration::from_secs(24 * 3600);

/// A commitment of an account in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// When it was entered.
    pub started: Timestamp,
    /// When it ended or will end; never before [`Commitment::earliest_end`].
    pub ends: Option<Timestamp>,
}

impl Commitment {
    /// The first moment at which it may end.
    #[must_use]
    pub fn earliest_end(&self) -> Timestamp {
        self.started.plus(COMMITMENT_MIN)
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|end| end <= now)
    }
}

impl StreamsState {
    /// The last commitment of an account in a region.
    #[must_use]
    pub fn commitment(&self, account: &str, region: &str) -> Option<Commitment> {
        self.commitments.get(account)?.get(region).copied()
    }

    /// Enters or leaves a commitment. To enter it again while its end is awaited takes the leaving back.
    pub(super) fn set_commitment(
        &mut self,
        at: Applied,
        account: String,
        region: String,
        enabled: bool,
    ) -> Outcome {
        let last = self
            .commitment(&account, &region)
            .filter(|last| !last.is_over(at.time));
        let now = match (last, enabled) {
            (Some(last), true) => Commitment { ends: None, ..last },
            (Some(last), false) => Commitment {
                ends: Some(last.ends.unwrap_or_else(|| last.earliest_end().max(at.time))),
                ..last
            },
            (None, true) => Commitment {
                started: at.time,
                ends: None,
            },
            (None, false) => return Ok(Changed::Done),
        };
        self.commitments.entry(account).or_default().insert(region, now);
        Ok(Changed::Done)
    }
}
