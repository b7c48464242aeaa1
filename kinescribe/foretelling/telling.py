"""What a user should know of the foretold pictures, one line each."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from kinescribe.dynamics.fitting import Fit
from kinescribe.foretelling.course import Course
from kinescribe.renderers.scene import Scene
from kinescribe.states import States

__all__ = ["Bystanders", "in_words", "why_failed"]

CHANGE = re.compile(r"(.+?)\s*([*/+-]?=)\s*(.+)")
SIGNS = {"=": "=", "*=": "×", "/=": "÷", "+=": "+", "-=": "−"}
TURNS = 0.1  # radians between the extremes of an angle: less is no turning


class Bystanders:
    """Objects that the law doesn't move, or that can't be drawn, by name.

    Attributes:
        resting: they stand still. gone: they had left before the end. unseen: they can't be drawn.
        shapes: the scene has no picture of them, so that they are drawn from shape, size and the colour in their label.
        upright: they keep their last angle.
    """

    def __init__(self, table: States, course: Course, scene: Scene, from_shape: Sequence[int] = ()) -> None:
        names = {i: label or str(i) for i, label in table.labels.items()}

        def named(ids: Sequence[int]) -> tuple[str, ...]:
            return tuple(names.get(i, str(i)) for i in sorted(ids))

        missing = [i for i in {*course.covered, *course.rest} if i not in scene.objects]
        self.resting = named([i for i in course.rest if i not in missing])
        self.gone, self.unseen = named(course.gone), named(missing)
        self.shapes = named([i for i in from_shape if i in {*course.covered, *course.rest}])
        self.upright = named([i for i in course.angles if i not in missing and _turned(course, i)])

    def lines(self) -> list[str]:
        """One for each kind that there is."""
        told = (
            (self.resting, "the law says nothing of {}: drawn at rest where last seen; --law-objects says whom it is about"),
            (self.gone, "the law says nothing of {}, last seen before the end: left out after that"),
            (self.unseen, "{} can't be drawn: never seen whole and apart, and without a shape and size in the table"),
            (self.shapes, "{} was never seen whole and apart: drawn from shape, size and the colour in its label"),
            (self.upright, "the law says nothing of how {} turns: drawn at the last angle that was seen"),
        )
        return [line.format(", ".join(names)) for names, line in told if names]


def why_failed(fit: Fit) -> str | None:
    """A line on a fit that failed; None of one that did not."""
    if fit.ok:
        return None
    said = " ".join(fit.advice.split()) or "its fit failed"
    return f"the law is not to be trusted: {said}; --law names another one, --law-objects whom it is about"


def in_words(changes: Sequence[str], fit: Fit) -> list[str]:
    """Changes as people write them: ``gravity = 1.62 m/s²``, ``mass × 2``."""
    out = []
    for text in changes:
        match = CHANGE.fullmatch(text)
        if match is None:
            out.append(text)
            continue
        name, operator, value = match.groups()
        unit = fit.estimates[name].unit if name in fit.estimates and operator in ("=", "+=", "-=") else ""
        out.append(f"{name} {SIGNS[operator]} {value} {unit}".strip())
    return out


def _turned(course: Course, object_id: int) -> bool:
    angles = [pose.angle for poses in course.seen.poses for pose in poses if pose.object_id == object_id and np.isfinite(pose.angle)]
    return bool(np.ptp(np.unwrap(angles)) > TURNS) if angles else False
