"""DynamoDB with boto3: what this server does by itself, and the same calls held against other implementations.

A script is a list of calls. It runs on this server and on every oracle, and the answers must be equal – bodies of
answers, codes of refusals – but for what is explained in `EXPLAINED`.
"""

import base64
import json
import random
import re
from decimal import Decimal

import boto3

from harness import CA_FILE, ENDPOINT, case, eventually, fresh, run
from oracles import KEYS, OURS, call, run_on_all, start, wait_for

# Both runs, over http and https, have scripts of their own.
FIRST_SEED = 1000 if ENDPOINT.startswith("https") else 0

# Whom a script is held against. Only the vendor's own knows all of the rules; dynalite has no transactions, takes some
# of what is refused and ends where an operand is not there; moto is asked only what consumers do.
EVERYONE = start()
READERS = {name: oracle for name, oracle in EVERYONE.items() if name != "moto"}
LOCAL = {"local": EVERYONE["local"]}
DEFINITIONS = ("k", "S"), ("r", "N"), ("g", "S"), ("l", "S")


def s(text):
    return {"S": text}


def n(number):
    return {"N": str(number)}


def key_schema(*names):
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))]


def definitions(*names):
    types = dict(DEFINITIONS)
    return [{"AttributeName": name, "AttributeType": types[name]} for name in names]


def simple(table):
    return {
        "TableName": table,
        "KeySchema": key_schema("k"),
        "AttributeDefinitions": definitions("k"),
        "BillingMode": "PAY_PER_REQUEST",
    }


