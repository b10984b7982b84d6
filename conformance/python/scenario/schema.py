"""What a scenario file may hold: unknown keys are refused with their line, parts are written out."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from .document import List, Map, Wrong, read

SCENARIO_KEYS = {"name", "about", "operations", "needs", "cost", "alone", "vars", "steps", "cleanup"}
PART_KEYS = {"part", "about", "steps", "cleanup"}
CALL_KEYS = {"call", "with", "expect", "error", "until", "within", "save", "carry", "collect", "repeat", "by", "keep"}
READ_KEYS = {"read", "expect", "error", "until", "within", "save"}
USE_KEYS = {"use", "with", "as"}


@dataclass
class Need:
    """Something that is not everywhere: what, the variables that stand for it, whether AWS charges more for it."""

    what: str
    variables: tuple = ()
    costly: bool = False


NEEDS = {
    "on-demand": Need("streams in on-demand mode, which cost by the hour", costly=True),
    "queue": Need("queues, on on-demand streams", costly=True),
    "channel": Need("channels, with a bucket and a role that may write to it", ("bucket", "role"), costly=True),
    "tables": Need("an S3 table bucket, and a Glue schema, by ARN", ("table_bucket", "schema"), costly=True),
    "encryption": Need("the service's own key, alias/aws/kinesis"),
    "key": Need("a customer managed KMS key", ("key",)),
    "absent-bucket": Need("the name of a bucket that is not there, and is not made", ("absent_bucket",)),
    "uncommitted": Need("an account without commitment in the region; one that ends is one"),
    "commitment": Need("a minimum throughput that the account then pays for during 24 hours", costly=True),
    "other-account": Need("credentials of a second account"),
    "quotas": Need("a service that enforces the published quotas, as AWS does and a server with profile aws"),
}
# Beside the scenarios: members that none can show.
UNCOVERED = "uncovered.yaml"
_WITHIN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60}
WITHIN_DEFAULT = 30.0


@dataclass
class Step:
    """A call or a look at a kept event stream."""

    place: str
    operation: str = ""
    read: str = ""
    arguments: Map = field(default_factory=Map)
    expect: object = None
    error: object = None
    until: object = None
    within: float = WITHIN_DEFAULT
    save: Map = field(default_factory=Map)
    carry: Map = field(default_factory=Map)
    collect: str = ""
    repeat: object = None
    by: str = ""
    keep: str = ""


@dataclass
class Scenario:
    """One file."""

    name: str
    path: Path
    place: str
    about: str
    operations: list
    needs: list
    cost: str
    alone: bool
    variables: dict
    steps: list
    cleanup: list


def load(folder):
    """Every scenario of a folder by name; the first mistake is raised as `Wrong`."""
    parts = {path.stem: _part(path, folder) for path in sorted((folder / "parts").glob("*.yaml"))}
    files = (path for path in sorted(folder.glob("*.yaml")) if path.name != UNCOVERED)
    return {path.stem: _scenario(path, folder, parts) for path in files}


def _scenario(path, folder, parts):
    found = read(path, folder)
    _keys(found, SCENARIO_KEYS, {"name", "about", "operations", "steps"}, f"{path.name}:1")
    if found["name"] != path.stem:
        raise Wrong(found.at("name"), f"the name is '{found['name']}', but the file is {path.name}")
    needs = _list(found, "needs")
    for at, need in enumerate(needs):
        if need not in NEEDS:
            raise Wrong(needs.at(at), f"no need '{need}'; there are {', '.join(NEEDS)}")
    steps, cleanup = List(), List()
    for step in _list(found, "steps"):
        _expanded(step, parts, steps, cleanup)
    last = [_step(step) for step in _list(found, "cleanup")]
    return Scenario(
        name=path.stem,
        path=path,
        place=found.place,
        about=_typed(found, "about", str, ""),
        operations=_list(found, "operations"),
        needs=needs,
        cost=_typed(found, "cost", str, ""),
        alone=_typed(found, "alone", bool, False),
        variables=_typed(found, "vars", Map, Map()),
        steps=[_step(step) for step in steps],
        # What a part made is undone after what was made of it.
        cleanup=last + [_step(step) for step in cleanup],
    )


def _part(path, folder):
    found = read(path, folder)
    _keys(found, PART_KEYS, {"part", "about", "steps"}, f"parts/{path.name}:1")
    if found["part"] != path.stem:
        raise Wrong(found.at("part"), f"the part is '{found['part']}', but the file is {path.name}")
    return found


def _expanded(step, parts, steps, cleanup):
    """Writes a `use` out as the part's steps; `cleanup` gets its undoing in front."""
    place = getattr(step, "place", "?")
    if not isinstance(step, Map) or "use" not in step:
        steps.append(step)
        return
    _keys(step, USE_KEYS, {"use"}, place)
    part = parts.get(step["use"])
    if part is None:
        raise Wrong(step.at("use"), f"no part '{step['use']}'; there are {', '.join(parts)}")
    label = step.get("as", part["part"])
    own = [_labelled(s, label) for s in _list(part, "steps")]
    first = own[0]
    first["with"] = _over(first.get("with", Map()), _typed(step, "with", Map, Map()))
    for one in own:
        steps.append(one)
    cleanup[:0] = [_labelled(s, label) for s in _list(part, "cleanup")]


