"""boto3 against CloudWatch, in each of the three protocols that it speaks, plain and compressed."""

import datetime
import functools
import math
from unittest import mock

import boto3
import botocore.model
from botocore.config import Config

import refusals
from harness import CA_FILE, ENDPOINT, REGION, case, eventually, fresh, run

PROTOCOLS = {"json": "json", "cbor": "smithy-rpc-v2-cbor", "query": "query"}
COMMON = {
    "endpoint_url": ENDPOINT,
    "region_name": REGION,
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "verify": CA_FILE if ENDPOINT.startswith("https") else None,
}
NOW = datetime.datetime.now(datetime.timezone.utc)
HOUR = datetime.timedelta(hours=1)


def client(protocol, compress_from=None):
    """A client that speaks one protocol. boto3 would choose JSON for itself."""
    config = Config(
        retries={"max_attempts": 0, "mode": "standard"},
        read_timeout=20,
        request_min_compression_size_bytes=compress_from if compress_from is not None else 1048576,
    )
    with mock.patch.object(botocore.model, "PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", (PROTOCOLS[protocol],)):
        made = boto3.client("cloudwatch", config=config, **COMMON)
    assert made.meta.service_model.resolved_protocol == PROTOCOLS[protocol]
    return made


CLIENTS = {protocol: client(protocol) for protocol in PROTOCOLS}


def each_protocol(function):
    """Registers a test once for every protocol."""
    for protocol, made in CLIENTS.items():
        def one(made=made):
            function(made)

        one.__name__ = f"{protocol}_{function.__name__}"
        case(one)
    return function


# Whatever the protocol, a refusal is a 400.
refused = functools.partial(refusals.refused, status=400)


def statistics(c, namespace, name, stats=("Sum", "SampleCount", "Minimum", "Maximum", "Average"), **more):
    more.setdefault("Period", 3600)
    found = c.get_metric_statistics(
        Namespace=namespace, MetricName=name, StartTime=NOW - 12 * HOUR, EndTime=NOW + HOUR, Statistics=list(stats), **more
    )
    assert found["Label"] == name
    return sorted(found["Datapoints"], key=lambda point: point["Timestamp"])


@each_protocol
def put_and_statistics(c):
    ns = fresh("n")
    dims = [{"Name": "Operation", "Value": "a b&c=d"}]
    c.put_metric_data(
        Namespace=ns,
        MetricData=[
            {"MetricName": "m", "Dimensions": dims, "Value": 4.5, "Unit": "Count", "Timestamp": NOW},
            {"MetricName": "m", "Dimensions": dims, "Values": [1, 10], "Counts": [2, 1], "Unit": "Count", "Timestamp": NOW},
            {
                "MetricName": "m",
                "Dimensions": dims,
                "StatisticValues": {"SampleCount": 3, "Sum": 9, "Minimum": 0.5, "Maximum": 6},
                "Unit": "Count",
                "Timestamp": NOW,
            },
        ],
    )
    (point,) = statistics(c, ns, "m", Dimensions=dims)
    assert (point["SampleCount"], point["Sum"]) == (7, 25.5), point
    assert (point["Minimum"], point["Maximum"], point["Unit"]) == (0.5, 10, "Count"), point
    assert math.isclose(point["Average"], 25.5 / 7)
    assert point["Timestamp"].tzinfo is not None
    assert statistics(c, ns, "m") == []
    (fine,) = statistics(c, ns, "m", Dimensions=dims, Period=60)
    assert fine["Timestamp"] == NOW.replace(second=0, microsecond=0), fine


@each_protocol
def percentiles(c):
    ns = fresh("n")
    values = [float(v) for v in range(1, 101)]
    c.put_metric_data(Namespace=ns, MetricData=[{"MetricName": "m", "Values": values, "Timestamp": NOW}])
    found = c.get_metric_statistics(
        Namespace=ns,
        MetricName="m",
        StartTime=NOW - HOUR,
        EndTime=NOW + HOUR,
        Period=7200,
        ExtendedStatistics=["p50", "p99.9", "tm90"],
    )
    assert found["Datapoints"][0]["ExtendedStatistics"] == {"p50": 50, "p99.9": 100, "tm90": 45.5}, found


@each_protocol
def list_and_paginate(c):
    ns = fresh("n")
    for start in range(0, 600, 300):
        data = [{"MetricName": f"m{i:04}", "Value": 1} for i in range(start, start + 300)]
        c.put_metric_data(Namespace=ns, MetricData=data)
    pages = list(c.get_paginator("list_metrics").paginate(Namespace=ns))
    assert [len(page["Metrics"]) for page in pages] == [500, 100]
    names = [metric["MetricName"] for page in pages for metric in page["Metrics"]]
    assert names == sorted(names) and len(set(names)) == 600
    one = c.list_metrics(Namespace=ns, MetricName="m0007", RecentlyActive="PT3H")["Metrics"]
    assert one == [{"Namespace": ns, "MetricName": "m0007", "Dimensions": []}], one


