"""Users, roles, keys, policies and sessions with boto3: who gets in, and who does not."""

import json
import time

import boto3
from botocore.config import Config

from harness import CA_FILE, ENDPOINT, REGION, case, eventually, fresh, run
from refusals import refused

CONFIG = Config(retries={"max_attempts": 0, "mode": "standard"})
ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
ACCOUNT = "000000000000"


def client(service, keys=ROOT):
    return boto3.client(
        service, endpoint_url=ENDPOINT, region_name=REGION, verify=CA_FILE, config=CONFIG, **keys
    )


IAM = client("iam")
KINESIS = client("kinesis")


def allowing(*actions, resource="*", **more):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trusting(principal, **more):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def user(*policies):
    """A user with these policies: its name and its keys."""
    name = fresh("user")
    IAM.create_user(UserName=name)
    for at, policy in enumerate(policies):
        IAM.put_user_policy(UserName=name, PolicyName=f"p{at}", PolicyDocument=policy)
    key = IAM.create_access_key(UserName=name)["AccessKey"]
    return name, {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def session(credentials):
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def stream():
    name = fresh("stream")
    KINESIS.create_stream(StreamName=name, ShardCount=1)
    KINESIS.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
    return name


@case
def users_come_and_go():
    name = fresh("user")
    made = IAM.create_user(UserName=name, Path="/team/", Tags=[{"Key": "cost", "Value": "1"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/{name}", made
    assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 20, made
    assert IAM.get_user(UserName=name)["User"]["Tags"] == [{"Key": "cost", "Value": "1"}]
    refused("EntityAlreadyExists", IAM.create_user, UserName=name)
    listed = IAM.get_paginator("list_users").paginate(PathPrefix="/team/", PaginationConfig={"PageSize": 1})
    assert name in [user["UserName"] for page in listed for user in page["Users"]]
    IAM.delete_user(UserName=name)
    refused("NoSuchEntity", IAM.get_user, UserName=name)
    refused("NoSuchEntity", IAM.delete_user, UserName=name)


@case
def a_user_without_policies_may_nothing():
    name, keys = user()
    assert client("sts", keys).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    for call, parameters in [
        (client("kinesis", keys).list_streams, {}),
        (client("kinesis", keys).describe_stream_summary, {"StreamName": "nobody-s"}),
        (client("dynamodb", keys).list_tables, {}),
    ]:
        message = refused("AccessDeniedException", call, **parameters)
        assert f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: " in message, message
    refused("AccessDenied", client("iam", keys).create_user, UserName=fresh("user"))


@case
def a_policy_lets_a_user_do_what_it_says_and_no_more():
    name = stream()
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"
    _, keys = user(allowing("kinesis:PutRecord", "kinesis:DescribeStreamSummary", resource=arn))
    kinesis = client("kinesis", keys)
    kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    assert kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"] == arn
    refused("AccessDeniedException", kinesis.delete_stream, StreamName=name)
    refused("AccessDeniedException", kinesis.put_record, StreamName=f"{name}-other", Data=b"x", PartitionKey="k")


@case
def an_explicit_deny_wins():
    name = stream()
    deny = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "kinesis:Put*", "Resource": "*"}]}
    )
    _, keys = user(allowing("kinesis:*"), deny)
    message = refused(
        "AccessDeniedException", client("kinesis", keys).put_record, StreamName=name, Data=b"x", PartitionKey="k"
    )
    assert message.endswith("with an explicit deny in an identity-based policy"), message


@case
def a_permission_that_is_taken_away_is_gone_at_once():
    name, keys = user(allowing("kinesis:ListStreams"))
    kinesis = client("kinesis", keys)
    kinesis.list_streams()
    IAM.delete_user_policy(UserName=name, PolicyName="p0")
    refused("AccessDeniedException", kinesis.list_streams)


