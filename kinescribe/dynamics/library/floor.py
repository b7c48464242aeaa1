"""A level floor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.contacts import Contacts, Wall
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._struck import struck
from kinescribe.dynamics.library.estimates import within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies, State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["Floor"]


class Floor(Law):
    """``vy → −restitution·vy`` where an object's lower edge meets the floor. Adds a contact and no force: ``free-fall + floor``.

    `friction` is Coulomb's coefficient of the stroke, which also spins discs. The floor lies far below until something strikes it.
    """

    name = "floor"
    equation = "y - radius ≥ floor, vy' = -restitution·vy"
    steady = True
    floor = Parameter(-1e6, unit="length", meaning="height of the surface", revealed_by="a bounce off the floor")
    restitution = Parameter(0.8, (0, 1), meaning="speed after over speed before, across the surface", revealed_by="a bounce off the floor")
    friction = Parameter(0.0, (0, math.inf), meaning="Coulomb coefficient of a stroke", revealed_by="a slanting bounce")

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return 0.0, 0.0

    def contacts(self, bodies: Bodies, parameters: Values) -> Contacts:
        return Contacts([Wall("floor", 0.0, 1.0, parameters.floor, parameters.restitution, parameters.friction)])

    def potential(self, state: State, parameters: Values) -> Any:
        return np.zeros_like(state.x)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return within(self.parameters, **struck(clip, ("floor",)))
