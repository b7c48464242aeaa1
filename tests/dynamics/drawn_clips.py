"""Motions under known laws, and the clips and tables that perception would make of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics import Bodies, Clip, Contacts, Discs, Inputs, Law, Parameter, Rollout, Schedule, State, Values, Wall, simulate
from kinescribe.states import Calibration, ContactEvent, Metadata, States

Float = NDArray[np.float64]


class Free(Law):
    name = "free"

    def acceleration(self, t: Any, state: Any, parameters: Any, inputs: Any) -> Any:
        return 0.0, 0.0


class Fall(Law):
    name = "fall"
    gravity = Parameter(9.0, (0, 100), "length/time^2", "downward acceleration")

    def acceleration(self, t: Any, state: Any, parameters: Any, inputs: Any) -> Any:
        return 0.0, -parameters.gravity


class Drag(Law):
    name = "drag"
    drag = Parameter(0.1, (0, 100), "1/time", "deceleration over speed")

    def acceleration(self, t: Any, state: Any, parameters: Any, inputs: Any) -> Any:
        return -parameters.drag * state.vx, -parameters.drag * state.vy


class Swing(Law):
    """A spring along x about a place of rest."""

    name = "swing"
    stiffness = Parameter(1.0, (0, 1e4), "1/time^2", "spring constant over mass")
    centre = Parameter(0.0, (-1e4, 1e4), "length", "place of rest")

    def acceleration(self, t: Any, state: Any, parameters: Any, inputs: Any) -> Any:
        return -parameters.stiffness * (state.x - parameters.centre), 0.0


class Bounce(Fall):
    """Free fall onto a floor at 0."""

    name = "bounce"
    restitution = Parameter(0.8, (0, 1), revealed_by="a bounce off the floor")
    friction = Parameter(0.0, (0, 10), fixed=True)

    def contacts(self, bodies: Any, parameters: Any) -> Contacts:
        return Contacts([Wall("floor", 0.0, 1.0, 0.0, parameters.restitution, parameters.friction)])


class Pucks(Free):
    """Discs that strike each other, with a mass each."""

    name = "pucks"
    restitution = Parameter(0.9, (0, 1), revealed_by="two objects that strike each other")
    friction = Parameter(0.0, (0, 10), fixed=True)
    mass = Parameter(1.0, (1e-3, 1e3), "mass", per="object")

    def contacts(self, bodies: Any, parameters: Any) -> Contacts:
        return Contacts((), Discs(parameters.restitution, parameters.friction))


def values_of(law: Law, bodies: Bodies, clips: int = 1, **given: Any) -> Values:
    """A law's parameters for so many clips: numbers, (n,) for a parameter per object, or (clips, …); those not named at their starts."""
    out = {}
    for name, parameter in law.parameters.items():
        columns = len(bodies) if parameter.per == "object" else 1
        value = np.asarray(given.get(name, parameter.start), float)
        out[name] = np.broadcast_to(value, (clips, columns)).copy()
    return Values(out)


def moved(
    law: Law, times: Float, bodies: Bodies, *, substeps: int = 1, inputs: Inputs | None = None,
    parameters: dict[str, Any] | None = None, **components: Any,
) -> Rollout:  # fmt: skip
    """One clip's rollout, from an initial state by components, each a number or (n,)."""
    schedule = Schedule.of([times], [inputs or Inputs.none()], names=law.inputs, substeps=substeps, time_step=law.time_step)
    return simulate(law, values_of(law, bodies, **(parameters or {})), State.of(bodies, **components), schedule)


def clip_of(rollout: Rollout, times: Float, rng: np.random.Generator, sigma: float, *, missing: float = 0.0, name: str = "clip",
            impacts: bool = True, inputs: Inputs | None = None) -> Clip:  # fmt: skip
    """What would be seen of a rollout's first clip: σ of noise on positions, a share of the sightings missing at random."""
    x, y = rollout.component("x")[0].copy(), rollout.component("y")[0].copy()
    x += sigma * rng.normal(size=x.shape)
    y += sigma * rng.normal(size=x.shape)
    gone = rng.random(x.shape) < missing
    x[gone] = y[gone] = np.nan
    nothing, spread = np.full(x.shape, np.nan), np.full(x.shape, sigma or 1e-9)
    return Clip(
        name, times, rollout.bodies, x, y, nothing, nothing, nothing, nothing, spread, spread, spread,
        tuple(rollout.impacts_of(0)) if impacts else (), inputs or Inputs.none(), "m",
    )  # fmt: skip


def table(
    paths: Sequence[tuple[Any, Any]], times: Float, *, labels: Sequence[str] = (), calibration: Calibration | None = None,
    sigma: float = 0.01, size: float = 1.0, shape: str = "disc", events: Sequence[ContactEvent] = (), meta: dict[str, Any] | None = None,
    **columns: Any,
) -> States:  # fmt: skip
    """A table of objects 1, 2, … from their (T,) coordinates; other columns are (objects, T) or what broadcasts to it."""
    count, frames = len(paths), len(times)
    rows = {
        "frame": np.tile(np.arange(frames), count),
        "time_s": np.tile(times, count),
        "object_id": np.repeat(np.arange(1, count + 1), frames),
        "label": np.repeat(list(labels) or ["ball"] * count, frames),
        "x": np.concatenate([np.broadcast_to(np.asarray(x, float), frames) for x, _ in paths]),
        "y": np.concatenate([np.broadcast_to(np.asarray(y, float), frames) for _, y in paths]),
        "shape": np.full(count * frames, shape),
        "status": np.full(count * frames, "observed"),
    }  # fmt: skip
    rows |= {name: np.full(count * frames, size) for name in ("width", "height")}
    rows |= {name: np.full(count * frames, sigma) for name in ("sigma_x", "sigma_y")}
    rows |= {name: np.broadcast_to(np.asarray(value), (count, frames)).ravel() for name, value in columns.items()}
    known = Metadata(calibration=calibration or Calibration.from_scale(100, "m"), events=list(events), **(meta or {}))
    return States.from_columns(rows, known)
