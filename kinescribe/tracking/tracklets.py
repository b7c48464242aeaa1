"""Short, safe pieces of track: frame after frame, by predicted motion, colour and size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.association import UNLIKE, appearance_cost, assign
from kinescribe.tracking.kalman import BatchKalman
from kinescribe.tracking.observations import Observations

__all__ = ["motion_intensity", "track_frame_by_frame"]

Float = NDArray[np.float64]
Index = NDArray[np.int64]

GATE = 16.0  # squared Mahalanobis distance beyond which a pair is not looked at
COST_LIMIT = 30.0  # motion and look together
LONGEST_MISS = 3  # ticks a filter goes on unseen; longer gaps are joined afterwards, with both sides known


def motion_intensity(radii: Float, speeds: Float) -> Float:
    """Spectral density of the acceleration that a body may have from tick to tick, (px/tick²)²; larger and faster bodies may do more."""
    return np.asarray((0.7 + 0.05 * radii + 0.15 * speeds) ** 2)


def track_frame_by_frame(seen: Observations, allowed: NDArray[np.bool_] | None = None) -> list[Index]:
    """Link observations of neighbouring frames.

    Args:
        seen: all observations.
        allowed: (M,) bool, which of them take part.

    Returns:
        for every tracklet the indices of its observations, in time order; single observations among them.
    """
    filters = BatchKalman(order=2)
    alive: list[list[int]] = []
    done: list[list[int]] = []
    previous = 0.0
    for k in range(len(seen.frame_clock)):
        now = float(seen.frame_clock[k])
        here = seen.of_frame(k)
        if allowed is not None:
            here = here[allowed[here]]
        if alive:
            last = np.array([chain[-1] for chain in alive])
            fresh = now - seen.clock[last] <= LONGEST_MISS + 0.5
            if not fresh.all():
                done += [chain for chain, keep in zip(alive, fresh, strict=True) if not keep]
                alive = [chain for chain, keep in zip(alive, fresh, strict=True) if keep]
                filters.keep(fresh)
        if alive:
            last = np.array([chain[-1] for chain in alive])
            filters.intensities = motion_intensity(seen.radii[last], np.hypot(*filters.velocities.T))
            filters.predict(now - previous)
        previous = now
        if len(here) == 0:
            continue
        if alive:
            rows, columns = _pair(seen, filters, last, here)
            if len(rows):
                filters.update(rows, seen.positions[here[columns]], _measured(seen, here[columns]))
            for row, column in zip(rows, columns, strict=True):
                alive[row].append(int(here[column]))
            new = np.setdiff1d(here, here[columns])
        else:
            new = here
        if len(new):
            # a first step of up to some three radii is believed; what moves faster is found by its straight path
            filters.add(
                seen.positions[new],
                _measured(seen, new),
                velocity_sigma=1.0 + 0.8 * seen.radii[new],
                intensity=motion_intensity(seen.radii[new], np.zeros(len(new))),
            )
            alive += [[int(i)] for i in new]
    return [np.array(chain, np.int64) for chain in done + alive]


def _measured(seen: Observations, index: Index) -> Float:
    """Measurement covariances for gating: a blob's outline flickers by more than its standard error says."""
    flicker = (0.3 + 0.05 * seen.radii[index]) ** 2
    return np.asarray(seen.covariances[index] + flicker[:, None, None] * np.eye(2))


def _pair(seen: Observations, filters: BatchKalman, last: NDArray[np.int64], here: Index) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    gates = filters.gates(seen.positions[here], _measured(seen, here))
    look = appearance_cost(seen.colors[last], seen.areas[last], seen.colors[here], seen.areas[here])
    # a wider prediction explains more: its log-determinant is the price of that
    spread = gates.distances + np.log1p(np.maximum(-2 * gates.log_likelihoods - gates.distances, 0))
    # One bad look can't outvote the motion, but what is unlike in colour and in size is something else: a speck where a ball would be had
    # it not bounced. Taken for the ball, it would have the piece end after the one that begins at the bounce, and the two never joined.
    cost = np.where((gates.distances <= GATE) & (look < UNLIKE), spread + look, np.inf)
    return assign(cost, COST_LIMIT)
