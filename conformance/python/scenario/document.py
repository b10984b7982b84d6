"""YAML as plain values that know their place in the file; what YAML lets pass by mistake is refused."""

import yaml


class Wrong(Exception):
    """A mistake in a file, with its place."""

    def __init__(self, place, text):
        super().__init__(f"{place}: {text}")


class Map(dict):
    """A mapping; `place` is its own, `places` those of its keys."""

    place = "?"
    places = {}

    def at(self, key):
        return self.places.get(key, self.place)


class List(list):
    """A sequence; `place` is its own, `places` those of its elements."""

    place = "?"
    places = ()

    def at(self, index):
        return self.places[index] if index < len(self.places) else self.place


def read(path, root):
    """The one document of a file; errors name it relative to `root`."""
    name = path.relative_to(root)
    loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
    try:
        node = loader.get_single_node()
        if node is None:
            raise Wrong(f"{name}:1", "is empty")
        return _value(loader, node, name)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Wrong(f"{name}:{mark.line + 1 if mark else '?'}", error.problem or error.context) from None
    finally:
        loader.dispose()


def _value(loader, node, name):
    place = f"{name}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        return _map(loader, node, name, place)
    if isinstance(node, yaml.SequenceNode):
        found = List(_value(loader, child, name) for child in node.value)
        found.place = place
        found.places = [f"{name}:{child.start_mark.line + 1}" for child in node.value]
        return found
    value = loader.construct_object(node)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise Wrong(place, f"'{node.value}' is read as a {type(value).__name__}: put it in quotes")


def _map(loader, node, name, place):
    found = Map()
    found.place, found.places = place, {}
    for key, child in node.value:
        where = f"{name}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            raise Wrong(where, "a key is a plain word")
        if key.value in found:
            raise Wrong(where, f"'{key.value}' is there twice")
        found[key.value] = _value(loader, child, name)
        found.places[key.value] = where
    return found
