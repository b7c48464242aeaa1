"""From a track's observations to its position, velocity and acceleration in every frame, with standard deviations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError
from kinescribe.tracking.arcs import Arcs, Joint
from kinescribe.tracking.contacts import Breaks, ContactPoint, find_breaks

__all__ = ["Trajectory", "smooth_coordinates", "smooth_track"]

Float = NDArray[np.float64]


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
        blank = np.full((6, len(times), axes), np.nan)
        positions, velocities, accelerations, *sigmas = blank
        outliers = np.zeros(len(times), bool)
        noise, scale = np.full(axes, np.nan), np.ones(axes)
        return cls(times, positions, velocities, accelerations, sigmas[0], sigmas[1], sigmas[2], [], outliers, noise, scale)


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
    span = np.arange(rows[0], rows[-1] + 1)
    joined = Arcs(obs_times[kept], obs_points[kept], obs_spread[kept], breaks).smooth(scale.times(times[span]))
    wanted = ((out.positions, out.position_sigmas), (out.velocities, out.velocity_sigmas), (out.accelerations, out.acceleration_sigmas))
    for derivative, (means, sigmas) in enumerate(wanted):
        unit = scale.length / scale.time**derivative
        means[span] = joined.means[derivative] * unit + (scale.middle if derivative == 0 else 0.0)
        sigmas[span] = joined.sigmas[derivative] * unit
    for axis, fit in enumerate(joined.fits):
        jerk = fit.acceleration_weights * (fit.orders == 3)
        if jerk.any():
            mean = jerk @ np.log(fit.intensities * fit.scales) / jerk.sum()
            out.process_noise[axis] = np.exp(mean) * scale.length[axis] ** 2 / scale.time**5
        out.measurement_scale[axis] = np.sqrt(fit.weights @ fit.single_scales)
    out.contacts = [_contact(joint, scale, times, span) for joint in joined.joints]
    return out


def _contact(joint: Joint, scale: _Scale, times: Float, span: NDArray[np.intp]) -> ContactPoint:
    time = scale.origin + joint.time * scale.time
    index = int(np.clip(np.searchsorted(times, time, side="right") - 1, span[0], span[-1]))
    speed = scale.length / scale.time
    return ContactPoint(index, time, joint.before * speed, joint.after * speed, joint.score, joint.time_sigma * scale.time)


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


def _checked(
    times_all: ArrayLike, observed: ArrayLike, values: ArrayLike, variances: ArrayLike
) -> tuple[Float, NDArray[np.bool_], Float, Float]:
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
