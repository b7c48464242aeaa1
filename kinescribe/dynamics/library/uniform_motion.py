"""Objects that nothing pushes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.state import State

__all__ = ["UniformMotion"]


class UniformMotion(Law):
    """``a = 0``: velocities stay as they are; with `discs` or `walls` added, between collisions."""

    name = "uniform-motion"
    equation = "a = (0, 0)"
    steady = True

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return 0.0, 0.0

    def potential(self, state: State, parameters: Values) -> Any:
        return np.zeros_like(state.x)
