"""Axes and outlines of the pages' drawings: numbers to places in an SVG, so that the browser draws and colours them.

Drawings are SVG in the page itself, not pictures made here: they stay sharp, follow the page's light and dark colours and fonts, write
labels of any script, and are the same bytes on every machine, whatever fonts and libraries that has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Axis", "axis", "dots_of", "outline", "path_of", "span_of"]

Float = NDArray[np.float64]
MOST_TICKS = 7


@dataclass(frozen=True, slots=True)
class Axis:
    """A straight scale.

    Attributes:
        low, high: values at its ends. start, end: where these lie, px.
        ticks: places in px and their words.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...] = ()

    def at(self, values: Float) -> Float:
        """Where values lie, px; those beyond the ends lie at most one length of the axis outside."""
        share = (np.asarray(values, float) - self.low) / (self.high - self.low)
        return np.asarray(self.start + np.clip(share, -1.0, 2.0) * (self.end - self.start))


def axis(low: float, high: float, start: float, end: float) -> Axis:
    """A scale from `low` at `start` px to `high` at `end` px, with ticks at round numbers."""
    from matplotlib.ticker import MaxNLocator

    plain = Axis(low, high, start, end)
    marks = np.asarray(MaxNLocator(nbins=MOST_TICKS, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high), float)
    marks = marks[(marks >= low) & (marks <= high)]
    step = float(marks[1] - marks[0]) if len(marks) > 1 else high - low
    places = np.round(plain.at(marks), 1).tolist()
    return Axis(low, high, start, end, tuple((at, _words(mark, step)) for at, mark in zip(places, marks.tolist(), strict=True)))


def _words(value: float, step: float) -> str:
    """As many digits as tell one tick from the next."""
    value = 0.0 if abs(value) < step * 1e-6 else value
    if not 1e-4 <= step < 1e6:
        return f"{value:.3g}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    # a step of 2.5 needs one digit more than one of 2
    decimals += abs(round(step, decimals) - step) > step * 1e-6
    return f"{value:.{decimals}f}"


def span_of(values: Float, room: float = 0.05) -> tuple[float, float]:
    """The smallest and the largest finite value with some room about them; apart even where there is but one."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    least = 1e-9 * max(abs(low), abs(high), 1.0)
    if high - low <= least:
        low, high = low - max(0.5, least), high + max(0.5, least)
    return low - room * (high - low), high + room * (high - low)


def path_of(x: Float, y: Float, joined: NDArray[np.bool_]) -> str:
    """The `d` of an SVG path through points (n,) in px; "" where no two of them are joined.

    Args:
        x, y: a point that isn't finite is left out, and the line breaks there.
        joined: (n,) whether a line leads to this point from the one before.
    """
    to = _lines_to(x, y, joined)
    begins = np.append(to[1:], False) & ~to
    drawn = np.flatnonzero(to | begins)
    return "".join(
        f"{'L' if to[k] else 'M'}{px:g} {py:g}"
        for k, px, py in zip(drawn.tolist(), np.round(x[drawn], 1).tolist(), np.round(y[drawn], 1).tolist(), strict=True)
    )


def dots_of(x: Float, y: Float, joined: NDArray[np.bool_]) -> str:
    """The `d` of the points that `path_of` leaves out, as no line leads to or from them: strokes of no length, round at their ends."""
    to = _lines_to(x, y, joined)
    lone = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & ~to & ~np.append(to[1:], False))
    return "".join(f"M{px:g} {py:g}h0" for px, py in zip(np.round(x[lone], 1).tolist(), np.round(y[lone], 1).tolist(), strict=True))


def _lines_to(x: Float, y: Float, joined: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) whether a line is drawn to each point from the one before."""
    known = np.isfinite(x) & np.isfinite(y)
    return joined & known & np.insert(known[:-1], 0, False) if len(known) else known


def outline(x: Float, low: Float, high: Float, joined: NDArray[np.bool_]) -> str:
    """The `d` of closed bands between two lines over x, (n,) each in px, broken where points aren't joined or not finite."""
    known = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
    starts = ~(joined & known & np.concatenate([[False], known[:-1]]))
    parts = []
    for run in np.split(np.arange(len(x)), np.flatnonzero(starts)):
        mine = run[known[run]]
        if len(mine) > 1:
            across, up = np.concatenate([x[mine], x[mine][::-1]]), np.concatenate([low[mine], high[mine][::-1]])
            parts.append(path_of(across, up, np.ones(len(across), bool)) + "z")
    return "".join(parts)
