"""What the suites of other programs share: a plain client beside the program, and what is held of the records."""

import hashlib
import os
import time

from harness import CA_FILE, ENDPOINT, REGION, fresh

# The programs find these by themselves, as they would in production. They are set before botocore is asked for anything.
os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=REGION)
if CA_FILE:
    os.environ.update(AWS_CA_BUNDLE=CA_FILE, SSL_CERT_FILE=CA_FILE)

import boto3  # noqa: E402

K = boto3.client("kinesis", endpoint_url=ENDPOINT)
D = boto3.client("dynamodb", endpoint_url=ENDPOINT)


def stream(shards):
    """An ACTIVE stream."""
    name = fresh("p")
    K.create_stream(StreamName=name, ShardCount=shards)
    active(name)
    return name


def active(name):
    until = time.monotonic() + 10
    while K.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE":
        assert time.monotonic() < until, f"{name} is not ACTIVE"
        time.sleep(0.05)


def shards(name):
    return [shard["ShardId"] for shard in K.list_shards(StreamName=name)["Shards"]]


def read(name):
    """Every record of the stream, shard after shard."""
    for shard in shards(name):
        iterator = K.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while iterator:
            page = K.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                yield shard, record
            iterator = page.get("NextShardIterator") if page["Records"] or page["MillisBehindLatest"] else None


def home(name, key):
    """The open shard that a partition key belongs to."""
    point = int.from_bytes(hashlib.md5(key.encode()).digest(), "big")
    for shard in K.list_shards(StreamName=name, ShardFilter={"Type": "AT_LATEST"})["Shards"]:
        if int(shard["HashKeyRange"]["StartingHashKey"]) <= point <= int(shard["HashKeyRange"]["EndingHashKey"]):
            return shard["ShardId"]
    raise AssertionError(f"no open shard has {point}")


def split(name):
    """Halves the first open shard."""
    shard = K.list_shards(StreamName=name, ShardFilter={"Type": "AT_LATEST"})["Shards"][0]
    low, high = (int(shard["HashKeyRange"][key]) for key in ("StartingHashKey", "EndingHashKey"))
    K.split_shard(StreamName=name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2))
    active(name)


def messages(keys, each, first=0):
    """`keys` × `each` messages as (key, number), the keys taking turns."""
    return [(f"key-{key}", number) for number in range(first, first + each) for key in range(keys)]


def held(got, sent, ordered=True):
    """Nothing lost, nothing twice, and in order per key where that is promised."""
    got, sent = list(got), list(sent)
    lost, extra = set(sent) - set(got), len(got) - len(set(got))
    assert not lost, f"{len(lost)} of {len(sent)} lost, such as {min(lost)}"
    assert set(got) == set(sent), f"records nobody sent: {min(set(got) - set(sent))}"
    assert not extra, f"{extra} records came twice"
    if ordered:
        in_order(got)


def in_order(got):
    """The first coming of each record is in order per key; what came again after a restart is passed over."""
    last = {}
    for key, number in dict.fromkeys(got):
        assert last.get(key, -1) < number, f"{key}: {number} after {last[key]}"
        last[key] = number
