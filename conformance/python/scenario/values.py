"""From what a file says to what is sent: variables, moments, blobs."""

import base64
import re
import time
from fractions import Fraction

from .document import List, Map

_NAME = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*"
VARIABLE = re.compile(r"\$(?:(\$)|\{(" + _NAME + r")\}|(" + _NAME + r"))")
_TERM = re.compile(r"\s*([+-])?\s*(now|\d+(?:\.\d+)?)\s*")


class Undefined(Exception):
    """A variable that no step has saved."""


def names_in(value):
    """The variables a value mentions."""
    if isinstance(value, str):
        return {m.group(2) or m.group(3) for m in VARIABLE.finditer(value)} - {None}
    if isinstance(value, dict):
        return set().union(set(), *(names_in(k) | names_in(v) for k, v in value.items()))
    if isinstance(value, list):
        return set().union(set(), *(names_in(v) for v in value))
    return set()


def filled(value, variables):
    """`value` with its variables; one that stands alone keeps its type, `$$` is a dollar sign."""
    if isinstance(value, str):
        return _filled_text(value, variables)
    if isinstance(value, dict):
        copy = Map((filled(k, variables), filled(v, variables)) for k, v in value.items())
        copy.place, copy.places = getattr(value, "place", "?"), getattr(value, "places", {})
        return copy
    if isinstance(value, list):
        copy = List(filled(v, variables) for v in value)
        copy.place, copy.places = getattr(value, "place", "?"), getattr(value, "places", ())
        return copy
    return value


def _filled_text(text, variables):
    def known(match):
        name = match.group(2) or match.group(3)
        if name not in variables:
            raise Undefined(name)
        return variables[name]

    whole = VARIABLE.fullmatch(text)
    if whole and not whole.group(1):
        return known(whole)
    return VARIABLE.sub(lambda m: "$" if m.group(1) else plain(known(m)), text)


def plain(value):
    """A value inside a text: moments as seconds, bytes as text."""
    if isinstance(value, float):
        return f"{value:.3f}"
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def number(text):
    """The exact value of a number, of `now-60`, of `$n+1` once filled in; None for anything else."""
    if isinstance(text, (int, float)):
        return Fraction(repr(text)) if not isinstance(text, bool) else None
    text = plain(text).strip()
    if not text:
        return None
    total, at = Fraction(0), 0
    while at < len(text):
        term = _TERM.match(text, at)
        if not term or (at > 0 and not term.group(1)):
            return None
        value = Fraction(repr(time.time())) if term.group(2) == "now" else Fraction(term.group(2))
        total += -value if term.group(1) == "-" else value
        at = term.end()
    return total


def blob(value):
    """Bytes of a text, of `{base64: …}` or of `{bytes: N}`, which are N bytes of filling."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict) and "base64" in value:
        return base64.b64decode(value["base64"], validate=True)
    if isinstance(value, dict) and "bytes" in value:
        count = int(value["bytes"])
        return (bytes(range(256)) * (count // 256 + 1))[:count]
    return str(value).encode()


def argument(shape, value):
    """A filled value as botocore wants it for a shape of the model."""
    kind = shape.type_name
    if kind == "structure":
        return {name: argument(shape.members[name], v) for name, v in value.items()}
    if kind == "list":
        return [argument(shape.member, v) for v in value]
    if kind == "map":
        return {str(name): argument(shape.value, v) for name, v in value.items()}
    if kind == "blob":
        return blob(value)
    if kind == "timestamp":
        moment = number(value)
        return value if moment is None else float(moment)
    if kind == "string" and not isinstance(value, bool):
        return plain(value)
    return value
