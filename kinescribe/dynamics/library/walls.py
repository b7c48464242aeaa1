"""A box of four walls."""

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

__all__ = ["Walls"]


class Walls(Law):
    """``v·n → −restitution·v·n`` where an object's edge meets a wall of normal n: floor, ceiling, left and right.

    Adds contacts and no force: ``free-fall + walls``. A wall that nothing strikes lies far away, where it does nothing; its place can't
    be told. One restitution and one friction (Coulomb's coefficient of a stroke) hold for all four.
    """

    name = "walls"
    equation = "floor ≤ y ∓ radius ≤ ceiling, left ≤ x ∓ radius ≤ right, v' = -restitution·v across"
    steady = True
    floor = Parameter(-1e6, unit="length", meaning="height of the lower surface", revealed_by="a bounce off the floor")
    ceiling = Parameter(1e6, unit="length", meaning="height of the upper surface", revealed_by="a bounce off the ceiling")
    left = Parameter(-1e6, unit="length", meaning="place of the left surface", revealed_by="a bounce off the left wall")
    right = Parameter(1e6, unit="length", meaning="place of the right surface", revealed_by="a bounce off the right wall")
    restitution = Parameter(
        0.8, (0, 1), meaning="speed after over speed before, across a surface", revealed_by="a bounce off any of the walls"
    )
    friction = Parameter(0.0, (0, math.inf), meaning="Coulomb coefficient of a stroke", revealed_by="a slanting bounce")

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return 0.0, 0.0

    def contacts(self, bodies: Bodies, parameters: Values) -> Contacts:
        p = parameters
        return Contacts(
            [
                Wall("floor", 0.0, 1.0, p.floor, p.restitution, p.friction),
                Wall("ceiling", 0.0, -1.0, -p.ceiling, p.restitution, p.friction),
                Wall("left", 1.0, 0.0, p.left, p.restitution, p.friction),
                Wall("right", -1.0, 0.0, -p.right, p.restitution, p.friction),
            ]
        )

    def potential(self, state: State, parameters: Values) -> Any:
        return np.zeros_like(state.x)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return within(self.parameters, **struck(clip, ("floor", "ceiling", "left", "right")))
