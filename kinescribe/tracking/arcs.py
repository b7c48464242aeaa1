"""One track's smooth arcs: fitted, smoothed, and joined where motion breaks."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.contacts import Breaks
from kinescribe.tracking.motion_fit import MotionFit, fit_motion
from kinescribe.tracking.rts import DIFFUSE, MIRROR, STATE, Kicks, Smoothed, Start, smooth_states

__all__ = ["Arcs", "Joined", "Joint"]

Float = NDArray[np.float64]
# An acceleration that differs across a contact by less than this (χ², all axes) is held to be the same.
SAME_ACCELERATION = 9.2


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """The smoother's time line: all frames, and breaks between them.

    Attributes:
        times: (J,), not decreasing.
        frames, breaks, observed: the nodes of the frames, of the breaks and of the observations.
    """

    times: Float
    frames: NDArray[np.intp]
    breaks: NDArray[np.intp]
    observed: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """A contact, as the arcs on both sides see it.

    Attributes:
        time, time_sigma: where they meet.
        before, after: (D,), velocities.
        score: gain in log-likelihood.
    """

    time: float
    time_sigma: float
    before: Float
    after: Float
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """The smoothed states of F frames.

    Attributes:
        means, sigmas: (3, F, D): position, velocity, acceleration; NaN where undetermined.
        joints: the contacts.
        fits: one an axis.
    """

    means: Float
    sigmas: Float
    joints: list[Joint]
    fits: list[MotionFit]


@dataclass(slots=True, eq=False)
class Arcs:
    """Observations (n,), (n, D) without outliers, and where smooth motion breaks. Time steps and variances are about 1."""

    times: Float
    points: Float
    variances: Float
    breaks: Breaks
    free: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.free = np.ones(len(self.breaks.times), bool)

    def smooth(self, frame_times: Float) -> Joined:
        """Fit each axis, smooth, hold the acceleration continuous across the contacts where it may be, and smooth again."""
        starts = np.unique(np.searchsorted(self.times, self.breaks.times))
        fits = [fit_motion(self.times, starts, self.points[:, axis], self.variances[:, axis]) for axis in range(self.points.shape[1])]
        nodes = self._nodes(frame_times)
        smoothed = self._run(fits, nodes)
        if len(self.breaks.times):
            self.free = ~self.breaks.sudden | (self._acceleration_jumps(fits, nodes, smoothed) > SAME_ACCELERATION)
            if not self.free.all():
                smoothed = self._run(fits, nodes)
        means, sigmas = _averaged(fits, smoothed.means[nodes.frames], smoothed.variances[nodes.frames])
        joints = self._joints(fits, nodes, smoothed)
        for joint in joints:
            # A frame that may lie on the other side of the contact may have the other velocity.
            near = np.flatnonzero(np.abs(frame_times - joint.time) < 4 * joint.time_sigma)
            wrong = np.exp(-(((frame_times[near] - joint.time) / joint.time_sigma) ** 2) / 2) / 2
            sigmas[1, near] = np.sqrt(sigmas[1, near] ** 2 + wrong[:, None] * (joint.after - joint.before) ** 2)
        return Joined(means, sigmas, joints, fits)

    def _joints(self, fits: list[MotionFit], nodes: Nodes, smoothed: Smoothed) -> list[Joint]:
        before, before_sigmas = _averaged(fits, smoothed.before_means, smoothed.before_variances)
        after, after_sigmas = _averaged(fits, smoothed.means[nodes.breaks], smoothed.variances[nodes.breaks])
        out = []
        for i in np.flatnonzero(self.breaks.sudden):
            jump, apart = after[1, i] - before[1, i], after[0, i] - before[0, i]
            row = int(np.searchsorted(self.times, self.breaks.times[i]))
            speed = float(jump @ jump)
            time = float(np.clip(self.breaks.times[i] - apart @ jump / speed, self.times[row - 1], self.times[row]))
            spread = jump**2 @ (before_sigmas[0, i] ** 2 + after_sigmas[0, i] ** 2) / speed**2
            sigma = min(float(np.sqrt(spread)), float(self.times[row] - self.times[row - 1]) / np.sqrt(12))
            out.append(Joint(time, sigma, before[1, i], after[1, i], float(self.breaks.scores[i])))
        return out

    def _nodes(self, frame_times: Float) -> Nodes:
        # A contact at the very time of a frame comes before it.
        times = np.concatenate([self.breaks.times, frame_times])
        order = np.argsort(times, kind="stable")
        place = np.empty(len(order), np.intp)
        place[order] = np.arange(len(order))
        frames = place[len(self.breaks.times) :]
        return Nodes(times[order], frames, place[: len(self.breaks.times)], frames[np.searchsorted(frame_times, self.times - 1e-9)])

    def _run(self, fits: list[MotionFit], nodes: Nodes) -> Smoothed:
        width = sum(len(fit.orders) for fit in fits)
        axes = np.concatenate([np.full(len(fit.orders), axis) for axis, fit in enumerate(fits)])
        orders = np.concatenate([fit.orders for fit in fits])
        intensities = np.concatenate([fit.intensities for fit in fits])
        values, variances = np.full((len(nodes.times), width), np.nan), np.ones((len(nodes.times), width))
        values[nodes.observed], variances[nodes.observed] = self.points[:, axes], self.variances[:, axes]
        first = self._start(self.times, self.points, self.variances, orders, intensities, axes)
        last = self._start(-self.times[::-1], self.points[::-1], self.variances[::-1], orders, intensities, axes)
        starts = first, Start(last.mean * MIRROR, last.variances)
        kicks = Kicks(nodes.breaks, *np.zeros((2, len(nodes.breaks), width, STATE)))
        for i, (mean, spread) in enumerate(zip(kicks.means, kicks.variances, strict=True)):
            row = int(np.searchsorted(self.times, self.breaks.times[i]))
            gap = float(self.times[row] - self.times[row - 1])
            level = 1 + intensities * gap ** (2 * orders - 1)
            if self.breaks.sudden[i]:
                jump = self.breaks.jumps[i][axes]
                mean[:, 1] = jump
                # The contact is known to lie between two observations; the two arcs themselves say where.
                spread[:, 0] = np.square(jump * gap) / 12
                spread[:, 1] = DIFFUSE * level / gap**2 + np.square(jump)
            if self.free[i]:
                turn = np.square(self.breaks.jumps[i][axes] / gap)
                spread[:, 2] = (DIFFUSE * level / gap**4 + turn) * (orders > 2)
                spread[:, 3] = (DIFFUSE * level / gap**6 + turn / gap**2) * (orders > 3)
        return smooth_states(nodes.times, values, variances, orders, intensities, starts, kicks)

    @staticmethod
    def _start(
        times: Float, points: Float, variances: Float, orders: NDArray[np.int64], intensities: Float, axes: NDArray[np.int64]
    ) -> Start:
        """A start about what the first observations say, so wide that all of them together decide."""
        times, points, noise = times[:STATE], points[:STATE, axes], variances[:STATE].max(axis=0)[axes]
        step = float(np.diff(times).min())
        level = DIFFUSE * (noise + intensities * step ** (2 * orders - 1))
        mean, spread = np.zeros((2, len(axes), STATE))
        slopes = points
        for derivative in range(STATE):
            mean[:, derivative] = slopes[0]
            lag = len(times) - derivative - 1
            if lag >= 1:
                slopes = (derivative + 1) * np.diff(slopes, axis=0) / (times[derivative + 1 :] - times[:lag])[:, None]
            # What a difference leaves out is the next derivative over the few observations that it spans.
            missing = slopes[0] * (times[-1] - times[0] if derivative < STATE - 1 else 1.0)
            spread[:, derivative] = level / step ** (2 * derivative) + 100 * missing**2
            if lag < 1:
                slopes = np.zeros_like(slopes)
        inactive = np.arange(STATE) >= orders[:, None]
        mean[inactive], spread[inactive] = 0.0, 0.0
        return Start(mean, spread)

    def _acceleration_jumps(self, fits: list[MotionFit], nodes: Nodes, smoothed: Smoothed) -> Float:
        """χ² of the acceleration's change across each break, summed over the axes."""
        total = np.zeros(len(nodes.breaks))
        for fit, part in zip(fits, _parts(fits), strict=True):
            if not fit.acceleration_weights.any():
                continue
            best = part.start + int(np.argmax(fit.acceleration_weights))
            scale = fit.scales[best - part.start]
            change = smoothed.means[nodes.breaks, best, 2] - smoothed.before_means[:, best, 2]
            spread = smoothed.variances[nodes.breaks, best, 2] + smoothed.before_variances[:, best, 2]
            total += change**2 / (spread * scale)
        return total


def _parts(fits: list[MotionFit]) -> list[slice]:
    """Which hypotheses of the batch belong to which axis."""
    edges = np.cumsum([0, *(len(fit.orders) for fit in fits)])
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


def _averaged(fits: list[MotionFit], means: Float, variances: Float) -> tuple[Float, Float]:
    """Means and standard deviations over each axis's hypotheses, (3, J, D), from (J, B, 4)."""
    out = np.full((2, 3, len(means), len(fits)), np.nan)
    for axis, (fit, part) in enumerate(zip(fits, _parts(fits), strict=True)):
        for derivative, weights in enumerate((fit.weights, fit.weights, fit.acceleration_weights)):
            if weights.any():
                values = means[:, part, derivative]
                mean = values @ weights
                # The mean of the standard deviations: a few rough hypotheses would blow up a mean of variances, and 2σ cover too much.
                own = np.sqrt(variances[:, part, derivative] * fit.scales) @ weights
                out[:, derivative, :, axis] = mean, np.sqrt(own**2 + (values - mean[:, None]) ** 2 @ weights)
    return out[0], out[1]
