"""The AWS CLI against Millrace: the commands a person types."""

import base64
import json
import os
import subprocess
import sys
import time

from harness import CA_FILE, ENDPOINT, case, eventually, fresh, run

AWS = os.path.join(os.path.dirname(sys.executable), "aws")


def aws(*args, code=0):
    env = dict(os.environ, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1",
               AWS_ENDPOINT_URL=ENDPOINT, AWS_PAGER="", AWS_MAX_ATTEMPTS="1")
    if ENDPOINT.startswith("https"):
        env["AWS_CA_BUNDLE"] = CA_FILE
    done = subprocess.run([AWS, *args, "--output", "json"], env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode == 0) == (code == 0), done.stderr
    return json.loads(done.stdout) if code == 0 and done.stdout.strip() else done.stderr


@case
def a_stream_from_creation_to_deletion():
    name = fresh("cli")
    aws("kinesis", "create-stream", "--stream-name", name, "--shard-count", "1")
    aws("kinesis", "wait", "stream-exists", "--stream-name", name)
    data = base64.b64encode(b"hello").decode()
    put = aws("kinesis", "put-record", "--stream-name", name, "--partition-key", "a", "--data", data)
    records = json.dumps([{"Data": data, "PartitionKey": "b"}] * 3)
    puts = aws("kinesis", "put-records", "--stream-name", name, "--records", records)
    assert puts["FailedRecordCount"] == 0
    it = aws("kinesis", "get-shard-iterator", "--stream-name", name, "--shard-id", put["ShardId"],
             "--shard-iterator-type", "TRIM_HORIZON")["ShardIterator"]
    got = aws("kinesis", "get-records", "--shard-iterator", it)
    assert len(got["Records"]) == 4
    assert [s["ShardId"] for s in aws("kinesis", "list-shards", "--stream-name", name)["Shards"]] == [put["ShardId"]]
    assert name in aws("kinesis", "list-streams")["StreamNames"]
    aws("kinesis", "delete-stream", "--stream-name", name)
    eventually(lambda: name not in aws("kinesis", "list-streams")["StreamNames"])
    assert "ResourceNotFoundException" in aws("kinesis", "describe-stream", "--stream-name", name, code=1)


@case
def metrics():
    name = fresh("n")
    aws("cloudwatch", "put-metric-data", "--namespace", name, "--metric-name", "m", "--value", "3", "--unit", "Count")
    listed = aws("cloudwatch", "list-metrics", "--namespace", name)["Metrics"]
    assert listed == [{"Namespace": name, "MetricName": "m", "Dimensions": []}], listed
    now = int(time.time())
    found = aws("cloudwatch", "get-metric-statistics", "--namespace", name, "--metric-name", "m", "--statistics", "Sum",
                "--start-time", str(now - 3600), "--end-time", str(now + 60), "--period", "3600")
    assert [point["Sum"] for point in found["Datapoints"]] == [3.0], found
    assert "InvalidParameterValue" in aws("cloudwatch", "put-metric-data", "--namespace", "AWS/x", "--metric-name", "m",
                                          "--value", "3", code=1)


@case
def identity():
    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"


run()
