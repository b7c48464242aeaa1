"""How a law behaves when it runs: finite, the same every time, clip by clip as together, and moved by every parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.checks.runner import Runner
from kinescribe.dynamics.checks.trial import Trial
from kinescribe.dynamics.parameters import Parameter
from kinescribe.dynamics.simulation import Rollout

__all__ = ["Sameness", "check_divergence", "check_parameters", "check_repeats", "check_together", "other_value"]

Float = NDArray[np.float64]
FINE, COARSE = 1e-10, 1e-6  # relative: nudges that show how trajectories part; coarse for black boxes, which may count in 32 bits
SLACK = 100.0  # of a nudge: rounding
STEP = 0.1  # of its value, by which a parameter is moved
NOTHING = 1e-13  # of the motion's size: no effect


@dataclass(frozen=True, slots=True, eq=False)
class Sameness:
    """When two trajectories of one trial are the same: they may part as far as those do that start a rounding error apart.

    Attributes:
        units: (6, 1, 1, 1) what each component is measured in: size, radians, and these over the trial's time.
        tolerance: (T,) the greatest difference.
    """

    units: Float
    tolerance: Float

    @classmethod
    def of(cls, trial: Trial, base: Rollout, nudged: Rollout) -> Sameness:
        """From a run and one with nudged starts."""
        span = max(float(trial.times[-1] - trial.times[0]), 1e-300)
        lengths = np.array([trial.size, trial.size, 1.0])
        units = np.concatenate([lengths, lengths / span])[:, None, None, None]
        nudge = nudge_of(trial)
        parted = np.nan_to_num(np.abs(nudged.data - base.data) / units, nan=np.inf).max(axis=(0, 1, 3))
        return cls(units, np.maximum.accumulate(SLACK * nudge + 2.0 * SLACK * np.maximum(parted - nudge, 0.0)))

    def apart(self, first: Float, second: Float) -> Float:
        """(T,) by how many tolerances two trajectories (6, b, T, n) differ at most."""
        both_lost = np.isnan(first) & np.isnan(second)
        off = np.where(both_lost, 0.0, np.abs(first - second) / self.units)
        out: Float = np.nan_to_num(off, nan=np.inf).max(axis=(0, 1, 3)) / self.tolerance
        return out


def nudge_of(trial: Trial) -> float:
    """Relative size of a rounding error in such a law."""
    return COARSE if trial.law.kind == "rollout" else FINE


def check_divergence(runner: Runner, trial: Trial, base: Rollout, doing: str) -> None:
    """Numbers that are none, or beyond all bounds."""
    if not base.diverged.any():
        return
    clip = int(np.flatnonzero(base.diverged)[0])
    lost = ~np.isfinite(base.data[:, clip])
    frame = int(np.flatnonzero(lost.any(axis=(0, 2)))[0])
    runner.add(
        "error", "divergence", f"{doing} the motion is no number or beyond 10¹² from {trial.times[frame]:.3g} s on",
        "guard divisions by zero and roots, and bound the parameters to what makes sense",
    )  # fmt: skip


def check_repeats(runner: Runner, trial: Trial, base: Rollout) -> None:
    """The same numbers in, the same numbers out."""
    again = runner.call(trial.run)
    if again is not None and not np.array_equal(again.data, base.data, equal_nan=True):
        off = np.nanmax(np.abs(again.data - base.data))
        runner.add(
            "error", "determinism", f"two runs with the same numbers differ by up to {off:.3g}",
            "use no random numbers, clocks or memory of earlier calls",
        )  # fmt: skip


def check_together(runner: Runner, trial: Trial, base: Rollout, same: Sameness) -> None:
    """Clips that run together move as each does alone."""
    for clip in range(trial.count):
        alone = runner.call(trial.only([clip]).run, "with a single clip")
        if alone is None:
            return
        off = same.apart(base.data[:, clip : clip + 1], alone.data)
        if off.max() > 1.0:
            frame = int(np.argmax(off > 1.0))
            runner.add(
                "error", "together", f"a clip that runs beside others moves otherwise than alone, from {trial.times[frame]:.3g} s on",
                "compute with arrays (clips, objects): no sums over all clips, no clip's own number for all, no if on an array",
            )  # fmt: skip
            return


def check_parameters(runner: Runner, trial: Trial, base: Rollout, asked: set[str]) -> None:
    """Every parameter moves something."""
    names = list(trial.law.parameters)
    if not names:
        return
    varied = trial.only([0] * len(names))
    values = {name: varied.values[name].copy() for name in names}
    for row, name in enumerate(names):
        values[name][row] = other_value(trial.law.parameters[name], values[name][row], natural(trial, trial.law.parameters[name]))
    moved = runner.call(varied.with_values(**values).run, "with other parameters, within their bounds")
    if moved is None:
        return
    for row, name in enumerate(names):
        off = np.abs(moved.data[:, row] - base.data[:, 0])
        scale = np.nanmax(np.abs(base.data[:, 0]), axis=(1, 2), keepdims=True) + 1e-300
        if moved.diverged[row] and not base.diverged[0]:
            runner.add("warning", "divergence", f"with {name} = {values[name][row].max():.4g}, within its bounds, the motion diverges",
                       f"narrow the bounds of {name}")  # fmt: skip
        elif not (off / scale > NOTHING).any():
            if name in asked or name == "mass":
                shown = trial.law.parameters[name].revealed_by or "a motion that shows it"
                runner.add("note", "parameters", f"{name} changes nothing in this motion", f"check it on {shown}")
            else:
                runner.add("warning", "parameters", f"the parameter {name} is never used", f"use {name}, or take it out")


def other_value(parameter: Parameter, value: Float, size: float) -> Float:
    """Somewhere else within the bounds; objects differ, for what they share may cancel."""
    low, high = parameter.bounds
    step = STEP * np.where(value != 0.0, np.abs(value), size) * (1.0 + np.arange(len(value)))
    up, down = value + step, value - step
    moved = np.where(up <= high, up, np.where(down >= low, down, 0.5 * (np.maximum(low, -1e300) + np.minimum(high, 1e300))))
    return np.asarray(moved)


def natural(trial: Trial, parameter: Parameter) -> float:
    """A value of the parameter's dimension that matters in this trial: made of its size and time, and a mass of 1."""
    span = max(float(trial.times[-1] - trial.times[0]), 1e-300)
    return parameter.dimension.factor(length=trial.size, time=span)
