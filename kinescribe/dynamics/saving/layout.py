"""JSON that people can read and edit: what fits on a line stands on one, and so does every parameter."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["readable", "to_text"]

WIDTH = 130


def to_text(value: Any) -> str:
    """The text of JSON values; numbers keep all digits, those that are not finite become "nan", "inf" or "-inf"."""
    return _lines(_clean(value), "", "") + "\n"


def readable(number: float) -> float:
    """With as many digits as a σ needs."""
    return float(f"{number:.4g}")


def _lines(value: Any, indent: str, key: str) -> str:
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, dict | list) or not value:
        return flat
    short = len(indent) + len(flat) <= WIDTH and key != "parameters" and indent
    if short or (isinstance(value, list) and not any(isinstance(part, dict | list | str) for part in value)):
        return flat
    inner = indent + "  "
    # a parameter's line stays whole, however long its meaning
    whole = key == "parameters"
    if isinstance(value, dict):
        rows = [
            f"{inner}{json.dumps(name, ensure_ascii=False)}: {json.dumps(v, ensure_ascii=False) if whole else _lines(v, inner, name)}"
            for name, v in value.items()
        ]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _lines(item, inner, "") for item in value) + f"\n{indent}]"


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _clean(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value
