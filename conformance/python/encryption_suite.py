"""Encrypted streams with boto3: with keys of this server, of another key service (moto), and of another Millrace."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from beside import moto, server
from harness import CA_FILE, ENDPOINT, REGION, case, eventually, fresh, run

KEYS = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
# A refusal is what these cases look at: it is not to be tried again.
ONCE = Config(retries={"total_max_attempts": 1, "mode": "standard"})
OWN_KEY = "alias/aws/kinesis"
FIRST = "shardId-000000000000"


def client(service, endpoint=ENDPOINT, ca=CA_FILE):
    return boto3.client(service, endpoint_url=endpoint, verify=ca, config=ONCE, **KEYS)


K, M = client("kinesis"), client("kms")


def code(call, **arguments):
    """The error's code; empty where there is none."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def summary(kinesis, name):
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


def settled(kinesis, name, encryption):
    def check():
        found = summary(kinesis, name)
        return found["StreamStatus"] == "ACTIVE" and found["EncryptionType"] == encryption and found

    return eventually(check)


def encrypted(kinesis, key):
    """A stream that is encrypted with a key."""
    name = fresh()
    kinesis.create_stream(StreamName=name, ShardCount=1)
    settled(kinesis, name, "NONE")
    kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)
    found = settled(kinesis, name, "KMS")
    assert found["KeyId"] == key, found
    return name


def put(kinesis, name, data=b"secret"):
    answer = kinesis.put_record(StreamName=name, Data=data, PartitionKey="p")
    assert answer["EncryptionType"] == "KMS", answer
    return answer


def records(kinesis, name):
    at = kinesis.get_shard_iterator(StreamName=name, ShardId=FIRST, ShardIteratorType="TRIM_HORIZON")
    return kinesis.get_records(ShardIterator=at["ShardIterator"])["Records"]


def reads(kinesis, name, *wanted):
    """Every record in its order, each marked as encrypted."""
    found = records(kinesis, name)
    assert [r["Data"] for r in found] == list(wanted), found
    assert all(r["EncryptionType"] == "KMS" for r in found), found


def subscribed(kinesis, name, consumer):
    """The first event with records of a subscription."""
    start = {"Type": "TRIM_HORIZON"}
    events = kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=FIRST, StartingPosition=start)["EventStream"]
    with contextlib.closing(events):
        for event in events:
            found = event["SubscribeToShardEvent"]["Records"]
            if found:
                return found
    return []


def stops_and_goes_on(kinesis, name, data, off, on, refusal):
    """While its key cannot be used nothing goes in and nothing out; then everything is there again."""
    off()
    eventually(lambda: code(records, kinesis=kinesis, name=name) == refusal)
    assert code(kinesis.put_record, StreamName=name, Data=b"x", PartitionKey="p") == refusal
    assert code(kinesis.put_records, StreamName=name, Records=[{"Data": b"x", "PartitionKey": "p"}]) == refusal
    on()
    eventually(lambda: code(records, kinesis=kinesis, name=name) == "")
    reads(kinesis, name, *data)


