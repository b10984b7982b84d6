"""Records packed in the format of the Kinesis Producer Library, as the suites of its users look at them."""

import base64
import datetime

from aws_kinesis_agg.deaggregator import iter_deaggregate_records

from harness import ENDPOINT, eventually
from plain import boto3, home, read


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


def counted(namespace, name, records):
    """Holds that the producer's metrics come to say how many records it put into the stream."""
    cloudwatch = boto3.client("cloudwatch", endpoint_url=ENDPOINT)
    now, hour = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(hours=1)

    def check():
        points = cloudwatch.get_metric_statistics(
            Namespace=namespace, MetricName="UserRecordsPut", Statistics=["Sum"], Period=3600,
            StartTime=now - hour, EndTime=now + hour, Dimensions=[{"Name": "StreamName", "Value": name}],
        )["Datapoints"]
        return sum(point["Sum"] for point in points) == records

    eventually(check)
