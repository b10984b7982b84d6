"""boto3 against Millrace: every core operation, paginators, waiters, SubscribeToShard, queues."""

import datetime
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from harness import CA_FILE, ENDPOINT, REGION, case, eventually, fresh, run
from refusals import refused


def client(region=REGION, **kwargs):
    """A client with the local credentials and no retries, so that every answer is seen."""
    config = Config(retries={"max_attempts": 0, "mode": "standard"}, read_timeout=20)
    return boto3.client(
        "kinesis",
        endpoint_url=ENDPOINT,
        region_name=region,
        aws_access_key_id=kwargs.pop("key", "test"),
        aws_secret_access_key=kwargs.pop("secret", "test"),
        verify=CA_FILE if ENDPOINT.startswith("https") else None,
        config=config,
        **kwargs,
    )


K = client()
ACCOUNT = "000000000000"


def stream(shards=1, **kwargs):
    name = fresh()
    K.create_stream(StreamName=name, ShardCount=shards, **kwargs)
    active(name)
    return name


def active(name):
    def check():
        d = K.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        return d if d["StreamStatus"] == "ACTIVE" else None

    return eventually(check)


def read_all(name, shard, kind="TRIM_HORIZON", **position):
    """Every record of a shard from a position to its present end."""
    it = K.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType=kind, **position)["ShardIterator"]
    found = []
    while it:
        answer = K.get_records(ShardIterator=it)
        found += answer["Records"]
        it = answer.get("NextShardIterator")
        if answer["MillisBehindLatest"] == 0 and not answer["Records"]:
            break
    return found


def shards_of(name, **kwargs):
    return K.list_shards(StreamName=name, **kwargs)["Shards"]


@case
def create_describe_delete():
    name = fresh()
    answer = K.create_stream(StreamName=name, ShardCount=3, Tags={"team": "a"})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    active(name)
    d = K.describe_stream(StreamName=name)["StreamDescription"]
    assert d["StreamARN"] == f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}", d
    assert d["RetentionPeriodHours"] == 24 and d["EncryptionType"] == "NONE", d
    assert [s["ShardId"] for s in d["Shards"]] == [f"shardId-{i:012d}" for i in range(3)]
    assert d["Shards"][0]["HashKeyRange"]["StartingHashKey"] == "0"
    assert d["Shards"][-1]["HashKeyRange"]["EndingHashKey"] == str(2**128 - 1)
    for a, b in zip(d["Shards"], d["Shards"][1:]):
        assert int(a["HashKeyRange"]["EndingHashKey"]) + 1 == int(b["HashKeyRange"]["StartingHashKey"])
    for s in d["Shards"]:
        assert len(s["SequenceNumberRange"]["StartingSequenceNumber"]) == 56
    assert abs(d["StreamCreationTimestamp"].timestamp() - time.time()) < 60
    K.delete_stream(StreamName=name)
    eventually(lambda: name not in K.list_streams(Limit=100)["StreamNames"])
    refused("ResourceNotFoundException", K.describe_stream, StreamName=name)


@case
def summary_has_no_stream_id():
    d = active(stream(2))
    assert d["OpenShardCount"] == 2 and d["ConsumerCount"] == 0, d
    assert "StreamId" not in d, d


