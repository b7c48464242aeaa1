"""From a track's observations to its position, velocity and acceleration in every frame, with standard deviations."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError
from kinescribe.tracking.contacts import Breaks, ContactPoint, find_breaks
from kinescribe.tracking.motion_fit import ORDERS, MotionFit, fit_motion
from kinescribe.tracking.motion_spline import SplineBasis
from kinescribe.tracking.rts import DIFFUSE, STATE, Kick, Smoothed, smooth_states

__all__ = ["Trajectory", "smooth_coordinates", "smooth_track"]

Float = NDArray[np.float64]
# An acceleration that differs across a contact by less than this (χ², all axes) is held to be the same.
SAME_ACCELERATION = 9.2


@dataclass(slots=True, eq=False)
class Trajectory:
    """A smoothed track over T frames: in px and seconds, y down, as the observations were. NaN where undetermined.

    Attributes:
        times: (T,), seconds.
        positions, velocities, accelerations: (T, D); NaN before the first and after the last observation.
        position_sigmas, velocity_sigmas, acceleration_sigmas: (T, D), one standard deviation. A velocity takes two observations, an
            acceleration four.
        contacts: sudden changes of the velocity, in order of time.
        outliers: (T,) bool, observations that no smooth motion explains, left out.
        process_noise: (D,), intensity of the white jerk, px²/s⁵, at the posterior's mean of its logarithm; NaN where undetermined.
        measurement_scale: (D,), factor on the measurements' stated standard deviations that the track speaks for.
    """

    times: Float
    positions: Float
    velocities: Float
    accelerations: Float
    position_sigmas: Float
    velocity_sigmas: Float
    acceleration_sigmas: Float
    contacts: list[ContactPoint]
    outliers: NDArray[np.bool_]
    process_noise: Float
    measurement_scale: Float

    @classmethod
    def undetermined(cls, times: Float, axes: int) -> Trajectory:
        """All NaN, for `times` (T,)."""
        blank = [np.full((len(times), axes), np.nan) for _ in range(6)]
        return cls(times, *blank, [], np.zeros(len(times), bool), np.full(axes, np.nan), np.ones(axes))


def smooth_track(times_all: ArrayLike, observed: ArrayLike, positions: ArrayLike, covariances: ArrayLike) -> Trajectory:
    """Smooth one track, in every frame between its first and last observation.

    The motion's second or third derivative is taken for white noise, whose intensity, the order, and the measurement error's true scale
    come from the track's own likelihood on its real time steps; what remains uncertain of these is averaged over. Smoothing restarts at
    contacts. Axes are smoothed one by one, each with its own share of the covariance.

    Args:
        times_all: (T,), seconds, of all frames, strictly increasing.
        observed: (T,) bool.
        positions: (T, 2), px; read where observed.
        covariances: (T, 2, 2), px², of the positions; positive variances where observed.

    Raises:
        UsageError: for shapes that disagree, times that don't increase, positions that aren't finite, or variances that aren't positive.
    """
    spread = np.asarray(covariances, np.float64)
    if spread.ndim != 3 or spread.shape[1:] != (2, 2):
        raise UsageError(f"covariances have shape {spread.shape}; wanted is (T, 2, 2)")
    return smooth_coordinates(times_all, observed, positions, np.einsum("tii->ti", spread))


def smooth_coordinates(
    times_all: ArrayLike, observed: ArrayLike, values: ArrayLike, variances: ArrayLike, *, contacts: bool = True
) -> Trajectory:
    """`smooth_track` for values (T, D) with variances (T, D); `contacts`: whether to look for sudden changes."""
    times, seen, points, spread = _checked(times_all, observed, values, variances)
    out = Trajectory.undetermined(times, points.shape[1])
    rows = np.flatnonzero(seen)
    if len(rows) < 2:
        out.positions[rows], out.position_sigmas[rows] = points[rows], np.sqrt(spread[rows])
        return out
    scale = _Scale.of(times[rows], points[rows], spread[rows])
    obs_times, obs_points, obs_spread = scale.times(times[rows]), scale.points(points[rows]), spread[rows] / scale.length**2
    breaks = find_breaks(obs_times, obs_points, obs_spread) if contacts else Breaks.none(len(rows), points.shape[1])
    out.outliers[rows] = breaks.outliers
    kept = ~breaks.outliers
    arcs = _Arcs(obs_times[kept], obs_points[kept], obs_spread[kept], breaks)
    span = np.arange(rows[0], rows[-1] + 1)
    fits, nodes, smoothed = arcs.smooth(scale.times(times[span]))
    out.contacts = _contacts(arcs, fits, nodes, smoothed, scale, times, span)
    frames = nodes.frames
    for axis, (fit, part) in enumerate(zip(fits, arcs.parts(fits), strict=True)):
        means, variances_ = smoothed.means[frames][:, part], smoothed.variances[frames][:, part] * fit.scales[None, :, None]
        targets = (
            (out.positions, out.position_sigmas, fit.weights),
            (out.velocities, out.velocity_sigmas, fit.weights),
            (out.accelerations, out.acceleration_sigmas, fit.acceleration_weights),
        )
        for derivative, (target, target_sigmas, weights) in enumerate(targets):
            if not weights.any():
                continue
            unit = scale.length[axis] / scale.time**derivative
            mean = means[:, :, derivative] @ weights
            variance = (np.sqrt(variances_[:, :, derivative]) @ weights) ** 2 + (means[:, :, derivative] - mean[:, None]) ** 2 @ weights
            target[span, axis] = mean * unit + (scale.middle[axis] if derivative == 0 else 0.0)
            target_sigmas[span, axis] = np.sqrt(variance) * unit
        jerky = fit.acceleration_weights
        if jerky.any():
            out.process_noise[axis] = np.exp(jerky @ np.log(fit.intensities * fit.scales)) * scale.length[axis] ** 2 / scale.time**5
        out.measurement_scale[axis] = np.sqrt(fit.weights @ fit.scales)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Scale:
    """Units in which the time step and the measurement error are about 1, so that nothing depends on px and seconds."""

    origin: float
    time: float
    middle: Float
    length: Float

    @classmethod
    def of(cls, times: Float, points: Float, variances: Float) -> _Scale:
        return cls(float(times[0]), float(np.median(np.diff(times))), points.mean(axis=0), np.sqrt(np.median(variances, axis=0)))

    def times(self, seconds: Float) -> Float:
        return (seconds - self.origin) / self.time

    def points(self, px: Float) -> Float:
        return np.asarray((px - self.middle) / self.length, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Nodes:
    """The smoother's time line: all frames, and contacts between them."""

    times: Float
    frames: NDArray[np.intp]
    breaks: NDArray[np.intp]
    observed: NDArray[np.intp]


