//! ListChannels: the account's, or those of some streams.

use millrace_api::kinesis::{ChannelSummary, ListChannelsInput, ListChannelsOutput, StreamFilter};
use millrace_wire::Caller;
use millrace_wire::access::Target;

use crate::channels::shapes;
use crate::error::StreamsError;
use crate::limits::LIST_CHANNELS_MAX;
use crate::resolve::{Named, stream_key};
use crate::service::Streams;
use crate::state::{Channel, StreamKey};
use crate::token::{self, Page};

/// A stream, and when it was created where that was given.
type Wanted = (StreamKey, Option<u64>);

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ListChannelsInput,
) -> Result<ListChannelsOutput, StreamsError> {
    caller.authorize(&Target::account(&caller.account))?;
    let wanted = wanted(caller, input.stream_filter.as_deref().unwrap_or_default())?;
    let names: Vec<StreamKey> = wanted.iter().map(|(key, _)| key.clone()).collect();
    let after = match input.next_token {
        None => String::new(),
        Some(text) => match streams.page(caller, &text)? {
            Page::Channels { after, streams } if streams == names => after,
            Page::Channels { .. } => {
                return Err(StreamsError::InvalidArgument(
                    "NextToken belongs to a listing with another StreamFilter.".to_owned(),
                ));
            }
            _ => return Err(token::foreign()),
        },
    };
    let limit = super::page_size(input.max_results, LIST_CHANNELS_MAX);
    let mut found: Vec<ChannelSummary> = streams.0.control.read(|state| {
        state
            .channels_of(&caller.account, &caller.region, &after)
            .filter(|(_, channel)| wanted.is_empty() || wanted.iter().any(|wanted| reads(channel, wanted)))
            .take(limit.saturating_add(1))
            .map(|(key, channel)| shapes::summary(key, channel))
            .collect()
    });
    let more = found.len() > limit;
    found.truncate(limit);
    let next_token = match found.last() {
        Some(last) if more => {
            let after = last.channel_id.clone();
            Some(streams.next_token(
                caller,
                Page::Channels {
                    after,
                    streams: names,
                },
            )?)
        }
        _ => None,
    };
    Ok(ListChannelsOutput {
        channel_summaries: found,
        next_token,
    })
}

fn reads(channel: &Channel, (stream, created_secs): &Wanted) -> bool {
    channel.settings.stream == *stream
        && created_secs.is_none_or(|secs| channel.stream_created.seconds() == secs)
}

fn wanted(caller: &Caller, filter: &[StreamFilter]) -> Result<Vec<Wanted>, StreamsError> {
    // One is documented; more than a page's worth would not fit a token.
    if filter.len() > LIST_CHANNELS_MAX {
        return Err(StreamsError::InvalidArgument(format!(
            "StreamFilter has {} entries; at most {LIST_CHANNELS_MAX} are taken.",
            filter.len()
        )));
    }
    let one = |filter: &StreamFilter| {
        let secs = filter
            .stream_creation_timestamp
            .and_then(|time| u64::try_from(time.0.div_euclid(1000)).ok());
        Ok((stream_key(caller, Named::arn(&filter.stream_arn))?, secs))
    };
    filter.iter().map(one).collect()
}
