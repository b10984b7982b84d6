"""The one scenario: two workers read a stream by polling and by fan-out while it is split and merged, and one is killed."""

import datetime
import os
import tempfile
import threading
import time
from pathlib import Path

import boto3

from checks import END, Ledger
from harness import CA_FILE, ENDPOINT, REGION, eventually, fresh
from workers import OLDER, TESTED, Worker

APPS = ("polling", "fanout")
KEYS = 16
BATCHES_A_SECOND = 8
PATIENCE = 120
LEADER_PATIENCE = 300
UPGRADE_PATIENCE = 900  # version 3 wants to have seen all workers ready for ten minutes before it leaves version 2
AGED_SECONDS = 86400
CLEANED_AFTER = 240  # seconds; after five minutes the library deletes the leases of shards that have ended


def client(service):
    """A client for the suite itself."""
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=REGION,
        verify=CA_FILE or True,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


class Producer(threading.Thread):
    """Puts one record for each key at a time, so that the numbers of a key follow each other."""

    def __init__(self, kinesis, stream, keys):
        super().__init__(daemon=True)
        self.kinesis, self.stream = kinesis, stream
        self.keys = [f"key{i}" for i in range(keys)]
        self.ledger, self.enough, self.fault = Ledger(), threading.Event(), None

    def run(self):
        try:
            n = 0
            while not self.enough.wait(1 / BATCHES_A_SECOND):
                self.put(n)
                n += 1
        except Exception as fault:  # noqa: BLE001 - told by `finish`
            self.fault = fault

    def put(self, n):
        """A round; what is refused for the moment is put again before the next."""
        left = self.keys
        while left:
            entries = [{"Data": str(n).encode(), "PartitionKey": key} for key in left]
            answers = self.kinesis.put_records(StreamName=self.stream, Records=entries)["Records"]
            for key, answer in zip(left, answers):
                if "ShardId" in answer:
                    self.ledger.records.append((answer["ShardId"], answer["SequenceNumber"], key, n))
            left = [key for key, answer in zip(left, answers) if "ShardId" not in answer]

    def finish(self):
        """Stops it; raises what went wrong."""
        self.enough.set()
        self.join()
        if self.fault:
            raise self.fault


