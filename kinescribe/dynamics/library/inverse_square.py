"""Attraction or repulsion that falls with the square of the distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._mass import MASS
from kinescribe.dynamics.library._pairs import separations
from kinescribe.dynamics.library.estimates import regress, together, within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["InverseSquare"]

TINY = 1e-100  # distances whose squares are no numbers any more


class InverseSquare(Law):
    """``a = attraction·Σ mass·u/d²`` over all other objects at the distance d in the direction u: planets and moons, or, with an
    attraction below 0, what repels.

    Nothing softens a near miss: such a clip needs short steps, and two objects on one spot feel nothing of each other.
    """

    name = "inverse-square"
    equation = "a = attraction·Σ_others mass·u/d^2"
    attraction = Parameter(
        1.0,
        unit="length^3/mass/time^2",
        meaning="constant of gravitation; below 0 it repels",
        revealed_by="objects that pass near each other",
    )
    mass = MASS

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        distance, ux, uy = separations(state.x, state.y)
        pull = parameters.attraction[..., None] * _masses(parameters, state) / np.where(distance > 0, distance, np.inf) ** 2
        return (pull * ux).sum(axis=-1), (pull * uy).sum(axis=-1)

    def potential(self, state: State, parameters: Values) -> Any:
        distance, _, _ = separations(state.x, state.y)
        near = _masses(parameters, state) / np.where(distance > 0, distance, np.inf)
        # half of a pair's energy to each of the two
        return -0.5 * parameters.attraction * near.sum(axis=-1)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        n = len(clip.bodies)
        seen = together(clip)
        if n < 2 or not len(seen):
            return {}
        distance, ux, uy = separations(seen.value[:, :n], seen.value[:, n:])
        near = 1.0 / np.where(distance > TINY, distance, np.inf) ** 2
        rows = np.concatenate([(near * ux).sum(axis=2).ravel(), (near * uy).sum(axis=2).ravel()])[:, None]
        targets = np.concatenate([seen.second[:, :n].ravel(), seen.second[:, n:].ravel()])
        made = regress(rows, targets, np.tile(np.repeat(seen.weight, n), 2))
        return {} if made is None else within(self.parameters, attraction=made[0])


def _masses(parameters: Values, state: State) -> Any:
    """(b, 1, n) of the objects that pull."""
    return np.broadcast_to(parameters.mass, state.x.shape)[..., None, :]
