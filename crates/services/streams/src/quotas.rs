//! Quotas that can be looked at and changed while the server runs.
//!
//! The profile says what an account has by default; a change is kept in the state, by account and region, so that it
//! holds on every node and after a restart. Nobody is given more than what protects the server.

use crate::error::StreamsError;
use crate::limits::{Profile, Quotas};
use crate::service::Streams;
use crate::state::Command;

/// One quota.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// Names it in requests.
    pub code: &'static str,
    /// Names it for people.
    pub name: &'static str,
    /// What it bounds.
    pub description: &'static str,
    get: fn(&Quotas) -> u32,
    set: fn(&mut Quotas, u32),
}

macro_rules! quotas {
    ($($code:literal $name:literal $field:ident: $description:literal;)+) => {
        /// Every quota that can be changed.
        pub static QUOTAS: &[Quota] = &[$(Quota {
            code: $code,
            name: $name,
            description: $description,
            get: |quotas| quotas.$field,
            set: |quotas, value| quotas.$field = value,
        },)+];
    };
}

quotas! {
    "shards-per-region" "Shards per Region" shards_per_account:
        "Open shards of provisioned streams in an account and region.";
    "shards-per-stream" "Shards per stream" shards_per_stream: "Open shards of one stream.";
    "streams-per-region" "Data streams per Region" streams_per_account: "Streams in an account and region.";
    "streams-creating" "Data streams in state CREATING" streams_creating:
        "Streams that may be CREATING at once in an account and region.";
    "on-demand-streams" "On-demand data streams per Region" on_demand_streams:
        "Streams in ON_DEMAND mode in an account and region.";
    "consumers-per-stream" "Registered consumers per data stream" consumers_per_stream:
        "Consumers with enhanced fan-out and queues of one stream.";
    "consumers-committed" "Registered consumers and queues per data stream, On-demand Advantage" consumers_committed:
        "Consumers with enhanced fan-out and queues of one on-demand stream of an account with a commitment.";
    "queues-moving" "Queues in state CREATING or DELETING" queues_moving:
        "Queues that may be CREATING or DELETING at once in an account and region.";
    "consumers-creating" "Registered consumers in state CREATING" consumers_creating:
        "Consumers of one stream that may be CREATING at once.";
    "scalings-per-day" "UpdateShardCount per data stream and day" scalings_per_day:
        "UpdateShardCount calls for one stream within 24 hours.";
    "mode-changes-per-day" "UpdateStreamMode per data stream and day" mode_changes_per_day:
        "UpdateStreamMode calls for one stream within 24 hours.";
    "encryption-changes-per-day" "StartStreamEncryption per data stream and day" encryptions_per_day:
        "StartStreamEncryption calls for one stream within 24 hours, and as many StopStreamEncryption calls.";
    "channels-per-region" "Channels per Region" channels: "Channels in an account and region.";
    "channels-per-stream" "Channels per data stream" channels_per_stream: "Channels of one stream.";
    "tags-per-resource" "Tags per resource" tags: "Tags of one stream, consumer, queue or channel.";
}

impl Quota {
    /// The quota with that code.
    #[must_use]
    pub fn find(code: &str) -> Option<&'static Self> {
        QUOTAS.iter().find(|quota| quota.code == code)
    }

    /// Its value in these quotas.
    #[must_use]
    pub fn value(&self, quotas: &Quotas) -> u32 {
        (self.get)(quotas)
    }

    /// The same quotas with another value of this one.
    #[must_use]
    pub fn with(&self, mut quotas: Quotas, value: u32) -> Quotas {
        (self.set)(&mut quotas, value);
        quotas
    }

    /// The most that anybody is given: what protects the server.
    #[must_use]
    pub fn most(&self, region: &str) -> u32 {
        self.value(&Quotas::of(Profile::Open, region))
    }
}

impl Streams {
    /// What every account has in a region unless it was changed.
    #[must_use]
    pub fn default_quotas(&self, region: &str) -> Quotas {
        Quotas::of(self.0.settings.profile, region)
    }

    /// What an account may have in a region.
    #[must_use]
    pub fn quotas(&self, account: &str, region: &str) -> Quotas {
        let changed = self.0.control.read(|state| state.changed_quotas(account, region));
        let defaults = self.default_quotas(region);
        changed.iter().fold(defaults, |quotas, (code, value)| {
            Quota::find(code).map_or(quotas, |quota| quota.with(quotas, *value))
        })
    }

    /// Gives an account another quota. What it has already stays, even if it is more.
    ///
    /// # Errors
    /// `InvalidArgument` for more than [`Quota::most`].
    pub async fn set_quota(
        &self,
        account: &str,
        region: &str,
        quota: &'static Quota,
        value: u32,
    ) -> Result<(), StreamsError> {
        let most = quota.most(region);
        if value > most {
            return Err(StreamsError::InvalidArgument(format!(
                "{} can be at most {most}, which is what protects the server; {value} was asked for.",
                quota.name
            )));
        }
        self.propose(Command::SetQuota {
            account: account.to_owned(),
            region: region.to_owned(),
            code: quota.code.to_owned(),
            value,
        })
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quota_has_its_own_code_and_field() {
        let base = Quotas::of(Profile::Aws, "us-east-1");
        for (at, quota) in QUOTAS.iter().enumerate() {
            let changed = quota.with(base, 7_777);
            assert_eq!(quota.value(&changed), 7_777);
            for (other_at, other) in QUOTAS.iter().enumerate() {
                if other_at != at {
                    assert_ne!(other.code, quota.code);
                    assert_eq!(
                        other.value(&changed),
                        other.value(&base),
                        "{} moves {}",
                        quota.code,
                        other.code
                    );
                }
            }
            assert!(quota.most("us-east-1") >= quota.value(&base), "{}", quota.code);
        }
    }
}
