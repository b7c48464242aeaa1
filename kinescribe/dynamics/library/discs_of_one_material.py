"""Discs of one material that collide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.contacts import Contacts, Discs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._discs import RESTITUTION, SIZE, THRESHOLD
from kinescribe.dynamics.library.discs import CollidingDiscs
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies, State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["DiscsOfOneMaterial"]


class DiscsOfOneMaterial(Law):
    """Objects strike each other as discs of the same material and thickness: as `discs`, with masses that go by area.

    Nothing is left to be fitted about masses, and clips whose discs differ in size share one law.
    """

    name = "discs-of-one-material"
    equation = "(v1' - v2')·n = -restitution·(v1 - v2)·n, mass by area"
    steady = True
    restitution = RESTITUTION
    threshold = THRESHOLD
    friction = Parameter(0.0, (0, math.inf), meaning="Coulomb coefficient between rims", fixed=True)
    size = SIZE

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return 0.0, 0.0

    def contacts(self, bodies: Bodies, parameters: Values) -> Contacts:
        area = np.asarray(bodies.radius, float) ** 2
        # an object of unknown size weighs as much as the others
        known = area > 0
        masses = np.where(known, area, area[known].mean() if known.any() else 1.0)
        threshold, size = parameters.get("threshold", 0.0), parameters.get("size", 1.0)
        return Contacts(discs=Discs(parameters.restitution, parameters.friction, threshold, masses=masses, size=size))

    def potential(self, state: State, parameters: Values) -> Any:
        return np.zeros_like(state.x)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return {name: value for name, value in CollidingDiscs().starts(clip).items() if name == "restitution"}