@case
def managed_policies_are_attached_and_detached():
    policy = IAM.create_policy(
        PolicyName=fresh("policy"), Path="/p/", PolicyDocument=allowing("kinesis:ListStreams"), Description="d"
    )["Policy"]
    name, keys = user()
    kinesis = client("kinesis", keys)
    IAM.attach_user_policy(UserName=name, PolicyArn=policy["Arn"])
    kinesis.list_streams()
    attached = IAM.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    assert attached == [{"PolicyName": policy["PolicyName"], "PolicyArn": policy["Arn"]}], attached
    refused("DeleteConflict", IAM.delete_policy, PolicyArn=policy["Arn"])
    version = IAM.get_policy_version(PolicyArn=policy["Arn"], VersionId="v1")["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == ["kinesis:ListStreams"], version
    IAM.detach_user_policy(UserName=name, PolicyArn=policy["Arn"])
    refused("AccessDeniedException", kinesis.list_streams)
    IAM.delete_policy(PolicyArn=policy["Arn"])
    refused("NoSuchEntity", IAM.get_policy, PolicyArn=policy["Arn"])
    IAM.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonKinesisReadOnlyAccess")
    kinesis.list_streams()
    refused("NoSuchEntity", IAM.attach_user_policy, UserName=name, PolicyArn="arn:aws:iam::aws:policy/Nope")


@case
def keys_are_switched_off_and_removed():
    name, keys = user(allowing("kinesis:*"))
    kinesis, key = client("kinesis", keys), keys["aws_access_key_id"]
    kinesis.list_streams()
    second = IAM.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    refused("LimitExceeded", IAM.create_access_key, UserName=name)
    IAM.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
    refused("UnrecognizedClientException", kinesis.list_streams)
    IAM.update_access_key(UserName=name, AccessKeyId=key, Status="Active")
    kinesis.list_streams()
    listed = {k["AccessKeyId"]: k["Status"] for k in IAM.list_access_keys(UserName=name)["AccessKeyMetadata"]}
    assert listed == {key: "Active", second: "Active"}, listed
    refused("DeleteConflict", IAM.delete_user, UserName=name)
    IAM.delete_access_key(UserName=name, AccessKeyId=key)
    refused("UnrecognizedClientException", kinesis.list_streams)
    refused("NoSuchEntity", IAM.delete_access_key, UserName=name, AccessKeyId=key)


@case
def a_wrong_secret_is_refused():
    _, keys = user(allowing("kinesis:*"))
    wrong = {**keys, "aws_secret_access_key": "x" * 40}
    refused("InvalidSignatureException", client("kinesis", wrong).list_streams)
    refused("SignatureDoesNotMatch", client("sts", wrong).get_caller_identity)


@case
def documents_that_are_no_policies_are_refused():
    name, _ = user()
    for document in [
        "{",
        json.dumps({"Version": "2012-10-17", "Statement": []}),
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*"}]}),
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Maybe", "Action": "*", "Resource": "*"}]}),
        trusting(ACCOUNT),
    ]:
        refused("MalformedPolicyDocument", IAM.put_user_policy, UserName=name, PolicyName="p", PolicyDocument=document)
    refused(
        "MalformedPolicyDocument",
        IAM.create_role,
        RoleName=fresh("role"),
        AssumeRolePolicyDocument=allowing("sts:AssumeRole"),
    )


def role(trust, *policies, **more):
    name = fresh("role")
    made = IAM.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **more)["Role"]
    for at, policy in enumerate(policies):
        IAM.put_role_policy(RoleName=name, PolicyName=f"p{at}", PolicyDocument=policy)
    return name, made["Arn"]


@case
def a_role_is_assumed_by_whom_it_trusts():
    who, keys = user()
    name, arn = role(trusting(f"arn:aws:iam::{ACCOUNT}:user/{who}"), allowing("kinesis:ListStreams"))
    answer = client("sts", keys).assume_role(RoleArn=arn, RoleSessionName="one")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/one", answer
    keys_of_role = session(answer["Credentials"])
    assert client("sts", keys_of_role).get_caller_identity()["Arn"].endswith(f":assumed-role/{name}/one")
    client("kinesis", keys_of_role).list_streams()
    refused("AccessDeniedException", client("kinesis", keys_of_role).describe_limits)
    _, stranger = user(allowing("sts:AssumeRole"))
    refused("AccessDenied", client("sts", stranger).assume_role, RoleArn=arn, RoleSessionName="one")
    missing = arn + "-missing"
    message = refused("AccessDenied", client("sts", keys).assume_role, RoleArn=missing, RoleSessionName="one")
    assert message.endswith(f"is not authorized to perform: sts:AssumeRole on resource: {missing}"), message


