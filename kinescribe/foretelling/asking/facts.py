"""What a model is told of a motion and its law."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kinescribe.dynamics.prediction import Predictor
from kinescribe.dynamics.prediction.intervention import wall_names
from kinescribe.dynamics.report.equation import equations
from kinescribe.dynamics.state import COMPONENTS
from kinescribe.llm.text import one_line
from kinescribe.states import States

__all__ = ["LONGEST_NAME", "components", "facts_of"]

MOST_EVENTS = 20
LONGEST_NAME = 80  # characters of a name as it is told
LONGEST_TEXT = 400  # of an equation


def facts_of(predictor: Predictor, table: States, *, seen_until: float, video_ends: float, until: float) -> dict[str, Any]:
    """What is known of motion and law, as JSON; lengths in the table's unit and axes. Numbers have six digits, names one line.

    Args:
        predictor: of the table. seen_until, video_ends, until: end of what was seen, of the video, and of the prediction by default, s.
    """
    start, fit = predictor.start, predictor.start.fit
    bodies, problem = start.clip.bodies, start.problem
    up = -1.0 if start.clip.y_down else 1.0
    first = problem.states(start.q[None], [0]).data[:, 0]  # type: ignore[arg-type]
    last = {int(i): table.of(int(i)) for i in bodies.object_ids if int(i) in table.object_ids}
    objects = []
    for i, name in enumerate(bodies.names):
        rows = last.get(bodies.object_ids[i])
        objects.append(
            {
                "name": one_line(name, LONGEST_NAME),
                "shape": bodies.shapes[i],
                "size": [_short(float(bodies.width[i])), _short(float(bodies.height[i]))],
                "at_first": {
                    "x": _short(first[0, i]),
                    "y": _short(up * first[1, i]),
                    "vx": _short(first[3, i]),
                    "vy": _short(up * first[4, i]),
                },
                "at_last": {} if rows is None else {key: _short(float(rows[key][-1])) for key in ("x", "y", "vx", "vy")},
            }
        )
    labels = {**{i: one_line(label, LONGEST_NAME) for i, label in table.labels.items()}}
    labels |= {i: one_line(name, LONGEST_NAME) for i, name in zip(bodies.object_ids, bodies.names, strict=True)}
    return {
        "unit": start.clip.unit or "none",
        "axes": "x to the right, y " + ("down, as in the picture; parameters have y up" if up < 0 else "up"),
        "seen_from_s": _short(float(start.clip.times[0])),
        "seen_until_s": _short(seen_until),
        "video_ends_s": _short(video_ends),
        "until_s_by_default": _short(until),
        "law": one_line(fit.law.title, LONGEST_TEXT),
        "equations": [one_line(f"{title}: {text}", LONGEST_TEXT) for title, text in equations(fit.law) if text],
        "parameters": _parameters(predictor),
        "inputs_that_are_given": [one_line(name, LONGEST_NAME) for name in fit.law.inputs],
        "objects": objects,
        "components": [*components(predictor)],
        "removable": [one_line(name, LONGEST_NAME) for name in (*wall_names(start), *(bodies.names if fit.law.objects is None else ()))],
        "not_in_the_law": [label for i, label in labels.items() if i not in bodies.object_ids and _is_thing(table, i)],
        "contacts_seen": [
            {"time_s": _short(event.time_s), "partners": [labels.get(i, str(i)) for i in event.partners]}
            for event in table.meta.events[:MOST_EVENTS]
        ],
    }  # fmt: skip


def _parameters(predictor: Predictor) -> list[dict[str, Any]]:
    """Each number of the law; without a value where the video says nothing of it."""
    fit, slots = predictor.start.fit, predictor.start.slots.all
    lost = {one.names[0] for one in fit.unidentified if len(one.names) == 1}
    return [
        {
            "name": one_line(slot.name, LONGEST_NAME), "value": None if one.name in lost else _short(one.value), "sigma": _short(one.sigma),
            "unit": one.unit, "meaning": one_line(one.meaning), "known": one.fixed or one.identified,
            "bounds": [_short(bound) for bound in slot.parameter.bounds],
        }
        for slot, one in zip(slots, fit.estimates.values(), strict=True)
    ]  # fmt: skip


def components(predictor: Predictor) -> Sequence[str]:
    """Of an object's state, that can be changed."""
    start = predictor.start
    return COMPONENTS if start.problem.observed.shape[-1] > 2 or start.fit.law.turns else ("x", "y", "vx", "vy")


def _is_thing(table: States, object_id: int) -> bool:
    about = table.meta.objects.get(object_id)
    return about is None or about.part_of is None


def _short(value: float) -> float | None:
    """Six digits, which are the same on every machine; None for what JSON can't hold."""
    number = float(f"{value:.6g}")
    return number if abs(number) < float("inf") else None
