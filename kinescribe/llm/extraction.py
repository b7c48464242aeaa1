"""Finding the JSON in what a model wrote."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["NotJsonError", "candidates", "fenced_blocks", "parse"]

MOST_CHARACTERS = 200_000
MOST_STARTS = 200  # braces from which reading is tried
FENCE = re.compile(r"\s*(`{3,}|~{3,})")
MOST_DIGITS = 100  # of a whole number; beyond some 300 it has no counterpart among floats
THOUGHT = "</think>"  # what open models close their thinking with


class NotJsonError(ValueError):
    """A text that is no JSON value; the message says why, in a few words."""


def parse(text: str) -> Any:
    """A JSON value (RFC 8259).

    Raises `NotJsonError` for anything else, also for NaN, numbers beyond all bounds, names given twice and absurd depth.
    """
    try:
        return _decoder().decode(text.strip())
    except RecursionError as error:
        raise NotJsonError("the JSON is nested too deeply") from error
    except ValueError as error:
        raise NotJsonError(f"no valid JSON: {error}") from error


def candidates(text: str) -> Iterator[Any]:
    """The JSON values in a text, likeliest first: all of it, fenced blocks from the last to the first, objects in running text likewise."""
    text = text.rsplit(THOUGHT, 1)[-1][-MOST_CHARACTERS:]
    for piece in (text, *reversed(fenced_blocks(text))):
        try:
            yield parse(piece)
        except NotJsonError:
            continue  # running text around JSON is what this function is for; the caller says so when nothing is found
    yield from reversed(list(_embedded(text)))


def fenced_blocks(text: str) -> list[str]:
    """What stands between fences of three or more backticks or tildes (CommonMark 4.5), in order; the last may lack its end."""
    blocks: list[list[str]] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = FENCE.match(line)
        if fence and mark and mark.group(1).startswith(fence) and line.strip() == mark.group(1):
            fence = ""
        elif fence:
            blocks[-1].append(line)
        elif mark:
            fence = mark.group(1)
            blocks.append([])
    return ["".join(lines) for lines in blocks]


def _embedded(text: str) -> Iterator[dict[str, Any]]:
    """Objects in running text, in order, none inside another."""
    decoder, place = _decoder(), 0
    for _ in range(MOST_STARTS):
        place = text.find("{", place)
        if place < 0:
            return
        try:
            value, place = decoder.raw_decode(text, place)
            yield value
        except (ValueError, RecursionError):
            place += 1


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(parse_float=_float, parse_int=_int, parse_constant=_refuse_constant, object_pairs_hook=_without_repetition)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{_shown(text)} is too large a number")
    return value


def _int(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"{_shown(text)} is too large a number")
    return int(text)


def _shown(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:20]}… of {len(text)} digits"


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        raise ValueError("a name is given twice")
    return out
