"""A law's named parameters: what they are, and their values while it runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kinescribe.dynamics.units import Dimension
from kinescribe.errors import UsageError, unknown_value

__all__ = ["Parameter", "Values"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A physical constant that a law declares as a class attribute: ``gravity = Parameter(9.8, (0, 50), "length/time^2", "…")``.

    Attributes:
        start: where a fit begins if the data suggest nothing better, in the table's units (y up).
        bounds: least and greatest value, either may be infinite.
        unit: powers of ``length``, ``time``, ``mass``, as `Dimension.parse` reads; "" for a pure number.
        meaning: what it is, in a few words.
        per: "law": one value; "object": one value an object, such as a mass.
        fixed: known, so that a fit leaves it alone unless told otherwise.
        revealed_by: what a video must show for it to be measurable: "a bounce off the floor".

    Raises:
        UsageError: a start outside the bounds, bounds the wrong way round, numbers that are not finite where they must be, a bad unit.
    """

    start: float
    bounds: tuple[float, float] = (-math.inf, math.inf)
    unit: str = ""
    meaning: str = ""
    per: Literal["law", "object"] = "law"
    fixed: bool = False
    revealed_by: str = ""
    dimension: Dimension = field(init=False, compare=False)

    def __post_init__(self) -> None:
        try:
            low, high = (float(value) for value in self.bounds)
            start = float(self.start)
        except (TypeError, ValueError):
            raise UsageError(f"a parameter starts at a number within two bounds, not {self.start!r} within {self.bounds!r}") from None
        if not low < high:
            raise UsageError(f"bounds ({low:g}, {high:g}) leave no room: the first must be less than the second")
        if not (math.isfinite(start) and low <= start <= high):
            raise UsageError(f"a parameter's start {start:g} must lie within its bounds ({low:g}, {high:g})")
        if self.per not in ("law", "object"):
            raise unknown_value("scope of a parameter", str(self.per), ("law", "object"))
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "bounds", (low, high))
        object.__setattr__(self, "dimension", Dimension.parse(self.unit))

    def starting(self, value: float) -> Parameter:
        """The same with another start. Raises UsageError outside the bounds."""
        return replace(self, start=value)


class Values(Mapping[str, Any]):
    """Parameter values by name, as attributes too: ``parameters.gravity``.

    Each is an array (clips, 1), or (clips, objects) for a parameter per object, so that it combines with ``state.x`` (clips, objects).
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            known = ", ".join(sorted(self._values)) or "none"
            raise AttributeError(f"no value named '{name}'; there are: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Values({self._values})"
