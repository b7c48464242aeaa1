"""A law's parameters as one vector: a place for every number that a fit may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.composition import subjects
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies
from kinescribe.errors import UsageError, unknown_value

__all__ = ["Slot", "Slots"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Slot:
    """One number of a law.

    Attributes:
        name: "gravity", or "ball 1.mass" for a parameter per object.
        key: the parameter's name in the law.
        object: index of the object, or None.
        parameter: its declaration.
    """

    name: str
    key: str
    object: int | None
    parameter: Parameter


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """All numbers of a law for n objects.

    Attributes:
        all: every one, in the law's order.
        free: (p,) indices of those that a fit changes.
        fixed_values: (all,) values; those of free ones are starts.
        objects: n.
    """

    all: tuple[Slot, ...]
    free: NDArray[np.intp]
    fixed_values: Float
    objects: int

    @classmethod
    def of(cls, law: Law, bodies: Bodies, *, fixed: Mapping[str, float] | None = None, free: Sequence[str] = ()) -> Slots:
        """For a law and its objects.

        Args:
            fixed: values that are known, by slot or parameter name; those are not fitted.
            free: parameters that are fitted though the law declares them as fixed.

        Raises:
            UsageError: an unknown name, a value outside its bounds.
        """
        slots: list[Slot] = []
        for key, parameter in law.parameters.items():
            if parameter.per == "object":
                slots += [Slot(f"{bodies.names[i]}.{key}", key, i, parameter) for i in subjects(law, bodies, key)]
            else:
                slots.append(Slot(key, key, None, parameter))
        known = {slot.name for slot in slots} | {slot.key for slot in slots}
        values = np.array([slot.parameter.start for slot in slots])
        held = np.array([slot.parameter.fixed and slot.key not in free and slot.name not in free for slot in slots], bool)
        for name in (*(fixed or {}), *free):
            if name not in known:
                raise unknown_value(f"parameter of {law.title}", name, known or {"none"})
        for name, value in (fixed or {}).items():
            for i, slot in enumerate(slots):
                if name in (slot.name, slot.key):
                    low, high = slot.parameter.bounds
                    if not low <= value <= high:
                        raise UsageError(f"{slot.name} = {value:g} is outside its bounds ({low:g}, {high:g})")
                    values[i], held[i] = value, True
        return cls(tuple(slots), np.flatnonzero(~held), values, len(bodies))

    @property
    def names(self) -> list[str]:
        """(p,) names of the free ones."""
        return [self.all[i].name for i in self.free]

    @property
    def bounds(self) -> tuple[Float, Float]:
        """(p,), (p,) least and greatest values of the free ones."""
        pairs = np.array([self.all[i].parameter.bounds for i in self.free]).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def starts(self, found: Sequence[Mapping[str, object]], given: Mapping[str, float] | None = None) -> Float:
        """(p,) starts: those given by name; else the median over clips of what the law makes of each, within bounds; else the declared."""
        start = self.fixed_values.copy()
        for name in given or {}:
            if name not in {slot.name for slot in self.all}:
                raise unknown_value("parameter to start", name, {slot.name for slot in self.all} or {"none"})
        for i, slot in enumerate(self.all):
            values = []
            for one in found:
                if slot.key in one:
                    value = np.asarray(one[slot.key], float)
                    values.append(float(value) if value.ndim == 0 else float(value[slot.object or 0]))
            finite = [value for value in values if np.isfinite(value)]
            if finite:
                low, high = slot.parameter.bounds
                start[i] = min(max(float(np.median(finite)), low), high)
        for i, slot in enumerate(self.all):
            if given and slot.name in given:
                start[i] = min(max(given[slot.name], slot.parameter.bounds[0]), slot.parameter.bounds[1])
        return start[self.free]

    def complete(self, theta: Float) -> Float:
        """(b, all) from free values (b, p)."""
        out = np.repeat(self.fixed_values[None], len(theta), axis=0)
        out[:, self.free] = theta
        return out

    def values(self, theta: Float) -> Values:
        """As a law wants them, from free values (b, p)."""
        full = self.complete(theta)
        out: dict[str, Float] = {}
        for i, slot in enumerate(self.all):
            if slot.object is None:
                out[slot.key] = full[:, i : i + 1]
            else:
                # objects that the law is not about have no slot, and a number that nothing depends on
                every = out.setdefault(slot.key, np.full((len(theta), self.objects), slot.parameter.start))
                every[:, slot.object] = full[:, i]
        return Values(out)

    def scales(self, length: float, time: float) -> Float:
        """(p,) natural sizes of the free ones: what their dimensions make of a clip's extent and duration."""
        return np.array([self.all[i].parameter.dimension.factor(max(length, 1e-12), max(time, 1e-12)) for i in self.free])
