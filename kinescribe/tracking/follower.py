"""One frame after another: each frame's sightings go to the tracks so far, by predicted motion, colour and size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.association import UNLIKE, assign_pairs, look_cost
from kinescribe.tracking.gating import near_pairs
from kinescribe.tracking.kalman import BatchKalman

__all__ = ["LONGEST_MISS", "Follower", "Sightings", "motion_intensity"]

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Rows = NDArray[np.intp]

GATE = 16.0  # squared Mahalanobis distance beyond which a pair is not looked at
COST_LIMIT = 30.0  # motion and look together
LONGEST_MISS = 3  # ticks a filter goes on unseen; longer gaps are joined afterwards, with both sides known


class Sightings(NamedTuple):
    """What of M detections tells whose they are.

    Attributes:
        positions, covariances: (M, 2), (M, 2, 2), px and px².
        areas, radii: (M,), px² and px, of the disc of the same area.
        colors: (M, 3), CIELAB.
    """

    positions: Float
    covariances: Float
    areas: Float
    radii: Float
    colors: Float

    def take(self, index: NDArray[np.integer]) -> Sightings:
        """The chosen ones."""
        return Sightings(*(values[index] for values in self))


def motion_intensity(radii: Float, speeds: Float) -> Float:
    """Spectral density of the acceleration that a body may have from tick to tick, (px/tick²)²; larger and faster bodies may do more."""
    return np.asarray((0.7 + 0.05 * radii + 0.15 * speeds) ** 2)


class Follower:
    """Pieces of track that grow frame by frame, each while it is seen at least every few frames.

    Attributes:
        numbers: (N,) int, of the pieces that go on, from 0 in the order they began.
        last: the last sighting of each, N.
        clocks: (N,), ticks, when that was.
        filters: N Kalman filters, px and px/tick, at the time of the last step.
    """

    def __init__(self) -> None:
        self.numbers: Index = np.zeros(0, np.int64)
        self.clocks: Float = np.zeros(0)
        self.last = Sightings(np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros(0), np.zeros(0), np.zeros((0, 3)))
        self.filters = BatchKalman(order=2)
        self._began = 0
        self._now = 0.0

    def advance(self, now: float) -> Index:
        """Go on to another time, ticks; returns the numbers of the pieces that end, unseen for too long."""
        fresh = now - self.clocks <= LONGEST_MISS + 0.5
        ended = self.numbers[~fresh]
        if len(ended):
            self.numbers, self.clocks, self.last = self.numbers[fresh], self.clocks[fresh], self.last.take(np.flatnonzero(fresh))
            self.filters.keep(fresh)
        if len(self.numbers):
            self.filters.intensities = motion_intensity(self.last.radii, np.hypot(*self.filters.velocities.T))
            self.filters.predict(now - self._now)
        self._now = now
        return ended

    def see(self, here: Sightings) -> Index:
        """Give the sightings of the time that was advanced to their pieces, new ones where none fits; returns the pieces' numbers, (M,)."""
        out = np.full(len(here.areas), -1, np.int64)
        noise = _measured(here)
        rows, columns = self._pair(here, noise)
        if len(rows):
            self.filters.update(rows, here.positions[columns], noise[columns])
            self.clocks[rows] = self._now
            for kept, new in zip(self.last, here, strict=True):
                kept[rows] = new[columns]
            out[columns] = self.numbers[rows]
        self._begin(here, noise, out)
        return out

    def _begin(self, here: Sightings, noise: Float, numbers: Index) -> None:
        new = np.flatnonzero(numbers < 0)
        if not len(new):
            return
        numbers[new] = np.arange(self._began, self._began + len(new))
        self._began += len(new)
        first = here.take(new)
        # a first step of up to some three radii is believed; what moves faster is found by its straight path
        self.filters.add(
            first.positions,
            noise[new],
            velocity_sigma=1.0 + 0.8 * first.radii,
            intensity=motion_intensity(first.radii, np.zeros(len(new))),
        )
        self.numbers = np.concatenate([self.numbers, numbers[new]])
        self.clocks = np.concatenate([self.clocks, np.full(len(new), self._now)])
        self.last = Sightings(*(np.concatenate(both) for both in zip(self.last, first, strict=True)))

    def _pair(self, here: Sightings, noise: Float) -> tuple[Rows, Rows]:
        if not len(self.numbers) or not len(here.areas):
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        # no pair within the gate is farther apart than this
        reach = np.sqrt(GATE * (_widest(self.filters.position_covariances) + _widest(noise).max()))
        parts = []
        for rows, columns in near_pairs(self.filters.positions, reach, here.positions):
            gates = self.filters.gates(rows, here.positions[columns], noise[columns])
            within = gates.distances <= GATE
            rows, columns = rows[within], columns[within]
            distances, log_likelihoods = gates.distances[within], gates.log_likelihoods[within]
            look = look_cost(self.last.colors[rows], self.last.areas[rows], here.colors[columns], here.areas[columns])
            # a wider prediction explains more: its log-determinant is the price of that
            cost = distances + np.log1p(np.maximum(-2 * log_likelihoods - distances, 0)) + look
            # One bad look can't outvote the motion, but what is unlike in colour and in size is something else: a speck where a ball would
            # be had it not bounced. Taken for the ball, it would have the piece end after the one that begins at the bounce, and the two
            # never joined.
            parts.append((rows, columns, np.where(look < UNLIKE, cost, np.inf)))
        rows, columns, costs = (np.concatenate(values) for values in zip(*parts, strict=True))
        return assign_pairs(rows, columns, costs, COST_LIMIT)


def _measured(here: Sightings) -> Float:
    """Measurement covariances for gating: a blob's outline flickers by more than its standard error says."""
    flicker = (0.3 + 0.05 * here.radii) ** 2
    return np.asarray(here.covariances + flicker[:, None, None] * np.eye(2))


def _widest(covariances: Float) -> Float:
    """The larger eigenvalue of each symmetric matrix (N, 2, 2)."""
    xx, xy, yy = covariances[:, 0, 0], covariances[:, 0, 1], covariances[:, 1, 1]
    return np.asarray(0.5 * (xx + yy) + np.hypot(0.5 * (xx - yy), xy))