class Scenario:
    """Runs it; what is to be judged is in the attributes afterwards."""

    def __init__(self, options=None, keys=KEYS, kill_leader=False, replace=False, upgrade=None):
        self.kinesis, self.dynamo = client("kinesis"), client("dynamodb")
        self.cloudwatch = client("cloudwatch")
        self.stream = fresh("kcl")
        self.folder = Path(tempfile.mkdtemp(prefix="kcl-", dir=os.environ.get("KCL_FILES")))
        self.options, self.kill_leader, self.replace = options or {}, kill_leader, replace
        # What the first two workers run, when it is not what is tested, and the options of those that follow, by stages.
        version, self.stages = upgrade or (None, [])
        self.older, self.agreed = OLDER.get(version), None
        self.coordination = {}  # app -> what the workers have agreed on at the end
        self.workers, self.leases, self.consumers, self.stopped = [], {}, [], []
        self.measured = {}  # app -> records of the last shard: as CloudWatch counts them, as the worker wrote them down
        self.taken = {}  # (app, shard) -> seconds from the kill to the first record that the next worker had
        self.began = time.monotonic()
        self.kinesis.create_stream(StreamName=self.stream, ShardCount=2)
        self.active()
        self.producer = Producer(self.kinesis, self.stream, keys)
        self.ledger = self.producer.ledger

    def run(self):
        """From the first record to the leases at the end."""
        self.producer.start()
        try:
            self.start("A", self.older or TESTED)
            if TESTED.version >= "3.5" and not self.older:
                self.until(self.is_initialised, "the first worker has written its state")
            self.start("B", self.older or TESTED)
            first, second = self.open_shards()
            self.wait_for_records((first, second), "both shards are read")
            self.split(first)
            children = [s for s in self.open_shards() if s != second]
            self.wait_for_records(children, "the children of the split are read")
            self.kill()
            if self.older:
                self.upgrade()
            elif self.replace:
                self.start("C")
            self.merge(children[-1], second)
            self.wait_for_records(self.open_shards(), "the child of the merge is read")
            time.sleep(1)
            self.producer.finish()
            self.wait_for_everything()
            self.consumers = self.registered()
            self.measure()
        finally:
            self.producer.enough.set()
            self.stop()
        self.coordination = {app: self.coordinators(app) for app in APPS}
        self.cleaned = time.monotonic() - self.began > CLEANED_AFTER
        self.leases = {app: self.lease_table(app) for app in APPS}
        return self

    def say(self, what):
        """For whoever watches."""
        print(f"# {time.monotonic() - self.began:5.1f} s {what}", flush=True)

    def start(self, name, library=TESTED, options=None):
        self.workers += [Worker(name, app, self, library, options or self.options) for app in APPS]

    def upgrade(self):
        """In each stage two workers come, with the version under test and options of the stage, and the others go."""
        for names, (options, agreed) in zip(("CD", "EF"), self.stages):
            older = [worker for worker in self.workers if not worker.gone()]
            for name in names:
                self.start(name, options=options)
            self.until(lambda: all(self.readers(app) & set(names) for app in APPS), f"{names} read beside the others")
            for worker in older:
                worker.ask_to_stop()
            self.until(lambda: all(worker.gone() for worker in older), "the others have stopped")
            self.agreed = agreed
            self.until(self.have_agreed, f"{names} are at {agreed}", UPGRADE_PATIENCE)

    def have_agreed(self):
        """Whether the workers of all applications have come to the state of this stage."""
        found = {app: self.coordinators(app) for app in APPS}
        for app, items in found.items():
            for item in items:
                if item.get("key") == {"S": "TableMigration3.5"}:
                    self.age(f"{self.stream}-{app}-CoordinatorState", item)
        return all(self.agreed in str(items) for items in found.values())

    def age(self, table, item):
        """Makes the workers believe that a state has lasted; 3.5 wants an hour of each, and has no setting for it."""
        if int(item["mts"]["N"]) < (time.time() - AGED_SECONDS / 2) * 1000:
            return
        try:
            self.dynamo.update_item(
                TableName=table,
                Key={"key": item["key"]},
                UpdateExpression="SET mts = mts - :age",
                ConditionExpression="mts = :now",
                ExpressionAttributeValues={":age": {"N": str(AGED_SECONDS * 1000)}, ":now": item["mts"]},
            )
        except self.dynamo.exceptions.ConditionalCheckFailedException:
            pass  # they went on by themselves

    def readers(self, app):
        return {event.worker for event in self.events(app) if event.kind == "record"}

    def stop(self):
        """Ends those that were not killed; all of them, whatever happens."""
        living = [w for w in self.workers if not w.gone()]
        for worker in living:
            worker.ask_to_stop()
        self.stopped = [worker.stopped() for worker in living]
        self.say("stopped")

    def events(self, app):
        """Everything that was written down about an application, in the order of time."""
        of_app = (event for worker in self.workers if worker.app == app for event in worker.so_far())
        return sorted((event for event in of_app if event.shard != "-"), key=lambda event: event.time)

    def until(self, check, what, patience=PATIENCE):
        """Waits for `check`; ends at once when a worker dies."""

        def look():
            if self.producer.fault:
                raise self.producer.fault
            dead = [f"{w.app} {w.name}" for w in self.workers if w.died()]
            if dead:
                raise AssertionError(f"worker {dead} ended by itself")
            return check()

        try:
            eventually(look, patience)
        except AssertionError as fault:
            raise AssertionError(f"waiting until {what}, files in {self.folder}: {fault}") from None
        self.say(what)

    def wait_for_records(self, shards, what):
        wanted = {(app, shard) for app in APPS for shard in shards}
        self.until(
            lambda: {(e.app, e.shard) for app in APPS for e in self.events(app) if e.kind == "record"} >= wanted, what
        )

    def wait_for_everything(self):
        put = {record[:2] for record in self.ledger.records}
        self.until(
            lambda: all(
                {(e.shard, e.rest[2]) for e in self.events(app) if e.kind == "record"} >= put for app in APPS
            ),
            "everything is read",
        )

    def active(self):
        def is_active():
            summary = self.kinesis.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]
            return summary["StreamStatus"] == "ACTIVE"

        eventually(is_active, 30)

    def shards(self):
        return self.kinesis.list_shards(StreamName=self.stream)["Shards"]

    def open_shards(self):
        """Names of the open shards, in the order of their hash keys."""
        shards = [s for s in self.shards() if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
        return [s["ShardId"] for s in sorted(shards, key=lambda s: int(s["HashKeyRange"]["StartingHashKey"]))]

    def split(self, shard):
        found = next(s for s in self.shards() if s["ShardId"] == shard)["HashKeyRange"]
        middle = (int(found["StartingHashKey"]) + int(found["EndingHashKey"])) // 2
        self.kinesis.split_shard(StreamName=self.stream, ShardToSplit=shard, NewStartingHashKey=str(middle))
        self.resharded("split")

    def merge(self, shard, neighbour):
        self.kinesis.merge_shards(StreamName=self.stream, ShardToMerge=shard, AdjacentShardToMerge=neighbour)
        self.resharded("merged")

    def resharded(self, what):
        self.active()
        for shard in self.shards():
            parents = [shard.get("ParentShardId"), shard.get("AdjacentParentShardId")]
            if any(parents):
                self.ledger.parents[shard["ShardId"]] = [p for p in parents if p]
        self.say(what)

    def kill(self):
        """Kills one worker of each application, and waits until the other has all that it had."""
        victims = {}
        self.until(lambda: self.choose(victims), "there is somebody to kill")
        lost = {(app, shard) for app in APPS for shard in self.held(app).get(victims[app].name, ())}
        marks = {app: len(self.events(app)) for app in APPS}
        for victim in victims.values():
            victim.kill()
        self.say("killed " + ", ".join(f"{app} {victims[app].name}" for app in APPS) + f": {sorted(lost)}")

        def taken():
            for app in APPS:
                for event in self.events(app)[marks[app] :]:
                    if event.kind == "record" and event.worker != victims[app].name:
                        self.taken.setdefault((app, event.shard), time.monotonic() - victims[app].killed)
            return lost <= set(self.taken)

        self.until(taken, "its leases are taken over", LEADER_PATIENCE if self.kill_leader else PATIENCE)
        self.taken = {lease: seconds for lease, seconds in self.taken.items() if lease in lost}

    def choose(self, victims):
        """For each application a worker with leases: the leader, or one that is not, as was asked for."""
        for app in APPS:
            leader, held = self.leader(app), self.held(app)
            for worker in self.workers:
                fits = leader is None or (worker.name == leader) == self.kill_leader
                if worker.app == app and worker.name in held and fits:
                    victims.setdefault(app, worker)
        return len(victims) == len(APPS)

    def is_initialised(self):
        """Whether B may start: two workers of 3.5 that create this item at once do not both survive it."""
        return all(any("Migration3.0" in str(item) for item in self.coordinators(app)) for app in APPS)

    def leader(self, app):
        """Who holds the lock of the leader; None with version 2, which has none."""
        return next((item["ownerName"]["S"] for item in self.coordinators(app) if "ownerName" in item), None)

    def coordinators(self, app):
        """What the workers coordinate themselves by: in a table of its own, or since 3.5 in the lease table."""
        items = []
        for table in (f"{self.stream}-{app}-CoordinatorState", f"{self.stream}-{app}"):
            try:
                items += self.dynamo.scan(TableName=table, ConsistentRead=True)["Items"]
            except self.dynamo.exceptions.ResourceNotFoundException:
                continue
        return [item for item in items if "checkpoint" not in item]

    def held(self, app):
        """Worker -> the shards it has a lease of that has not come to its end."""
        held = {}
        for shard, lease in self.table(app).items():
            if lease["checkpoint"]["S"] != END and "leaseOwner" in lease:
                held.setdefault(lease["leaseOwner"]["S"], set()).add(shard)
        return held

    def table(self, app):
        """The lease table: shard -> item."""
        pages = self.dynamo.get_paginator("scan").paginate(TableName=f"{self.stream}-{app}", ConsistentRead=True)
        items = (item for page in pages for item in page["Items"] if "checkpoint" in item)
        return {item["leaseKey"]["S"]: item for item in items}

    def lease_table(self, app):
        """Shard -> (checkpoint, parents)."""
        return {
            shard: (lease["checkpoint"]["S"], sorted(lease.get("parentShardId", {}).get("SS", [])))
            for shard, lease in self.table(app).items()
        }

    def measure(self):
        """Waits until CloudWatch has counted what was read of the last shard, which was read by one worker only."""
        last = sorted(self.open_shards())[-1]

        def counted():
            for app in APPS:
                read = sum(e.kind == "record" and e.shard == last for e in self.events(app))
                self.measured[app] = (self.processed(app, last), read)
            return all(metric == read for metric, read in self.measured.values())

        try:
            eventually(counted, 15)
        except AssertionError:
            pass  # told by the case that looks at the numbers
        self.say(f"CloudWatch and the workers have counted {self.measured}")

    def processed(self, app, shard):
        """The library's own count of the records that it has given to processors."""
        now = datetime.datetime.now(datetime.timezone.utc)
        answer = self.cloudwatch.get_metric_statistics(
            Namespace=f"{self.stream}-{app}",
            MetricName="RecordsProcessed",
            Dimensions=[{"Name": "Operation", "Value": "ProcessTask"}, {"Name": "ShardId", "Value": shard}],
            StartTime=now - datetime.timedelta(hours=1),
            EndTime=now + datetime.timedelta(minutes=1),
            Period=3600,
            Statistics=["Sum"],
        )
        return round(sum(point["Sum"] for point in answer["Datapoints"]))

    def registered(self):
        """The stream's consumers: (name, status)."""
        summary = self.kinesis.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]
        consumers = self.kinesis.list_stream_consumers(StreamARN=summary["StreamARN"])["Consumers"]
        return [(c["ConsumerName"], c["ConsumerStatus"]) for c in consumers]
