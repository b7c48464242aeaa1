"""What a model is told about the motion: objects, units, contacts, inputs, rules, a table of the tracks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.affordances import Affordances
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.report.residuals import stood_in
from kinescribe.dynamics.synthesis.stretches import stretches
from kinescribe.llm.text import one_line

__all__ = ["briefing", "name_for"]

Float = NDArray[np.float64]
MOST_ROWS = 24  # of a clip's table
MOST_CLIPS = 3
MOST_OBJECTS = 12
MOST_CONTACTS = 20
LONGEST_NAME, LONGEST_RULES = 40, 4_000  # characters


def briefing(clips: Sequence[Clip], rules: Affordances | None = None, *, pictured: bool = False) -> str:
    """The motion in words and numbers. Names of objects are cut to a line: they come from a table, which anybody may have written.

    Args:
        rules: affordance rules. pictured: a contact sheet goes with it, in which objects have the numbers of the first clip's table.
    """
    first = clips[0]
    unit = one_line(first.unit, LONGEST_NAME) or "the table's unit"
    turned = " (that of the table, which points down, turned over)" if first.y_down else ""
    lines = [f"Lengths are in {'pixels' if unit == 'px' else unit}, times in seconds, y points up{turned}.", "", "Objects:"]
    for k, name in enumerate(first.bodies.names[:MOST_OBJECTS]):
        number = f", number {first.bodies.object_ids[k]} in the picture" if pictured and first.bodies.object_ids else ""
        lines.append(f"* {k}: {name_for(name)}{_looks(first, k)}{number}")
    left = len(first.bodies) - MOST_OBJECTS
    if left > 0:
        lines.append(f"* and {left} more, {MOST_OBJECTS} to {len(first.bodies) - 1}, that are not listed")
    # a program can name no others, such as "cart.vx", the rate of something that moves as it was seen to
    inputs = sorted(name for name in set.intersection(*(set(clip.inputs.columns) for clip in clips)) if name.isidentifier())
    lines += ["", "Known inputs: " + (", ".join(name_for(name) for name in inputs) or "none") + "."]
    if rules is not None:
        said = json.dumps(rules.model_dump(mode="json", exclude_none=True), ensure_ascii=False)
        lines += ["", f"What objects can do, by the user's rules (JSON): {said[:LONGEST_RULES]}"]
    for clip in clips[:MOST_CLIPS]:
        lines += ["", *_told(clip)]
    if len(clips) > MOST_CLIPS:
        lines += ["", f"{len(clips) - MOST_CLIPS} more clips of the same objects under the same law are not shown."]
    return "\n".join(lines)


def name_for(name: str) -> str:
    """A name from a table as it may stand in a question."""
    return one_line(name, LONGEST_NAME)


def _looks(clip: Clip, k: int) -> str:
    bodies = clip.bodies
    shape = bodies.shapes[k]
    width, height = (float(np.ravel(side)[k] if np.ndim(side) == 1 else side[0, k]) for side in (bodies.width, bodies.height))
    size = f"{width:.3g} by {height:.3g}" if width > 0 and height > 0 else ""
    words = ", ".join(one for one in (one_line(shape, 10), size, "never moves" if bodies.static[k] else "") if one)
    return f" ({words})" if words else ""


def _told(clip: Clip) -> list[str]:
    t = clip.times
    lines = [f"Clip '{name_for(clip.name)}': {len(t)} frames from {t[0]:.4g} s to {t[-1]:.4g} s."]
    sigma = float(np.nanmedian(np.concatenate([clip.sigma_x.ravel(), clip.sigma_y.ravel()])))
    errors = "are known to about" if not stood_in([clip]) else "come without errors; what is called sigma here is"
    lines.append(f"Positions {errors} {sigma:.2g}. Velocities are from parabolas through neighbouring positions, and are rougher.")
    hits = [
        f"{hit.time:.4g} s: {' and '.join(name_for(clip.bodies.names[i]) for i in hit.objects)}"
        + ("" if len(hit.objects) > 1 else f" strikes {name_for(hit.wall) or 'something that is no object'}")
        for hit in clip.impacts[:MOST_CONTACTS]
    ]
    more = f"; and {len(clip.impacts) - MOST_CONTACTS} more" if len(clip.impacts) > MOST_CONTACTS else ""
    lines.append("Contacts that were seen: " + ("; ".join(hits) or "none") + f"{more}.")
    for k in range(min(len(clip.bodies), MOST_OBJECTS)):
        # each by itself: the others may be out of sight, or be struck
        parts = list(stretches(clip.keeping([k])))
        if parts:
            lines.append(f"Track of {k} ({name_for(clip.bodies.names[k])}): t, x, y, vx, vy")
            lines += _rows(np.concatenate([np.column_stack([part.times, part.seen[:, 0], part.velocity[:, 0]]) for part in parts]))
        else:
            known = clip.seen[:, k]
            lines.append(f"Track of {k} ({name_for(clip.bodies.names[k])}): t, x, y")
            lines += _rows(np.column_stack([t[known], clip.x[known, k], clip.y[known, k]]))
        angle = clip.angle[:, k]
        if np.isfinite(angle).any():
            known = np.isfinite(angle)
            lines.append("its angle, rad: " + "; ".join(_numbers(row) for row in _spread(np.column_stack([t[known], angle[known]]))))
    for name in sorted(clip.inputs.columns):
        rows = np.column_stack([clip.inputs.times, clip.inputs.columns[name]])
        lines.append(f"Input {name_for(name)} over time: " + "; ".join(_numbers(row) for row in _spread(rows)))
    return lines


def _rows(table: Float) -> list[str]:
    return [_numbers(row) for row in _spread(table)]


def _spread(table: Float) -> Float:
    """At most so many rows, evenly chosen, the first and the last among them."""
    if len(table) <= MOST_ROWS:
        return table
    chosen: Float = table[np.linspace(0, len(table) - 1, MOST_ROWS).round().astype(int)]
    return chosen


def _numbers(row: Iterable[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in row)
