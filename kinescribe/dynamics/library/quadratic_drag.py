"""Resistance in proportion to the square of speed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._drag import resistance
from kinescribe.dynamics.library.estimates import within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["QuadraticDrag"]


class QuadraticDrag(Law):
    """``a = −drag·|v|·v``: fast things in air or water (Newton). With `free-fall` the final speed is ``√(gravity/drag)``."""

    name = "quadratic-drag"
    equation = "a = -drag·|v|·v"
    drag = Parameter(
        0.01, (0, math.inf), "1/length", "deceleration over the square of speed", revealed_by="a longer way, or a higher speed"
    )

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        factor = -parameters.drag * np.hypot(state.vx, state.vy)
        return factor * state.vx, factor * state.vy

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return within(self.parameters, drag=resistance(clip, lambda v: np.hypot(v[:, :1], v[:, 1:]) * v))
