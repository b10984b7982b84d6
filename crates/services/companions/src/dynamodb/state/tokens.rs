//! ClientRequestTokens of transactions that were made, for ten minutes.

use std::collections::{BTreeMap, VecDeque};

use millrace_base::Timestamp;
use serde::{Deserialize, Serialize};

use super::command::Token;
use super::refusal::Refusal;
use crate::dynamodb::limits::{TOKEN_LIFE, TOKENS_MAX};

/// A token that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    at: Timestamp,
    token: Token,
}

/// The tokens that are remembered, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "VecDeque<Used>", into = "VecDeque<Used>")]
pub struct Tokens {
    used: VecDeque<Used>,
    /// Fingerprints by account, region and token.
    fingerprints: BTreeMap<(String, String, String), String>,
}

fn name(token: &Token) -> (String, String, String) {
    (token.account.clone(), token.region.clone(), token.token.clone())
}

impl From<VecDeque<Used>> for Tokens {
    fn from(used: VecDeque<Used>) -> Self {
        let fingerprints = used
            .iter()
            .map(|used| (name(&used.token), used.token.fingerprint.clone()));
        Self {
            fingerprints: fingerprints.collect(),
            used,
        }
    }
}

impl From<Tokens> for VecDeque<Used> {
    fn from(tokens: Tokens) -> Self {
        tokens.used
    }
}

impl Tokens {
    /// Whether a transaction was made under that token before.
    ///
    /// # Errors
    /// [`Refusal::TokenMismatch`] where it was another one; [`Refusal::Throttled`] where no more can be remembered.
    pub(super) fn check(&mut self, now: Timestamp, token: &Token) -> Result<bool, Refusal> {
        let life = u64::try_from(TOKEN_LIFE.as_millis()).unwrap_or(u64::MAX);
        while let Some(old) = self
            .used
            .pop_front_if(|used| used.at.0.saturating_add(life) <= now.0)
        {
            self.fingerprints.remove(&name(&old.token));
        }
        match self.fingerprints.get(&name(token)) {
            Some(fingerprint) if *fingerprint == token.fingerprint => Ok(true),
            Some(_) => Err(Refusal::TokenMismatch),
            None if self.used.len() >= TOKENS_MAX => Err(Refusal::Throttled(format!(
                "More than {TOKENS_MAX} transactions with a ClientRequestToken within {} seconds: try again later",
                TOKEN_LIFE.as_secs()
            ))),
            None => Ok(false),
        }
    }

    /// A transaction was made under a token.
    pub(super) fn remember(&mut self, now: Timestamp, token: Token) {
        self.fingerprints.insert(name(&token), token.fingerprint.clone());
        self.used.push_back(Used { at: now, token });
    }
}
