"""Things that fall."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._steady import steady
from kinescribe.dynamics.library.estimates import within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["FreeFall"]


class FreeFall(Law):
    """``a = (0, −gravity)``: projectiles, between whatever they strike. Gravity points down the table's y axis."""

    name = "free-fall"
    equation = "a = (0, -gravity)"
    steady = True
    gravity = Parameter(9.8, (0, math.inf), "length/time^2", "downward acceleration")

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return 0.0, -parameters.gravity

    def potential(self, state: State, parameters: Values) -> Any:
        return parameters.gravity * state.y

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return within(self.parameters, gravity=-steady(clip)[1])
