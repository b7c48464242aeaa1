"""The cart-pole in continuous time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kinescribe.dynamics.library._cart_poles import CartPoles
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.state import State

__all__ = ["CartPoleContinuous"]


class CartPoleContinuous(CartPoles):
    """A real cart with a real pole, under the known force ``force·push``: the equations of `cart-pole`, integrated to the end."""

    name = "cart-pole-continuous"
    equation = (
        "θ'' = (gravity·sin θ - cos θ·D)/(length·(4/3 - mass_pole·cos²θ/M)), x'' = D - mass_pole·length·θ''·cos θ/M, "
        "D = (force·push + mass_pole·length·θ'²·sin θ)/M, M = mass_cart + mass_pole, θ = upright - angle"
    )

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        cart, leaning = self.accelerations(state, parameters, inputs.push)
        isc, pole = self.split(state.bodies)
        # the pole's centroid is placed by `project`
        return np.where(isc, cart, 0.0), 0.0, np.where(pole, leaning, 0.0)