def indexed(table):
    return {
        "TableName": table,
        "KeySchema": key_schema("k", "r"),
        "AttributeDefinitions": definitions("k", "r", "g", "l"),
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by_g",
                "KeySchema": key_schema("g", "r"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]},
            }
        ],
        "LocalSecondaryIndexes": [
            {
                "IndexName": "by_l",
                "KeySchema": key_schema("k", "l"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    }


# What an oracle is known to do otherwise than the service: who, which operation, when, and why.
EXPLAINED = []


def explained(*names, operation=None):
    def register(predicate):
        EXPLAINED.append((names, operation, predicate))
        return predicate

    return register


@explained("dynalite")
def refusals_in_another_order(_parameters, ours, theirs):
    """Of several faults they may tell another one: both refuse, and neither for the item's state."""
    return ours.get("code") == "ValidationException" and "code" in theirs and "ConditionalCheck" not in theirs["code"]


@explained("dynalite", operation="Query")
def a_local_index_fetches_nothing_in_dynalite(parameters, ours, theirs):
    return parameters.get("IndexName") == "by_l" and "ProjectionExpression" in parameters


@explained("dynalite", operation="Query")
def filters_of_an_index_may_name_anything_in_dynalite(parameters, ours, theirs):
    return "does not project one or more filter attributes" in ours.get("message", "") and "answer" in theirs


@explained("moto", operation="UpdateItem")
def moto_tells_the_capacity_unasked(_parameters, ours, theirs):
    rest = {name: value for name, value in theirs.get("answer", {}).items() if name != "ConsumedCapacity"}
    return normal(ours.get("answer")) == normal(rest)


@explained("moto", operation="DeleteItem")
def moto_deletes_whatever_was_expected(parameters, ours, _theirs):
    return "Expected" in parameters and ours.get("code") == "ConditionalCheckFailedException"


@explained("local", operation="TransactWriteItems")
def faults_of_an_update_are_no_reason_in_local(_parameters, ours, theirs):
    """The service cancels the transaction, with `ValidationError` as the reason."""
    codes = {reason["Code"] for reason in ours.get("reasons", ())}
    return "ValidationError" in codes and theirs.get("code") in ("ValidationException", "TransactionCanceledException")


@explained("local", operation="Query")
def local_looks_ahead(parameters, ours, theirs):
    """A page that is full says so; the service does not look whether anything is behind it."""
    ours, theirs = (dict(normal(result).get("answer", {})) for result in (ours, theirs))
    return ours.pop("LastEvaluatedKey", None) and ours == theirs and ours["ScannedCount"] == parameters.get("Limit")


@explained("local", operation="DeleteItem")
def local_tells_the_capacity_of_deleting_nothing(_parameters, ours, theirs):
    return ours == {"answer": {}} and list(theirs.get("answer", ())) == ["ConsumedCapacity"]


@explained("local", operation="UpdateItem")
def updated_attributes_are_whole_in_local(parameters, ours, theirs):
    """The service answers the changed part of an attribute only."""
    returns = parameters.get("ReturnValues", "")
    nested = any(sign in parameters.get("UpdateExpression", "") for sign in ".[")
    return returns.startswith("UPDATED") and nested and "answer" in ours and "answer" in theirs


def normal(value):
    """Sets have no order, and bytes are shown. Within lists and maps DynamoDB Local writes exponents, unlike the service."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict) and list(value) == ["N"]:
        try:
            return {"N": format(Decimal(value["N"]).normalize(), "f")}
        except ArithmeticError:
            return value
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in ("SS", "NS", "BS"):
            kind, elements = next(iter(value.items()))
            return {kind: sorted(normal(element) for element in elements)}
        return {name: normal(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [normal(inner) for inner in value]
    return value


def sortable(value):
    return json.dumps(value, sort_keys=True)


def comparable(operation, result):
    """Without messages, which are compared elsewhere, and with the items of a scan in one order."""
    result = {name: inner for name, inner in normal(result).items() if name != "message"}
    answer = result.get("answer")
    if answer and operation == "Scan":
        answer["Items"] = sorted(answer.get("Items", ()), key=sortable)
    if answer and operation == "BatchGetItem":
        answer["Responses"] = {
            table: sorted(items, key=sortable) for table, items in answer.get("Responses", {}).items()
        }
    return result


def differences(script, results):
    found = []
    for name in results.keys() - {"ours"}:
        for (operation, parameters), ours, theirs in zip(script, results["ours"], results[name]):
            if comparable(operation, ours) == comparable(operation, theirs):
                continue
            why = (
                rule
                for names, only, rule in EXPLAINED
                if name in names and only in (None, operation) and rule(parameters, ours, theirs)
            )
            if next(why, None) is None:
                found.append((name, operation, parameters, ours, theirs))
    return found


def where(ours, theirs, path=""):
    """The first place at which two answers differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted({*ours, *theirs}):
            if ours.get(name) != theirs.get(name):
                return where(ours.get(name), theirs.get(name), f"{path}.{name}")
    if isinstance(ours, list) and isinstance(theirs, list):
        for at, (one, other) in enumerate(zip(ours, theirs)):
            if one != other:
                return where(one, other, f"{path}[{at}]")
    return f"{path}: {ours!r} and {theirs!r}"[:400]


def agree(script, least, oracles):
    """Runs a script everywhere; `least` of its calls must succeed here, so that it is not one of refusals."""
    results = run_on_all(oracles, script)
    found = differences(script, results)
    for name, operation, parameters, ours, theirs in found[:8]:
        place = where(comparable(operation, ours), comparable(operation, theirs))
        print(f"  {operation} {json.dumps(normal(parameters))[:600]}\n    differs at {place}")
        print(f"    ours  {json.dumps(normal(ours))[:300]}\n    {name:5} {json.dumps(normal(theirs))[:300]}")
    succeeded = sum("answer" in result for result in results["ours"])
    assert not found, f"{len(found)} of {len(script)} calls differ, the first from {found[0][0]}: {found[0][1]}"
    assert succeeded >= least, f"only {succeeded} of {len(script)} calls succeeded"
    return results


# The server by itself.


@case
def every_operation_with_boto3():
    table, more = fresh(), fresh()
    OURS.create_table(**simple(table), Tags=[{"Key": "a", "Value": "b"}])
    OURS.create_table(**indexed(more))
    OURS.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    assert {table, more} <= set(OURS.list_tables()["TableNames"])
    OURS.put_item(TableName=table, Item={"k": s("a"), "v": n(1), "b": {"B": b"\x00\xff"}})
    assert OURS.get_item(TableName=table, Key={"k": s("a")})["Item"]["b"] == {"B": b"\x00\xff"}
    OURS.update_item(
        TableName=table, Key={"k": s("a")}, UpdateExpression="ADD v :one", ExpressionAttributeValues={":one": n(1)}
    )
    puts = [{"PutRequest": {"Item": {"k": s("o"), "r": n(i), "g": s("g")}}} for i in range(5)]
    assert OURS.batch_write_item(RequestItems={more: puts})["UnprocessedItems"] == {}
    got = OURS.batch_get_item(RequestItems={table: {"Keys": [{"k": s("a")}]}})["Responses"][table]
    assert got[0]["v"] == n(2), got
    OURS.transact_write_items(
        TransactItems=[
            {"ConditionCheck": {"TableName": table, "Key": {"k": s("a")}, "ConditionExpression": "attribute_exists(k)"}},
            {"Put": {"TableName": table, "Item": {"k": s("b")}}},
        ]
    )
    got = OURS.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": {"k": s("b")}}}])
    assert got["Responses"] == [{"Item": {"k": s("b")}}]
    pages = OURS.get_paginator("query").paginate(
        TableName=more,
        IndexName="by_g",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": s("g")},
        PaginationConfig={"PageSize": 2},
    )
    assert [item["r"] for page in pages for item in page["Items"]] == [n(i) for i in range(5)]
    pages = list(OURS.get_paginator("scan").paginate(TableName=more, PaginationConfig={"PageSize": 2}))
    assert sum(page["Count"] for page in pages) == 5 and len(pages) == 3
    assert OURS.describe_table(TableName=more)["Table"]["ItemCount"] == 5
    assert OURS.describe_time_to_live(TableName=more)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    OURS.update_continuous_backups(
        TableName=more, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    OURS.update_table(TableName=more, DeletionProtectionEnabled=True)
    assert call(OURS, "DeleteTable", {"TableName": more})["code"] == "ValidationException"
    OURS.update_table(TableName=more, DeletionProtectionEnabled=False)
    OURS.delete_item(TableName=table, Key={"k": s("a")})
    for name in (table, more):
        OURS.delete_table(TableName=name)
        OURS.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


@case
def the_resource_interface_reads_its_own_numbers():
    table = fresh()
    OURS.create_table(**simple(table))
    resource = boto3.resource("dynamodb", endpoint_url=ENDPOINT, verify=CA_FILE, **KEYS).Table(table)
    # boto3 cannot read what has more than 38 digits in plain notation, which is how the service answers.
    texts = "0", "-1.5", "1E-130", "9.9E37", "12345678901234567890123456789012345678"
    numbers = [Decimal(text) for text in texts]
    with resource.batch_writer() as batch:
        for i, number in enumerate(numbers):
            batch.put_item({"k": str(i), "n": number, "set": {number, Decimal(7)}, "nested": {"l": [number]}})
    for i, number in enumerate(numbers):
        item = resource.get_item(Key={"k": str(i)})["Item"]
        assert item["n"] == number and item["nested"]["l"] == [number] and number in item["set"], item
    resource.delete()


@case
def a_failed_condition_is_an_exception_with_the_item():
    table = fresh()
    OURS.create_table(**simple(table))
    OURS.put_item(TableName=table, Item={"k": s("a"), "owner": s("me")})
    try:
        OURS.put_item(
            TableName=table,
            Item={"k": s("a")},
            ConditionExpression="attribute_not_exists(k)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        raise AssertionError("it was put")
    except OURS.exceptions.ConditionalCheckFailedException as error:
        assert error.response["Item"]["owner"] == s("me"), error.response
    try:
        check = {"TableName": table, "Key": {"k": s("a")}, "ConditionExpression": "attribute_not_exists(k)"}
        OURS.transact_write_items(TransactItems=[{"ConditionCheck": check}])
        raise AssertionError("it was made")
    except OURS.exceptions.TransactionCanceledException as error:
        assert error.response["CancellationReasons"][0]["Code"] == "ConditionalCheckFailed", error.response
    OURS.delete_table(TableName=table)


@case
def an_index_can_be_added_while_the_table_is_used():
    table = fresh()
    OURS.create_table(**simple(table))
    OURS.put_item(TableName=table, Item={"k": s("a"), "g": s("w1")})
    create = {
        "IndexName": "by_g",
        "KeySchema": key_schema("g", "k"),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    OURS.update_table(
        TableName=table,
        AttributeDefinitions=definitions("g", "k"),
        GlobalSecondaryIndexUpdates=[{"Create": create}],
    )

    def active():
        found = OURS.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"]
        return found[0]["IndexStatus"] == "ACTIVE"

    eventually(active)
    found = OURS.query(
        TableName=table,
        IndexName="by_g",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": s("w1")},
    )
    assert found["Items"] == [{"k": s("a"), "g": s("w1")}], found
    OURS.delete_table(TableName=table)


# Scripts that are held against the oracles.

VALUES = {
    ":s": s("b"), ":t": s("ba"), ":n": n(1), ":m": n("2.50"), ":z": n(0), ":l": {"L": [s("b")]}, ":e": {"L": []},
    ":o": {"M": {"x": n(1)}}, ":ss": {"SS": ["a", "b"]}, ":ns": {"NS": ["1", "2.5"]}, ":bo": {"BOOL": True},
    ":nul": {"NULL": True}, ":b": {"B": b"b"}, ":type": s("N"), ":bs": {"BS": [b"b", b"c"]},
}
NAMES = {"#s": "st", "#d": "d.t"}
PATHS = ["a", "b", "c", "m.x", "m.y", "l[0]", "l[1]", "l[2].x", "#s", "#d", "m.x.z", "q", "l[9]", "m", "l"]


def used(text, given):
    return {key: value for key, value in given.items() if re.search(re.escape(key) + r"(?![A-Za-z0-9_])", text)}


def placeholders(parameters):
    """Adds what the expressions of a call use."""
    text = " ".join(str(value) for name, value in parameters.items() if name.endswith("Expression"))
    values, names = used(text, VALUES), used(text, NAMES)
    if values:
        parameters["ExpressionAttributeValues"] = values
    if names:
        parameters["ExpressionAttributeNames"] = names
    return parameters


class Chance:
    """Random requests from a seed."""

    def __init__(self, seed, table):
        self.r = random.Random(seed)
        self.table = table

    def value(self, depth=2):
        kinds = ["s", "n", "n", "bool", "null", "b", "ss", "ns"] + ["l", "m"] * (depth > 0)
        kind = self.r.choice(kinds)
        number = lambda: self.r.choice(["0", "1", "2.5", "-1", "1E+2", "1.49E-4", "0.10", "100", "-7.25E-10"])
        if kind == "s":
            return s(self.r.choice(["", "a", "b", "ba", "é€", "zz"]))
        if kind == "n":
            return n(number())
        if kind == "bool":
            return {"BOOL": self.r.random() < 0.5}
        if kind == "null":
            return {"NULL": True}
        if kind == "b":
            return {"B": self.r.choice([b"", b"a", b"b\x00", b"\xff"])}
        if kind == "ss":
            return {"SS": self.r.sample(["a", "b", "c", "ba"], self.r.randint(1, 3))}
        if kind == "ns":
            return {"NS": self.r.sample(["1", "2.5", "3", "-1"], self.r.randint(1, 3))}
        if kind == "l":
            return {"L": [self.value(depth - 1) for _ in range(self.r.randint(0, 3))]}
        return {"M": {name: self.value(depth - 1) for name in self.r.sample(["x", "y", "z"], self.r.randint(0, 3))}}

    def item(self):
        names = self.r.sample(["a", "b", "c", "st", "d.t"], self.r.randint(0, 5))
        item = {"k": s(self.r.choice("pqrs")), **{name: self.value() for name in names}}
        if self.r.random() < 0.6:
            item["m"] = {"M": {"x": self.value(1), "y": self.value(1)}}
        if self.r.random() < 0.6:
            item["l"] = {"L": [self.value(1), self.value(1), {"M": {"x": self.value(0)}}]}
        return item

    def key(self):
        return {"k": s(self.r.choice("pqrstu"))}

    def operand(self):
        roll = self.r.random()
        if roll < 0.5:
            return self.r.choice(PATHS)
        return self.r.choice(list(VALUES)) if roll < 0.9 else f"size({self.r.choice(PATHS)})"

    def test(self):
        path, operand = self.r.choice(PATHS), self.operand
        return self.r.choice(
            [
                lambda: f"{path} {self.r.choice(['=', '<>', '<', '<=', '>', '>='])} {operand()}",
                lambda: f"{path} {self.r.choice(['=', '<>', '<', '<=', '>', '>='])} {self.r.choice(list(VALUES))}",
                lambda: f"attribute_exists({path})",
                lambda: f"attribute_not_exists({path})",
                lambda: f"attribute_type({path}, :type)",
                lambda: f"begins_with({path}, {self.r.choice([':s', ':b', 'b'])})",
                lambda: f"contains({path}, {operand()})",
                lambda: f"{operand()} BETWEEN {self.r.choice([':z', 'a'])} AND {self.r.choice([':m', operand()])}",
                lambda: f"{path} IN ({operand()}, {operand()})",
                lambda: f"size({path}) > :n",
            ]
        )()

    def condition(self, depth=2):
        roll = self.r.random()
        if depth == 0 or roll < 0.4:
            return self.test()
        if roll < 0.55:
            return f"NOT {self.test()}"
        word = self.r.choice(["AND", "OR"])
        left, right = self.condition(depth - 1), self.condition(depth - 1)
        return f"{left} {word} {right}"

    def assigned(self):
        path, value = self.r.choice(PATHS), self.r.choice(list(VALUES))
        number = self.r.choice([":n", ":m", ":z"])
        return self.r.choice(
            [
                value,
                value,
                path,
                f"{self.r.choice(['a', 'b', 'm.x'])} {self.r.choice('+-')} {number}",
                f"if_not_exists({path}, {value})",
                f"if_not_exists({path}, {number}) + {number}",
                f"list_append({self.r.choice(['l', ':l', ':e'])}, {self.r.choice(['l', ':l'])})",
                f"list_append(if_not_exists({path}, :e), :l)",
            ]
        )

    def update(self):
        paths = self.r.sample(PATHS, len(PATHS))
        sections = []
        for word in self.r.sample(["SET", "REMOVE", "ADD", "DELETE"], self.r.randint(1, 2)):
            mine = [paths.pop() for _ in range(self.r.randint(1, 2))]
            if word == "SET":
                parts = [f"{path} = {self.assigned()}" for path in mine]
            elif word == "REMOVE":
                parts = mine
            elif word == "ADD":
                parts = [f"{path} {self.r.choice([':n', ':m', ':ss', ':ns'])}" for path in mine]
            else:
                parts = [f"{path} {self.r.choice([':ss', ':ns', ':bs'])}" for path in mine]
            sections.append(f"{word} {', '.join(parts)}")
        return " ".join(sections)

    def call(self):
        """One call on a table with key `k` alone."""
        parameters = {"TableName": self.table}
        if self.r.random() < 0.3:
            parameters["ConditionExpression"] = self.condition()
            if self.r.random() < 0.5:
                parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        kind = self.r.choice(["put", "put", "update", "update", "update", "delete", "get", "scan", "transact"])
        if kind == "put":
            returns = {"ReturnValues": "ALL_OLD"} if self.r.random() < 0.3 else {}
            return "PutItem", placeholders({**parameters, "Item": self.item(), **returns})
        if kind == "update":
            returns = self.r.choice(["ALL_NEW", "ALL_NEW", "ALL_OLD", "UPDATED_NEW", "UPDATED_OLD", "NONE"])
            parameters |= {"Key": self.key(), "UpdateExpression": self.update(), "ReturnValues": returns}
            return "UpdateItem", placeholders(parameters)
        if kind == "delete":
            return "DeleteItem", placeholders({**parameters, "Key": self.key(), "ReturnValues": "ALL_OLD"})
        if kind == "get":
            parameters = {"TableName": self.table, "Key": self.key(), "ConsistentRead": True}
            if self.r.random() < 0.7:
                parameters["ProjectionExpression"] = ", ".join(self.r.sample(PATHS, self.r.randint(1, 3)))
            return "GetItem", placeholders(parameters)
        if kind == "scan":
            return "Scan", placeholders({"TableName": self.table, "FilterExpression": self.condition(3)})
        return "TransactWriteItems", {"TransactItems": [self.part(key) for key in self.r.sample("pqrs", 2)]}

    def part(self, key):
        common = {"TableName": self.table}
        if self.r.random() < 0.4:
            common["ConditionExpression"] = self.test()
            if self.r.random() < 0.5:
                common["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        key = {"k": s(key)}
        kind = self.r.choice(["Put", "Update", "Delete"])
        if kind == "Put":
            return {kind: placeholders({**common, "Item": {**self.item(), **key}})}
        if kind == "Delete":
            return {kind: placeholders({**common, "Key": key})}
        return {kind: placeholders({**common, "Key": key, "UpdateExpression": self.update()})}


def everything(table):
    return [("Scan", {"TableName": table, "ConsistentRead": True})]


@case
def the_calls_of_consumers():
    """What KCL and the lock client send, everywhere."""
    table = fresh()
    script = [("CreateTable", simple(table))]
    key = {"k": s("shardId-000000000000")}
    lease = {**key, "leaseOwner": s("w1"), "leaseCounter": n(1), "checkpoint": s("TRIM_HORIZON"), "load": n("0.25")}

    def add(operation, **parameters):
        script.append((operation, {"TableName": table, **parameters}))

    for _ in range(2):
        add("PutItem", Item=lease, Expected={"k": {"Exists": False}})
    for owner in ("w1", "w1", "w2"):
        add(
            "UpdateItem",
            Key=key,
            Expected={"leaseCounter": {"Value": n(1)}, "leaseOwner": {"Value": s(owner)}},
            AttributeUpdates={
                "leaseCounter": {"Value": n(2), "Action": "PUT"},
                "ownerSwitchesSinceCheckpoint": {"Value": n(1), "Action": "ADD"},
                "pendingCheckpoint": {"Action": "DELETE"},
            },
            ReturnValues="ALL_NEW",
        )
    names, values = {"#pk": "k", "#rvn": "rvn", "#on": "leaseOwner"}, {":rvn": s("v1"), ":on": s("w1")}
    lock = {"k": s("lock"), "rvn": s("v1"), "leaseOwner": s("w1")}
    for _ in range(2):
        add("PutItem", Item=lock, ConditionExpression="attribute_not_exists(#pk)", ExpressionAttributeNames={"#pk": "k"})
    for version in ("v1", "v1"):
        add(
            "PutItem",
            Item={**lock, "rvn": s("v2")},
            ConditionExpression="attribute_exists(#pk) AND #rvn = :rvn AND #on = :on",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={**values, ":rvn": s(version)},
        )
    add(
        "UpdateItem",
        Key={"k": s("stats")},
        UpdateExpression="SET #a = :a, #b = :b REMOVE #c",
        ExpressionAttributeNames={"#a": "lut", "#b": "sts", "#c": "gone"},
        ExpressionAttributeValues={":a": n(1700000000), ":b": {"M": {"C": {"L": [n("0.5"), n(-1)]}}}},
        ReturnValues="ALL_NEW",
    )
    kind = {":x": s("w1")}
    add("Scan", FilterExpression="leaseOwner = :x", ExpressionAttributeValues=kind, ConsistentRead=True)
    add("Scan", FilterExpression="#et = :x", ExpressionAttributeNames={"#et": "leaseOwner"}, ExpressionAttributeValues=kind)
    for owner in ("w9", "w1"):
        add("DeleteItem", Key=key, Expected={"leaseOwner": {"Value": s(owner)}})
        add(
            "DeleteItem",
            Key={"k": s("lock")},
            ConditionExpression="#key = :value AND attribute_exists (k)",
            ExpressionAttributeNames={"#key": "leaseOwner"},
            ExpressionAttributeValues={":value": s(owner)},
        )
    add("GetItem", Key={"k": s("stats")}, ConsistentRead=True)
    agree_on_table(script + everything(table), 10, EVERYONE)


@case
def random_writes_and_conditions():
    for seed in range(FIRST_SEED, FIRST_SEED + 6):
        table = fresh()
        chance = Chance(seed, table)
        script = [("CreateTable", simple(table))]
        script += [("PutItem", {"TableName": table, "Item": {**chance.item(), "k": s(key)}}) for key in "pqrs"]
        script += [chance.call() for _ in range(80)] + everything(table)
        agree_on_table(script, 25, LOCAL)


def agree_on_table(script, least, oracles):
    """The same for a script whose first calls make tables, of which every server says something of its own."""
    made = [step for step in script if step[0] == "CreateTable"]
    results = run_on_all(oracles, made)
    for name, answers in results.items():
        assert all("answer" in answer for answer in answers), (name, answers)
    for step in made:
        wait_for(oracles, step[1]["TableName"])
    try:
        return agree([step for step in script if step[0] != "CreateTable"], least, oracles)
    finally:
        run_on_all(oracles, [("DeleteTable", {"TableName": step[1]["TableName"]}) for step in made])


def orders(chance, table):
    """Items with all keys, the sort keys of indexes distinct in each partition."""
    puts = []
    for k in "pq":
        for i, r in enumerate(chance.r.sample(["-3.5", "-1", "0", "0.25", "1", "2", "10", "1E+3", "1E-7"], 8)):
            item = {"k": s(k), "r": n(r), "x": chance.value(1), "y": n(i)}
            if chance.r.random() < 0.7:
                item["g"] = s(k + chance.r.choice("gh"))
            if chance.r.random() < 0.7:
                item["l"] = s(f"{chance.r.choice('lm')}{i}")
            puts.append(("PutItem", {"TableName": table, "Item": item}))
    return puts


def all_pages(chance, parameters):
    """Calls for one page after the other cannot be in a script; so the first page, and what is behind given starts."""
    if chance.r.random() < 0.5:
        parameters["Limit"] = chance.r.randint(1, 5)
    if chance.r.random() < 0.4:
        parameters["ScanIndexForward"] = False
    return parameters


def some_query(chance, table):
    values = {":k": s(chance.r.choice("pq")), ":lo": n(chance.r.choice(["-1", "0", "0.5"])), ":hi": n("10.0")}
    ranged = chance.r.choice(
        ["", "", "r = :lo", "r < :hi", "r <= :hi", "r > :lo", ":lo <= r", "r BETWEEN :lo AND :hi"]
    )
    parameters = {"TableName": table}
    index = chance.r.choice([None, None, "by_g", "by_l"])
    if index == "by_g":
        values[":k"] = s(chance.r.choice("pq") + chance.r.choice("gh"))
        condition = "g = :k"
    elif index == "by_l":
        values[":lo"], values[":hi"] = s("l"), s("m9")
        condition = "k = :k"
        ranged = ranged.replace("r", "l").replace(" = ", " >= ") or chance.r.choice(["", "begins_with(l, :lo)"])
    else:
        condition = "k = :k"
    if index:
        parameters["IndexName"] = index
    if ranged:
        condition = chance.r.choice([f"{condition} AND {ranged}", f"{ranged} AND ({condition})"])
    parameters["KeyConditionExpression"] = condition
    if chance.r.random() < 0.4:
        parameters["FilterExpression"] = chance.r.choice(["y > :y", "attribute_exists(x)", "NOT y IN (:y)"])
        values[":y"] = n(3)
    if chance.r.random() < 0.2:
        parameters["Select"] = "COUNT"
    elif chance.r.random() < 0.3:
        parameters["ProjectionExpression"] = "k, r, x" if index == "by_g" else "r, y"
    parameters["ExpressionAttributeValues"] = used(f"{condition} {parameters.get('FilterExpression')}", values)
    return "Query", all_pages(chance, parameters)


@case
def random_queries():
    for seed in range(FIRST_SEED, FIRST_SEED + 3):
        table = fresh()
        chance = Chance(100 + seed, table)
        script = [("CreateTable", indexed(table)), *orders(chance, table)]
        script += [some_query(chance, table) for _ in range(60)]
        script += [("Scan", {"TableName": table, "IndexName": index}) for index in ("by_g", "by_l")]
        agree_on_table(script, 60, READERS)


def walk(target, operation, parameters):
    """All pages together, and how many items each of them looked at."""
    items, start, pages = [], None, 0
    while True:
        extra = {"ExclusiveStartKey": start} if start else {}
        page = getattr(target, operation)(**parameters, **extra)
        items += page["Items"]
        pages += 1
        start = page.get("LastEvaluatedKey")
        if not start:
            return items
        assert pages < 100


@case
def pages_walk_over_everything_once():
    table = fresh()
    chance = Chance(7, table)
    made, puts = [("CreateTable", indexed(table))], orders(chance, table)
    run_on_all(READERS, made)
    wait_for(READERS, table)
    run_on_all(READERS, puts)
    reads = []
    for limit in (1, 3, 8):
        for forward in (True, False):
            query = {
                "TableName": table,
                "KeyConditionExpression": "k = :k",
                "ExpressionAttributeValues": {":k": s("p")},
                "Limit": limit,
                "ScanIndexForward": forward,
            }
            reads += [("query", query), ("query", {**query, "IndexName": "by_l"})]
        reads += [("scan", {"TableName": table, "Limit": limit})]
        reads += [("scan", {"TableName": table, "Limit": limit, "IndexName": "by_g"})]
        for segment in range(3):
            reads += [("segment", {"TableName": table, "Limit": limit, "TotalSegments": 3, "Segment": segment})]
    for operation, parameters in reads:
        if operation == "segment":
            continue
        ours = walk(OURS, operation, parameters)
        for name, oracle in READERS.items():
            theirs = walk(oracle, operation, parameters)
            if operation == "scan":
                ours, theirs = (sorted(normal(items), key=sortable) for items in (ours, theirs))
            assert normal(ours) == normal(theirs), (name, parameters)
    whole = walk(OURS, "scan", {"TableName": table})
    parts = [walk(OURS, "scan", parameters) for operation, parameters in reads if operation == "segment"]
    for limit in range(3):
        together = [item for part in parts[limit * 3 : limit * 3 + 3] for item in part]
        assert sorted(map(sortable, normal(together))) == sorted(map(sortable, normal(whole)))
    run_on_all(READERS, [("DeleteTable", {"TableName": table})])


@case
def the_older_parameters():
    table = fresh()
    key = {"k": s("a")}
    item = {**key, "n": n(5), "s": s("xyz"), "ss": {"SS": ["x", "y"]}, "l": {"L": [s("p")]}, "b": {"B": b"b"}}
    script = [("CreateTable", simple(table)), ("PutItem", {"TableName": table, "Item": item})]

    def update(**extra):
        script.append(("UpdateItem", {"TableName": table, "Key": key, "ReturnValues": "ALL_NEW", **extra}))

    def compare(operator, *values):
        return {"ComparisonOperator": operator, **({"AttributeValueList": list(values)} if values else {})}

    expectations = [
        {"n": {"Value": n("5.0")}}, {"n": {"Exists": False}}, {"z": {"Exists": False}}, {"n": {"Exists": True}},
        {"n": {}}, {"n": {"Exists": False, "Value": n(5)}}, {"n": {"Exists": True, "Value": n(5)}},
    ]
    operators = ["EQ", "NE", "LT", "LE", "GT", "GE", "BEGINS_WITH", "CONTAINS", "NOT_CONTAINS"]
    operands = [n(5), n(6), s("x"), {"B": b"b"}, {"SS": ["x", "y"]}]
    for name in ("n", "s", "ss", "b", "z"):
        expectations += [{name: compare(operator, value)} for operator in operators for value in operands]
        expectations += [{name: compare(operator)} for operator in ("NULL", "NOT_NULL", "EQ")]
        expectations += [{name: compare("BETWEEN", n(1), n(5))}, {name: compare("IN", s("x"), s("xyz"))}]
    expectations += [{"n": compare("BETWEEN", n(5))}, {"n": compare("BETWEEN", n(6), n(5))}]
    for expected in expectations:
        update(Expected=expected)
    two = {"n": {"Value": n(5)}, "s": {"Value": s("no")}}
    for operator in ("AND", "OR"):
        update(Expected=two, ConditionalOperator=operator)
    update(Expected={"n": {"Value": n(5)}}, ConditionalOperator="OR")
    for updates in [
        {"n": {"Action": "ADD", "Value": n(2)}}, {"n": {"Action": "ADD", "Value": s("x")}},
        {"ss": {"Action": "ADD", "Value": {"SS": ["z"]}}}, {"ss": {"Action": "DELETE", "Value": {"SS": ["x"]}}},
        {"ss": {"Action": "DELETE", "Value": {"NS": ["1"]}}}, {"s": {"Action": "ADD", "Value": n(1)}},
        {"new": {"Value": s("v")}}, {"new": {"Action": "DELETE"}}, {"l": {"Action": "ADD", "Value": {"L": [s("q")]}}},
        {"q": {"Action": "PUT"}}, {"q": {"Action": "ADD"}}, {"q": {"Action": "DELETE", "Value": n(1)}},
        {"k": {"Value": s("b")}}, {"q1": {"Action": "ADD", "Value": n(2)}}, {"q2": {"Action": "DELETE"}},
    ]:
        update(AttributeUpdates=updates)
    mixed = {"AttributeUpdates": {"n": {"Value": n(1)}}, "UpdateExpression": "REMOVE n"}
    update(**mixed)
    for name in ("n", "s", "z"):
        for operator in operators:
            scan = {"TableName": table, "ScanFilter": {name: compare(operator, s("x"))}}
            script.append(("Scan", scan))
    script.append(("GetItem", {"TableName": table, "Key": key, "AttributesToGet": ["n", "z", "l"]}))
    agree_on_table(script + everything(table), 100, LOCAL)


@case
def keys_types_and_sizes():
    table, more = fresh(), fresh()
    script = [("CreateTable", simple(table)), ("CreateTable", indexed(more))]
    for value in [
        s(""), {"B": b""}, {"SS": []}, {"SS": ["a", "a"]}, {"NS": ["1", "1.0"]}, {"BS": [b"a", b"a"]}, {"NULL": False},
        {}, {"S": "a", "N": "1"}, {"L": [{}]}, {"M": {"": s("a")}}, n("1e126"), n("1e-131"), n("abc"), n(""),
        n("123456789012345678901234567890123456789"), n("1e125"), n("-1E-130"), {"L": []}, {"M": {}}, {"SS": [""]},
    ]:
        script.append(("PutItem", {"TableName": table, "Item": {"k": s("a"), "v": value}}))
        script.append(("GetItem", {"TableName": table, "Key": {"k": s("a")}}))
    for key in [{"k": n(1)}, {"k": s("")}, {"z": s("a")}, {"k": s("a"), "z": s("b")}, {}, {"k": s("x" * 2049)}]:
        script.append(("PutItem", {"TableName": table, "Item": {**key, "v": n(1)}}))
        for operation in ("GetItem", "DeleteItem", "UpdateItem"):
            script.append((operation, {"TableName": table, "Key": key}))
        script.append(("BatchGetItem", {"RequestItems": {table: {"Keys": [key]}}}))
        script.append(("BatchWriteItem", {"RequestItems": {table: [{"DeleteRequest": {"Key": key}}]}}))
    nested = s("x")
    for levels in range(1, 34):
        nested = {"L": [nested]}
        if levels > 30:
            script.append(("PutItem", {"TableName": table, "Item": {"k": s("deep"), "v": nested}}))
    for size in (400 * 1024 - 2, 400 * 1024 - 3):
        script.append(("PutItem", {"TableName": table, "Item": {"k": s("b"), "v": s("x" * size)}}))
    for item in [{"g": n(1)}, {"g": s("")}, {"l": n(1)}, {"g": s("g"), "l": s("l")}]:
        script.append(("PutItem", {"TableName": more, "Item": {"k": s("a"), "r": n(1), **item}}))
    for limit in (26, 25):
        puts = [{"PutRequest": {"Item": {"k": s(f"b{i}")}}} for i in range(limit)]
        script.append(("BatchWriteItem", {"RequestItems": {table: puts}}))
    for limit in (101, 100):
        keys = [{"k": s(f"b{i}")} for i in range(limit)]
        script.append(("BatchGetItem", {"RequestItems": {table: {"Keys": keys}}}))
    agree_on_table(script + everything(more), 20, LOCAL)


@case
def tokens_and_transactions():
    table = fresh()
    script = [("CreateTable", simple(table))]

    def put(key, **extra):
        return {"Put": {"TableName": table, "Item": {"k": s(key)}, **extra}}

    def transact(*items, **extra):
        script.append(("TransactWriteItems", {"TransactItems": list(items), **extra}))

    new = {"ConditionExpression": "attribute_not_exists(k)"}
    transact(put("a"), put("b", **new))
    transact(put("c"), put("b", **new))
    transact(put("c"), put("b", **new, ReturnValuesOnConditionCheckFailure="ALL_OLD"))
    transact(put("a"), put("a"))
    transact(put("tok", **new), ClientRequestToken=table[:30])
    transact(put("tok", **new), ClientRequestToken=table[:30])
    transact(put("tok"), ClientRequestToken=table[:30])
    transact({"Put": {"TableName": fresh(), "Item": {"k": s("a")}}})
    check = {"TableName": table, "Key": {"k": s("a")}, "ConditionExpression": "attribute_exists(k)"}
    transact({"ConditionCheck": check}, {"Delete": {"TableName": table, "Key": {"k": s("b")}}})
    for keys in (["a", "b"], ["a", "a"], ["tok"]):
        gets = [{"Get": {"TableName": table, "Key": {"k": s(key)}}} for key in keys]
        script.append(("TransactGetItems", {"TransactItems": gets}))
    agree_on_table(script + everything(table), 5, LOCAL)


@case
def sentences_about_expressions():
    """The vendor's own words about texts that follow no grammar; what it says of others is in the unit tests."""
    table = fresh()
    script = [("CreateTable", simple(table))]
    chance = random.Random(11)
    words = [
        "a", "m.x", "l[0]", "#s", "#zz", ":n", ":s", ":zz", "(", ")", "[", ",", ".", "=", "<>", "<", "AND", "OR", "NOT",
        "BETWEEN", "IN", "size(a)", "contains(a, :s)", "attribute_exists(b)", "begins_with(a, :n)", "foo(a)", "name", "+",
    ]
    for _ in range(150):
        text = " ".join(chance.choice(words) for _ in range(chance.randint(1, 6)))
        script.append(("Scan", placeholders({"TableName": table, "FilterExpression": text})))
    for _ in range(100):
        text = " ".join(chance.choice([*words, "SET", "REMOVE", "ADD", ":l"]) for _ in range(chance.randint(1, 5)))
        update = {"TableName": table, "Key": {"k": s("a")}, "UpdateExpression": chance.choice(["SET ", "ADD "]) + text}
        script.append(("UpdateItem", placeholders(update)))
    results = agree_on_table(script, 0, READERS)
    wrong = []
    for step, ours, local in zip(script[1:], results["ours"], results["local"]):
        syntax = "Syntax error" in ours.get("message", "") or "Syntax error" in local.get("message", "")
        if syntax and ours["message"] != local["message"]:
            wrong.append((step, ours["message"], local["message"]))
    for step, ours, local in wrong[:8]:
        print(f"  {step}\n    ours  {ours}\n    local {local}")
    assert not wrong, f"{len(wrong)} sentences differ"


run()
