"""The runner's own tests: each thing it shall notice, and something like it that is fine."""

import datetime
import pathlib
import tempfile
import textwrap
import unittest
from unittest import mock

import botocore.session

from . import match, values
from .document import Map, Wrong
from .model import Model
from .run import Run
from .schema import load
from .target import Answer, Refusal, _plain

NOW = 1_000_000.0
HEAD = """
    name: it
    about: A test.
    operations: [PutRecord]
"""
PUT = """
    steps:
      - call: PutRecord
        with: {StreamName: s, Data: x, PartitionKey: a}
"""
PART = """
    part: stream
    about: A stream.
    steps:
      - call: CreateStream
        with: {StreamName: "${unique}-${as}", ShardCount: 1}
        save: {"${as}.arn": "@"}
    cleanup:
      - call: DeleteStream
        with: {StreamName: "${unique}-${as}"}
"""


class FakeTarget:
    """Answers what it is told, call by call, and remembers what it was asked."""

    facts = {"region": "r", "account": "1"}
    pauses = (0.0, 0.0)
    wait_max = 60.0

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.calls = []

    def call(self, by, operation, arguments, is_awaited=None):
        self.calls.append((by, operation, dict(arguments)))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        return Answer(dict(outcome.value)) if isinstance(outcome, Answer) else outcome


