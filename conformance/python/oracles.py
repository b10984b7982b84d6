"""Other implementations of DynamoDB, started for one run and held against the server under test.

DynamoDB Local is the vendor's own; dynalite was recorded from the service; moto is what people
test with. None is the service itself: what they are known to do otherwise is explained in `dynamodb_suite.py`.
"""

import atexit
import concurrent.futures
import os
import pathlib
import subprocess
import tempfile
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from beside import free_port, moto
from harness import CA_FILE, ENDPOINT, REGION

KEYS = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
CONFIG = Config(retries={"max_attempts": 0, "mode": "standard"}, parameter_validation=False, max_pool_connections=4)


def client(endpoint, verify=None):
    return boto3.client("dynamodb", endpoint_url=endpoint, verify=verify, config=CONFIG, **KEYS)


OURS = client(ENDPOINT, CA_FILE)


# Every oracle's process and what it prints.
CHILDREN = []


def check_alive():
    """An oracle that dies is no difference."""
    for name, child, log in CHILDREN:
        if child.poll() is not None:
            log.seek(0)
            raise RuntimeError(f"{name} ended: {log.read()[-2000:].decode()}")


def commands():
    """Name, port and command of every oracle."""
    yield "moto", *moto()
    port = free_port()
    script = str(pathlib.Path(os.environ["ORACLES"], "node_modules/dynalite/cli.js"))
    times = [f"--{what}TableMs=1" for what in ("create", "update", "delete")]
    yield "dynalite", port, ["node", script, "--host", "127.0.0.1", "--port", str(port), *times]
    port = free_port()
    jars = pathlib.Path(os.environ["ORACLES"], "jars")
    main = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
    path = ["-cp", f"{jars}/*", f"-Djava.library.path={jars}"]
    options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    yield "local", port, ["java", "-Xmx300m", *path, main, *options]


def start():
    """Starts every oracle; they end with this process."""
    started = {}
    for name, port, command in commands():
        log = tempfile.TemporaryFile()
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        atexit.register(child.kill)
        CHILDREN.append((name, child, log))
        started[name] = (client(f"http://127.0.0.1:{port}"), child, log)
    clients = {}
    for name, (oracle, child, log) in started.items():
        until = time.monotonic() + 40
        while True:
            try:
                oracle.list_tables()
                clients[name] = oracle
                break
            except Exception as error:  # noqa: BLE001 - it is not up yet
                if child.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise RuntimeError(f"{name} did not start: {error}: {log.read()[-500:]}") from error
                time.sleep(0.1)
    return clients


def method(operation):
    return "".join("_" + c.lower() if c.isupper() else c for c in operation).lstrip("_")


def call(target, operation, parameters):
    """The answer, or the code and message of the refusal."""
    try:
        answer = getattr(target, method(operation))(**parameters)
        answer.pop("ResponseMetadata")
        return {"answer": answer}
    except ClientError as error:
        body = error.response
        found = {"code": body["Error"]["Code"], "message": body["Error"].get("Message", "")}
        reasons = body.get("CancellationReasons")
        if reasons:
            found["reasons"] = [{k: v for k, v in r.items() if k in ("Code", "Item")} for r in reasons]
        if body.get("Item"):
            found["item"] = body["Item"]
        return found


def wait_for(oracles, table):
    """A table is made at once, but not everywhere."""
    for target in (OURS, *oracles.values()):
        target.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 0.05, "MaxAttempts": 100})


def run_on_all(oracles, script):
    """Runs the calls of a script one after the other on each server, the servers side by side."""
    targets = {"ours": OURS, **oracles}
    with concurrent.futures.ThreadPoolExecutor(len(targets)) as pool:
        results = {
            name: pool.submit(lambda target: [call(target, *step) for step in script], target)
            for name, target in targets.items()
        }
        concurrent.futures.wait(results.values())
        check_alive()
        return {name: result.result() for name, result in results.items()}
