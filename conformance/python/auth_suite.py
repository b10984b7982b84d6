"""Every way a signature can be wrong, sent as raw requests signed by botocore's own signer."""

import datetime
import hashlib
import json
import ssl
import urllib.error
import urllib.request
from unittest import mock

import botocore.auth
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness import CA_FILE, ENDPOINT, REGION, case, run

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


run()
