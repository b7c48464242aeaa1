"""Laws whose accelerations are constant between contacts: trajectories in closed form, from contact to contact, and their derivatives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation.gaps import Gaps
from kinescribe.dynamics.simulation.motion import Motion
from kinescribe.dynamics.simulation.schedule import Schedule
from kinescribe.errors import UsageError

__all__ = ["Derivatives", "follow_arcs", "is_steady"]

Float = NDArray[np.float64]
SAME = 1e-9  # of an acceleration, or of a state: no difference


class Derivatives(NamedTuple):
    """By q numbers, of all that decides b clips of n objects.

    Attributes:
        data: (b, 6, n, q) of initial states. force: (b, 3, n, q) of accelerations. numbers: (b, ·, q) of `Gaps.numbers`.
        coordinates: how many of x, y and angle are asked for.
    """

    data: Float
    force: Float
    numbers: Float
    coordinates: int


def is_steady(law: Law) -> bool:
    """Its motion between contacts is a parabola, which needs no integrator."""
    return law.steady and law.kind == "acceleration" and not law.inputs and law.array_library == "numpy"


def follow_arcs(
    motion: Motion, data: Float, schedule: Schedule, gaps: Gaps | None, by: Derivatives | None = None
) -> tuple[Float, Float, Float | None]:
    """Of a law that `is_steady`, from states (6, b, n): trajectories (6, b, T, n), impacts (m, 5), and the trajectories' derivatives
    (b, T, coordinates, n, q) where asked for; None where something piles up, which has none.

    Raises:
        UsageError: the law's accelerations change after all.
    """
    instants = schedule.instants
    motion.inputs = Values({})
    force = motion.rates(instants[:, :1], data)[3:]
    made: Float | None = None
    if gaps is None:
        since = (schedule.frame_times - instants[:, :1])[None, :, :, None]
        rates = data[3:, :, None] + since * force[:, :, None]
        out = np.concatenate([data[:3, :, None] + 0.5 * since * (data[3:, :, None] + rates), rates])
        impacts = np.zeros((0, 5))
        if by is not None:
            t, k = since[0, :, :, :, None, None], by.coordinates
            made = by.data[:, None, :k] + t * (by.data[:, None, 3 : 3 + k] + 0.5 * t * by.force[:, None, :k])
    else:
        path, impacts, path_by = _through_contacts(gaps, data, force, instants, by)
        rows = np.arange(len(instants))[:, None]
        out = path[rows, schedule.frames].transpose(2, 0, 1, 3)
        made = None if path_by is None else path_by[rows, schedule.frames]
    _confirm(motion, instants[:, -1:], out[:, :, -1], force)
    return out, impacts, made


def _through_contacts(gaps: Gaps, data: Float, force: Float, instants: Float, by: Derivatives | None) -> tuple[Float, Float, Float | None]:
    """Paths (b, g, 6, n) at all instants, impacts (m, 5), and the paths' derivatives (b, g, k, n, q)."""
    from kinescribe.dynamics.simulation.contact_events import fly  # numba takes its time to come in

    clips, n = data.shape[1:]
    steps = instants.shape[1]
    numbers = gaps.numbers(clips)
    path, piled = np.empty((clips, steps, 6, n)), np.zeros(clips, np.bool_)
    given = by or Derivatives(np.zeros((clips, 6, n, 0)), np.zeros((clips, 3, n, 0)), np.zeros((*numbers.shape, 0)), 0)
    path_by = np.empty((clips, steps, given.coordinates, n, given.data.shape[-1]))

    # copies in one layout, for each other one would be compiled for anew
    def own(values: Float) -> Float:
        return np.array(values, order="C")

    impacts = fly(
        own(data.transpose(1, 0, 2)), own(force.transpose(1, 0, 2)), own(numbers), own(instants), path, gaps.first, gaps.second, gaps.wall,
        gaps.touches, own(given.data), own(given.force), own(given.numbers), path_by, piled,
    )  # fmt: skip
    return path, impacts[np.argsort(impacts[:, 1], kind="stable")], None if by is None or piled.any() else path_by


def _confirm(motion: Motion, t: Float, data: Float, force: Float) -> None:
    """Hold a law to what it says of itself, at the end of the motion."""
    finite = np.isfinite(data).all(axis=0)
    now = motion.rates(t, data)[3:]
    close = np.abs(now - force) <= SAME * np.abs(force).max(initial=0.0)
    held = np.abs(motion.projected(data) - data) <= SAME * np.abs(data)
    if not (close.all(axis=0) | ~finite).all() or not (held.all(axis=0) | ~finite).all():
        raise UsageError(
            f"law {motion.law.title} says steady = True, but its accelerations change with time or state, or it has constraints: "
            "leave steady out"
        )
