"""The cart-pole as gymnasium steps it."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinescribe.dynamics.library._cart_poles import CartPoles
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.state import State

__all__ = ["CartPole"]


class CartPole(CartPoles):
    """Explicit Euler steps of 0.02 s under the known input `push`, as gymnasium's CartPole-v1 defines them.

    `force·push` drives the cart: give push as ±1 (2·action − 1), or in newtons with force fixed at 1. The pole's centroid follows from
    the cart and the angle. `cart-pole-continuous` is the same in continuous time.
    """

    name = "cart-pole"
    equation = (
        "θ'' = (gravity·sin θ - cos θ·D)/(length·(4/3 - mass_pole·cos²θ/M)), x'' = D - mass_pole·length·θ''·cos θ/M, "
        "D = (force·push + mass_pole·length·θ'²·sin θ)/M, M = mass_cart + mass_pole, θ = upright - angle; Euler, 0.02 s"
    )
    time_step = 0.02

    def step(self, state: State, parameters: Values, inputs: Values, dt: Any) -> State:
        cart, leaning = self.accelerations(state, parameters, inputs.push)
        isc, pole = self.split(state.bodies)
        moved = state.replace(
            x=np.where(isc, state.x + dt * state.vx, state.x),
            vx=np.where(isc, state.vx + dt * cart, state.vx),
            angle=np.where(pole, state.angle + dt * state.angular_velocity, state.angle),
            angular_velocity=np.where(pole, state.angular_velocity + dt * leaning, 0.0),
        )
        return self.project(moved, parameters)
