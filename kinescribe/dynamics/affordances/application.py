"""Rules brought into what a law is fitted to: who is static, and how kinematic objects were seen to move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.affordances.resolution import resolve
from kinescribe.dynamics.affordances.rules import Affordances
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.state import Bodies
from kinescribe.errors import UsageError

__all__ = ["RATES", "apply", "rate_inputs", "with_static"]

Float = NDArray[np.float64]
RATES = ("vx", "vy", "angular_velocity")


def with_static(rules: Affordances, bodies: Bodies) -> Bodies:
    """The bodies, those static that the rules say are. Raises UsageError for rules that don't fit them."""
    return replace(bodies, static=bodies.static | resolve(rules, bodies).static)


def rate_inputs(name: str) -> tuple[str, ...]:
    """The inputs that hold the rates of a kinematic object: ``cart.vx``, ``cart.vy``, ``cart.angular_velocity``."""
    return tuple(f"{name}.{rate}" for rate in RATES)


def apply(rules: Affordances, clip: Clip) -> Clip:
    """The clip as the rules see it.

    Static objects are marked so. Of kinematic ones the rates between sightings, world units a second, become known inputs, straight
    through gaps, so that who follows them passes through every position that was seen.

    Raises:
        UsageError: rules that don't fit the clip's objects, or a kinematic object beside inputs that change at other times.
    """
    made = replace(clip, bodies=with_static(rules, clip.bodies))
    followed = np.flatnonzero(resolve(rules, clip.bodies).kinematic)
    if not len(followed):
        return made
    columns: dict[str, Float] = {}
    for i in followed:
        for name, positions in zip(rate_inputs(clip.bodies.names[i]), (clip.x, clip.y, clip.angle), strict=True):
            columns[name] = _rates(clip.times, positions[:, i])
    given = clip.inputs.at(clip.times)
    if given and not np.isin(clip.inputs.times[1:], clip.times).all():
        raise UsageError(f"{clip.name}: with kinematic objects the inputs must change at the times of frames")
    return replace(made, inputs=Inputs.of(clip.times, **{**given, **columns}))


def _rates(times: Float, values: Float) -> Float:
    """(T,) the rate that holds from each time to the next; 0 before the first sighting and from the last on."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2:
        return np.zeros(len(times))
    path = np.interp(times, times[known], values[known])
    out = np.zeros(len(times))
    out[:-1] = np.diff(path) / np.diff(times)
    return out