@case
def a_session_policy_narrows_and_never_widens():
    who, keys = user()
    _, arn = role(trusting(f"arn:aws:iam::{ACCOUNT}:user/{who}"), allowing("kinesis:List*", "kinesis:DescribeLimits"))
    answer = client("sts", keys).assume_role(
        RoleArn=arn, RoleSessionName="one", Policy=allowing("kinesis:ListStreams", "kinesis:CreateStream")
    )
    kinesis = client("kinesis", session(answer["Credentials"]))
    kinesis.list_streams()
    refused("AccessDeniedException", kinesis.describe_limits)
    refused("AccessDeniedException", kinesis.create_stream, StreamName=fresh("stream"), ShardCount=1)


@case
def an_external_id_must_be_right():
    who, keys = user()
    condition = {"StringEquals": {"sts:ExternalId": "right"}}
    _, arn = role(trusting(f"arn:aws:iam::{ACCOUNT}:user/{who}", Condition=condition))
    sts = client("sts", keys)
    refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="one")
    refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="one", ExternalId="wrong")
    sts.assume_role(RoleArn=arn, RoleSessionName="one", ExternalId="right")


@case
def a_token_belongs_to_its_key_and_must_be_there():
    who, keys = user()
    _, arn = role(trusting(f"arn:aws:iam::{ACCOUNT}:user/{who}"), allowing("kinesis:*"))
    sts = client("sts", keys)
    first, second = (
        session(sts.assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]) for name in ("one", "two")
    )
    for wrong in [
        {k: v for k, v in first.items() if k != "aws_session_token"},
        {**first, "aws_session_token": second["aws_session_token"]},
        {**first, "aws_session_token": first["aws_session_token"][:-4] + "AAAA"},
        {**first, "aws_session_token": "x"},
        {**keys, "aws_session_token": first["aws_session_token"]},
    ]:
        refused("UnrecognizedClientException", client("kinesis", wrong).list_streams)
        refused("InvalidClientTokenId", client("sts", wrong).get_caller_identity)
    client("kinesis", first).list_streams()


@case
def sessions_have_bounds():
    who, keys = user()
    _, arn = role(trusting(f"arn:aws:iam::{ACCOUNT}:user/{who}"), MaxSessionDuration=3600)
    sts = client("sts", keys)
    refused("ValidationError", sts.assume_role, RoleArn=arn, RoleSessionName="one", DurationSeconds=3601)
    expires = sts.assume_role(RoleArn=arn, RoleSessionName="one", DurationSeconds=900)["Credentials"]["Expiration"]
    assert 890 < expires.timestamp() - time.time() < 910, expires


@case
def a_user_gets_a_session_of_its_own():
    name, keys = user(allowing("kinesis:ListStreams"))
    own = session(client("sts", keys).get_session_token(DurationSeconds=900)["Credentials"])
    client("kinesis", own).list_streams()
    assert client("sts", own).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    refused("AccessDenied", client("sts", own).get_session_token)
    key = keys["aws_access_key_id"]
    IAM.delete_access_key(UserName=name, AccessKeyId=key)
    for policy in IAM.list_user_policies(UserName=name)["PolicyNames"]:
        IAM.delete_user_policy(UserName=name, PolicyName=policy)
    IAM.delete_user(UserName=name)
    refused("UnrecognizedClientException", client("kinesis", own).list_streams)


@case
def conditions_hold_callers_to_how_they_come():
    name = stream()
    secure = {"Bool": {"aws:SecureTransport": "true"}}
    _, keys = user(allowing("kinesis:DescribeStreamSummary", Condition=secure))
    kinesis = client("kinesis", keys)
    if ENDPOINT.startswith("https"):
        kinesis.describe_stream_summary(StreamName=name)
    else:
        refused("AccessDeniedException", kinesis.describe_stream_summary, StreamName=name)
    own = "arn:aws:kinesis:*:*:stream/${aws:username}-*"
    who, keys = user(allowing("kinesis:CreateStream", resource=own))
    client("kinesis", keys).create_stream(StreamName=f"{who}-a", ShardCount=1)
    refused("AccessDeniedException", client("kinesis", keys).create_stream, StreamName=fresh("stream"), ShardCount=1)


@case
def a_resource_policy_names_a_user_of_the_account():
    name = stream()
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"
    who, keys = user()
    kinesis = client("kinesis", keys)
    refused("AccessDeniedException", kinesis.put_record, StreamARN=arn, Data=b"x", PartitionKey="k")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{who}"},
        "Action": "kinesis:PutRecord",
        "Resource": arn,
    }
    KINESIS.put_resource_policy(
        ResourceARN=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    eventually(lambda: kinesis.put_record(StreamARN=arn, Data=b"x", PartitionKey="k"))


run()
