"""Trajectories under a law, and clips as perception would see them: noisy, with frames missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from kinescribe.dynamics import Bodies, Clip, Inputs, Law, Rollout, Schedule, State, Values, simulate

Float = NDArray[np.float64]


def run_law(
    law: Law,
    times: Float,
    *,
    bodies: Bodies | None = None,
    parameters: dict[str, Any] | None = None,
    inputs: Inputs | None = None,
    substeps: int = 1,
    **components: Any,
) -> Rollout:
    """One clip from an initial state by components, each a number or (n,); parameters not named are at the law's starts."""
    count = max(np.size(value) for value in components.values())
    bodies = bodies or Bodies.make(count, radius=0.1)
    values = {
        name: np.broadcast_to(parameter.start, (1, count if parameter.per == "object" else 1)) for name, parameter in law.parameters.items()
    }
    values |= {name: np.reshape(np.asarray(value, float), (1, -1)) for name, value in (parameters or {}).items()}
    schedule = Schedule.of([times], [inputs or Inputs.none()], names=law.inputs, substeps=substeps, time_step=law.time_step)
    return simulate(law, Values(values), State.of(bodies, **components), schedule)


def seen_as(
    rollout: Rollout, times: Float, *, noise: float = 0.0, angle_noise: float | None = None, missing: float = 0.0, seed: int = 1,
    impacts: bool = True, inputs: Inputs | None = None,
) -> Clip:  # fmt: skip
    """The first clip of a rollout as a table would tell it: Gaussian noise on positions, and so many sightings missing at random."""
    rng = np.random.default_rng(seed)
    x, y, angle, vx, vy, turning = (part.copy() for part in rollout.data[:, 0])
    gone = rng.random(x.shape) < missing
    x += noise * rng.normal(size=x.shape)
    y += noise * rng.normal(size=x.shape)
    if angle_noise is None:
        angle[:] = np.nan
    else:
        angle += angle_noise * rng.normal(size=x.shape)
    for part in (x, y, angle, vx, vy, turning):
        part[gone] = np.nan
    sigma = np.full(x.shape, noise or 1e-9)
    return Clip(
        "clip", times, rollout.bodies, x, y, angle, vx, vy, turning, sigma, sigma, np.full(x.shape, angle_noise or 1e-9),
        tuple(rollout.impacts_of(0)) if impacts else (), inputs or Inputs.none(), "m",
    )  # fmt: skip


@pytest.fixture
def run() -> Callable[..., Rollout]:
    return run_law


@pytest.fixture
def seen() -> Callable[..., Clip]:
    return seen_as


def integrate(force: Callable[..., tuple[Any, Any]], times: Float, start: tuple[float, float, float, float]) -> Float:
    """Positions (T, 2) of one object under accelerations force(x, y, vx, vy), by an integrator of high order at 1e-12."""
    made = solve_ivp(lambda _, s: [s[2], s[3], *force(*s)], (times[0], times[-1]), start, "DOP853", times, rtol=1e-12, atol=1e-13)
    return np.asarray(made.y[:2].T)


@pytest.fixture
def integrated() -> Callable[..., Float]:
    return integrate
