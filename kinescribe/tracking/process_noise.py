"""How a state moves on by itself, and how sure that is: transition and process-noise matrices for any time step."""

from __future__ import annotations

from functools import lru_cache
from math import factorial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError

__all__ = ["NoiseModel", "process_noise", "transition"]

Float = NDArray[np.float64]
NoiseModel = Literal["continuous", "discrete"]


@lru_cache
def _unit_noise(order: int, model: NoiseModel) -> Float:
    """The process noise of one axis for dt = 1 and unit intensity, shape (order, order).

    In the form that `filterpy.common` gives it (R. R. Labbe), written out, for importing that package takes longer than a short video.
    """
    if order not in (2, 3, 4):
        raise UsageError(f"a motion model of order {order} is unknown; available: 2 (constant velocity), 3 (constant acceleration), 4")
    powers = np.arange(order - 1, -1, -1)
    factorials = np.array([float(factorial(power)) for power in powers])
    if model == "continuous":  # ∫ Φ(τ) e eᵀ Φ(τ)ᵀ dτ, where the noise e enters the highest derivative
        return np.asarray(1 / (factorials[:, None] * factorials * (powers[:, None] + powers + 1)), np.float64)
    if model == "discrete":  # Γ Γᵀ, where Γ is what a unit of the noise does within a step
        gain = 1 / factorials if order > 2 else np.array([0.5, 1.0])
        return np.asarray(np.outer(gain, gain), np.float64)
    raise UsageError(f"unknown process-noise model '{model}'; available: continuous, discrete")


def process_noise(order: int, dt: ArrayLike, intensity: ArrayLike = 1.0, model: NoiseModel = "continuous") -> Float:
    """Process noise of one axis for many time steps, shape (…, order, order), state (position, velocity, …).

    Every element is a constant times a power of dt, so that one matrix, for dt = 1, gives all others.

    Args:
        order: derivatives in the state: 2, 3 or 4.
        dt: (…), seconds, ≥ 0.
        intensity: (…), spectral density (length²/s^(2·order − 1)) of a continuous model, variance (length²/s^(2·order − 2); for order 3
            and 4 of the highest derivative) of a discrete one.
        model: white noise in the derivative above the highest one, continuous, or constant within a step.
    """
    unit = _unit_noise(order, model)
    steps, strength = np.broadcast_arrays(np.asarray(dt, np.float64), np.asarray(intensity, np.float64))
    row, column = np.indices(unit.shape)
    # The white noise enters `order` integrations above the position; held constant within a step it enters one derivative lower
    # for order 3 and 4 in filterpy's convention, where it is the highest derivative of the state that jumps.
    top = 2 * order - 1 if model == "continuous" else (4 if order == 2 else 2 * order - 2)
    return np.asarray(strength[..., None, None] * unit * steps[..., None, None] ** (top - row - column), np.float64)


def transition(order: int, dt: ArrayLike) -> Float:
    """The matrix that carries (position, velocity, …) over dt seconds, shape (…, order, order)."""
    steps = np.asarray(dt, np.float64)
    out = np.zeros((*steps.shape, order, order))
    factor = np.ones(steps.shape)
    for power in range(order):
        rows = np.arange(order - power)
        out[..., rows, rows + power] = factor[..., None]
        factor = factor * steps / (power + 1)
    return out
