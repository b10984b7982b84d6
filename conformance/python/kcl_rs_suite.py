"""kcl-rs, the Kinesis Client Library ported to Rust: leases in the server's DynamoDB, polling and enhanced fan-out."""

import concurrent.futures
import os
import threading

from harness import ENDPOINT, REGION, case, eventually, fresh, run
from packed import message, text
from plain import D, K, held, in_order, messages, split, stream

from aws_kinesis_agg.aggregator import RecordAggregator
from kcl_rs import RecordProcessorBase, Scheduler

# A worker that finds no leases waits for up to half a minute, by chance, before it makes some.
PATIENCE = 60
RUNNING = concurrent.futures.ThreadPoolExecutor(16)


def together(scenario, *arguments, name=None):
    """A case that runs beside the others from now on, since all of them mostly wait."""
    future = RUNNING.submit(scenario, *arguments)

    def body():
        future.result()

    body.__name__ = name or scenario.__name__
    case(body)
    return scenario


class Reader(RecordProcessorBase):
    """Keeps what it gets and checkpoints it."""

    def __init__(self, worker):
        self.worker = worker

    def initialize(self, initialize_input):
        self.shard = initialize_input.shard_id

    def process_records(self, process_records_input):
        with self.worker.lock:
            self.worker.got += [message(record.data) for record in process_records_input.records]
            self.worker.shards.add(self.shard)
        process_records_input.checkpointer.checkpoint()

    def lease_lost(self, lease_lost_input):
        pass

    def shard_ended(self, shard_ended_input):
        self.worker.ended.add(self.shard)
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input):
        shutdown_requested_input.checkpointer.checkpoint()


class Worker:
    """A worker of an application, started and stopped by `with`."""

    def __init__(self, name, application, mode, worker="a"):
        self.lock = threading.Lock()
        self.got, self.shards, self.ended = [], set(), set()
        polling = {"idle_time_between_reads_millis": 250} if mode == "POLLING" else {}
        self.scheduler = Scheduler(
            stream_name=name, application_name=application, record_processor_factory=lambda: Reader(self),
            worker_identifier=worker, region=REGION, endpoint_url=ENDPOINT, access_key_id="test",
            secret_access_key="test", initial_position="TRIM_HORIZON", retrieval_mode=mode,
            shard_sync_interval_millis=1000, **polling,
        )

    def __enter__(self):
        self.scheduler.start()
        return self

    def __exit__(self, *failure):
        self.scheduler.shutdown()

    def await_all(self, sent):
        eventually(lambda: set(self.got) >= set(sent), PATIENCE)


def put(name, sent):
    for start in range(0, len(sent), 500):
        entries = [{"PartitionKey": m[0], "Data": text(m)} for m in sent[start : start + 500]]
        assert K.put_records(StreamName=name, Records=entries)["FailedRecordCount"] == 0


def owners(application):
    """Who has leases; the table has rows of other kinds too."""
    try:
        rows = D.scan(TableName=application, ConsistentRead=True)["Items"]
    except D.exceptions.ResourceNotFoundException:
        return set()
    return {row["leaseOwner"]["S"] for row in rows if "leaseOwner" in row and "checkpoint" in row}


def in_both_modes(scenario):
    """A case for polling and one for enhanced fan-out."""
    for mode, ending in (("POLLING", "polling"), ("FANOUT", "fan_out")):
        together(scenario, mode, name=f"{scenario.__name__}_{ending}")
    return scenario


@in_both_modes
def goes_on_from_its_checkpoint(mode):
    name, application = stream(2), fresh("kcl")
    before, after = messages(8, 50), messages(8, 50, first=50)
    put(name, before)
    with Worker(name, application, mode) as worker:
        worker.await_all(before)
    held(worker.got, before)
    put(name, after)
    with Worker(name, application, mode, "b") as worker:
        worker.await_all(after)
    held(worker.got, after)


@in_both_modes
def follows_a_split(mode):
    name, application = stream(1), fresh("kcl")
    before, after = messages(6, 30), messages(6, 30, first=30)
    put(name, before)
    with Worker(name, application, mode) as worker:
        worker.await_all(before)
        split(name)
        put(name, after)
        worker.await_all(before + after)
        assert worker.ended == {"shardId-000000000000"}
        assert len(worker.shards) == 3
    held(worker.got, before + after)


@together
def starts_on_a_stream_that_was_split():
    name, application = stream(1), fresh("kcl")
    before, after = messages(6, 30), messages(6, 30, first=30)
    put(name, before)
    split(name)
    put(name, after)
    with Worker(name, application, "POLLING") as worker:
        worker.await_all(before + after)
    held(worker.got, before + after)


@together
def two_workers_share_the_leases():
    name, application, sent = stream(4), fresh("kcl"), messages(24, 20)
    with Worker(name, application, "POLLING") as one, Worker(name, application, "POLLING", "b") as two:
        eventually(lambda: owners(application) == {"a", "b"}, PATIENCE)
        put(name, sent)
        eventually(lambda: set(one.got) | set(two.got) >= set(sent), PATIENCE)
    assert one.got and two.got
    in_order(one.got)
    in_order(two.got)


@together
def packed_records():
    name, application, sent = stream(1), fresh("kcl"), messages(5, 100)
    packer = RecordAggregator()
    for one in sent:
        packer.add_user_record(one[0], text(one))
    key, _, data = packer.clear_and_get().get_contents()
    K.put_record(StreamName=name, PartitionKey=key, Data=data)
    with Worker(name, application, "POLLING") as worker:
        worker.await_all(sent)
    held(worker.got, sent)


try:
    run()
finally:
    # The library's threads outlive a scheduler that failed.
    os._exit(0)
