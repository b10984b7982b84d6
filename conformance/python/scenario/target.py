"""Where scenarios are aimed: clients of one or two accounts, calls by the operation's name, event streams."""

import datetime
import time
from dataclasses import dataclass

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from . import values

BUSY = {"LimitExceededException", "ThrottlingException", "ProvisionedThroughputExceededException"}
READ_TIMEOUT = 60


@dataclass
class Answer:
    """What a call answered, without its metadata; moments are seconds, blobs bytes."""

    value: dict


@dataclass
class Refusal:
    """The error a call was answered with."""

    code: str
    message: str
    status: int = 0

    def __str__(self):
        return f"{self.code}: {self.message}"


class Events:
    """A subscription: its events so far, put together in one."""

    def __init__(self, stream):
        self._stream = stream
        self._events = iter(stream)
        self.so_far = {}

    def next(self):
        """One more event; an `Answer` with all of them, a `Refusal`, or None at the end."""
        try:
            event = next(self._events)
        except StopIteration:
            return None
        except EventStreamError as error:
            return _refusal(error)
        found = _plain(event.get("SubscribeToShardEvent", {}))
        found["Records"] = self.so_far.get("Records", []) + found.get("Records", [])
        self.so_far = found
        return Answer(found)

    def close(self):
        self._stream.close()


class Target:
    """An endpoint, or AWS itself."""

    def __init__(self, endpoint, region, ca=None, patience=0.0):
        self.endpoint = None if endpoint == "aws" else endpoint
        self.region = region
        # How long an answer that says "too much" is taken back, in seconds.
        self.patience = patience
        # The longest wait; what a file says is for AWS, where changes take minutes.
        self.wait_max = float("inf") if endpoint == "aws" else 15.0
        # The first and the longest pause between two looks, in seconds.
        self.pauses = (1.0, 5.0) if endpoint == "aws" else (0.02, 0.5)
        self.facts = {"region": region}
        self._ca = ca
        self._clients = {}
        self._kms = None

    @property
    def is_aws(self):
        return self.endpoint is None

    def join(self, by, profile=None, keys=None):
        """Adds an account's client; True where its credentials are known."""
        session = boto3.Session(profile_name=profile, region_name=self.region)
        known = dict(zip(("aws_access_key_id", "aws_secret_access_key"), keys or ()))
        config = Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1, "mode": "standard"},
            read_timeout=READ_TIMEOUT,
            max_pool_connections=64,
        )
        options = {"endpoint_url": self.endpoint, "config": config, "verify": self._ca, **known}
        try:
            identity = session.client("sts", **options).get_caller_identity()
        except ClientError:
            return False
        prefix = f"{by}_" if by else ""
        self.facts |= {f"{prefix}account": identity["Account"], "partition": identity["Arn"].split(":")[1]}
        self._clients[by] = session.client("kinesis", **options)
        if not by:
            self._kms = session.client("kms", **options)
        return True

    def has(self, by):
        return by in self._clients

    def key(self):
        """A KMS key that is made for this run; None where the endpoint makes none."""
        try:
            made = self._kms.create_key(Description="for millrace-scenario")
        except ClientError:
            return None
        return made["KeyMetadata"]["Arn"]

    def is_committed(self):
        """Whether the account pays for a minimum throughput in the region."""
        settings = self.call("", "DescribeAccountSettings", {}).value
        return settings.get("MinimumThroughputBillingCommitment", {}).get("Status", "DISABLED") != "DISABLED"

    def call(self, by, operation, arguments, is_awaited=lambda refusal: False):
        """One call; what is refused as too much, and not for that very purpose, is tried again in patience."""
        client = self._clients[by]
        shape = client.meta.service_model.operation_model(operation).input_shape
        sent = values.argument(shape, arguments) if shape is not None else {}
        method = getattr(client, botocore.xform_name(operation))
        until, pause = time.monotonic() + self.patience, 0.5
        while True:
            try:
                return Answer(_plain(method(**sent)))
            except ClientError as error:
                refusal = _refusal(error)
            if refusal.code not in BUSY or is_awaited(refusal) or time.monotonic() + pause > until:
                return refusal
            time.sleep(pause)
            pause = min(pause * 1.5, 5.0)


def _refusal(error):
    found = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Refusal(found.get("Code", "?"), found.get("Message", ""), status)


def _plain(value):
    if isinstance(value, dict):
        return {name: _plain(inside) for name, inside in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list):
        return [_plain(inside) for inside in value]
    return value.timestamp() if isinstance(value, datetime.datetime) else value