def _over(below, above):
    """`above` over `below`; null leaves a member out."""
    merged = Map({**below, **above})
    merged.place = below.place
    merged.places = {**below.places, **above.places}
    for name in [name for name, value in merged.items() if value is None]:
        del merged[name]
    return merged


def _labelled(value, label):
    """A copy with `${as}` replaced by the label that a `use` gives."""
    if isinstance(value, Map):
        copy = Map((_labelled(k, label), _labelled(v, label)) for k, v in value.items())
        copy.place = value.place
        copy.places = {_labelled(k, label): p for k, p in value.places.items()}
        return copy
    if isinstance(value, List):
        copy = List(_labelled(v, label) for v in value)
        copy.place, copy.places = value.place, value.places
        return copy
    return value.replace("${as}", label) if isinstance(value, str) else value


def _step(found):
    place = getattr(found, "place", "?")
    if not isinstance(found, Map) or len(set(found) & {"call", "read"}) != 1:
        raise Wrong(place, "a step has one of 'call', 'read' and 'use'")
    kind = "call" if "call" in found else "read"
    _keys(found, CALL_KEYS if kind == "call" else READ_KEYS, {kind}, place)
    if "until" in found and "error" in found:
        raise Wrong(found.at("error"), "to wait for an error write `until: {error: …}`")
    if ("within" in found or "carry" in found or "collect" in found) and "until" not in found:
        raise Wrong(place, "'within', 'carry' and 'collect' belong to 'until'")
    step = Step(
        place=place,
        operation=_typed(found, "call", str, ""),
        read=_typed(found, "read", str, ""),
        arguments=_typed(found, "with", Map, Map()),
        expect=found.get("expect"),
        error=_error(found, "error"),
        until=found.get("until"),
        save=_typed(found, "save", Map, Map()),
        carry=_typed(found, "carry", Map, Map()),
        collect=_typed(found, "collect", str, ""),
        repeat=found.get("repeat"),
        by=_typed(found, "by", str, ""),
        keep=_typed(found, "keep", str, ""),
    )
    if isinstance(step.until, Map) and set(step.until) == {"error"}:
        step.until = Map(error=_error(step.until, "error"))
    if "within" in found:
        step.within = _duration(found)
    if step.by not in ("", "other"):
        raise Wrong(found.at("by"), "a call is made by the account itself, or 'by: other'")
    if step.repeat is not None and not isinstance(step.repeat, (int, Map)):
        raise Wrong(found.at("repeat"), "repeat a number of times, or `{name: list}`")
    if step.error is not None and (step.expect is not None or step.save):
        raise Wrong(found.at("error"), "a step that is refused has nothing to expect or to save")
    return step


def _error(found, key):
    """`CODE`, or a mapping of code, message and status."""
    error = found.get(key)
    if error is None or isinstance(error, str):
        return Map(code=error) if error else None
    if not isinstance(error, Map):
        raise Wrong(found.at(key), "an error is a code, or a mapping with a code")
    _keys(error, {"code", "message", "status"}, {"code"}, found.at(key))
    return error


def _duration(found):
    match = _WITHIN.fullmatch(str(found["within"]))
    if not match:
        raise Wrong(found.at("within"), "a duration is written like 500ms, 10s or 2m")
    return float(match.group(1)) * _SECONDS[match.group(2)]


def _keys(found, known, needed, place):
    if not isinstance(found, Map):
        raise Wrong(place, f"expected a mapping of {', '.join(sorted(known))}")
    for key in found:
        if key not in known:
            raise Wrong(found.at(key), f"no key '{key}' here; there are {', '.join(sorted(known))}")
    for key in sorted(needed - set(found)):
        raise Wrong(place, f"'{key}' is missing")


def _typed(found, key, kind, default):
    value = found.get(key)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise Wrong(found.at(key), f"'{key}' is not a {'mapping' if kind is Map else kind.__name__}")
    return value


def _list(found, key):
    if key not in found:
        return List()
    if not isinstance(found[key], List):
        raise Wrong(found.at(key), f"'{key}' is a list")
    return found[key]
