"""Deletes what runs that were cut off have left behind: whatever bears their prefix."""

from .run import PREFIX


def sweep(target, say):
    """Queues and channels first, since a stream with them cannot go."""
    for listing, found, delete, arn, name in (
        ("ListQueues", "QueueSummaries", "DeleteQueue", "QueueARN", "QueueName"),
        ("ListChannels", "ChannelSummaries", "DeleteChannel", "ChannelARN", "ChannelName"),
    ):
        for one in _all(target, listing, found, say):
            if one[name].startswith(PREFIX):
                say(f"{delete} {one[name]}: {_outcome(target.call('', delete, {arn: one[arn]}))}")
    for one in _all(target, "ListStreams", "StreamSummaries", say):
        if one["StreamName"].startswith(PREFIX):
            asked = {"StreamName": one["StreamName"], "EnforceConsumerDeletion": True}
            say(f"DeleteStream {one['StreamName']}: {_outcome(target.call('', 'DeleteStream', asked))}")


def _all(target, listing, member, say):
    found, token = [], {}
    while True:
        page = target.call("", listing, token)
        if not hasattr(page, "value"):
            say(f"{listing}: {page}")
            return found
        found += page.value.get(member, [])
        if not page.value.get("NextToken"):
            return found
        token = {"NextToken": page.value["NextToken"]}


def _outcome(outcome):
    return "done" if hasattr(outcome, "value") else str(outcome)