@each_protocol
def metric_data_and_math(c):
    ns = fresh("n")
    start = NOW.replace(second=0, microsecond=0) - datetime.timedelta(minutes=5)
    for i in range(5):
        at = start + datetime.timedelta(minutes=i)
        c.put_metric_data(
            Namespace=ns,
            MetricData=[
                {"MetricName": "calls", "Value": 10 * (i + 1), "Timestamp": at},
                {"MetricName": "errors", "Value": i, "Timestamp": at},
            ],
        )

    def stat(name, **more):
        metric = {"Namespace": ns, "MetricName": name}
        return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, **more}

    queries = [
        stat("calls", Label="Calls"),
        stat("errors", ReturnData=False),
        {"Id": "rate", "Expression": "100*errors/calls"},
        {"Id": "total", "Expression": "SUM(METRICS())"},
    ]
    kwargs = {"MetricDataQueries": queries, "StartTime": start, "EndTime": NOW + HOUR, "ScanBy": "TimestampAscending"}
    answer = c.get_metric_data(**kwargs)
    results = {result["Id"]: result for result in answer["MetricDataResults"]}
    assert list(results) == ["calls", "rate", "total"]
    assert results["calls"]["Values"] == [10, 20, 30, 40, 50] and results["calls"]["Label"] == "Calls"
    assert results["calls"]["Timestamps"][0] == start
    assert [round(v, 6) for v in results["rate"]["Values"]] == [0, 5, 6.666667, 7.5, 8]
    assert results["total"]["Values"] == [10, 21, 32, 43, 54]
    assert all(result["StatusCode"] == "Complete" for result in results.values())
    paged = c.get_paginator("get_metric_data").paginate(MaxDatapoints=4, **kwargs)
    values = {}
    for page in paged:
        for result in page["MetricDataResults"]:
            values.setdefault(result["Id"], []).extend(result["Values"])
    assert values == {name: result["Values"] for name, result in results.items()}


@each_protocol
def errors_have_their_codes(c):
    ns = fresh("n")
    put = c.put_metric_data
    one = [{"MetricName": "m", "Value": 1}]
    assert refused("InvalidParameterValue", put, Namespace="AWS/Kinesis", MetricData=one) == (
        "The value AWS/ for parameter Namespace is invalid."
    )
    both = [{"MetricName": "m", "Value": 1, "Values": [1.0]}]
    assert "mutually exclusive" in refused("InvalidParameterCombination", put, Namespace=ns, MetricData=both)
    assert "MetricData.member.1.Value" in refused("MissingParameter", put, Namespace=ns, MetricData=[{"MetricName": "m"}])
    nan = [{"MetricName": "m", "Value": float("nan")}]
    assert refused("InvalidParameterValue", put, Namespace=ns, MetricData=nan) == (
        "The value NaN for parameter MetricData.member.1.Value is invalid."
    )
    old = [{"MetricName": "m", "Value": 1, "Timestamp": NOW - 15 * 24 * HOUR}]
    assert "within the past two weeks" in refused("InvalidParameterValue", put, Namespace=ns, MetricData=old)
    wrong = [{"MetricName": "m", "Value": 1, "Unit": "Parsecs"}]
    assert "enum value set" in refused("ValidationError", put, Namespace=ns, MetricData=wrong)
    query = [{"Id": "e", "Expression": "SEARCH('x', 'Sum', 60)"}]
    message = refused("ValidationError", c.get_metric_data, MetricDataQueries=query, StartTime=NOW - HOUR, EndTime=NOW)
    assert "SEARCH is not supported" in message
    refused("InvalidNextToken", c.get_metric_data, MetricDataQueries=[{"Id": "e", "Expression": "1"}],
            StartTime=NOW - HOUR, EndTime=NOW, NextToken="x")
    try:
        put(Namespace="AWS/Kinesis", MetricData=one)
    except c.exceptions.InvalidParameterValueException:
        pass


def compressed(protocol):
    c = client(protocol, compress_from=100)
    sent = []
    c.meta.events.register("before-send.cloudwatch.PutMetricData", lambda request, **_: sent.append(request))
    ns = fresh("n")
    data = [{"MetricName": "m", "Value": 1, "Timestamp": NOW} for _ in range(1000)]
    c.put_metric_data(Namespace=ns, MetricData=data)
    headers = {k.lower(): v for k, v in sent[0].headers.items()}
    encoding = headers["content-encoding"]
    assert (encoding if isinstance(encoding, str) else encoding.decode()) == "gzip", headers
    (point,) = statistics(c, ns, "m")
    assert point["SampleCount"] == 1000, point


@case
def json_compressed():
    compressed("json")


@case
def cbor_compressed():
    compressed("cbor")


@case
def query_compressed():
    compressed("query")


@case
def a_stream_has_metrics():
    kinesis = boto3.client("kinesis", **COMMON)
    c = CLIENTS["cbor"]
    name = fresh()
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    kinesis.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["IncomingRecords"])
    eventually(lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    records = [{"Data": b"x" * 100, "PartitionKey": str(i)} for i in range(10)]
    kinesis.put_records(StreamName=name, Records=records)
    shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
    it = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert len(kinesis.get_records(ShardIterator=it)["Records"]) == 10
    of_stream = [{"Name": "StreamName", "Value": name}]

    def sum_of(metric, dims=of_stream):
        points = statistics(c, "AWS/Kinesis", metric, Dimensions=dims)
        return sum(point["Sum"] for point in points)

    eventually(lambda: sum_of("IncomingRecords") == 10, seconds=70)
    assert sum_of("IncomingBytes") == 1010
    assert sum_of("PutRecords.TotalRecords") == 10 and sum_of("PutRecords.Success") == 1
    eventually(lambda: sum_of("GetRecords.Records") == 10, seconds=70)
    of_shard = of_stream + [{"Name": "ShardId", "Value": shard}]
    eventually(lambda: sum_of("IncomingRecords", of_shard) == 10, seconds=70)
    listed = c.list_metrics(Namespace="AWS/Kinesis", Dimensions=of_stream)["Metrics"]
    assert len(listed) > 15, listed


run()
