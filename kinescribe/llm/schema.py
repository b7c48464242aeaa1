"""JSON schemas: checking a value against one, as far as answers of models need it.

Covers type, enum, const, properties, required, additionalProperties, items, minItems, maxItems, uniqueItems, minLength, maxLength,
minimum, maximum and anyOf (JSON Schema 2020-12). A schema with any other rule is refused, so that no rule is passed over in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kinescribe.errors import UsageError

from .text import one_line

__all__ = ["check_schema", "is_strict", "name_of", "problems"]

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
RULES = {
    "type", "enum", "const", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "uniqueItems",
    "minLength", "maxLength", "minimum", "maximum", "anyOf",
}  # fmt: skip
LONGEST_SHOWN = 60
NOTES = {"title", "description", "default", "examples", "$schema"}


def check_schema(schema: dict[str, Any]) -> None:
    """Raise `UsageError` for a schema with a rule that `problems` doesn't know."""
    for part in _parts(schema):
        unknown = part.keys() - RULES - NOTES
        if unknown:
            raise UsageError(f"rule '{min(unknown)}' of a schema isn't supported; use {', '.join(sorted(RULES))}, or a pydantic model")
        kinds = part.get("type", [])
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            if kind not in TYPES:
                raise UsageError(f"'{kind}' is no type of a schema; available: {', '.join(TYPES)}")


def is_strict(schema: dict[str, Any]) -> bool:
    """Whether every object requires all its properties and allows no others, as hosts ask of schemas that they enforce to the letter."""
    return "$ref" not in json.dumps(schema) and all(
        part.get("additionalProperties") is False and set(part.get("required", ())) == part.get("properties", {}).keys()
        for part in _parts(schema)
        if part.get("type") == "object"
    )


def name_of(schema: dict[str, Any]) -> str:
    """A name for a schema, from its title, with the characters that endpoints allow."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", str(schema.get("title", "")))[:64].strip("_") or "answer"


def problems(value: Any, schema: dict[str, Any], place: str = "") -> Iterator[str]:
    """What is wrong with a value, each in a few words; nothing if it fits."""
    where = place or "the answer"
    kinds = schema.get("type")
    if kinds is not None and not _has_type(value, [kinds] if isinstance(kinds, str) else kinds):
        yield f"{where} is {_shown(value)}, not of type {kinds}"
        return
    if "enum" in schema and not any(_same(value, allowed) for allowed in schema["enum"]):
        yield f"{where} is {_shown(value)}, not one of {_shown(schema['enum'])}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where} is {_shown(value)}, not {_shown(schema['const'])}"
    if "anyOf" in schema and all(any(True for _ in problems(value, option, place)) for option in schema["anyOf"]):
        yield f"{where} is {_shown(value)}, which fits none of the alternatives"
    if isinstance(value, str):
        yield from _bounds(len(value), schema, "minLength", "maxLength", f"{where} has", "characters")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _bounds(value, schema, "minimum", "maximum", f"{where} is", "")
    elif isinstance(value, list):
        yield from _of_list(value, schema, where, place)
    elif isinstance(value, dict):
        yield from _of_object(value, schema, where, place)


def _of_list(value: list[Any], schema: dict[str, Any], where: str, place: str) -> Iterator[str]:
    yield from _bounds(len(value), schema, "minItems", "maxItems", f"{where} has", "items")
    if schema.get("uniqueItems") and len({json.dumps(item, sort_keys=True) for item in value}) < len(value):
        yield f"{where} has an item twice"
    if "items" in schema:
        for i, item in enumerate(value):
            yield from problems(item, schema["items"], f"{place}[{i}]")


def _of_object(value: dict[str, Any], schema: dict[str, Any], where: str, place: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where} lacks '{name}'"
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        shown = one_line(name, LONGEST_SHOWN)
        inner = f"{place}.{shown}" if place else shown
        if name in properties:
            yield from problems(item, properties[name], inner)
        elif others is False:
            yield f"{where} has '{shown}', which isn't asked for"
        elif isinstance(others, dict):
            yield from problems(item, others, inner)


def _bounds(number: float, schema: dict[str, Any], least: str, most: str, where: str, unit: str) -> Iterator[str]:
    words = f"{where} {_shown(number)} {unit}".rstrip()
    if least in schema and number < schema[least]:
        yield f"{words}, less than {schema[least]}"
    if most in schema and number > schema[most]:
        yield f"{words}, more than {schema[most]}"


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and all that it is made of."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    for part in (*inner, schema.get("items"), schema.get("additionalProperties")):
        if isinstance(part, dict):
            yield from _parts(part)


def _has_type(value: Any, kinds: list[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in kinds
    whole = isinstance(value, float) and value.is_integer() and "integer" in kinds  # JSON has one kind of number
    return whole or any(isinstance(value, TYPES[kind]) for kind in kinds)


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _shown(value: Any) -> str:
    return one_line(json.dumps(value, ensure_ascii=False), LONGEST_SHOWN)