@dataclass(slots=True, eq=False)
class _Arcs:
    """Observations (n,), (n, D) without outliers, in the units of `_Scale`, and where smooth motion breaks."""

    times: Float
    points: Float
    variances: Float
    breaks: Breaks
    free: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.free = np.ones(len(self.breaks.times), bool)

    def parts(self, fits: list[MotionFit]) -> list[slice]:
        """Which hypotheses of the batch belong to which axis."""
        edges = np.cumsum([0, *(len(fit.orders) for fit in fits)])
        return [slice(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]

    def smooth(self, frame_times: Float) -> tuple[list[MotionFit], _Nodes, Smoothed]:
        """Fit each axis, smooth, hold the acceleration continuous across the contacts where it may be, and smooth again."""
        starts = np.unique(np.searchsorted(self.times, self.breaks.times))
        bases = {order: SplineBasis(self.times, order, starts) for order in ORDERS}
        fits = [fit_motion(bases, self.points[:, axis], self.variances[:, axis]) for axis in range(self.points.shape[1])]
        nodes = self._nodes(frame_times)
        smoothed = self._run(fits, nodes)
        if len(self.breaks.times):
            self.free = ~self.breaks.sudden | (self._acceleration_jumps(fits, nodes, smoothed) > SAME_ACCELERATION)
            if not self.free.all():
                smoothed = self._run(fits, nodes)
        return fits, nodes, smoothed

    def _nodes(self, frame_times: Float) -> _Nodes:
        # A contact at the very time of a frame comes before it.
        times = np.concatenate([self.breaks.times, frame_times])
        order = np.argsort(times, kind="stable")
        place = np.empty(len(order), np.intp)
        place[order] = np.arange(len(order))
        frames = place[len(self.breaks.times) :]
        return _Nodes(times[order], frames, place[: len(self.breaks.times)], frames[np.searchsorted(frame_times, self.times - 1e-9)])

    def _run(self, fits: list[MotionFit], nodes: _Nodes) -> Smoothed:
        width = sum(len(fit.orders) for fit in fits)
        axes = np.concatenate([np.full(len(fit.orders), axis) for axis, fit in enumerate(fits)])
        orders = np.concatenate([fit.orders for fit in fits])
        intensities = np.concatenate([fit.intensities for fit in fits])
        values, variances = np.full((len(nodes.times), width), np.nan), np.ones((len(nodes.times), width))
        values[nodes.observed], variances[nodes.observed] = self.points[:, axes], self.variances[:, axes]
        start = self._start(orders, intensities, axes)
        kicks = {}
        for i, node in enumerate(nodes.breaks):
            row = int(np.searchsorted(self.times, self.breaks.times[i]))
            gap = float(self.times[row] - self.times[row - 1])
            level = 1 + intensities * gap ** (2 * orders - 1)
            mean, spread = np.zeros((width, STATE)), np.zeros((width, STATE))
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
            kicks[int(node)] = Kick(mean, spread)
        return smooth_states(nodes.times, values, variances, orders, intensities, start, kicks)

    def _start(self, orders: NDArray[np.int64], intensities: Float, axes: NDArray[np.int64]) -> tuple[Float, Float]:
        """A start about what the first observations say, so wide that they alone decide: means and variances, (B, 4)."""
        times, points, noise = self.times[:STATE], self.points[:STATE, axes], self.variances[:STATE].max(axis=0)[axes]
        step = float(np.diff(times).min())
        level = DIFFUSE * (noise + intensities * step ** (2 * orders - 1))
        mean, spread = np.zeros((len(axes), STATE)), np.zeros((len(axes), STATE))
        mean[:, 0], spread[:, 0] = points[0], level
        slopes = points
        for derivative in range(1, STATE):
            lag = len(times) - derivative
            if lag >= 1:
                slopes = derivative * np.diff(slopes, axis=0) / (times[derivative:] - times[:lag])[:, None]
                mean[:, derivative] = slopes[0]
            spread[:, derivative] = level / step ** (2 * derivative) + 100 * mean[:, derivative] ** 2
        inactive = np.arange(STATE) >= orders[:, None]
        mean[inactive], spread[inactive] = 0.0, 0.0
        return mean, spread

    def _acceleration_jumps(self, fits: list[MotionFit], nodes: _Nodes, smoothed: Smoothed) -> Float:
        """χ² of the acceleration's change across each break, summed over the axes."""
        total = np.zeros(len(nodes.breaks))
        for fit, part in zip(fits, self.parts(fits), strict=True):
            if not fit.acceleration_weights.any():
                continue
            best = part.start + int(np.argmax(fit.acceleration_weights))
            scale = fit.scales[best - part.start]
            change = smoothed.means[nodes.breaks, best, 2] - smoothed.before_means[nodes.breaks, best, 2]
            spread = smoothed.variances[nodes.breaks, best, 2] + smoothed.before_variances[nodes.breaks, best, 2]
            total += change**2 / (spread * scale)
        return total


def _contacts(
    arcs: _Arcs, fits: list[MotionFit], nodes: _Nodes, smoothed: Smoothed, scale: _Scale, times: Float, span: NDArray[np.intp]
) -> list[ContactPoint]:
    """The contacts with the velocities that the two arcs have there, at the time where these meet."""
    out = []
    for i in np.flatnonzero(arcs.breaks.sudden):
        before, after = np.zeros((2, len(fits), STATE))
        for axis, (fit, part) in enumerate(zip(fits, arcs.parts(fits), strict=True)):
            before[axis] = fit.weights @ smoothed.before_means[nodes.breaks[i], part] * scale.length[axis]
            after[axis] = fit.weights @ smoothed.means[nodes.breaks[i], part] * scale.length[axis]
        jump, apart = after[:, 1] - before[:, 1], after[:, 0] - before[:, 0]
        row = int(np.searchsorted(arcs.times, arcs.breaks.times[i]))
        meeting = float(np.clip(arcs.breaks.times[i] - apart @ jump / (jump @ jump), arcs.times[row - 1], arcs.times[row]))
        time = scale.origin + meeting * scale.time
        index = int(np.searchsorted(times, time + 1e-9 * scale.time, side="right")) - 1
        index = min(max(index, int(span[0])), int(span[-1]))
        out.append(ContactPoint(index, time, before[:, 1] / scale.time, after[:, 1] / scale.time, float(arcs.breaks.scores[i])))
    return out


def _checked(times_all: ArrayLike, observed: ArrayLike, values: ArrayLike, variances: ArrayLike) -> tuple[Float, NDArray[np.bool_], Float, Float]:
    times, seen = np.asarray(times_all, np.float64), np.asarray(observed, bool)
    points, spread = np.asarray(values, np.float64), np.asarray(variances, np.float64)
    if times.ndim != 1 or seen.shape != times.shape or points.shape[:1] != times.shape or points.ndim != 2 or spread.shape != points.shape:
        raise UsageError(
            f"times {times.shape}, observed {seen.shape}, positions {points.shape} and variances {spread.shape} disagree; "
            "wanted are (T,), (T,), (T, D) and one variance a position"
        )
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise UsageError("the frames' times don't increase strictly; give every frame its own time stamp")
    bad = np.flatnonzero(seen & ~np.isfinite(points).all(axis=1))
    if len(bad):
        raise UsageError(f"the position in frame {bad[0]} counts as observed and is {points[bad[0]].tolist()}; mark it as not observed")
    bad = np.flatnonzero(seen & ~((spread > 0) & np.isfinite(spread)).all(axis=1))
    if len(bad):
        raise UsageError(f"the variances in frame {bad[0]} are {spread[bad[0]].tolist()}; give positive ones")
    return times, seen, points, spread
