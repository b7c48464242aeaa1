"""Uncertainty carried along: rollouts one standard deviation to either side, in every direction of the joint covariance, in one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.prediction.start import Start

__all__ = ["Samples", "samples_of"]

Float = NDArray[np.float64]
NOTHING = 1e-12  # of the greatest eigenvalue: a direction in which nothing is uncertain


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Trials: the centre, and up to two for each of k directions.

    Attributes:
        values: (b, all) numbers of the law; q: (b, d) numbers of the initial state. The first is the centre.
        direction: (b,) index of each trial's direction, −1 for the centre.
        step: (b,) how many σ it lies off, in (0, 1].
        known: the start's errors are; else there is the centre alone, and every spread is NaN.
    """

    values: Float
    q: Float
    direction: NDArray[np.intp]
    step: Float
    known: bool = True

    def spread(self, results: Float) -> tuple[Float, Float]:
        """σ of results (…, b, …rest) along axis 1, that is (c, b, …) → (c, …), and how far it is from linear, in the same unit.

        σ² is the sum over directions of the mean square of both sides' differences to the centre: to first order what the derivatives
        give; around a contact, where there are none, what the trials themselves do. The second is the part of it that is even.
        """
        centre = results[:, 0]
        if not self.known:
            return np.full_like(centre, np.nan), np.zeros_like(centre)
        square = np.zeros_like(centre)
        even = np.zeros_like(centre)
        for k in range(int(self.direction.max(initial=-1)) + 1):
            rows = np.flatnonzero(self.direction == k)
            sides = np.stack([(results[:, row] - centre) / self.step[row] for row in rows])
            known = np.isfinite(sides)
            count = known.sum(axis=0)
            mean = np.where(known, sides**2, 0.0).sum(axis=0) / np.maximum(count, 1)
            # a trial that is lost tells nothing; both lost: nothing is known
            square += np.where(count > 0, mean, np.nan)
            if len(rows) == 2:
                even += np.where(count == 2, (0.5 * (sides[0] + sides[1])) ** 2, 0.0)
        return np.sqrt(square), np.sqrt(even)


def samples_of(start: Start) -> Samples:
    """Trials from a start; parameters keep their bounds, a side that would leave them at once is left out."""
    p = len(start.theta)
    if not np.isfinite(start.joint).all():
        return Samples(start.slots.complete(start.theta[None]), start.q[None], np.array([-1]), np.ones(1), known=False)
    deviation = np.sqrt(np.maximum(np.diag(start.joint), 0.0))
    safe = np.where(deviation > 0, deviation, 1.0)
    # numbers of very different size: the directions are those of the correlations
    values, vectors = np.linalg.eigh(0.5 * (start.joint + start.joint.T) / np.outer(safe, safe))
    keep = values > NOTHING * max(float(values.max(initial=0.0)), NOTHING)
    directions = (vectors[:, keep] * np.sqrt(values[keep]) * deviation[:, None]).T
    low, high = start.slots.bounds
    thetas, qs, index, steps = [start.theta], [start.q], [-1], [1.0]
    for k, direction in enumerate(directions):
        for sign in (1.0, -1.0):
            move = sign * direction
            step = _within(start.theta, move[:p], low, high)
            if step > 1e-3:
                thetas.append(np.clip(start.theta + step * move[:p], low, high))
                qs.append(start.q + step * move[p:])
                index.append(k)
                steps.append(step)
    return Samples(start.slots.complete(np.stack(thetas)), np.stack(qs), np.array(index, np.intp), np.array(steps))


def _within(theta: Float, move: Float, low: Float, high: Float) -> float:
    """The share of a move that keeps the bounds; a part of it that is small beside the bound's distance is clipped instead."""
    room = np.where(move > 0, high - theta, theta - low)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(move != 0, room / np.abs(move), np.inf)
    # what is at a bound already stays there: the side away from it tells what it does
    inside = shares[room > 0]
    return float(min(1.0, inside.min(initial=1.0)))