@case
def waiters():
    name = fresh()
    K.create_stream(StreamName=name, ShardCount=1)
    K.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    K.delete_stream(StreamName=name)
    K.get_waiter("stream_not_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 5})


@case
def paginators():
    prefix = fresh("pages")
    names = [f"{prefix}-{i}" for i in range(7)]
    for i, name in enumerate(names):
        K.create_stream(StreamName=name, ShardCount=5 if i == 0 else 1)
        if i % 4 == 3:
            time.sleep(0.2)
    listed = []
    for page in K.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 2}):
        listed += page["StreamNames"]
    assert [n for n in listed if n.startswith(prefix)] == names
    active(names[0])
    shards = []
    for page in K.get_paginator("describe_stream").paginate(StreamName=names[0], PaginationConfig={"PageSize": 2}):
        shards += page["StreamDescription"]["Shards"]
    assert len(shards) == 5
    shards = []
    # The SDK's own paginator sends StreamName with NextToken, which the service refuses (see FINDINGS.md).
    page = K.list_shards(StreamName=names[0], MaxResults=2)
    shards += page["Shards"]
    refused("InvalidArgumentException", K.list_shards, StreamName=names[0], NextToken=page["NextToken"])
    while page.get("NextToken"):
        page = K.list_shards(NextToken=page["NextToken"], MaxResults=2)
        shards += page["Shards"]
    assert len(shards) == 5