def scenario(text, parts=(), head=HEAD):
    """The one scenario of a folder with this file."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "parts").mkdir()
        for name, part in parts:
            (folder / "parts" / name).write_text(textwrap.dedent(part), encoding="utf-8")
        (folder / "it.yaml").write_text(textwrap.dedent(head) + textwrap.dedent(text), encoding="utf-8")
        return load(folder)["it"]


def ran(text, *outcomes, **kwargs):
    """What went wrong in a run against these answers, and the target."""
    target = FakeTarget(*outcomes)
    return Run(scenario(text, **kwargs), target, {}).run(), target


class Files(unittest.TestCase):
    def refused(self, text, said, **kwargs):
        with self.assertRaises(Wrong) as caught:
            found = scenario(text, **kwargs)
            Model().hold(found)
        self.assertIn(said, str(caught.exception))

    def test_a_good_file_is_taken(self):
        found = scenario(PUT)
        Model().hold(found)
        self.assertEqual(found.steps[0].operation, "PutRecord")

    def test_what_nobody_knows_is_refused_with_its_line(self):
        self.refused(PUT + "        expct: {}\n", "it.yaml:9: no key 'expct'")
        self.refused(PUT + "    need: []\n", "it.yaml:9: no key 'need'")
        self.refused("    needs: [money]" + PUT, "no need 'money'")
        self.refused("    steps: [{use: nothing}]\n", "no part 'nothing'")
        self.refused(PUT.replace("PutRecord", "PutRecrd"), "it.yaml:7: Kinesis Data Streams has no operation")
        self.refused(PUT.replace("Data", "Date"), "it.yaml:8: PutRecord.in has no member 'Date'")
        self.refused(PUT + "        expect: {ShardID: any}\n", "it.yaml:9: PutRecord.out has no member 'ShardID'")
        self.refused(PUT + "        save: {x: ShardID}\n", "it.yaml:9: PutRecord.out has no member 'ShardID'")

    def test_what_cannot_be_meant_is_refused(self):
        self.refused(PUT.replace("StreamName: s", "StreamName: s, StreamName: t"), "'StreamName' is there twice")
        self.refused(PUT.replace("Data: x", "Data: [x]"), "PutRecord.in.Data is a blob")
        self.refused(PUT.replace("StreamName: s", "StreamName: $s"), "nothing before saves '$s'")
        self.refused(PUT + "        within: 5s\n", "belong to 'until'")
        self.refused(PUT + "        until: {}\n        within: soon\n", "a duration is written like")
        self.refused(PUT + "        error: X\n        save: {n: SequenceNumber}\n", "has nothing to expect or to save")
        self.refused(PUT + "        expect: {ShardId: {length: 1, each: x}}\n", "PutRecord.out.ShardId is no list")
        self.refused("    steps: []\n", "'PutRecord' is covered by no step")
        self.refused(PUT, "the name is 'other'", head=HEAD.replace("name: it", "name: other"))
        self.refused(PUT.replace("Data: x", "Data: 2020-01-01"), "is read as a date: put it in quotes")

    def test_a_part_is_written_out_and_undone_last(self):
        text = """
            steps:
              - use: stream
                as: one
                with: {ShardCount: null, StreamModeDetails: {StreamMode: ON_DEMAND}}
              - use: stream
              - call: PutRecord
                with: {StreamARN: $one.arn, Data: x}
            cleanup:
              - call: ListStreams
        """
        found = scenario(text, parts=[("stream.yaml", PART)])
        self.assertEqual(dict(found.steps[0].arguments),
                         {"StreamName": "${unique}-one", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}})
        names = [(step.operation, step.arguments.get("StreamName")) for step in found.cleanup]
        undone = [("DeleteStream", "${unique}-stream"), ("DeleteStream", "${unique}-one")]
        self.assertEqual(names, [("ListStreams", None), *undone])

    def test_coverage_sees_what_is_not_named(self):
        model = Model()
        found = scenario(PUT + "        expect: {ShardId: any, EncryptionType: absent}\n")
        model.hold(found)
        self.assertIn("PutRecords", model.uncalled([found]))
        self.assertNotIn("PutRecord", model.uncalled([found]))
        self.assertTrue({"PutRecord.in.Data", "PutRecord.out.ShardId"} <= model.covered)
        self.assertNotIn("PutRecord.out.EncryptionType", model.covered)
        self.assertIn("PutRecords.in.Records.Data", model.members())

    def test_a_reason_without_use_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "uncovered.yaml")
            path.write_text('"*.in.StreamId": reserved\n"PutRecord.in.Nothing": why\n', encoding="utf-8")
            with self.assertRaisesRegex(Wrong, "uncovered.yaml:2"):
                Model().uncovered(path, path.parent)


@mock.patch.object(values.time, "time", lambda: NOW)
class Values(unittest.TestCase):
    def test_variables(self):
        known = {"a": 7, "b.c": b"x", "t": 1.5}
        filled = values.filled(Map({"k$a": ["$a", "${a}-$b.c-$t", "$$a"]}), known)
        self.assertEqual(filled, {"k7": [7, "7-x-1.500", "$a"]})
        with self.assertRaises(values.Undefined):
            values.filled("$nobody", known)

    def test_numbers(self):
        self.assertEqual(values.number("340282366920938463463374607431768211455+1"), 2**128)
        self.assertEqual(values.number("10-0.5"), 9.5)
        self.assertEqual(values.number("now-60"), NOW - 60)
        for text in ("x", "1 2", "", "1+", "shardId-1"):
            self.assertIsNone(values.number(text), text)

    def test_arguments(self):
        shape = botocore.session.get_session().get_service_model("kinesis").operation_model("PutRecord").input_shape
        sent = values.argument(shape, {"Data": {"base64": "AP8="}, "PartitionKey": 7})
        self.assertEqual(sent, {"Data": b"\x00\xff", "PartitionKey": "7"})
        self.assertEqual(len(values.blob({"bytes": 1000})), 1000)

    def test_answers(self):
        moment = datetime.datetime.fromtimestamp(1.5, datetime.timezone.utc)
        self.assertEqual(_plain({"ResponseMetadata": 1, "A": [moment]}), {"A": [1.5]})


@mock.patch.object(values.time, "time", lambda: NOW)
class Matching(unittest.TestCase):
    FINE = [
        ("x", "x"), ("any", 0), ("absent", None), ("/^s.*d$/", "shard"), ("~ 1..3", 3), ("~ 4..", "5"),
        ("~ ..4", 4), (7, 7), (7, "7"), ("~ now-5..now+5", NOW + 4.5), (True, True), ("hello", b"hello"),
        ({"base64": "AP8="}, b"\x00\xff"), ({"is": "any"}, "any"), ({"bytes": 3}, b"\x00\x01\x02"),
        ({"length": 2}, [1, 2]), ({"length": "~ 1.."}, [1, 2]), ({"contains": [2]}, [1, 2]),
        ({"contains": "el"}, "hello"), ({"excludes": [3]}, [1, 2]), ({"each": "~ 1..2"}, [1, 2]),
        ({"unordered": [2, 1]}, [1, 2]), ({"json": {"A": 1}}, '{"A": 1, "B": 2}'), ({"optional": "x"}, None),
        ({"optional": "x"}, "x"), ({"A": 1}, {"A": 1, "B": 2}), ({"A": "absent"}, {"B": 2}), ([1, "any"], [1, 2]),
        (1.5, 1.5004), ({}, {"A": 1}), ({"length": 1, "each": {"A": 1}}, [{"A": 1}]),
    ]
    WRONG = [
        ("x", "y"), ("any", None), ("absent", 0), ("/^d/", "shard"), ("~ 1..3", 4), ("~ 6..", "5"), ("~ 1..", "x"),
        (7, 8), ("1", True), ("~ now-5..now+5", NOW - 60), (True, False), ("hello", b"hullo"),
        ({"base64": "AP8="}, b"\x00"), ({"is": "any"}, "x"), ({"bytes": 3}, b"abc"), ({"length": 2}, [1]),
        ({"contains": [3]}, [1, 2]), ({"contains": "x"}, "hello"), ({"excludes": [2]}, [1, 2]),
        ({"excludes": "el"}, "hello"), ({"each": 1}, [1, 2]), ({"unordered": [1, 1]}, [1, 2]),
        ({"unordered": [1]}, [1, 2]), ({"json": {"A": 2}}, '{"A": 1}'), ({"json": {"A": 2}}, "no JSON"),
        ({"optional": "x"}, "y"), ({"A": 1}, {"B": 2}), ({"A": "absent"}, {"A": 2}), ([1], [1, 2]), (1.5, 1.6),
        ({"A": 1}, "text"), ([1], "text"), ({"length": 1}, None), ("x", 7),
    ]

    def test_what_fits(self):
        for expected, found in self.FINE:
            self.assertEqual(match.differences(expected, found), [], (expected, found))

    def test_what_does_not_fit(self):
        for expected, found in self.WRONG:
            self.assertTrue(match.differences(expected, found), (expected, found))

    def test_a_difference_says_where(self):
        found = match.differences({"A": [{"B": "x"}]}, {"A": [{"B": "y"}]})
        self.assertEqual([str(d) for d in found], ['A[0].B: expected "x", found "y"'])


class Running(unittest.TestCase):
    def test_a_step_that_goes_as_said_saves(self):
        text = PUT + """
        save: {n: SequenceNumber}
      - call: ListStreams
        with: {ExclusiveStartStreamName: $n}
