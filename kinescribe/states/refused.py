"""Why a sidecar was refused, in words."""

from __future__ import annotations

from pydantic import ValidationError

__all__ = ["shortened", "what_is_wrong"]

PLAIN = {
    "float": "must be a number",
    "int": "must be a whole number",
    "string": "must be a text",
    "bool": "must be true or false",
    "dataclass": 'must be an object, as {"pixels_per_unit": 100, "unit": "m"}',
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}
"""What is wrong with a value by the kind of pydantic's error, in our words."""


def what_is_wrong(error: ValidationError) -> str:
    """The first thing, in words, with its place."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    what, given = first["msg"], shortened(first["input"])
    if first["type"] == "missing" and isinstance(first["loc"][-1], int):
        return f"{'.'.join(place[:-1])}: {given} holds too few values"
    if first["type"] == "missing":
        return f"{'.'.join(place[:-1]) or 'the whole'} lacks '{place[-1]}'"
    where = ".".join(place) or "the whole"
    if first["type"] == "value_error":  # one of ours, which names the value
        return f"{where}: {what.removeprefix('Value error, ')}"
    return f"{where}: {next((plain for kind, plain in PLAIN.items() if first['type'].startswith(kind)), what)}, not {given}"


def shortened(value: object) -> str:
    """A value on one line, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
