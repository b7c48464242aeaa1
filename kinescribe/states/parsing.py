"""Sticks and points as a user writes them."""

from __future__ import annotations

import re

from kinescribe.errors import UsageError

__all__ = ["Point", "parse_point", "parse_stick"]

Point = tuple[float, float]

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_POINT = rf"\(?\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)?"
_LENGTH = re.compile(rf"\s*({_NUMBER})\s*(.*?)\s*", re.DOTALL)
_ONE_POINT = re.compile(rf"\s*{_POINT}\s*")
_TWO_POINTS = re.compile(rf"\s*{_POINT}(?:\s*;\s*|\s+|(?<=\))(?=\()){_POINT}\s*")
_STICK_EXAMPLE = "write a length, its unit and the stick's two ends in image pixels, as '0.30 m: 120,400 480,402'"


def parse_stick(text: str) -> tuple[float, str, Point, Point]:
    """Length, unit and both ends (image pixels) of a stick written like ``0.30 m: 120,400 480,402``; UsageError for any other form."""
    if not isinstance(text, str):
        raise UsageError(f"cannot read the scale {text!r}: {_STICK_EXAMPLE}")
    head, colon, tail = text.partition(":")
    length = _LENGTH.fullmatch(head)
    if not colon or length is None:
        raise UsageError(f"cannot read the scale {text!r}: {_STICK_EXAMPLE}")
    unit = length[2]
    if not unit:
        raise UsageError(f"the scale {text!r} names no unit: {_STICK_EXAMPLE}")
    if re.match(r"[\d.,]", unit):
        raise UsageError(f"cannot read the length in the scale {text!r}: use a decimal point; {_STICK_EXAMPLE}")
    ends = _TWO_POINTS.fullmatch(tail)
    if ends is None:
        raise UsageError(f"cannot read two points from {tail.strip()!r} in the scale {text!r}: {_STICK_EXAMPLE}")
    x0, y0, x1, y1 = (float(number) for number in ends.groups())
    return float(length[1]), unit, (x0, y0), (x1, y1)


def parse_point(text: str, name: str = "origin") -> Point:
    """An image pixel written like ``131.3,207.9``; UsageError for any other form. `name` is what the message calls it."""
    if not isinstance(text, str):
        raise UsageError(f"the {name} {text!r} is no text: write x,y in image pixels from the top left corner, as '320,240'")
    match = _ONE_POINT.fullmatch(text)
    if match is None:
        raise UsageError(f"cannot read the {name} {text!r}: write x,y in image pixels from the top left corner, as '320,240'")
    return float(match[1]), float(match[2])
