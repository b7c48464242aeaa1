"""States tables of simulated motion with known truth, for the tests of fits, predictions and counterfactuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics import Bodies, Clip, Inputs, Law, Rollout, Schedule, State, Values, simulate
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit, fit_law
from kinescribe.states import Calibration, ContactEvent, Metadata, States, TimeMeta, VideoMeta

Float = NDArray[np.float64]
FPS = 30
SUBSTEPS = 8


def truth(
    law: Law | str, values: Mapping[str, Any], times: Float, *, names: Sequence[str] = ("ball",), radius: float | Float = 0.2,
    inputs: Inputs | None = None, without: Sequence[str] = (), **components: Any,
) -> Rollout:  # fmt: skip
    """One clip under known parameters, each a number or (n,), from an initial state by components."""
    made = find_law(law)
    bodies = Bodies.make(len(names), radius=radius, names=tuple(names))
    schedule = Schedule.of(
        [times], [inputs or Inputs.none()], names=made.inputs, substeps=SUBSTEPS if made.kind == "acceleration" else 1,
        time_step=made.time_step if made.kind == "step" else None,
    )  # fmt: skip
    parameters = Values({name: np.atleast_2d(np.asarray(value, float)) for name, value in values.items()})
    return simulate(made, parameters, State.of(bodies, **components), schedule, without=without)


def table(
    rollout: Rollout, times: Float, seen: int, *, sigma: float = 0.005, seed: int = 0, calibration: Calibration | None = None
) -> States:
    """The first frames as perception would tell them: Gaussian noise on positions, contacts as events; a world in m unless told."""
    rng = np.random.default_rng(seed)
    world = calibration or Calibration.from_scale(100.0, "m", (20_000.0, 50_000.0))
    up = 1.0 if world.y_up else -1.0
    rows: dict[str, list[Any]] = {}
    for i, name in enumerate(rollout.bodies.names):
        noise = sigma * rng.normal(size=(2, seen))
        x, y, angle, vx, vy, _ = rollout.data[:, 0, :seen, i]
        x, y = x + noise[0], up * (y + noise[1])
        size = 2 * float(np.atleast_2d(rollout.bodies.radius)[0, i])
        pixels = world.to_pixels(np.stack([x, y], axis=1))
        side = size * world.pixels_per_unit
        columns = {
            "frame": np.arange(seen), "time_s": times[:seen], "object_id": np.full(seen, i + 1), "label": [name] * seen,
            "label_score": np.full(seen, 0.9), "x": x, "y": y, "vx": vx, "vy": up * vy, "angle": up * angle,
            "width": np.full(seen, size), "height": np.full(seen, size), "area": np.full(seen, 0.785 * size**2), "shape": ["disc"] * seen,
            "sigma_x": np.full(seen, sigma), "sigma_y": np.full(seen, sigma), "sigma_angle": np.full(seen, 0.01),
            "x_px": pixels[:, 0], "y_px": pixels[:, 1], "bbox_x": pixels[:, 0] - side / 2, "bbox_y": pixels[:, 1] - side / 2,
            "bbox_w": np.full(seen, side), "bbox_h": np.full(seen, side), "status": ["observed"] * seen,
        }  # fmt: skip
        for column, values in columns.items():
            rows.setdefault(column, []).extend(values)
    step = float(times[1] - times[0])
    events = [
        ContactEvent(time_s=hit.time, frame=round(hit.time / step), partners=[i + 1 for i in hit.objects])
        for hit in rollout.impacts_of(0)
        if hit.time <= times[seen - 1]
    ]
    # so large that no box touches an edge
    video = VideoMeta(name="video.mp4", width=100_000, height=100_000, frame_count=seen)
    return States.from_columns(rows, Metadata(calibration=world, video=video, time=TimeMeta(regular=True, interval_s=step), events=events))


BOUNCE = {"gravity": 9.8, "floor": 0.0, "restitution": 0.8, "friction": 0.0}
TIMES = np.arange(121) / FPS
SEEN = 61


def bouncing(**changes: float) -> Rollout:
    """A ball that bounces for four seconds; parameters can be changed."""
    return truth("free-fall + floor", {**BOUNCE, **changes}, TIMES, x=0.0, y=3.0, vx=1.0)


def bouncing_table(seed: int = 0) -> States:
    """Its first two seconds."""
    return table(bouncing(), TIMES, SEEN, seed=seed)


def bouncing_fit(states: States | None = None) -> Fit:
    """Fitted to them, friction known."""
    return fit_law(find_law("free-fall + floor"), [Clip.from_states(states or bouncing_table())], fixed={"friction": 0.0})


PAIR = {
    "gravity": 9.8, "floor": 0.0, "floor.restitution": 0.8, "floor.friction": 0.0, "discs.restitution": 0.9, "discs.friction": 0.0,
    "mass": [1.0, 2.0],
}  # fmt: skip


def pair(**changes: Any) -> Rollout:
    """Two balls that bounce, and strike each other at 1.26 s."""
    return truth(
        "free-fall + floor + discs", {**PAIR, **changes}, TIMES, names=("red", "blue"), radius=np.array([0.2, 0.3]),
        x=[0.0, 3.0], y=[2.0, 2.1], vx=[1.0, -1.0],
    )  # fmt: skip


def pair_table(seed: int = 3) -> States:
    """Their first two seconds."""
    return table(pair(), TIMES, SEEN, seed=seed)


def pair_fit(states: States | None = None) -> Fit:
    """Fitted to them, frictions known."""
    clip = Clip.from_states(states or pair_table())
    return fit_law(find_law("free-fall + floor + discs"), [clip], fixed={"floor.friction": 0.0, "discs.friction": 0.0})
