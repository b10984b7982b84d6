"""An expectation held against an answer: partial for mappings, exact for the rest, with matchers in between."""

import json
import re
from dataclasses import dataclass

from . import values

MATCHERS = {"length", "contains", "excludes", "each", "unordered", "is", "base64", "bytes", "json", "optional"}
_MISSING = object()


@dataclass
class Difference:
    """One thing that is not as expected."""

    path: str
    expected: str
    found: str

    def __str__(self):
        return f"{self.path or 'the answer'}: expected {self.expected}, found {self.found}"


def is_matcher(expected):
    """Whether a mapping is a matcher rather than members; members of the API begin with a capital."""
    return isinstance(expected, dict) and bool(expected) and set(expected) <= MATCHERS


def differences(expected, found, path=""):
    """What of `expected`, its variables filled in, does not hold for `found`."""
    if expected == "absent":
        return [] if found is _MISSING or found is None else [Difference(path, "nothing", shown(found))]
    if is_matcher(expected) and "optional" in expected:
        gone = found is _MISSING or found is None
        return [] if gone else differences(expected["optional"], found, path)
    if found is _MISSING or found is None:
        return [Difference(path, shown(expected), "nothing")]
    if expected == "any":
        return []
    if is_matcher(expected):
        return [d for name, wanted in expected.items() for d in _matcher(name, wanted, found, path)]
    if isinstance(expected, dict):
        return _members(expected, found, path)
    if isinstance(expected, list):
        return _elements(expected, found, path)
    return [] if _scalar(expected, found) else [Difference(path, shown(expected), shown(found))]


def _members(expected, found, path):
    if not isinstance(found, dict):
        return [Difference(path, shown(expected), shown(found))]
    inside = [differences(v, found.get(k, _MISSING), f"{path}.{k}" if path else k) for k, v in expected.items()]
    return [d for ds in inside for d in ds]


def _elements(expected, found, path):
    if not isinstance(found, list):
        return [Difference(path, shown(expected), shown(found))]
    if len(expected) != len(found):
        return [Difference(path, f"{len(expected)} elements {shown(expected)}", f"{len(found)}: {shown(found)}")]
    inside = [differences(e, f, f"{path}[{i}]") for i, (e, f) in enumerate(zip(expected, found))]
    return [d for ds in inside for d in ds]


def _scalar(expected, found):
    if isinstance(expected, str):
        if len(expected) > 1 and expected.startswith("/") and expected.endswith("/"):
            return re.search(expected[1:-1], values.plain(found), re.DOTALL) is not None
        if expected.startswith("~ "):
            return within(expected[2:], found)
    if isinstance(found, bytes):
        return values.blob(expected) == found
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(found, (int, float)):
        wanted = values.number(expected)
        # Moments travel with milliseconds.
        return wanted is not None and abs(wanted - values.number(found)) < 0.001
    return values.plain(expected) == found


def within(bounds, found):
    """`a..b`, either end left out; bounds are numbers, `now`, and their sums."""
    low, dots, high = bounds.partition("..")
    value = values.number(found)
    ends = [values.number(end) if end.strip() else None for end in (low, high)]
    if not dots or value is None or any(e is None and t.strip() for e, t in zip(ends, (low, high))):
        return False
    return (ends[0] is None or value >= ends[0]) and (ends[1] is None or value <= ends[1])


def _matcher(name, wanted, found, path):
    miss = [Difference(path, f"{name} {shown(wanted)}", shown(found))]
    if name == "is":
        return [] if values.blob(wanted) == values.blob(found) else miss
    if name == "base64":
        return [] if values.blob({"base64": wanted}) == found else miss
    if name == "bytes":
        return [] if isinstance(found, bytes) and values.blob({"bytes": wanted}) == found else miss
    if name == "json":
        try:
            return differences(wanted, json.loads(found), f"{path} as JSON")
        except (TypeError, ValueError):
            return miss
    if not hasattr(found, "__len__"):
        return miss
    if name == "length":
        return [] if _scalar(wanted, len(found)) else [Difference(path, f"length {wanted}", str(len(found)))]
    if isinstance(found, str):
        texts = wanted if isinstance(wanted, list) else [wanted]
        return [] if all((str(t) in found) == (name == "contains") for t in texts) else miss
    return _of_elements(name, wanted, found, path, miss)


def _of_elements(name, wanted, found, path, miss):
    if name == "each":
        return [d for i, f in enumerate(found) for d in differences(wanted, f, f"{path}[{i}]")]
    if name == "unordered" and len(wanted) != len(found):
        return miss
    left = list(found)
    for one in wanted:
        fitting = next((f for f in left if not differences(one, f)), _MISSING)
        if (fitting is _MISSING) != (name == "excludes"):
            return [Difference(path, f"{name} {shown(one)}", shown(found))]
        if name == "unordered":
            left.remove(fitting)
    return []


def shown(value, most=400):
    """A value for people, on one line and not too long."""
    if isinstance(value, bytes):
        text = f"{len(value)} bytes {value[:40]!r}" if len(value) > 40 else repr(value)
    else:
        text = json.dumps(value, default=lambda v: shown(v, 80), ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
