"""The files held against the API model: what they name must be in it, and what is in it must be named.

A covered member is written `PutRecords.in.Records.Data` or `GetRecords.out.Records.Data`: lists and maps add nothing to
the path. What a step says about SubscribeToShard it says about one event that all events so far are put together in.
"""

from fnmatch import fnmatchcase

import botocore.session
import jmespath
from jmespath.exceptions import JMESPathError

from .document import List, Map, Wrong, read
from .match import is_matcher
from .schema import NEEDS
from .values import names_in

BUILT_IN = {"unique", "region", "account", "partition", "other_account", "n"}
_LEAVES = {"is", "base64", "bytes", "length"}


class Model:
    """The published model of the service, and what of it the scenarios use."""

    def __init__(self):
        self.service = botocore.session.get_session().get_service_model("kinesis")
        self.operations = list(self.service.operation_names)
        self.covered = set()
        self.errors = set()

    def output(self, operation):
        """What a step's expectation is about; None for an operation that answers nothing."""
        model = self.service.operation_model(operation)
        if model.has_event_stream_output:
            stream = model.get_event_stream_output()
            return stream.members["SubscribeToShardEvent"]
        return model.output_shape

    def prefix(self, operation):
        inside = self.service.operation_model(operation).has_event_stream_output
        return f"{operation}.out" + (".EventStream.SubscribeToShardEvent" if inside else "")

    def hold(self, scenario):
        """Raises `Wrong` where a scenario names what is not in the model, or a variable nobody saves."""
        known = BUILT_IN | set(scenario.variables) | {v for need in scenario.needs for v in NEEDS[need].variables}
        kept = {}
        called = set()
        for step in scenario.steps + scenario.cleanup:
            operation = step.operation or kept.get(step.read)
            if operation is None:
                raise Wrong(step.place, f"no step before keeps '{step.read}'")
            if operation not in self.operations:
                raise Wrong(step.place, f"Kinesis Data Streams has no operation '{operation}'")
            called.add(operation)
            if step.keep:
                kept[step.keep] = operation
            self._step(step, operation)
            own = set(step.repeat) if isinstance(step.repeat, Map) else set()
            used = names_in([step.arguments, step.expect, step.error, step.until, list(step.save.values())])
            for name in sorted(used - known - own):
                raise Wrong(step.place, f"nothing before saves '${name}'")
            known |= set(step.save) | set(step.carry)
        for at, operation in enumerate(scenario.operations):
            if operation not in called:
                raise Wrong(scenario.operations.at(at), f"'{operation}' is covered by no step of this file")

    def _step(self, step, operation):
        shape = self.service.operation_model(operation).input_shape
        if step.operation:
            self._arguments(step.arguments, shape, f"{operation}.in", step.place)
        for expected in (step.expect, step.until):
            if isinstance(expected, Map) and set(expected) == {"error"}:
                self._error(expected["error"], operation, bool(step.read))
            elif expected is not None:
                self._expected(expected, self.output(operation), self.prefix(operation), step.place)
        if step.error is not None:
            self._error(step.error, operation, bool(step.read))
        for saved in (step.save, step.carry):
            for name, path in saved.items():
                self._path(path, operation, saved.at(name))
        if step.collect:
            self._path(step.collect, operation, step.place)

    def _arguments(self, value, shape, path, place):
        """What is sent must be members of the shape, of a fitting kind."""
        where = getattr(value, "place", place)
        if value is None:
            raise Wrong(where, f"{path} is null: leave it out")
        if isinstance(value, str) and value.startswith("$"):
            return
        kind = shape.type_name if shape is not None else "structure"
        fitting = {"structure": Map, "map": Map, "list": List, "blob": (Map, str)}.get(kind, (str, int, float))
        if not isinstance(value, fitting):
            raise Wrong(where, f"{path} is a {kind}")
        if kind == "structure":
            for name, inside in value.items():
                if shape is None or name not in shape.members:
                    raise Wrong(value.at(name), f"{path} has no member '{name}'")
                self.covered.add(f"{path}.{name}")
                self._arguments(inside, shape.members[name], f"{path}.{name}", value.at(name))
        elif kind in ("map", "list"):
            inner = shape.value if kind == "map" else shape.member
            for inside in value.values() if kind == "map" else value:
                self._arguments(inside, inner, path, where)

    def _expected(self, expected, shape, path, place):
        """What is expected must be members of the shape; they count as covered unless they shall be absent."""
        where = getattr(expected, "place", place)
        if expected is None:
            raise Wrong(where, f"{path} is null: write 'absent'")
        if isinstance(expected, Map) and is_matcher(expected):
            for name, wanted in expected.items():
                if name == "optional":
                    self._expected(wanted, shape, path, where)
                elif name in ("each", "contains", "excludes", "unordered") and shape.type_name == "list":
                    inside = [wanted] if name == "each" else wanted
                    for one in inside:
                        self._expected(one, shape.member, path, where)
                elif name not in _LEAVES | {"json", "contains", "excludes"}:
                    raise Wrong(expected.at(name), f"{path} is no list")
        elif isinstance(expected, Map):
            if shape is not None and shape.type_name != "structure":
                raise Wrong(where, f"{path} is a {shape.type_name}")
            for name, wanted in expected.items():
                if shape is None or name not in shape.members:
                    raise Wrong(expected.at(name), f"{path} has no member '{name}'")
                if wanted != "absent":
                    self.covered.add(f"{path}.{name}")
                self._expected(wanted, shape.members[name], f"{path}.{name}", expected.at(name))
        elif isinstance(expected, List):
            if shape.type_name != "list":
                raise Wrong(where, f"{path} is a {shape.type_name}")
            for one in expected:
                self._expected(one, shape.member, path, where)

    def _error(self, error, operation, in_stream):
        names = set(error["code"].split("|"))
        if in_stream:
            self.covered |= {f"{operation}.out.EventStream.{name}" for name in names}
        else:
            modelled = {shape.name for shape in self.service.operation_model(operation).error_shapes}
            self.errors |= {(operation, name) for name in names & modelled}

    def _path(self, path, operation, place):
        """A JMESPath: its names must be members."""
        try:
            parsed = jmespath.compile(path.replace("$", "_")).parsed
        except JMESPathError as error:
            raise Wrong(place, f"'{path}' is no JMESPath: {error}") from None
        self._walk(parsed, (self.output(operation), self.prefix(operation)), place)

    def _walk(self, node, at, place):
        """The shape that a JMESPath node leads to from `at`, with its path; None where the model cannot follow."""
        kind, children = node["type"], node.get("children", [])
        if kind == "field":
            return self._field(node["value"], at, place)
        if kind in ("index_expression", "subexpression", "pipe", "flatten"):
            for child in children:
                at = self._walk(child, at, place)
            return at
        if kind in ("projection", "filter_projection"):
            return self._walk(children[1], _element(self._walk(children[0], at, place)), place)
        if kind == "index":
            return _element(at)
        return at if kind in ("identity", "current", "slice") else (None, at[1])

    def _field(self, name, at, place):
        shape, path = at
        if shape is None or shape.type_name != "structure":
            return None, path
        if name not in shape.members:
            raise Wrong(place, f"{path} has no member '{name}'")
        self.covered.add(f"{path}.{name}")
        return shape.members[name], f"{path}.{name}"

    def uncalled(self, scenarios):
        """Operations that no scenario says it covers."""
        return sorted(set(self.operations) - {o for s in scenarios for o in s.operations})

    def members(self):
        """Every member of every input and output, nested ones with their path."""
        found = []
        for name in self.operations:
            operation = self.service.operation_model(name)
            _nested(operation.input_shape, f"{name}.in", found, ())
            _nested(operation.output_shape, f"{name}.out", found, ())
        return found

    def uncovered(self, path, root):
        """Members that no scenario names: those with a reason, and the rest. Reasons that are idle are `Wrong`."""
        reasons = read(path, root)
        missing = [member for member in self.members() if member not in self.covered]
        explained = {}
        for pattern, why in reasons.items():
            fitting = [member for member in missing if fnmatchcase(member, pattern)]
            if not fitting:
                raise Wrong(reasons.at(pattern), f"'{pattern}' fits no member that is not covered: take it out")
            explained.update({member: why for member in fitting})
        return explained, [member for member in missing if member not in explained]

    def unseen_errors(self):
        """Pairs of operation and modelled error that no scenario provokes."""
        pairs = [(o, e.name) for o in self.operations for e in self.service.operation_model(o).error_shapes]
        return [pair for pair in pairs if pair not in self.errors]


def _element(at):
    shape, path = at
    return (shape.member, path) if shape is not None and shape.type_name == "list" else at


def _nested(shape, path, found, seen):
    if shape is None or shape.name in seen:
        return
    if shape.type_name == "list":
        _nested(shape.member, path, found, seen)
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            found.append(f"{path}.{name}")
            _nested(member, f"{path}.{name}", found, seen + (shape.name,))