@case
def put_record_and_get_records():
    name = stream()
    put = K.put_record(StreamName=name, Data=b"hello \x00\xff", PartitionKey="käse")
    assert put["ShardId"] == "shardId-000000000000" and put["EncryptionType"] == "NONE", put
    (record,) = read_all(name, put["ShardId"])
    assert record["Data"] == b"hello \x00\xff" and record["PartitionKey"] == "käse", record
    assert record["SequenceNumber"] == put["SequenceNumber"]
    assert abs(record["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 60


@case
def put_records_keeps_request_order():
    name = stream(4)
    entries = [{"Data": f"{i}".encode(), "PartitionKey": f"k{i % 50}"} for i in range(500)]
    answer = K.put_records(StreamName=name, Records=entries)
    assert answer["FailedRecordCount"] == 0 and len(answer["Records"]) == 500
    by_number = {}
    for entry, result in zip(entries, answer["Records"]):
        by_number[(result["ShardId"], result["SequenceNumber"])] = entry["Data"]
    assert len(by_number) == 500
    seen = 0
    for shard in shards_of(name):
        records = read_all(name, shard["ShardId"])
        numbers = [int(r["SequenceNumber"]) for r in records]
        assert numbers == sorted(numbers) and len(set(numbers)) == len(numbers)
        for r in records:
            assert by_number[(shard["ShardId"], r["SequenceNumber"])] == r["Data"]
        seen += len(records)
    assert seen == 500


@case
def explicit_hash_key_routes():
    name = stream(2)
    low = K.put_record(StreamName=name, Data=b"l", PartitionKey="x", ExplicitHashKey="0")
    high = K.put_record(StreamName=name, Data=b"h", PartitionKey="x", ExplicitHashKey=str(2**128 - 1))
    assert low["ShardId"].endswith("0") and high["ShardId"].endswith("1")
    message = refused("InvalidArgumentException", K.put_record, StreamName=name, Data=b"", PartitionKey="x",
                      ExplicitHashKey=str(2**128))
    assert "2^128-1" in message, message


@case
def five_iterator_types():
    name = stream()
    puts = [K.put_record(StreamName=name, Data=b"%d" % i, PartitionKey="a") for i in range(3)]
    shard = puts[0]["ShardId"]
    numbers = [p["SequenceNumber"] for p in puts]

    def got(kind, **position):
        return [r["Data"] for r in read_all(name, shard, kind, **position)]

    assert got("TRIM_HORIZON") == [b"0", b"1", b"2"]
    assert got("AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == [b"1", b"2"]
    assert got("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == [b"2"]
    assert got("LATEST") == []
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    assert got("AT_TIMESTAMP", Timestamp=past) == [b"0", b"1", b"2"]
    start = shards_of(name)[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    assert got("AT_SEQUENCE_NUMBER", StartingSequenceNumber=start) == [b"0", b"1", b"2"]
    future = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    refused("InvalidArgumentException", K.get_shard_iterator, StreamName=name, ShardId=shard,
            ShardIteratorType="AT_TIMESTAMP", Timestamp=future)
    refused("ResourceNotFoundException", K.get_shard_iterator, StreamName=name, ShardId="shardId-000000000099",
            ShardIteratorType="LATEST")
    refused("InvalidArgumentException", K.get_records, ShardIterator="A" * 120)


@case
def at_timestamp_is_exact():
    name = stream()
    K.put_record(StreamName=name, Data=b"before", PartitionKey="a")
    time.sleep(0.05)
    between = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(0.05)
    K.put_record(StreamName=name, Data=b"after", PartitionKey="a")
    assert [r["Data"] for r in read_all(name, "shardId-000000000000", "AT_TIMESTAMP", Timestamp=between)] == [b"after"]


@case
def get_records_limit():
    name = stream()
    K.put_records(StreamName=name, Records=[{"Data": b"x", "PartitionKey": "a"}] * 10)
    it = K.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
    answer = K.get_records(ShardIterator=it["ShardIterator"], Limit=4)
    assert len(answer["Records"]) == 4 and answer["NextShardIterator"]


@case
def split_and_merge():
    name = stream()
    K.put_record(StreamName=name, Data=b"old", PartitionKey="a")
    K.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    active(name)
    parent, low, high = shards_of(name)
    assert parent["SequenceNumberRange"]["EndingSequenceNumber"]
    assert low["ParentShardId"] == high["ParentShardId"] == parent["ShardId"]
    assert high["HashKeyRange"]["StartingHashKey"] == str(2**127)
    put = K.put_record(StreamName=name, Data=b"new", PartitionKey="a")
    assert put["ShardId"] in (low["ShardId"], high["ShardId"])
    assert int(put["SequenceNumber"]) > int(parent["SequenceNumberRange"]["EndingSequenceNumber"])
    it = K.get_shard_iterator(StreamName=name, ShardId=parent["ShardId"], ShardIteratorType="TRIM_HORIZON")
    answer = K.get_records(ShardIterator=it["ShardIterator"])
    while answer.get("NextShardIterator"):
        assert "ChildShards" not in answer
        answer = K.get_records(ShardIterator=answer["NextShardIterator"])
    assert sorted(c["ShardId"] for c in answer["ChildShards"]) == [low["ShardId"], high["ShardId"]], answer
    assert all(c["ParentShards"] == [parent["ShardId"]] for c in answer["ChildShards"])
    K.merge_shards(StreamName=name, ShardToMerge=low["ShardId"], AdjacentShardToMerge=high["ShardId"])
    active(name)
    child = shards_of(name)[-1]
    assert child["ParentShardId"] == low["ShardId"] and child["AdjacentParentShardId"] == high["ShardId"]
    assert child["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(2**128 - 1)}
    refused("InvalidArgumentException", K.split_shard, StreamName=name, ShardToSplit=child["ShardId"],
            NewStartingHashKey="0")
    refused("ResourceNotFoundException", K.split_shard, StreamName=name, ShardToSplit="shardId-000000000042",
            NewStartingHashKey="7")


@case
def update_shard_count():
    name = stream(2)
    answer = K.update_shard_count(StreamName=name, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    assert answer["CurrentShardCount"] == 2 and answer["TargetShardCount"] == 4
    assert active(name)["OpenShardCount"] == 4
    K.update_shard_count(StreamName=name, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    assert active(name)["OpenShardCount"] == 3
    open_shards = [s for s in shards_of(name) if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
    ranges = sorted((int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"]))
                    for s in open_shards)
    assert ranges[0][0] == 0 and ranges[-1][1] == 2**128 - 1
    assert all(a[1] + 1 == b[0] for a, b in zip(ranges, ranges[1:]))


@case
def list_shards_filters_cover_exactly():
    name = stream(2)
    before = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(1.1)
    K.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey="12345")
    active(name)

    def cover(**shard_filter):
        ranges = sorted((int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"]))
                        for s in shards_of(name, ShardFilter=shard_filter))
        assert ranges[0][0] == 0 and ranges[-1][1] == 2**128 - 1, ranges
        assert all(a[1] + 1 == b[0] for a, b in zip(ranges, ranges[1:])), ranges
        return len(ranges)

    assert cover(Type="AT_LATEST") == 3
    assert cover(Type="AT_TRIM_HORIZON") == 2
    assert cover(Type="AT_TIMESTAMP", Timestamp=before) == 2
    assert cover(Type="AT_TIMESTAMP", Timestamp=datetime.datetime.now(datetime.timezone.utc)) == 3
    assert len(shards_of(name, ShardFilter={"Type": "FROM_TRIM_HORIZON"})) == 4
    assert len(shards_of(name, ShardFilter={"Type": "FROM_TIMESTAMP", "Timestamp": before})) == 4
    after = shards_of(name, ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000001"})
    assert [s["ShardId"] for s in after] == ["shardId-000000000002", "shardId-000000000003"]
    assert len(shards_of(name, ExclusiveStartShardId="shardId-000000000002")) == 1


@case
def retention():
    name = stream()
    K.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    assert active(name)["RetentionPeriodHours"] == 48
    K.decrease_stream_retention_period(StreamName=name, RetentionPeriodHours=24)
    assert active(name)["RetentionPeriodHours"] == 24
    refused("InvalidArgumentException", K.increase_stream_retention_period, StreamName=name, RetentionPeriodHours=9000)
    refused("InvalidArgumentException", K.decrease_stream_retention_period, StreamName=name, RetentionPeriodHours=1)


@case
def tags_of_both_families():
    name = stream()
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"
    K.add_tags_to_stream(StreamName=name, Tags={"a": "1", "b": "2"})
    K.tag_resource(ResourceARN=arn, Tags={"c": "3"})
    listed = K.list_tags_for_stream(StreamName=name)
    assert {t["Key"]: t["Value"] for t in listed["Tags"]} == {"a": "1", "b": "2", "c": "3"}
    assert listed["HasMoreTags"] is False
    assert K.list_tags_for_stream(StreamName=name, Limit=1)["HasMoreTags"] is True
    K.remove_tags_from_stream(StreamName=name, TagKeys=["a"])
    K.untag_resource(ResourceARN=arn, TagKeys=["b"])
    assert [(t["Key"], t["Value"]) for t in K.list_tags_for_resource(ResourceARN=arn)["Tags"]] == [("c", "3")]


def consumer(name, label="reader"):
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"
    answer = K.register_stream_consumer(StreamARN=arn, ConsumerName=label)["Consumer"]
    assert answer["ConsumerStatus"] in ("CREATING", "ACTIVE")

    def check():
        d = K.describe_stream_consumer(ConsumerARN=answer["ConsumerARN"])["ConsumerDescription"]
        return d["ConsumerStatus"] == "ACTIVE"

    eventually(check)
    return arn, answer["ConsumerARN"]


@case
def consumers():
    name = stream()
    arn, reader = consumer(name)
    assert reader.startswith(f"{arn}/consumer/reader:"), reader
    refused("ResourceInUseException", K.register_stream_consumer, StreamARN=arn, ConsumerName="reader")
    listed = K.list_stream_consumers(StreamARN=arn)["Consumers"]
    assert [c["ConsumerName"] for c in listed] == ["reader"]
    refused("ResourceInUseException", K.delete_stream, StreamName=name)
    K.deregister_stream_consumer(ConsumerARN=reader)
    eventually(lambda: not K.list_stream_consumers(StreamARN=arn)["Consumers"])
    refused("ResourceNotFoundException", K.describe_stream_consumer, ConsumerARN=reader)


@case
def subscribe_to_shard():
    name = stream()
    _, reader = consumer(name)
    first = K.put_record(StreamName=name, Data=b"first", PartitionKey="a")
    events = K.subscribe_to_shard(ConsumerARN=reader, ShardId="shardId-000000000000",
                                  StartingPosition={"Type": "TRIM_HORIZON"})["EventStream"]
    seen = []
    pushed = False
    for event in events:
        event = event["SubscribeToShardEvent"]
        assert event["ContinuationSequenceNumber"], event
        seen += [r["Data"] for r in event["Records"]]
        if seen == [b"first"] and not pushed:
            pushed = True
            K.put_record(StreamName=name, Data=b"second", PartitionKey="a")
        if b"second" in seen:
            break
    events.close()
    assert seen == [b"first", b"second"], seen
    assert first["SequenceNumber"]


@case
def subscribe_twice_is_refused():
    name = stream()
    _, reader = consumer(name)
    position = {"Type": "LATEST"}
    events = K.subscribe_to_shard(ConsumerARN=reader, ShardId="shardId-000000000000", StartingPosition=position)
    refused("ResourceInUseException", K.subscribe_to_shard, ConsumerARN=reader, ShardId="shardId-000000000000",
            StartingPosition=position)
    events["EventStream"].close()


def queue(*records, **attributes):
    """A queue from the horizon of a new on-demand stream that has these records; its name and ARN."""
    name = fresh()
    K.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    active(name)
    if records:
        K.put_records(StreamName=name, Records=[{"Data": data, "PartitionKey": data.decode()} for data in records])
    source = {"StreamARN": stream_arn(name), "StartingPosition": {"Type": "TRIM_HORIZON"}}
    arn = K.create_queue(QueueName=name, StreamConfigurationList=[source], QueueAttributes=attributes,
                         Tags={"team": "a"})["QueueDescription"]["QueueARN"]
    ready(arn)
    return name, arn


def stream_arn(name):
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"


def ready(arn):
    def check():
        d = K.describe_queue(QueueARN=arn)["QueueDescription"]
        return d if d["QueueStatus"] == "ACTIVE" else None

    return eventually(check)


def taken(call, arn, count, **kwargs):
    """Receives until there are so many records; by data."""
    found = {}
    while len(found) < count:
        records = call(QueueARN=arn, WaitTimeSeconds=5, **kwargs)["QueueRecords"]
        assert records, f"{found} and no more"
        found.update({r["Data"]: r for r in records})
    return found


def handles(records, **kwargs):
    return [{"ReceiptHandle": r["ReceiptHandle"], **kwargs} for r in records]


@case
def queues_come_and_go():
    name, arn = queue(VisibilityTimeoutSeconds=60)
    assert arn.startswith(f"arn:aws:kinesis:{REGION}:{ACCOUNT}:queue/"), arn
    d = ready(arn)
    assert d["QueueName"] == name and d["QueueAttributes"]["VisibilityTimeoutSeconds"] == 60, d
    assert d["QueueAttributes"]["DeadLetterConfiguration"] == {"TargetType": "BUILT_IN", "MaxReceiveCount": 6}, d
    [source] = d["StreamConfigurationList"]
    assert source["StreamARN"] == stream_arn(name), d
    assert abs(source["StartingPosition"]["Timestamp"].timestamp() - time.time()) < 60, d
    refused("ResourceInUseException", K.create_queue, QueueName=name,
            StreamConfigurationList=[{"StreamARN": source["StreamARN"]}])
    changed = {"DeadLetterConfiguration": {"TargetType": "NONE"}}
    answer = K.update_queue(QueueARN=arn, QueueAttributes=changed)["QueueDescription"]
    assert answer["QueueStatus"] == "UPDATING", answer
    assert ready(arn)["QueueAttributes"] == {"VisibilityTimeoutSeconds": 60, **changed}
    assert active(name)["QueueCount"] == 1
    refused("ResourceInUseException", K.delete_stream, StreamName=name, EnforceConsumerDeletion=True)
    refused("ResourceInUseException", K.update_stream_mode, StreamARN=stream_arn(name),
            StreamModeDetails={"StreamMode": "PROVISIONED"})
    K.delete_queue(QueueARN=arn)

    def gone():
        try:
            K.describe_queue(QueueARN=arn)
        except ClientError as error:
            return error.response["Error"]["Code"] == "ResourceNotFoundException"

    eventually(gone)
    K.delete_stream(StreamName=name)
    provisioned = stream()
    refused("ValidationException", K.create_queue, QueueName=name,
            StreamConfigurationList=[{"StreamARN": stream_arn(provisioned)}])


@case
def queues_are_listed_and_tagged():
    name, first = queue()
    more = [K.create_queue(QueueName=f"{name}-{i}", StreamConfigurationList=[{"StreamARN": stream_arn(name)}])
            ["QueueDescription"]["QueueARN"] for i in range(4)]
    listed = []
    paginator = K.get_paginator("list_queues")
    for page in paginator.paginate(StreamFilter=[{"StreamARN": stream_arn(name)}], PaginationConfig={"PageSize": 2}):
        assert len(page["QueueSummaries"]) <= 2
        listed += page["QueueSummaries"]
    assert {q["QueueARN"] for q in listed} == {first, *more}, listed
    assert listed[0]["Streams"][0]["StreamARN"] == stream_arn(name), listed
    K.tag_resource(ResourceARN=first, Tags={"b": "2"})
    K.untag_resource(ResourceARN=first, TagKeys=["team"])
    assert K.list_tags_for_resource(ResourceARN=first)["Tags"] == [{"Key": "b", "Value": "2"}]


@case
def queue_records_are_received_and_acknowledged():
    name, arn = queue(*[f"r{i}".encode() for i in range(25)])
    records = taken(K.receive_queue_records, arn, 25)
    one = records[b"r0"]
    assert one["PartitionKey"] == "r0" and one["ReceiveCount"] == 1, one
    assert abs(one["FirstReceiveTimestamp"].timestamp() - time.time()) < 60, one
    assert abs(one["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 60, one
    assert K.receive_queue_records(QueueARN=arn, WaitTimeSeconds=1)["QueueRecords"] == []
    kept = [records[b"r0"], records[b"r1"]]
    rest = [r for data, r in records.items() if data not in (b"r0", b"r1")]
    for i in range(0, len(rest), 10):
        answer = K.acknowledge_queue_records(QueueARN=arn, Entries=handles(rest[i:i + 10]))
        assert len(answer["Successful"]) == len(rest[i:i + 10]) and answer["Failed"] == [], answer
    answer = K.update_queue_records_visibility(QueueARN=arn, Entries=handles(kept, VisibilityTimeoutSeconds=0))
    assert answer["Failed"] == [], answer
    again = taken(K.receive_queue_records, arn, 2)
    assert again.keys() == {b"r0", b"r1"}, again
    assert again[b"r0"]["RecordId"] == one["RecordId"] and again[b"r0"]["ReceiveCount"] == 2, again
    answer = K.acknowledge_queue_records(QueueARN=arn, Entries=[*handles(kept[:1]), {"ReceiptHandle": "nonsense"}])
    assert [e["ErrorCode"] for e in answer["Failed"]] == ["InvalidArgumentException"] * 2, answer
    # The records themselves are still there.
    shards = shards_of(name)
    assert sum(len(read_all(name, s["ShardId"])) for s in shards) == 25


@case
def a_queue_waits_for_records():
    name, arn = queue()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(K.receive_queue_records, QueueARN=arn, WaitTimeSeconds=15)
        time.sleep(0.5)
        start = time.monotonic()
        K.put_record(StreamName=name, Data=b"late", PartitionKey="a")
        records = waiting.result()["QueueRecords"]
    assert [r["Data"] for r in records] == [b"late"] and time.monotonic() - start < 5, records


@case
def dead_letters():
    _, arn = queue(b"good", b"bad", DeadLetterConfiguration={"TargetType": "BUILT_IN", "MaxReceiveCount": 1})
    taken(K.receive_queue_records, arn, 2, VisibilityTimeoutSeconds=0)
    assert K.receive_queue_records(QueueARN=arn, WaitTimeSeconds=1)["QueueRecords"] == []
    dead = taken(K.receive_dead_letter_queue_records, arn, 2, VisibilityTimeoutSeconds=60)
    both = handles(dead.values(), VisibilityTimeoutSeconds=0)
    assert K.update_dead_letter_queue_records_visibility(QueueARN=arn, Entries=both)["Failed"] == []
    dead = taken(K.receive_dead_letter_queue_records, arn, 2)
    bad, good = handles([dead[b"bad"]]), handles([dead[b"good"]])
    assert K.acknowledge_dead_letter_queue_records(QueueARN=arn, Entries=bad)["Failed"] == []
    assert K.restore_dead_letter_queue_records(QueueARN=arn, Entries=good)["Failed"] == []
    back = taken(K.receive_queue_records, arn, 1)
    assert back.keys() == {b"good"} and back[b"good"]["ReceiveCount"] == 1, back
    answer = K.acknowledge_dead_letter_queue_records(QueueARN=arn, Entries=handles(back.values()))
    assert [e["ErrorCode"] for e in answer["Failed"]] == ["InvalidArgumentException"], answer
    assert K.acknowledge_queue_records(QueueARN=arn, Entries=handles(back.values()))["Failed"] == []


@case
def limits_and_account():
    answer = K.describe_limits()
    assert answer["ShardLimit"] > 0 and answer["OpenShardCount"] >= 0


@case
def arn_instead_of_name():
    name = stream()
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"
    K.put_record(StreamARN=arn, Data=b"x", PartitionKey="a")
    assert K.describe_stream(StreamARN=arn)["StreamDescription"]["StreamName"] == name
    assert len(K.list_shards(StreamARN=arn)["Shards"]) == 1


@case
def regions_do_not_see_each_other():
    name = stream()
    other = client(region="eu-west-1")
    refused("ResourceNotFoundException", other.describe_stream, StreamName=name)
    other.create_stream(StreamName=name, ShardCount=1)
    eventually(lambda: other.describe_stream(StreamName=name)["StreamDescription"]["StreamStatus"] == "ACTIVE")
    assert ":eu-west-1:" in other.describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]


@case
def caller_identity():
    sts = boto3.client("sts", endpoint_url=ENDPOINT, region_name=REGION, aws_access_key_id="test",
                       aws_secret_access_key="test", verify=CA_FILE if ENDPOINT.startswith("https") else None)
    answer = sts.get_caller_identity()
    assert answer["Account"] == ACCOUNT and answer["Arn"].startswith("arn:aws:iam::"), answer


@case
def validation_errors_in_aws_words():
    loose = client()
    loose.meta.events.register("before-parameter-build.*.*", lambda **_: None)
    unchecked = boto3.client("kinesis", endpoint_url=ENDPOINT, region_name=REGION, aws_access_key_id="test",
                             aws_secret_access_key="test", verify=CA_FILE if ENDPOINT.startswith("https") else None,
                             config=Config(parameter_validation=False, retries={"max_attempts": 0}))
    message = refused("ValidationException", unchecked.create_stream, StreamName="bad name!", ShardCount=0)
    assert message.startswith("2 validation errors detected: "), message
    assert "at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern" in message
    assert "Member must have value greater than or equal to 1" in message, message
    refused("ResourceInUseException", K.create_stream, StreamName=stream(), ShardCount=1)
    try:
        K.put_record(Data=b"")
    except (ParamValidationError, ClientError):
        pass
    else:
        raise AssertionError("a put without a stream must be refused")


@case
def one_mebibyte_record():
    name = stream()
    data = bytes(range(256)) * 4095
    K.put_record(StreamName=name, Data=data, PartitionKey="big")
    (record,) = read_all(name, "shardId-000000000000")
    assert record["Data"] == data
    refused("InvalidArgumentException", K.put_record, StreamName=name, Data=b"x" * (1 << 20), PartitionKey="big")


@case
def settings_of_a_stream():
    name = stream(StreamModeDetails={"StreamMode": "ON_DEMAND"}, WarmThroughputMiBps=6)
    arn = K.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    K.update_stream_record_distribution_strategy(StreamARN=arn, RecordDistributionStrategy="AUTO")
    active(name)
    K.put_records(StreamName=name, Records=[{"Data": b"no key"}] * 60)
    read = [read_all(name, shard["ShardId"]) for shard in shards_of(name)]
    assert len(read) == 6 and all(len(records) > 5 for records in read), [len(records) for records in read]
    assert all("PartitionKey" not in record for records in read for record in records)
    K.update_stream_record_distribution_strategy(StreamARN=arn, RecordDistributionStrategy="USER_PARTITION_KEY")
    active(name)
    K.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "PROVISIONED"})
    active(name)
    K.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=4096)
    active(name)
    K.put_record(StreamName=name, Data=b"x" * (3 << 20), PartitionKey="a")
    now = K.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert now["StreamModeDetails"]["StreamMode"] == "PROVISIONED" and now["MaxRecordSizeInKiB"] == 4096, now
    assert now["OpenShardCount"] == 6 and "RecordDistributionStrategy" not in now, now
    refused("ValidationException", K.update_stream_warm_throughput, StreamName=name, WarmThroughputMiBps=9)


@case
def enhanced_monitoring():
    name = stream()
    on = K.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["ALL"])
    assert on["CurrentShardLevelMetrics"] == [] and len(on["DesiredShardLevelMetrics"]) == 7, on
    off = K.disable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["IncomingBytes"])
    assert len(off["DesiredShardLevelMetrics"]) == 6 and off["StreamARN"].endswith(name), off


@case
def account_settings():
    def status(answer):
        return answer["MinimumThroughputBillingCommitment"]["Status"]

    other = client("eu-north-1")
    other.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    assert status(other.describe_account_settings()) == "ENABLED"
    left = other.update_account_settings(MinimumThroughputBillingCommitment={"Status": "DISABLED"})
    assert status(left) == "ENABLED_UNTIL_EARLIEST_ALLOWED_END", left
    assert status(K.describe_account_settings()) == "DISABLED"


@case
def service_quotas():
    # An account of its own would be cleaner; the well-known key has one, so a region of its own it is.
    region = "eu-north-1"
    quotas = boto3.client("service-quotas", endpoint_url=ENDPOINT, region_name=region, verify=CA_FILE, aws_access_key_id="test",
                          aws_secret_access_key="test")
    kinesis = client(region)
    listed = [q for page in quotas.get_paginator("list_service_quotas").paginate(ServiceCode="kinesis") for q in page["Quotas"]]
    names = {q["QuotaCode"]: q["Value"] for q in listed}
    assert names["shards-per-region"] == kinesis.describe_limits()["ShardLimit"], names
    change = quotas.request_service_quota_increase(ServiceCode="kinesis", QuotaCode="shards-per-region", DesiredValue=7)
    assert change["RequestedQuota"]["Status"] == "APPROVED", change
    assert kinesis.describe_limits()["ShardLimit"] == 7
    default = quotas.get_aws_default_service_quota(ServiceCode="kinesis", QuotaCode="shards-per-region")["Quota"]["Value"]
    assert default == names["shards-per-region"], default
    for call in (
        lambda: quotas.get_service_quota(ServiceCode="kinesis", QuotaCode="nothing"),
        lambda: quotas.list_service_quotas(ServiceCode="lambda"),
    ):
        try:
            call()
            raise AssertionError("there is no such quota")
        except quotas.exceptions.NoSuchResourceException:
            pass


run()