def in_every_form(kinesis, key):
    """Records put and read in every way there is say that they are encrypted."""
    name = encrypted(kinesis, key)
    arn = summary(kinesis, name)["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    put(kinesis, name, b"one")
    entries = [{"Data": data, "PartitionKey": "p"} for data in (b"two", b"three")]
    answer = kinesis.put_records(StreamName=name, Records=entries)
    assert (answer["EncryptionType"], answer["FailedRecordCount"]) == ("KMS", 0), answer
    reads(kinesis, name, b"one", b"two", b"three")
    describe = {"StreamARN": arn, "ConsumerName": "c"}
    eventually(lambda: kinesis.describe_stream_consumer(**describe)["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE")
    pushed = subscribed(kinesis, name, consumer)
    assert [r["Data"] for r in pushed] == [b"one", b"two", b"three"], pushed
    assert all(r["EncryptionType"] == "KMS" for r in pushed), pushed
    return name


@case
def with_the_service_s_own_key():
    name = in_every_form(K, OWN_KEY)
    assert M.describe_key(KeyId=OWN_KEY)["KeyMetadata"]["KeyManager"] == "AWS"
    K.stop_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=OWN_KEY)
    settled(K, name, "NONE")
    assert K.put_record(StreamName=name, Data=b"open", PartitionKey="p")["EncryptionType"] == "NONE"
    kinds = [r.get("EncryptionType", "NONE") for r in records(K, name)]
    assert kinds == ["KMS", "KMS", "KMS", "NONE"], kinds


@case
def with_a_key_of_ones_own():
    key = M.create_key(Description="for tests")["KeyMetadata"]
    in_every_form(K, key["Arn"])
    in_every_form(K, key["KeyId"])


@case
def a_key_that_is_disabled_stops_its_stream():
    key = M.create_key()["KeyMetadata"]["KeyId"]
    name = encrypted(K, key)
    put(K, name)
    off, on = lambda: M.disable_key(KeyId=key), lambda: M.enable_key(KeyId=key)
    stops_and_goes_on(K, name, [b"secret"], off, on, "KMSDisabledException")
    M.disable_key(KeyId=key)
    other = fresh()
    K.create_stream(StreamName=other, ShardCount=1)
    settled(K, other, "NONE")
    start = {"StreamName": other, "EncryptionType": "KMS", "KeyId": key}
    assert code(K.start_stream_encryption, **start) == "KMSDisabledException"


@case
def a_key_that_will_be_deleted_stops_its_stream():
    key = M.create_key()["KeyMetadata"]["KeyId"]
    name = encrypted(K, key)
    put(K, name)

    def back():
        M.cancel_key_deletion(KeyId=key)
        M.enable_key(KeyId=key)

    off = lambda: M.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)  # noqa: E731
    stops_and_goes_on(K, name, [b"secret"], off, back, "KMSInvalidStateException")


@case
def rotated_keys_and_moved_aliases_keep_what_was_encrypted():
    alias = f"alias/{fresh()}"
    first, second = (M.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    M.create_alias(AliasName=alias, TargetKeyId=first)
    name = encrypted(K, alias)
    put(K, name, b"one")
    M.rotate_key_on_demand(KeyId=first)
    put(K, name, b"two")
    M.update_alias(AliasName=alias, TargetKeyId=second)
    put(K, name, b"three")
    reads(K, name, b"one", b"two", b"three")


@case
def a_stream_goes_over_to_another_key():
    first, second = (M.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    name = encrypted(K, first)
    put(K, name, b"one")
    K.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=second)
    eventually(lambda: summary(K, name).get("KeyId") == second and summary(K, name)["StreamStatus"] == "ACTIVE")
    put(K, name, b"two")
    reads(K, name, b"one", b"two")
    # New records need the new key alone, old ones the old one.
    M.disable_key(KeyId=first)
    eventually(lambda: code(records, kinesis=K, name=name) == "KMSDisabledException")
    put(K, name, b"three")
    M.enable_key(KeyId=first)
    eventually(lambda: code(records, kinesis=K, name=name) == "")
    reads(K, name, b"one", b"two", b"three")


@case
def keys_that_are_not_there():
    name = fresh()
    K.create_stream(StreamName=name, ShardCount=1)
    settled(K, name, "NONE")
    for key, wanted in [
        ("alias/nobody", "KMSNotFoundException"),
        ("00000000-0000-4000-8000-000000000000", "KMSNotFoundException"),
        (f"arn:aws:kms:{REGION}:111111111111:key/00000000-0000-4000-8000-000000000000", "KMSAccessDeniedException"),
    ]:
        start = {"StreamName": name, "EncryptionType": "KMS", "KeyId": key}
        assert code(K.start_stream_encryption, **start) == wanted, key
    waits = M.create_key(Origin="EXTERNAL")["KeyMetadata"]
    assert waits["KeyState"] == "PendingImport", waits
    start = {"StreamName": name, "EncryptionType": "KMS", "KeyId": waits["KeyId"]}
    assert code(K.start_stream_encryption, **start) == "KMSInvalidStateException"


@case
def secrets_of_other_programs():
    key = M.create_key()["KeyMetadata"]["KeyId"]
    context = {"purpose": "test"}
    sealed = M.encrypt(KeyId=key, Plaintext=b"hush", EncryptionContext=context)["CiphertextBlob"]
    assert M.decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == b"hush"
    made = M.generate_data_key(KeyId=key, KeySpec="AES_256")
    assert len(made["Plaintext"]) == 32
    assert M.decrypt(CiphertextBlob=made["CiphertextBlob"], KeyId=key)["Plaintext"] == made["Plaintext"]
    wrong = M.exceptions.InvalidCiphertextException
    for arguments in ({"CiphertextBlob": sealed}, {"CiphertextBlob": sealed[:-1], "EncryptionContext": context}):
        try:
            M.decrypt(**arguments)
            raise AssertionError(f"{arguments} was decrypted")
        except wrong:
            pass
    M.disable_key(KeyId=key)
    assert code(M.encrypt, KeyId=key, Plaintext=b"x") == "DisabledException"
    listed = [k["KeyId"] for page in M.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1}) for k in page["Keys"]]
    assert key in listed and len(listed) == len(set(listed)), listed
    assert any(a["AliasName"] == OWN_KEY for page in M.get_paginator("list_aliases").paginate() for a in page["Aliases"])


