"""Channels with boto3: into local buckets, and into an S3-compatible service (moto) with a server of its own."""

import contextlib
import gzip
import json
import os
import pathlib

import boto3

from beside import moto, server
from harness import CA_FILE, ENDPOINT, REGION, case, eventually, fresh, run

KEYS = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
K = boto3.client("kinesis", endpoint_url=ENDPOINT, verify=CA_FILE, **KEYS)
BUCKETS = pathlib.Path(os.environ["DATA_DIR"], "buckets")
ROLE = "arn:aws:iam::000000000000:role/deliver"


def on_demand(client):
    name = fresh()
    client.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    return name


def channel(client, stream, bucket, **storage):
    arn = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    created = client.create_channel(
        ChannelName=fresh("channel"),
        ServiceExecutionRoleARN=ROLE,
        StreamConfigurationList=[{"StreamARN": arn, "RecordConfiguration": {"RecordFormatType": "JSON"}}],
        S3DestinationConfiguration={
            "DataFreshnessInSeconds": 1,
            "StorageConfiguration": {
                "BucketARN": f"arn:aws:s3:::{bucket}",
                "ExpectedBucketOwner": "000000000000",
                "CompressionType": "GZIP",
                **storage,
            },
        },
    )["ChannelDescription"]
    assert created["ChannelStatus"] == "CREATING", created
    return created["ChannelARN"]


def status(client, arn):
    return client.describe_channel(ChannelARN=arn)["ChannelDescription"]


def put(client, stream, count):
    records = [{"Data": json.dumps({"n": n}).encode(), "PartitionKey": str(n)} for n in range(count)]
    records.append({"Data": b"no JSON", "PartitionKey": "x"})
    assert client.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0


def numbers(lines):
    return sorted(json.loads(line)["n"] for line in lines)


@case
def into_a_local_bucket():
    stream, bucket = on_demand(K), fresh("lake")
    arn = channel(K, stream, bucket, OutputKeyTemplate="!{stream-name}/!{yyyy}/part!{extension}")
    eventually(lambda: status(K, arn)["ChannelStatus"] == "ACTIVE")
    put(K, stream, 50)

    def delivered():
        files = (BUCKETS / bucket / stream).rglob("part-*.json.gz")
        lines = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
        return numbers(lines) == list(range(50))

    eventually(delivered)
    dead = list((BUCKETS / bucket / "kinesis-channel/errors").rglob("*.json"))
    letters = [json.loads(line) for file in dead for line in file.read_text().splitlines()]
    assert [letter["errorCode"] for letter in letters] == ["InvalidJson"], letters


@case
def the_channel_waiter_and_its_stream():
    stream = on_demand(K)
    arn = channel(K, stream, fresh("lake"))
    K.get_waiter("channel_active").wait(ChannelARN=arn, WaiterConfig={"Delay": 1})
    try:
        K.delete_stream(StreamName=stream)
        raise AssertionError("a stream with a channel was deleted")
    except K.exceptions.ResourceInUseException:
        pass
    listed = [c["ChannelARN"] for page in K.get_paginator("list_channels").paginate() for c in page["ChannelSummaries"]]
    assert arn in listed, listed
    K.delete_channel(ChannelARN=arn)

    def gone():
        try:
            return status(K, arn)["ChannelStatus"] == "never"
        except K.exceptions.ResourceNotFoundException:
            return True

    eventually(gone)
    K.delete_stream(StreamName=stream)


@contextlib.contextmanager
def s3_and_a_server():
    """A client of an S3-compatible service, and one of a server that delivers there."""
    s3_port, s3_command = moto()
    settings = {
        "buckets.store": "s3",
        "buckets.endpoint": f"http://127.0.0.1:{s3_port}",
        "buckets.access_key": "test",
        "buckets.secret_key": "test",
    }
    with server(settings, before=[(s3_port, s3_command)]) as endpoint:
        s3 = boto3.client("s3", endpoint_url=settings["buckets.endpoint"], **KEYS)
        yield s3, boto3.client("kinesis", endpoint_url=endpoint, **KEYS)


@case
def into_an_s3_bucket():
    with s3_and_a_server() as (s3, kinesis):
        s3.create_bucket(Bucket="lake")
        stream = on_demand(kinesis)
        arn = channel(kinesis, stream, "lake", StorageClass="INTELLIGENT_TIERING")
        eventually(lambda: status(kinesis, arn)["ChannelStatus"] == "ACTIVE")
        put(kinesis, stream, 50)

        def delivered():
            objects = s3.list_objects_v2(Bucket="lake").get("Contents", [])
            full = [o for o in objects if o["Key"].endswith(".json.gz")]
            assert all(o["StorageClass"] == "INTELLIGENT_TIERING" for o in full), full
            bodies = [s3.get_object(Bucket="lake", Key=o["Key"])["Body"].read() for o in full]
            return numbers(line for body in bodies for line in gzip.decompress(body).splitlines()) == list(range(50))

        eventually(delivered, seconds=20)
        missing = channel(kinesis, stream, "no-such-bucket")
        failed = eventually(lambda: (d := status(kinesis, missing))["ChannelStatus"] == "FAILED" and d, seconds=20)
        assert "no-such-bucket" in failed["ChannelStatusReason"], failed


run()
