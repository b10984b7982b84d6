"""The Kinesis Producer Library with its native daemon, which speaks TLS only; what it packed is read with boto3.

Over http it is told not to look at certificates, over https it is given the server's authority; both are one port.
"""

import collections
import contextlib
import os
import pathlib
import subprocess
import tempfile
import urllib.parse

from harness import CA_FILE, ENDPOINT, REGION, case, fresh, run
from packed import at_home, counted, message, unpacked
from plain import held, home, messages, read, split, stream

HOME = pathlib.Path(os.environ["KPL_HOME"])
PORT = urllib.parse.urlsplit(ENDPOINT).port

Result = collections.namedtuple("Result", "key n shard sequence attempts errors")


@contextlib.contextmanager
def library(name, **settings):
    """Yields what puts messages and answers their results."""
    with tempfile.TemporaryDirectory() as scratch:
        everything = {
            "Region": REGION, "KinesisEndpoint": "localhost", "KinesisPort": PORT,
            "CloudwatchEndpoint": "localhost", "CloudwatchPort": PORT, "StsEndpoint": "localhost", "StsPort": PORT,
            "MetricsLevel": "none", "TempDirectory": scratch, "LogLevel": "warning",
            **({"CaCertFile": CA_FILE} if CA_FILE else {"VerifyCertificate": "false"}), **settings,
        }
        file = pathlib.Path(scratch, "kpl.properties")
        file.write_text("".join(f"{key} = {value}\n" for key, value in everything.items()))
        log = pathlib.Path(scratch, "log").open("w+")
        java = ["java", "-cp", f"{HOME}/out:{HOME}/jars/*", "Puts", file, name]
        child = subprocess.Popen(java, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

        def put(keys, each, first=0, size=0):
            child.stdin.write(f"{keys} {each} {first} {size}\n")
            child.stdin.flush()
            results = []
            for line in child.stdout:
                if line == "done\n":
                    break
                if line.startswith("key-"):
                    key, n, shard, sequence, attempts, errors = line.split()
                    results.append(Result(key, int(n), shard, sequence, int(attempts), errors))
            else:
                log.seek(0)
                raise AssertionError(f"the library ended: {log.read()[-2000:]}")
            failed = [result for result in results if result.shard == "-"]
            assert not failed, f"{len(failed)} of {len(results)} failed, such as {failed[0]}"
            assert len(results) == keys * each
            return results

        try:
            yield put
        finally:
            child.stdin.close()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            log.close()


@case
def packed_for_each_shard():
    name, sent = stream(3), messages(keys=30, each=100)
    with library(name) as put:
        results = put(keys=30, each=100)
    homes = {key: home(name, key) for key in dict(sent)}
    assert all(result.shard == homes[result.key] for result in results)
    held(at_home(name), sent, ordered=False)
    records = list(read(name))
    assert len(records) < len(sent) / 10, len(records)
    assert {result.sequence for result in results} == {record["SequenceNumber"] for _, record in records}


@case
def one_by_one():
    name, sent = stream(2), messages(keys=10, each=80)
    with library(name, AggregationEnabled="false") as put:
        put(keys=10, each=80)
    assert len(list(read(name))) == len(sent)
    held(at_home(name), sent, ordered=False)


@case
def a_shard_that_splits_under_it():
    name = stream(1)
    with library(name) as put:
        before = put(keys=20, each=30)
        split(name)
        # What landed in a shard other than foreseen is put again; then its map of the shards is a new one.
        after = put(keys=20, each=30, first=30)
        later = put(keys=20, each=30, first=60)
    assert {result.shard[-1] for result in before} == {"0"}
    assert {result.shard[-1] for result in after + later} == {"1", "2"}
    assert all(result.errors in ("-", "Wrong_Shard") for result in after), collections.Counter(r.errors for r in after)
    assert all(result.errors == "-" for result in later), collections.Counter(result.errors for result in later)
    parent = {message(data) for shard, _, _, data in unpacked(name) if shard.endswith("0")}
    assert parent == set(messages(20, 30))
    held(set(at_home(name)), messages(20, 60, first=30), ordered=False)


@case
def more_than_the_shard_takes():
    name, sent = stream(1), messages(keys=10, each=40)
    # Its own limit is lifted, so that the server has to refuse records and the library to put them again.
    with library(name, AggregationEnabled="false", RateLimit=10_000) as put:
        results = put(keys=10, each=40, size=8192)
    codes = {result.errors for result in results} - {"-"}
    assert codes == {"ProvisionedThroughputExceededException"}, codes
    held(at_home(name), sent, ordered=False)


@case
def its_metrics_are_kept():
    name, namespace = stream(1), fresh("kpl")
    settings = {"MetricsLevel": "detailed", "MetricsGranularity": "stream", "MetricsNamespace": namespace}
    with library(name, MetricsUploadDelay=1000, **settings) as put:
        put(keys=4, each=50)
        counted(namespace, name, 200)


run()
