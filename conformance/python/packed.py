"""Records packed in the format of the Kinesis Producer Library, as the suites of its users look at them."""

import base64

from aws_kinesis_agg.deaggregator import iter_deaggregate_records

from plain import home, read


def text(message):
    key, number = message
    return f"{key}/{number}".encode()


def message(data):
    key, number = bytes(data).decode().split("/")
    return key, int(number)


def unpacked(name):
    """Every user record of the stream as (shard, partition key, explicit hash key, data)."""
    for shard, record in read(name):
        for user in iter_deaggregate_records([record], "Boto3"):
            user = user["kinesis"]
            data = base64.b64decode(user["data"]) if user.get("aggregated") else user["data"]
            yield shard, user["partitionKey"], user.get("explicitHashKey"), data


def at_home(name):
    """The messages that lie in the shard of their own key, which is what a KCL consumer keeps of them."""
    homes = {}
    for shard, key, _, data in unpacked(name):
        if key not in homes:
            homes[key] = home(name, key)
        if homes[key] == shard:
            yield message(data)
