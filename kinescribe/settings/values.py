"""Values that came out of a file or a variable, held against the kind that an option takes."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date, datetime, time
from typing import Any

from kinescribe.errors import UsageError

__all__ = ["KINDS", "Value", "fitted", "shown", "without_credentials"]

Value = str | int | float | bool | None
KINDS = {"str": "a text in quotes", "int": "a whole number", "float": "a number", "bool": "true or false"}
"""What a value may be, and how a message says so."""
MOST_DIGITS = 15  # of a whole number, which keeps it exact as a float too
LONGEST = 10_000  # characters of a text; no option needs as many
_CREDENTIALS = re.compile(r"(?<=://)[^/]*@")  # to the last @ before the path: a password may hold one


def fitted(name: str, kind: str, value: Any, *, may_lack: bool, where: str = "") -> Value:
    """The value as the option's own type; a whole number does for any number.

    Args:
        name: of the option, for messages.
        kind: key of `KINDS`.
        value: what was found.
        may_lack: whether None will do.
        where: what the value came from, for messages; "" for nothing.

    Raises:
        UsageError: another kind of value, NaN or infinity, or a text with control characters.
    """
    lead = f"{where}: " if where else ""
    if value is None and may_lack:
        return None
    if isinstance(value, bool) or kind == "bool":
        if isinstance(value, bool) and kind == "bool":
            return value
    elif kind == "str" and isinstance(value, str):
        if len(value) > LONGEST:
            raise UsageError(f"{lead}{name} has {len(value)} characters; {LONGEST} are the most")
        if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n\r" for c in value):
            raise UsageError(f"{lead}{name} = {shown(value)} holds control characters; write it again without them")
        return value
    elif kind in ("int", "float") and isinstance(value, int):
        if abs(value) >= 10**MOST_DIGITS:
            raise UsageError(f"{lead}{name} is a number of over {MOST_DIGITS} digits; give a smaller one")
        return value if kind == "int" else float(value)
    elif kind == "float" and isinstance(value, float):
        if not math.isfinite(value):
            raise UsageError(f"{lead}{name} = {value} is no finite number; give one, or leave it out")
        return value
    raise UsageError(f"{lead}{name} = {shown(value)} must be {KINDS[kind]}")


def shown(value: Any) -> str:
    """A foreign value in a message: one line, cut where it's long."""
    from kinescribe.llm.text import one_line

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, date | datetime | time):
        return "a date or time"
    if isinstance(value, int) and abs(value) >= 10**60:
        return "a very long number"
    return f"'{one_line(value, 60)}'" if isinstance(value, str) else one_line(repr(value), 60)


def without_credentials(text: str) -> str:
    """A text with ``user:password@`` taken out of the URLs in it: what is shown or kept is read by others."""
    return _CREDENTIALS.sub("…@", text)