@case
def the_command_line_makes_keys():
    aws = [sys.executable, "-m", "awscli", "--endpoint-url", ENDPOINT, "--region", REGION, "kms"]
    trust = {"AWS_CA_BUNDLE": CA_FILE} if CA_FILE else {}
    known = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    made = subprocess.run([*aws, "create-key"], env=os.environ | known | trust, capture_output=True, check=True)
    key = json.loads(made.stdout)["KeyMetadata"]["KeyId"]
    target = ["--endpoint", ENDPOINT, "--region", REGION, "--json", *(["--ca", CA_FILE] if CA_FILE else [])]
    admin = [os.environ["MILLRACE"], "admin", "kms", *target]
    done = subprocess.run([*admin, "disable", key], env=os.environ | known, capture_output=True, check=True)
    assert json.loads(done.stdout)["state"] == "Disabled", done.stdout
    assert M.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"


@case
def nothing_is_stored_in_plain():
    name = encrypted(K, OWN_KEY)
    marker = fresh("marker").encode()
    put(K, name, marker)
    files = [path for path in pathlib.Path(os.environ["DATA_DIR"]).rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if marker in path.read_bytes()]


@contextlib.contextmanager
def with_keys_elsewhere(endpoint, before=(), **settings):
    """A client of a server whose keys are in the KMS at `endpoint`."""
    settings = {
        "keys.kms_endpoint": endpoint,
        "keys.kms_access_key": "test",
        "keys.kms_secret_key": "test",
        "keys.kms_cache_secs": "1",
    } | {f"keys.{name}": value for name, value in settings.items()}
    with server(settings, before) as ours:
        yield client("kinesis", ours, None)


@case
def with_keys_of_another_service():
    port, command = moto()
    endpoint = f"http://127.0.0.1:{port}"
    with with_keys_elsewhere(endpoint, before=[(port, command)], kms_default_key="alias/default") as kinesis:
        kms = client("kms", endpoint, None)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/default", TargetKeyId=key)
        in_every_form(kinesis, OWN_KEY)
        in_every_form(kinesis, kms.create_key()["KeyMetadata"]["Arn"])
        # moto lets a key be used while it is disabled; what then happens is the next case's.
        missing = fresh()
        kinesis.create_stream(StreamName=missing, ShardCount=1)
        settled(kinesis, missing, "NONE")
        start = {"StreamName": missing, "EncryptionType": "KMS", "KeyId": "alias/nobody"}
        assert code(kinesis.start_stream_encryption, **start) == "KMSNotFoundException"


@case
def with_keys_of_another_millrace():
    trust = {"kms_ca": CA_FILE} if CA_FILE else {}
    with with_keys_elsewhere(ENDPOINT.replace("127.0.0.1", "localhost"), **trust) as kinesis:
        key = M.create_key()["KeyMetadata"]["Arn"]
        in_every_form(kinesis, key)
        name = encrypted(kinesis, key)
        put(kinesis, name)
        off, on = lambda: M.disable_key(KeyId=key), lambda: M.enable_key(KeyId=key)
        stops_and_goes_on(kinesis, name, [b"secret"], off, on, "KMSDisabledException")
        reads(kinesis, encrypted_with_default(kinesis), b"default")


def encrypted_with_default(kinesis):
    """The other one makes its own default key."""
    name = encrypted(kinesis, OWN_KEY)
    put(kinesis, name, b"default")
    return name


run()
