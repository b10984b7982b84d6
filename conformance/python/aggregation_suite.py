"""aws-kinesis-agg: packs records in the format of the Kinesis Producer Library, and unpacks them again."""

from aiokpl import decode_aggregated
from aws_kinesis_agg.aggregator import RecordAggregator

from harness import case, run
from packed import message, text, unpacked
from plain import K, held, messages, read, stream


def pack(sent, put, max_size, point=None):
    """Packs the messages, for a shard by `point` or by the first key; `put` gets each full record, and the last one."""
    aggregator = RecordAggregator(max_size)
    aggregator.on_record_complete(put, execute_on_new_thread=False)
    for one in sent:
        aggregator.add_user_record(one[0], text(one), point)
    rest = aggregator.clear_and_get()
    if rest:
        put(rest)


def entry(record):
    key, point, data = record.get_contents()
    return {"PartitionKey": key, "Data": data, **({"ExplicitHashKey": point} if point else {})}


@case
def put_as_each_is_full():
    name, sent = stream(3), messages(keys=20, each=100)
    pack(sent, lambda record: K.put_record(StreamName=name, **entry(record)), max_size=10_000)
    assert 3 < len(list(read(name))) < 10
    held(sorted((message(user[-1]) for user in unpacked(name)), key=lambda m: m[1]), sent)


@case
def by_explicit_hash_key():
    name, last = stream(2), str(2**128 - 1)
    for point in ("0", last):
        pack(messages(1, 30), lambda record: K.put_record(StreamName=name, **entry(record)), 200, point)
    users = list(unpacked(name))
    assert {(shard[-1], point) for shard, _, point, _ in users} == {("0", "0"), ("1", last)}
    for shard in "01":
        held([message(user[-1]) for user in users if user[0].endswith(shard)], messages(1, 30))


@case
def in_order_per_key():
    # What keeps the order is one packer for each shard; here there is one shard.
    name, sent = stream(1), messages(keys=20, each=100)
    pack(sent, lambda record: K.put_record(StreamName=name, **entry(record)), max_size=10_000)
    held([message(user[-1]) for user in unpacked(name)], sent)
    ours = [user for _, record in read(name) for user in decode_aggregated(record["Data"])]
    held([message(user.data) for user in ours], sent)


@case
def many_in_one_request():
    name, sent, entries = stream(2), messages(keys=50, each=40), []
    pack(sent, lambda record: entries.append(entry(record)), max_size=2_000)
    assert 10 < len(entries) <= 500, len(entries)
    assert K.put_records(StreamName=name, Records=entries)["FailedRecordCount"] == 0
    held([message(user[-1]) for user in unpacked(name)], sent, ordered=False)


@case
def the_largest_it_packs():
    name, aggregator = stream(1), RecordAggregator()
    sent = [(str(n), 0) for n in range(1030)]
    aggregator.on_record_complete(lambda record: K.put_record(StreamName=name, **entry(record)), False)
    for one in sent:
        aggregator.add_user_record("key", text(one).ljust(1024))
    K.put_record(StreamName=name, **entry(aggregator.clear_and_get()))
    sizes = [len(record["Data"]) for _, record in read(name)]
    assert max(sizes) > 1_040_000, sizes
    held([message(user[-1]) for user in unpacked(name)], sent)


@case
def among_records_that_are_not_packed():
    name, sent = stream(1), messages(keys=2, each=30)
    plain = [{"PartitionKey": "plain", "Data": text(("plain", n))} for n in range(10)]
    # Two that only look packed: the magic number alone, and a digest that does not fit.
    odd = [{"PartitionKey": "odd", "Data": b"\xf3\x89\x9a\xc2" + rest} for rest in (b"", b"x" * 40)]
    K.put_records(StreamName=name, Records=plain)
    pack(sent, lambda record: K.put_record(StreamName=name, **entry(record)), max_size=500)
    K.put_records(StreamName=name, Records=odd)
    users = list(unpacked(name))
    assert [user[-1] for user in users[-2:]] == [one["Data"] for one in odd]
    held([message(user[-1]) for user in users[:-2]], [("plain", n) for n in range(10)] + sent)


run()
