"""One frame after another: each frame's sightings go to the tracks so far, by predicted motion, colour and size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.association import UNLIKE, assign_pairs, look_cost
from kinescribe.tracking.gating import near_pairs
from kinescribe.tracking.interacting import InteractingKalman

__all__ = ["FREE", "STEADY", "Follower", "Habits", "Pieces", "Sightings", "motion_intensity"]

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Rows = NDArray[np.intp]

GATE = 16.0  # squared Mahalanobis distance beyond which a pair is not looked at
COST_LIMIT = 30.0  # motion and look together
USUAL = 10  # sightings, or so, that tell a piece's usual size


class Habits(NamedTuple):
    """What is expected of things.

    Attributes:
        scales: of the acceleration that each motion model allows, relative to `motion_intensity`; the widest first.
        longest_miss: ticks a piece goes on unseen.
        priced: whether a prediction pays in full for its width, as −2 ln of the likelihood has it. If not, by its logarithm only: a body
            that is new or has bounced, and may be anywhere, stands nearly as well as one that keeps its course.
        unseen: what a sighting costs a piece that wasn't seen a frame ago: what is hidden mostly stays hidden.
        whole: by how much the logarithm of a sighting's area may differ from the piece's usual one before its place is doubted.
    """

    scales: tuple[float, ...]
    longest_miss: float
    priced: bool
    unseen: float
    whole: float


# balls that bounce, are hit or thrown; what is lost is joined afterwards, with both sides of the gap known
FREE = Habits((1.0,), 3.0, False, 0.0, np.inf)
# people, vehicles, discs that glide: most keep their course, any may swerve. One thing a frame ago in sight, one not: 19 to 1, −2 ln of it
STEADY = Habits((1.0, 0.1), 10.0, True, 6.0, 0.2)


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


class Pieces(NamedTuple):
    """N pieces of track, as they were last seen.

    Attributes:
        tags: (N,) int, for the owner to set; −1 at first.
        counts: (N,) int, sightings.
        first_clocks, first_positions: (N,), ticks, and (N, 2), px, of the first sighting.
        clocks: (N,), ticks, of the last sighting.
        positions, velocities: (N, 2), px and px/tick, filtered, at the last sighting.
        velocity_variances: (N,), mean of both components, (px/tick)².
        log_areas: (N,), ln px², of the usual sighting.
        last: the last sighting.
    """

    tags: Index
    counts: Index
    first_clocks: Float
    first_positions: Float
    clocks: Float
    positions: Float
    velocities: Float
    velocity_variances: Float
    log_areas: Float
    last: Sightings

    @classmethod
    def begun(cls, now: float, first: Sightings) -> Pieces:
        """One of each sighting."""
        n = len(first.areas)
        return cls(
            tags=np.full(n, -1, np.int64),
            counts=np.ones(n, np.int64),
            first_clocks=np.full(n, now),
            first_positions=first.positions,
            clocks=np.full(n, now),
            positions=first.positions,
            velocities=np.zeros((n, 2)),
            velocity_variances=np.zeros(n),
            log_areas=np.log(np.maximum(first.areas, 1.0)),
            last=first,
        )

    def take(self, index: NDArray[np.integer]) -> Pieces:
        """The chosen ones."""
        return Pieces._make([*(values[index] for values in self[:-1]), self.last.take(index)])

    def joined(self, other: Pieces) -> Pieces:
        """These and the others."""
        both = [np.concatenate(pair) for pair in zip(self[:-1], other[:-1], strict=True)]
        last = Sightings(*(np.concatenate(pair) for pair in zip(self.last, other.last, strict=True)))
        return Pieces._make([*both, last])


NONE = Pieces.begun(0.0, Sightings(np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros(0), np.zeros(0), np.zeros((0, 3))))


class Follower:
    """Pieces of track that grow frame by frame, each while it is seen at least every few frames.

    Attributes:
        habits: what is expected of things.
        pieces: the N pieces that go on, in the order they began.
        filters: N Kalman filters, px and px/tick, at the time of the last step.
    """

    def __init__(self, habits: Habits = FREE) -> None:
        self.habits = habits
        self.pieces = NONE
        self.filters = InteractingKalman(habits.scales)
        self._now = 0.0

    def advance(self, now: float) -> Pieces:
        """Go on to another time, ticks; returns the pieces that end, unseen for too long."""
        ended = self.drop(now - self.pieces.clocks > self.habits.longest_miss + 0.5)
        if len(self.filters):
            self.filters.predict(now - self._now, motion_intensity(self.pieces.last.radii, np.hypot(*self.filters.velocities.T)))
        self._now = now
        return ended

    def drop(self, which: NDArray[np.bool_]) -> Pieces:
        """End the marked pieces, (N,), and return them."""
        if not which.any():
            return NONE
        ended = self.pieces.take(np.flatnonzero(which))
        self.pieces = self.pieces.take(np.flatnonzero(~which))
        self.filters.keep(~which)
        return ended

    def see(self, here: Sightings) -> Rows:
        """Give the sightings of the time that was advanced to their pieces, new ones where none fits.

        Returns:
            the row of each sighting's piece in `pieces`, (M,).
        """
        out = np.full(len(here.areas), -1, np.intp)
        noise = _measured(here)
        rows, columns = self._pair(here, noise)
        if len(rows):
            pieces = self.pieces
            doubt = self._doubt(rows, here.areas[columns])
            self.filters.update(rows, here.positions[columns], noise[columns] + doubt[:, None, None] * np.eye(2))
            pieces.counts[rows] += 1
            pieces.clocks[rows] = self._now
            pieces.positions[rows] = self.filters.positions[rows]
            pieces.velocities[rows] = self.filters.velocities[rows]
            pieces.velocity_variances[rows] = self.filters.velocity_variances[rows]
            for kept, new in zip(pieces.last, here, strict=True):
                kept[rows] = new[columns]
            out[columns] = rows
        first = np.flatnonzero(out < 0)
        if len(first):
            out[first] = np.arange(len(self.filters), len(self.filters) + len(first))
            self._begin(here.take(first), noise[first])
        return out

    def _doubt(self, rows: Rows, areas: Float) -> Float:
        """What to add to the variances of sightings that are not of the usual size, px², which is learned on the way.

        Half hidden, or one blob with what it touches, a body's middle isn't its own, but off by up to the change of its radius or so.
        """
        pieces = self.pieces
        growth = np.log(np.maximum(areas, 1.0)) - pieces.log_areas[rows]
        pieces.log_areas[rows] += growth / np.minimum(pieces.counts[rows] + 1, USUAL)
        return np.asarray((pieces.last.radii[rows] * np.maximum(np.abs(growth) - self.habits.whole, 0)) ** 2)

    def _begin(self, first: Sightings, noise: Float) -> None:
        # a first step of up to some three radii is believed; what moves faster is found by its straight path
        spread = 1.0 + 0.8 * first.radii
        begun = Pieces.begun(self._now, first)._replace(velocity_variances=spread**2)
        self.filters.add(first.positions, noise, spread)
        self.pieces = self.pieces.joined(begun)

    def _pair(self, here: Sightings, noise: Float) -> tuple[Rows, Rows]:
        if not len(self.filters) or not len(here.areas):
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        widest = self.filters.filters[0]
        # no pair within the gate is farther apart than this
        reach = np.sqrt(GATE * (_widest(widest.position_covariances) + _widest(noise).max()))
        parts = []
        for rows, columns in near_pairs(widest.positions, reach, here.positions):
            gates = self.filters.gates(rows, here.positions[columns], noise[columns])
            within = gates.distances <= GATE
            rows, columns = rows[within], columns[within]
            look = look_cost(self.pieces.last.colors[rows], self.pieces.last.areas[rows], here.colors[columns], here.areas[columns])
            # One bad look can't outvote the motion, but what is unlike in colour and in size is something else: a speck where a ball would
            # be had it not bounced. Taken for the ball, it would have the piece end after the one that begins at the bounce, and the two
            # never joined.
            cost = self._motion_cost(rows, gates.distances[within], gates.log_likelihoods[within]) + look
            parts.append((rows, columns, np.where(look < UNLIKE, cost, np.inf)))
        rows, columns, costs = (np.concatenate(values) for values in zip(*parts, strict=True))
        return assign_pairs(rows, columns, costs, COST_LIMIT)

    def _motion_cost(self, rows: Rows, distances: Float, log_likelihoods: Float) -> Float:
        if self.habits.priced:
            missed = self._now - self.pieces.clocks[rows] > 1.5
            return np.asarray(-2 * log_likelihoods + self.habits.unseen * missed)
        # a wider prediction explains more: its log-determinant is the price of that
        return np.asarray(distances + np.log1p(np.maximum(-2 * log_likelihoods - distances, 0)))


def _measured(here: Sightings) -> Float:
    """Measurement covariances for gating: a blob's outline flickers by more than its standard error says."""
    flicker = (0.3 + 0.05 * here.radii) ** 2
    return np.asarray(here.covariances + flicker[:, None, None] * np.eye(2))


def _widest(covariances: Float) -> Float:
    """The larger eigenvalue of each symmetric matrix (N, 2, 2)."""
    xx, xy, yy = covariances[:, 0, 0], covariances[:, 0, 1], covariances[:, 1, 1]
    return np.asarray(0.5 * (xx + yy) + np.hypot(0.5 * (xx - yy), xy))
