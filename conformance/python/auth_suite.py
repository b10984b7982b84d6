"""Every way a signature can be wrong, sent as raw requests signed by botocore's own signer."""

import datetime
import hashlib
import json
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from unittest import mock

import botocore.auth
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import boto3
from botocore.exceptions import ClientError

from harness import CA_FILE, ENDPOINT, REGION, case, fresh, run

CONTEXT = ssl.create_default_context(cafile=CA_FILE) if ENDPOINT.startswith("https") else None
TYPE = "application/x-amz-json-1.1"


def request(body=b"{}", target="Kinesis_20131202.ListStreams"):
    headers = {"Content-Type": TYPE, "X-Amz-Target": target}
    return AWSRequest(method="POST", url=ENDPOINT + "/", data=body, headers=headers)


def signed(body=b"{}", key="test", secret="test", service="kinesis", region=REGION, token=None, shift=0, **kwargs):
    r = request(body, **kwargs)
    with at(shift):
        SigV4Auth(Credentials(key, secret, token), service, region).add_auth(r)
    return r


class QueryAuth(SigV4QueryAuth):
    """botocore's query signer takes a body for form parameters; ours is JSON and stays where it is."""

    def payload(self, request):
        return hashlib.sha256(b"{}").hexdigest()


def at(shift):
    """botocore's clock, `shift` seconds away."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(seconds=shift)
    name = "get_current_datetime" if hasattr(botocore.auth, "get_current_datetime") else "datetime"
    if name == "get_current_datetime":
        return mock.patch.object(botocore.auth, name, lambda *_, **__: now)
    fake = mock.Mock(wraps=datetime.datetime)
    fake.utcnow.return_value = now
    return mock.patch.object(botocore.auth.datetime, "datetime", fake)


def send(r, body=None):
    """Sends it; gives status, parsed answer and headers back."""
    prepared = r.prepare()
    data = body if body is not None else prepared.body
    data = data.encode() if isinstance(data, str) else data
    raw = urllib.request.Request(prepared.url, data=data, method="POST")
    for name, value in prepared.headers.items():
        if name.lower() == "content-length":
            continue
        raw.add_header(name, value.decode() if isinstance(value, bytes) else value)
    try:
        with urllib.request.urlopen(raw, context=CONTEXT, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"{}"), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}"), dict(error.headers)


def refused(code, r, body=None):
    status, answer, headers = send(r, body)
    assert status in (400, 403), (status, answer)
    assert answer["__type"].split("#")[-1] == code, answer
    assert {k.lower() for k in headers} >= {"x-amzn-requestid"}, headers
    return answer.get("message") or answer.get("Message", "")


@case
def a_good_signature_passes():
    status, answer, _ = send(signed())
    assert status == 200 and "StreamNames" in answer, answer


@case
def a_good_query_signature_passes():
    r = request()
    QueryAuth(Credentials("test", "test"), "kinesis", REGION, expires=60).add_auth(r)
    status, answer, _ = send(r, body=b"{}")
    assert status == 200 and "StreamNames" in answer, answer


@case
def missing_token():
    assert "Missing Authentication Token" in refused("MissingAuthenticationTokenException", request())


@case
def incomplete_signature():
    r = request()
    r.headers["Authorization"] = "AWS4-HMAC-SHA256 SignedHeaders=host"
    message = refused("IncompleteSignatureException", r)
    assert "Authorization header requires 'Credential' parameter." in message, message


@case
def header_and_query_both():
    r = request()
    QueryAuth(Credentials("test", "test"), "kinesis", REGION, expires=60).add_auth(r)
    r.headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request"
    message = refused("InvalidSignatureException", r, body=b"{}")
    assert message.startswith("Found both 'X-Amz-Algorithm' as a query-string param"), message


@case
def unknown_key():
    refused("UnrecognizedClientException", signed(key="AKIDNOBODY"))


@case
def wrong_secret():
    message = refused("InvalidSignatureException", signed(secret="wrong"))
    assert message.startswith("The request signature we calculated does not match"), message


@case
def tampered_body():
    refused("InvalidSignatureException", signed(body=b'{"Limit":1}'), body=b'{"Limit":2}')


@case
def tampered_header():
    r = signed()
    r.headers.replace_header("X-Amz-Target", "Kinesis_20131202.DescribeLimits")
    refused("InvalidSignatureException", r)


@case
def expired():
    message = refused("InvalidSignatureException", signed(shift=-3600))
    assert message.startswith("Signature expired: "), message


@case
def not_yet_current():
    message = refused("InvalidSignatureException", signed(shift=3600))
    assert message.startswith("Signature not yet current: "), message


@case
def wrong_service():
    message = refused("InvalidSignatureException", signed(service="s3"))
    assert "kinesis" in message, message


@case
def unknown_session_token():
    refused("UnrecognizedClientException", signed(token="not-a-token"))


@case
def unknown_operation_before_auth():
    status, answer, _ = send(request(target="Kinesis_20131202.Nothing"))
    assert status == 400 and answer["__type"].endswith("UnknownOperationException"), answer


@case
def serialization_before_auth():
    status, answer, _ = send(request(body=b"{not json"))
    assert status == 400 and answer["__type"].endswith("SerializationException"), answer


@case
def tampered_query():
    r = request()
    QueryAuth(Credentials("test", "test"), "kinesis", REGION, expires=60).add_auth(r)
    r.url = r.url.replace("X-Amz-Expires=60", "X-Amz-Expires=61")
    refused("InvalidSignatureException", r, body=b"{}")
    plain = signed()
    plain.url += "?limit=1"
    refused("InvalidSignatureException", plain)


@case
def a_query_signature_ends():
    r = request()
    with at(-120):
        QueryAuth(Credentials("test", "test"), "kinesis", REGION, expires=60).add_auth(r)
    refused("InvalidSignatureException", r, body=b"{}")


@case
def a_replay_is_refused_when_the_window_is_over():
    # Within the window a signature says the same thing as often as it is sent; that is SigV4.
    r = signed(shift=-880)
    assert send(r)[0] == 200
    message = refused("InvalidSignatureException", signed(shift=-920))
    assert message.startswith("Signature expired: "), message


@case
def a_replay_for_another_operation_or_host_is_refused():
    r = signed()
    r.headers.replace_header("X-Amz-Target", "DynamoDB_20120810.ListTables")
    refused("InvalidSignatureException", r)
    r = signed()
    r.headers["Host"] = "kinesis.eu-west-1.amazonaws.com"
    refused("InvalidSignatureException", r)


def kinesis(region=REGION, **keys):
    keys = keys or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("kinesis", endpoint_url=ENDPOINT, region_name=region, verify=CA_FILE, **keys)


def fails(code, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected, but it was answered")


@case
def a_signature_for_one_region_reaches_no_other():
    name = fresh("stream")
    here = kinesis()
    here.create_stream(StreamName=name, ShardCount=1)
    arn = here.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    there = kinesis("eu-west-1" if REGION != "eu-west-1" else "us-east-1")
    message = fails("InvalidArgumentException", there.put_record, StreamARN=arn, Data=b"x", PartitionKey="k")
    assert REGION in message, message
    fails("ResourceNotFoundException", there.describe_stream_summary, StreamName=name)
    forged = signed()
    forged.headers["Authorization"] = forged.headers["Authorization"].replace(f"/{REGION}/", "/mars-north-1/")
    refused("InvalidSignatureException", forged)
    refused("IncompleteSignatureException", signed(region="no region"))


@case
def a_confused_deputy_finds_no_way_in():
    name = fresh("stream")
    client = kinesis()
    client.create_stream(StreamName=name, ShardCount=1)
    client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
    arn = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]

    def put(principal, resource=arn, action="kinesis:PutRecord", **more):
        statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource, **more}
        return {"ResourceARN": arn, "Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}

    # Nothing that would let in whoever a service works for, everybody, or somebody for another resource.
    for policy in [
        put("*"),
        put({"AWS": "*"}),
        put({"Service": "firehose.amazonaws.com"}),
        put({"Federated": "cognito-identity.amazonaws.com"}),
        put({"AWS": "111111111111"}, resource="*"),
        put({"AWS": "111111111111"}, resource=arn + "-other"),
        put({"AWS": "111111111111"}, action="kinesis:*"),
        put({"AWS": "111111111111"}, action="kinesis:PutResourcePolicy"),
        put({"AWS": "111111111111"}, Condition={"StringLikes": {"aws:SourceAccount": "1"}}),
    ]:
        fails("InvalidArgumentException", client.put_resource_policy, **policy)
    assert client.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"


def raw(*heads, body=b"{}"):
    """Sends bytes as they are; the status of every answer that comes before the connection ends."""
    url = urllib.parse.urlsplit(ENDPOINT)
    connection = socket.create_connection((url.hostname, url.port), timeout=5)
    if CONTEXT:
        context = ssl.create_default_context(cafile=CA_FILE)
        connection = context.wrap_socket(connection, server_hostname=url.hostname)
    with connection:
        connection.sendall("\r\n".join(heads).encode() + b"\r\n\r\n" + body)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except (TimeoutError, ConnectionResetError, ssl.SSLError):
            pass
    return [int(part.split(b" ")[1]) for part in answer.split(b"HTTP/1.1")[1:] for part in [b"HTTP/1.1" + part]]


def heads(r, path="/", length=2, close=True):
    prepared = r.prepare()
    lines = [f"POST {path} HTTP/1.1"]
    names = {name.lower() for name in prepared.headers}
    if "host" not in names:
        lines.append(f"Host: {urllib.parse.urlsplit(ENDPOINT).netloc}")
    for name, value in prepared.headers.items():
        if name.lower() != "content-length":
            lines.append(f"{name}: {value.decode() if isinstance(value, bytes) else value}")
    if length is not None:
        lines.append(f"Content-Length: {length}")
    if close:
        lines.append("Connection: close")
    return lines


@case
def what_is_sent_raw_can_be_good():
    assert raw(*heads(signed())) == [200]


@case
def headers_cannot_be_smuggled():
    good = heads(signed())
    for added in [
        "Authorization: " + signed().headers["Authorization"],
        "X-Amz-Target: Kinesis_20131202.DeleteStream",
        "Host: elsewhere",
        "X-Amz-Date: 20200101T000000Z",
        "X-Amz-Content-SHA256: " + "0" * 64,
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
        "X-Amz-Target : Kinesis_20131202.DeleteStream",
        " folded: line",
        "x\x00y: z",
    ]:
        for lines in ([*good, added], [good[0], added, *good[1:]]):
            answers = raw(*lines)
            assert answers and all(400 <= status < 500 for status in answers) or not answers, (added, answers)


@case
def requests_cannot_be_smuggled_behind_others():
    inner = "\r\n".join(heads(signed())).encode() + b"\r\n\r\n{}"
    # A length that a proxy might read otherwise: no second request may come out of it.
    for lines in [
        [*heads(signed(), length=None), "Content-Length: 2", "Transfer-Encoding: chunked"],
        [*heads(signed(), length=None), "Transfer-Encoding: chunked, identity"],
        [*heads(signed(), length=None), "Transfer-Encoding: xchunked"],
        [*heads(signed(), length=None), "Content-Length: 2, 2", ],
        [*heads(signed(), length=None), "Content-Length: +2"],
        [*heads(signed(), length=None), "Content-Length: 0x2"],
    ]:
        answers = raw(*[line for line in lines if line != "Connection: close"], body=b"0\r\n\r\n" + inner)
        assert 200 not in answers, (lines[-2:], answers)


@case
def paths_cannot_be_smuggled():
    # Empty and dotted parts mean nothing: SigV4 signs the path without them, and the JSON protocols look at none.
    for path in ["/a", "/a/..%2f", "/?a=b", "/%", "/%00", "/;a", "/\\", "http://elsewhere/"]:
        answers = raw(*heads(signed(), path=path))
        assert answers == [] or answers[0] >= 400, (path, answers)


run()
