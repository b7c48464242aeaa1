"""Resistance in proportion to speed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._drag import resistance
from kinescribe.dynamics.library.estimates import within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["LinearDrag"]


class LinearDrag(Law):
    """``a = −drag·v``: slow or small things in a fluid (Stokes), rolling losses. Add `free-fall` for what sinks."""

    name = "linear-drag"
    equation = "a = -drag·v"
    drag = Parameter(0.1, (0, math.inf), "1/time", "deceleration over speed", revealed_by="a longer way, or a higher speed")

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return -parameters.drag * state.vx, -parameters.drag * state.vy

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return within(self.parameters, drag=resistance(clip, lambda v: v))
