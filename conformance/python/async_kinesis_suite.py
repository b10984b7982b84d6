"""async-kinesis: its producer and consumer, with checkpoints in memory and in the server's DynamoDB."""

import asyncio
import contextlib
import logging

from harness import ENDPOINT, REGION, case, fresh, run
from plain import D, held, messages, read, shards, split, stream

from kinesis import Consumer, DynamoDBCheckPointer, MemoryCheckPointer, MsgpackProcessor, Producer
from kinesis.processors import JsonLineProcessor, KPLJsonProcessor

WHERE = {"endpoint_url": ENDPOINT, "region_name": REGION}
PATIENCE = 15


# A reader that is closed cuts off what it is waiting for, and says so. The time to live has a case of its own.
EXPECTED = ("Connection error Connection was closed", "Could not enable TTL")


class Complaints(logging.Handler):
    """What the library warns of: it goes on after most errors, so that a wrong answer is seen here only."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.seen = []

    def emit(self, record):
        message = record.getMessage()
        if not message.startswith(EXPECTED):
            self.seen.append(message)


@contextlib.contextmanager
def without_complaints():
    handler = Complaints()
    logger = logging.getLogger("kinesis")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert not handler.seen, handler.seen[:3]


def case_of(coroutine):
    """An asynchronous case, which the library must get through without a warning."""

    def body():
        with without_complaints():
            asyncio.run(coroutine())

    body.__name__ = coroutine.__name__
    case(body)
    return coroutine


def pair(item):
    return item["key"], item["n"]


async def produce(name, sent, keyed=True, **settings):
    async with Producer(name, buffer_time=0.1, **WHERE, **settings) as producer:
        for key, n in sent:
            await producer.put({"key": key, "n": n}, **({"partition_key": key} if keyed else {}))


def consumer(name, **settings):
    return Consumer(name, **WHERE, sleep_time_no_records=0.2, idle_timeout=0.5, shard_fetch_rate=10, **settings)


async def consume(consumer, wanted):
    """Takes records until `wanted` came; the library's iteration ends whenever it is idle."""
    got = []
    until = asyncio.get_running_loop().time() + PATIENCE
    while len(got) < wanted and asyncio.get_running_loop().time() < until:
        async for item in consumer:
            got.append(pair(item))
            if len(got) == wanted:
                break
    return got


def checkpointer(name, worker, **settings):
    return DynamoDBCheckPointer(name, id=worker, endpoint_url=ENDPOINT, region_name=REGION, **settings)


@case_of
async def a_stream_is_made_filled_and_read():
    name, sent = fresh("ak"), messages(keys=12, each=60)
    await produce(name, sent, create_stream=True, create_stream_shards=3)
    assert len(shards(name)) == 3
    assert len({shard for shard, _ in read(name)}) > 1
    async with consumer(name, checkpointer=MemoryCheckPointer()) as reader:
        held(await consume(reader, len(sent)), sent)


@case_of
async def shards_from_list_shards():
    name, sent = stream(2), messages(keys=4, each=20)
    await produce(name, sent, use_list_shards=True)
    async with consumer(name, use_list_shards=True) as reader:
        held(await consume(reader, len(sent)), sent)


@case_of
async def many_records_in_one():
    for processor in (JsonLineProcessor, MsgpackProcessor, KPLJsonProcessor):
        name, sent = stream(1), messages(keys=1, each=500)
        await produce(name, sent, keyed=False, processor=processor())
        packed = len(list(read(name)))
        assert packed < 50, f"{packed} records with {processor.__name__}"
        async with consumer(name, processor=processor()) as reader:
            held(await consume(reader, len(sent)), sent)


@case_of
async def only_what_comes_after_latest():
    name, before, after = stream(2), messages(3, 10), messages(3, 10, first=10)
    await produce(name, before)
    async with consumer(name, iterator_type="LATEST") as reader:
        await reader.wait_ready()
        await produce(name, after)
        held(await consume(reader, len(after)), after)


@case_of
async def goes_on_from_its_checkpoint():
    name, app = stream(2), fresh("app")
    before, after = messages(5, 40), messages(5, 40, first=40)
    await produce(name, before)
    async with consumer(name, checkpointer=checkpointer(app, "a")) as reader:
        held(await consume(reader, len(before)), before)
        async for item in reader:
            raise AssertionError(f"{item} came again")
    table = D.scan(TableName=f"kinesis-checkpoints-{app}", ConsistentRead=True)["Items"]
    assert {row["shard_id"]["S"] for row in table} == set(shards(name)), table
    assert all(row["ref"] == {"NULL": True} and "S" in row["sequence"] for row in table), table
    await produce(name, after)
    async with consumer(name, checkpointer=checkpointer(app, "b")) as reader:
        held(await consume(reader, len(after)), after)


@case
def checkpoints_may_expire():
    app = fresh("app")

    async def make_the_table():
        await checkpointer(app, "a").allocate("shardId-000000000000")

    asyncio.run(make_the_table())
    told = D.describe_time_to_live(TableName=f"kinesis-checkpoints-{app}")["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}, told


@case_of
async def two_share_the_shards():
    name, app, sent = stream(2), fresh("app"), messages(10, 30)
    one, other = (
        consumer(name, checkpointer=checkpointer(app, worker), max_shard_consumers=1) for worker in ("a", "b")
    )
    async with one, other:
        await one.wait_ready()
        await other.wait_ready()
        rows = D.scan(TableName=f"kinesis-checkpoints-{app}", ConsistentRead=True)["Items"]
        assert len({row["ref"]["S"] for row in rows}) == 2, rows
        await produce(name, sent)
        lots = await asyncio.gather(*(drain(reader) for reader in (one, other)))
        assert all(lots), [len(lot) for lot in lots]
        held(lots[0] + lots[1], sent)


async def drain(reader, idle=4):
    got = []
    for _ in range(idle):
        async for item in reader:
            got.append(pair(item))
    return got


@case_of
async def parents_before_their_children():
    name, app = stream(1), fresh("app")
    before, after = messages(6, 20), messages(6, 20, first=20)
    await produce(name, before)
    split(name)
    await produce(name, after)
    async with consumer(name, checkpointer=checkpointer(app, "a")) as reader:
        got = await consume(reader, len(before + after))
    held(got, before + after)


@case_of
async def a_shard_that_splits_while_it_is_read():
    name = stream(1)
    before, after = messages(6, 20), messages(6, 20, first=20)
    await produce(name, before)
    async with consumer(name, checkpointer=MemoryCheckPointer()) as reader:
        # It looks for new shards once a minute; a test cannot wait for that.
        reader._shard_refresh_interval = 0.5
        got = await consume(reader, len(before))
        split(name)
        await produce(name, after)
        got += await consume(reader, len(after))
    held(got, before + after)


run()
