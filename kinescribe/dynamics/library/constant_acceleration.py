"""The same acceleration for all objects, in any direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._steady import steady
from kinescribe.dynamics.library.estimates import within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["ConstantAcceleration"]


class ConstantAcceleration(Law):
    """``a = (ax, ay)``: a projectile seen by a tilted camera, a cart on a slope, a uniform field. `free-fall` knows where down is."""

    name = "constant-acceleration"
    equation = "a = (ax, ay)"
    steady = True
    ax = Parameter(0.0, unit="length/time^2", meaning="acceleration to the right")
    ay = Parameter(0.0, unit="length/time^2", meaning="acceleration upwards")

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return parameters.ax, parameters.ay

    def potential(self, state: State, parameters: Values) -> Any:
        return -(parameters.ax * state.x + parameters.ay * state.y)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        ax, ay = steady(clip)
        return within(self.parameters, ax=ax, ay=ay)
