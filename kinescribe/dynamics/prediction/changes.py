"""What a counterfactual changes, as the user writes it: ``gravity=1.62``, ``ball 1.mass*=2``, ``ball.vx+=0.5``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.arguments import a_kind, number
from kinescribe.errors import UsageError

__all__ = ["Change", "Changes", "Sweep", "changes_of"]

Float = NDArray[np.float64]
Operator = Literal["=", "*=", "/=", "+=", "-="]
Changes = Mapping[str, "float | str"] | Sequence["str | Change"] | str
"""``{"gravity": 1.62, "ball 1.mass": "*=2"}``, or texts as the command line takes them."""

OPERATORS: tuple[Operator, ...] = ("*=", "/=", "+=", "-=", "=")
MOST_VALUES = 1000
_FORM = re.compile(r"^\s*(?P<target>[^=]*?[^=*/+\-\s])\s*(?P<operator>\*=|/=|\+=|-=|=)\s*(?P<value>.*?)\s*$", flags=re.DOTALL)
_HOW = "write NAME=VALUE, or *=, /=, += or -= in place of =, as in 'gravity=1.62' or 'ball 1.mass*=2'"


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        target: a parameter, or a component of an object's state: "gravity", "ball 1.mass", "ball 1.vx".
        operator: what is done to its value.
        value: finite.

    Raises:
        UsageError: a value that is not finite, a division by 0.
    """

    target: str
    operator: Operator
    value: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise UsageError(f"{self}: the value must be a finite number")
        if self.operator == "/=" and self.value == 0:
            raise UsageError(f"{self}: nothing can be divided by 0")

    @classmethod
    def parse(cls, text: str) -> Change:
        """From ``NAME=VALUE`` and the like. Raises UsageError for any other form."""
        target, operator, value = _parts(text)
        return cls(target, operator, _number(value, text))

    def of(self, old: Float) -> Float:
        """New values of old ones."""
        v = self.value
        made = {"=": np.full_like(old, v), "*=": old * v, "/=": old / v if v else old, "+=": old + v, "-=": old - v}
        return made[self.operator]

    @property
    def absolute(self) -> bool:
        """It names a value in the table's unit, not a factor."""
        return self.operator in ("=", "+=", "-=")

    def __str__(self) -> str:
        return f"{self.target}{self.operator}{self.value:.6g}"


@dataclass(frozen=True, slots=True)
class Sweep:
    """One change with several values.

    Attributes:
        changes: in order.
    """

    changes: tuple[Change, ...]

    @classmethod
    def parse(cls, text: str) -> Sweep:
        """From ``gravity=1:20:8`` (first, last, how many; evenly spaced) or ``gravity=log:1:20:8`` (by equal factors).

        Raises:
            UsageError: any other form, fewer than two values or over a thousand, a logarithm of what is not above 0.
        """
        target, operator, rest = _parts(text)
        parts = rest.split(":")
        logarithmic = parts[0].strip() == "log"
        numbers = parts[1:] if logarithmic else parts
        if len(numbers) != 3 or not numbers[2].strip().isdigit():
            raise UsageError(f"sweep '{text}': write NAME=FIRST:LAST:COUNT or NAME=log:FIRST:LAST:COUNT, as in 'gravity=1:20:8'")
        first, last = (_number(part, text) for part in numbers[:2])
        count = int(numbers[2])
        if not 2 <= count <= MOST_VALUES:
            raise UsageError(f"sweep '{text}': from 2 to {MOST_VALUES} values, not {count}")
        if logarithmic and not (first > 0 and last > 0):
            raise UsageError(f"sweep '{text}': equal factors lead from {first:g} to {last:g} only if both are above 0")
        values = np.geomspace(first, last, count) if logarithmic else np.linspace(first, last, count)
        base = Change(target, operator, 1.0)
        return cls(tuple(replace(base, value=float(value)) for value in values))


def changes_of(do: Changes | None) -> tuple[Change, ...]:
    """All changes, in order. Raises UsageError for what is none."""
    if do is None:
        return ()
    if isinstance(do, str | Change):
        return (Change.parse(do) if isinstance(do, str) else do,)
    if isinstance(do, Mapping):
        made = []
        for target, value in do.items():
            if isinstance(value, str):
                text = value.strip()
                made.append(Change.parse(f"{target}{text if text.startswith(OPERATORS) else f'={text}'}"))
            else:
                made.append(Change.parse(f"{target}={number(value, f'the value of {target}')!r}"))
        return tuple(made)
    if not isinstance(do, Sequence) or not all(isinstance(one, str | Change) for one in do):
        wrong = do if not isinstance(do, Sequence) else next(one for one in do if not isinstance(one, str | Change))
        raise UsageError(f"a change (do) is {a_kind(wrong)}: {_HOW}, or values by name, as in {{'gravity': 1.62}}")
    return tuple(one if isinstance(one, Change) else Change.parse(one) for one in do)


def _parts(text: str) -> tuple[str, Operator, str]:
    match = _FORM.match(text)
    if match is None or not match["value"]:
        raise UsageError(f"'{text}' is no change: {_HOW}")
    operator = next(one for one in OPERATORS if one == match["operator"])
    return match["target"], operator, match["value"]


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"'{whole}': '{text.strip()}' is not a number: {_HOW}") from None
