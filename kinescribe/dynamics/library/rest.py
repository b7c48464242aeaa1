"""Objects that stay where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.state import Bodies, State

__all__ = ["Rest"]


class Rest(Law):
    """``v = 0``: nothing moves; the fit finds where each object lies, and how far sightings scatter about that."""

    name = "rest"
    equation = "v = (0, 0)"

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return 0.0, 0.0

    def project(self, state: State, parameters: Values) -> State:
        return state.replace(vx=0.0, vy=0.0, angular_velocity=0.0)

    def constrained(self, bodies: Bodies) -> int:
        return 2 * len(bodies)

    def potential(self, state: State, parameters: Values) -> Any:
        return np.zeros_like(state.x)
