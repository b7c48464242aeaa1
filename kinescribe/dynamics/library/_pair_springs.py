"""What springs between objects have in common, whichever objects they join."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._mass import MASS
from kinescribe.dynamics.library._pairs import links, separations
from kinescribe.dynamics.library.estimates import regress, together, within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["SpringsBetween"]


class SpringsBetween(Law):
    """Abstract: springs of one kind between some pairs of objects."""

    chain: ClassVar[bool]
    stiffness = Parameter(1.0, (0, math.inf), "mass/time^2", "spring constant", revealed_by="objects that swing against each other")
    rest_length = Parameter(
        1.0, (0, math.inf), "length", "distance of centres at which nothing pulls", revealed_by="objects that swing against each other"
    )
    damping = Parameter(
        0.0, (0, math.inf), "mass/time", "force over the speed at which the distance changes", revealed_by="swings that go on for longer"
    )
    mass = MASS

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        distance, ux, uy = separations(state.x, state.y)
        opening = ux * (state.vx[..., None, :] - state.vx[..., :, None]) + uy * (state.vy[..., None, :] - state.vy[..., :, None])
        p = parameters
        force = p.stiffness[..., None] * (distance - p.rest_length[..., None]) + p.damping[..., None] * opening
        force = force * links(len(state.bodies), self.chain)
        return (force * ux).sum(axis=-1) / p.mass, (force * uy).sum(axis=-1) / p.mass

    def potential(self, state: State, parameters: Values) -> Any:
        if np.any(parameters.damping != 0):
            return None
        distance, _, _ = separations(state.x, state.y)
        stretch = (distance - parameters.rest_length[..., None]) * links(len(state.bodies), self.chain)
        # half of a spring's energy to each of its ends
        return 0.25 * parameters.stiffness * (stretch**2).sum(axis=-1) / parameters.mass

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        """With equal masses, beside a constant acceleration of all."""
        n = len(clip.bodies)
        seen = together(clip)
        if n < 2 or not len(seen):
            return {}
        x, y, vx, vy = seen.value[:, :n], seen.value[:, n:], seen.rate[:, :n], seen.rate[:, n:]
        distance, ux, uy = separations(x, y)
        opening = ux * (vx[:, None, :] - vx[:, :, None]) + uy * (vy[:, None, :] - vy[:, :, None])
        joined = links(n, self.chain)
        rows, targets = [], []
        for u, second, one in ((ux, seen.second[:, :n], (1.0, 0.0)), (uy, seen.second[:, n:], (0.0, 1.0))):
            terms = [(part * u * joined).sum(axis=2) for part in (distance, -np.ones_like(distance), opening)]
            terms += [np.full_like(second, one[0]), np.full_like(second, one[1])]
            rows.append(np.stack([term.ravel() for term in terms], axis=1))
            targets.append(second.ravel())
        made = regress(np.concatenate(rows), np.concatenate(targets), np.tile(np.repeat(seen.weight, n), 2))
        if made is None or made[0] <= 0:
            return {}
        return within(self.parameters, stiffness=made[0], rest_length=made[1] / made[0], damping=made[2])
