"""Numbers and names as the pages write them."""

from __future__ import annotations

__all__ = ["count", "number", "percent", "seconds"]


def number(value: float | None) -> str:
    """Four digits, thousands in full; "–" for what is not known."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def percent(share: float | None) -> str:
    """A share in [0, 1] as a percentage; never 100 % for less than all, nor 0 % for more than nothing."""
    if share is None:
        return "–"
    shown = round(100.0 * share)
    if (shown == 100 and share < 1.0) or (shown == 0 and share > 0.0):
        return "> 99 %" if shown else "< 1 %"
    return f"{shown} %"


def seconds(value: float | None) -> str:
    """A stretch of time: ``4.2 s``, ``3 min 20 s``, ``2 h 5 min``; "–" for what is not known."""
    if value is None:
        return "–"
    if value < 120:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def count(how_many: int, what: str) -> str:
    """``1 object``, ``2,300 objects``."""
    return f"{how_many:,} {what}{'s' * (how_many != 1)}"
