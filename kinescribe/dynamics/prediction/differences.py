"""What a change changes: contacts that appear, vanish or move in time, and where everything ends."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kinescribe.dynamics.clip import Impact
from kinescribe.dynamics.prediction.forecast import Forecast

__all__ = ["Contact", "Difference", "End", "Moved", "differences"]

SAME = 1e-6  # seconds: a contact that moves by less has not moved
SHOWN = 12
NOISE = 1e-9  # of a way


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact: seconds, and who takes part: names of objects, and of the wall."""

    time: float
    partners: tuple[str, ...]

    def __str__(self) -> str:
        return " and ".join(self.partners) + (" strikes something" if len(self.partners) == 1 else "")


@dataclass(frozen=True, slots=True)
class Moved:
    """A contact that happens in both.

    Attributes:
        partners: names.
        factual, counterfactual: seconds. shift: the second less the first.
    """

    partners: tuple[str, ...]
    factual: float
    counterfactual: float
    shift: float


@dataclass(frozen=True, slots=True)
class End:
    """Where an object ends, in the table's frame and unit.

    Attributes:
        name: of the object. time: seconds.
        dx, dy, distance: counterfactual less factual.
        dvx, dvy: the same of velocities, units a second.
    """

    name: str
    time: float
    dx: float
    dy: float
    distance: float
    dvx: float
    dvy: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Between what happens and what would have happened.

    Attributes:
        appear: contacts that only the change brings. vanish: that it takes away.
        moved: contacts of both, at other times. kept: how many are as they were.
        ends: of the objects that are in both. gone: names of objects that were taken away.
        unit: of length.
    """

    appear: tuple[Contact, ...]
    vanish: tuple[Contact, ...]
    moved: tuple[Moved, ...]
    kept: int
    ends: tuple[End, ...]
    gone: tuple[str, ...]
    unit: str

    @property
    def nothing(self) -> bool:
        """Both are the same."""
        return not (self.appear or self.vanish or self.moved or self.gone or any(end.distance > 0 for end in self.ends))

    def text(self) -> str:
        """For people, a line each."""
        lines = [f"+ {one} at {one.time:.4g} s" for one in self.appear]
        lines += [f"- {one}, which was at {one.time:.4g} s" for one in self.vanish]
        lines += [
            f"  {Contact(one.factual, one.partners)} {'later' if one.shift > 0 else 'sooner'} by {abs(one.shift):.3g} s: "
            f"{one.factual:.4g} s → {one.counterfactual:.4g} s"
            for one in self.moved
        ]
        if len(lines) > SHOWN:
            lines = [*lines[:SHOWN], f"  … and {len(lines) - SHOWN} more changes of contacts"]
        if self.kept:
            lines.append(f"  {self.kept} contact{'s' * (self.kept != 1)} as before")
        lines += [f"  {name} is not there" for name in self.gone]
        lines += [f"  {_ending(end, f' {self.unit}' if self.unit else '')}" for end in self.ends]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def _ending(end: End, unit: str) -> str:
    if not end.distance:
        return f"{end.name} ends where it did, at {end.time:.4g} s"
    parts = f"{_part(end.dx, end.distance)} in x, {_part(end.dy, end.distance)} in y"
    return f"{end.name} ends {end.distance:.4g}{unit} away, at {end.time:.4g} s: {parts}"


def _part(step: float, whole: float) -> str:
    """A component of a way, 0 where it is but the noise of computing."""
    return f"{step if abs(step) > NOISE * whole else 0.0:+.4g}"


def differences(factual: Forecast, counterfactual: Forecast) -> Difference:
    """Compare two forecasts of one clip to the same end. Contacts of the same partners are taken in order."""
    names = factual.start.clip.bodies.names
    mine, theirs = _by_partners(factual, names), _by_partners(counterfactual, names)
    appear: list[Contact] = []
    vanish: list[Contact] = []
    moved: list[Moved] = []
    kept = 0
    for partners in dict.fromkeys((*mine, *theirs)):
        before, after = mine.get(partners, []), theirs.get(partners, [])
        both = min(len(before), len(after))
        vanish += [Contact(time, partners) for time in before[both:]]
        appear += [Contact(time, partners) for time in after[both:]]
        for a, b in zip(before, after, strict=False):
            if abs(b - a) < SAME:
                kept += 1
            else:
                moved.append(Moved(partners, a, b, b - a))
    up = -1.0 if factual.start.clip.y_down else 1.0
    last = factual.grid.told[-1]
    ends = []
    for i, name in enumerate(names):
        away = counterfactual.data[:, counterfactual.grid.told[-1], i] - factual.data[:, last, i]
        if np.isfinite(away[[0, 1, 3, 4]]).all():
            # where both end in one place, what is left between them is the noise of computing
            away[:2] *= np.hypot(*away[:2]) > NOISE * factual.start.problem.length
            dx, dy, dvx, dvy = (float(away[k]) for k in (0, 1, 3, 4))
            ends.append(End(name, float(factual.grid.times[last]), dx, up * dy + 0.0, math.hypot(dx, dy), dvx, up * dvy + 0.0))
    return Difference(
        tuple(sorted(appear, key=lambda one: one.time)),
        tuple(sorted(vanish, key=lambda one: one.time)),
        tuple(sorted(moved, key=lambda one: one.factual)),
        kept,
        tuple(ends),
        tuple(names[i] for i in counterfactual.intervention.objects),
        factual.start.clip.unit,
    )


def _by_partners(forecast: Forecast, names: Sequence[str]) -> dict[tuple[str, ...], list[float]]:
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for hit in forecast.told:
        found[partners_of(hit, names)].append(hit.time)
    return found


def partners_of(hit: Impact, names: Sequence[str]) -> tuple[str, ...]:
    """Names of the objects, and of the wall where it has one."""
    return (*(names[i] for i in hit.objects), *((hit.wall,) if hit.wall else ()))