"""
        wrong, target = ran(text, Answer({"SequenceNumber": "49"}))
        self.assertEqual(wrong, [])
        self.assertEqual(target.calls[1][2], {"ExclusiveStartStreamName": "49"})

    @mock.patch.object(FakeTarget, "wait_max", -1.0)
    def test_what_is_not_as_said_fails(self):
        answer = Answer({"ShardId": "a"})
        for said, outcome in [
            ("expect: {ShardId: b}", answer), ("error: X", answer), ("error: X", Refusal("Y", "m")),
            ("save: {n: SequenceNumber}", answer),
            ("until: {ShardId: b}", answer), ("until: {error: X}", answer), ("until: {}", Refusal("X", "m")),
            ("error: {code: X, message: /z/}", Refusal("X", "m")), ("expect: {}", Refusal("X", "m")),
        ]:
            wrong, _ = ran(PUT + f"        {said}\n", outcome)
            self.assertEqual(len(wrong), 1, said)
        wrong, _ = ran(PUT + "        error: {code: W|X, message: /^m$/, status: 400}\n", Refusal("X", "m", 400))
        self.assertEqual(wrong, [])

    def test_until_carries_and_collects(self):
        text = """
            steps:
              - call: GetRecords
                with: {ShardIterator: $i}
                carry: {i: NextShardIterator}
                collect: Records
                until: {Records: [{Data: a}, {Data: b}]}
              - call: PutRecord
                with: {StreamName: $i}
            vars: {i: first}
        """
        wrong, target = ran(
            text, Refusal("LimitExceededException", "later"), Answer({"Records": [], "NextShardIterator": "second"}),
            Answer({"Records": [{"Data": b"a"}], "NextShardIterator": "third"}), Answer({"Records": [{"Data": b"b"}]}),
        )
        self.assertEqual(wrong, [])
        self.assertEqual([c[2].get("ShardIterator") for c in target.calls], ["first", "first", "second", "third", None])
        self.assertEqual(target.calls[-1][2], {"StreamName": "third"})

    def test_a_step_is_repeated(self):
        _, target = ran(PUT.replace("StreamName: s", "StreamName: s$n") + "        repeat: 3\n", Answer({}))
        self.assertEqual([c[2]["StreamName"] for c in target.calls], ["s1", "s2", "s3"])
        text = PUT.replace("StreamName: s", "StreamName: $name") + "        repeat: {name: [x, y]}\n"
        _, target = ran(text, Answer({}))
        self.assertEqual([c[2]["StreamName"] for c in target.calls], ["x", "y"])

    def test_cleanup_runs_whatever_happens(self):
        text = PUT + """
    cleanup:
      - call: DeleteStream
        with: {StreamName: $never}
      - call: DeleteStream
        with: {StreamName: s}
"""
        wrong, target = ran(text, Refusal("X", "no"), Refusal("ResourceNotFoundException", "gone"))
        self.assertEqual([type(w).__name__ for w in wrong], ["Failed"])
        self.assertEqual([c[1] for c in target.calls], ["PutRecord", "DeleteStream"])
        wrong, _ = ran(text, Answer({}), Refusal("ResourceInUseException", "busy"))
        self.assertEqual(len(wrong), 1, "what is left behind is said")
