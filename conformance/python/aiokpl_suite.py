"""aiokpl, a Kinesis Producer Library in Python: packs, spreads over shards by its own map, retries, reports."""

import asyncio

import anyio
from aiokpl import CloudWatchSink, Config, MetricsLevel, Producer, SyncProducer, Tag, decode_aggregated, is_aggregated

from harness import CA_FILE, ENDPOINT, REGION, case, fresh, run
from packed import at_home, counted, message, text, unpacked
from plain import held, home, messages, read, split, stream

# It hands `verify_ssl` to botocore, which takes a file as well as a truth value.
WHERE = {
    "endpoint_url": ENDPOINT,
    "verify_ssl": CA_FILE or True,
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}


def config(**settings):
    return Config(region=REGION, **WHERE, **settings)


async def put(producer, name, sent, size=0):
    """Puts the messages one after the other, made longer to `size` bytes; their outcomes come later."""
    return [await producer.put_record(stream=name, partition_key=m[0], data=text(m).ljust(size)) for m in sent]


async def results(producer, outcomes):
    await producer.flush()
    with anyio.fail_after(20):
        return [await outcome.wait() for outcome in outcomes]


def produce(name, sent, size=0, **settings):
    """The results, in the order of the messages. No record may fail."""

    async def all_of_it():
        async with Producer(config(**settings)) as producer:
            return await results(producer, await put(producer, name, sent, size))

    found = asyncio.run(all_of_it())
    failed = [result.attempts[-1] for result in found if not result.success]
    assert not failed, f"{len(failed)} failed: {failed[0]}"
    return found


@case
def packed_for_each_shard():
    name, sent = stream(3), messages(keys=30, each=40)
    found = produce(name, sent)
    homes = {key: home(name, key) for key in dict(sent)}
    assert [r.shard_id for r in found] == [homes[key] for key, _ in sent]
    held(at_home(name), sent, ordered=False)
    records = list(read(name))
    assert len(records) < len(sent) / 10, len(records)
    assert {r.sequence_number for r in found} == {record["SequenceNumber"] for _, record in records}


@case
def its_own_unpacking_agrees():
    name, sent = stream(1), messages(keys=5, each=50)
    produce(name, sent)
    records = [record["Data"] for _, record in read(name)]
    assert all(is_aggregated(data) for data in records)
    held([message(user.data) for data in records for user in decode_aggregated(data)], sent, ordered=False)


@case
def one_by_one():
    name, sent = stream(2), messages(keys=10, each=60)
    produce(name, sent, aggregation_enabled=False)
    assert len(list(read(name))) == len(sent)
    held(at_home(name), sent, ordered=False)


@case
def explicit_hash_keys_and_tags():
    name, last = stream(2), 2**128 - 1

    async def all_of_it():
        async with Producer(config()) as producer:
            outcomes = [
                await producer.put_record(
                    stream=name, partition_key="same", data=text(("same", n)), explicit_hash_key=str(last * (n % 2)),
                    tags=(Tag("n", str(n)),),
                )
                for n in range(20)
            ]
            return await results(producer, outcomes)

    found = asyncio.run(all_of_it())
    assert [r.shard_id[-1] for r in found] == ["0", "1"] * 10, found
    users = list(unpacked(name))
    held([message(data) for *_, data in users], [("same", n) for n in range(20)], ordered=False)
    assert {(shard[-1], point) for shard, _, point, _ in users} == {("0", "0"), ("1", str(last))}, users


@case
def a_shard_that_splits_under_it():
    name, sent = stream(1), messages(keys=20, each=30)

    async def all_of_it():
        async with Producer(config(record_ttl_ms=3000.0)) as producer:
            found = await results(producer, await put(producer, name, sent[:200]))
            await asyncio.to_thread(split, name)
            # Its map of the shards is old now: what lands elsewhere than foreseen is put again, to the right place.
            return found + await results(producer, await put(producer, name, sent[200:]))

    found = asyncio.run(all_of_it())
    failed = [(len(r.attempts), r.attempts[0].error_code) for r in found if not r.success]
    assert not failed, f"{len(failed)} failed, such as after {failed[0][0]} attempts, the first of them {failed[0][1]}"
    parent = {message(data) for shard, _, _, data in unpacked(name) if shard.endswith("0")}
    assert parent == set(sent[:200])
    assert {r.shard_id[-1] for r in found[200:]} == {"1", "2"}
    held(set(at_home(name)), sent[200:], ordered=False)


@case
def more_than_the_shard_takes():
    name, sent = stream(1), messages(keys=10, each=40)
    # Its own limits are lifted, so that the server has to refuse records and the library to put them again.
    lifted = {"rate_limit_records_per_sec_per_shard": 1e6, "rate_limit_bytes_per_sec_per_shard": 1e9}
    found = produce(name, sent, size=8192, aggregation_enabled=False, **lifted)
    codes = {attempt.error_code for result in found for attempt in result.attempts[:-1]}
    assert codes == {"ProvisionedThroughputExceededException"}, codes
    held(at_home(name), sent, ordered=False)


@case
def without_asyncio():
    name, sent = stream(2), messages(keys=8, each=10)
    with SyncProducer(config()) as producer:
        outcomes = [producer.put_record(stream=name, partition_key=m[0], data=text(m)) for m in sent]
        producer.flush()
        assert all(outcome.wait(timeout=10).success for outcome in outcomes)
    held(at_home(name), sent, ordered=False)


@case
def its_metrics_are_kept():
    name, sent, namespace = stream(1), messages(keys=2, each=25), fresh("kpl")
    sink = CloudWatchSink(region=REGION, namespace=namespace, **WHERE)
    produce(name, sent, metrics_level=MetricsLevel.SUMMARY, metrics_sink=sink, metrics_upload_interval_ms=200.0)
    counted(namespace, name, len(sent))


run()
