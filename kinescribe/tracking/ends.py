"""The two ends of a long rigid body, as points of their own.

People who mark a cart, a truck or a rod by hand mark an end of it: the bumper that strikes, the tip that points, the pivot that stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.angles import AngleTrajectory
from kinescribe.tracking.smoothing import Trajectory, smooth_track
from kinescribe.tracking.tracks import Track

__all__ = ["EndPoint", "end_points"]

Float = NDArray[np.float64]

LEAST_ASPECT, MOST_ASPECT = 1.7, 25.0  # thinner: a string or a shadow's edge
LEAST_LENGTH_PX = 40.0  # a shorter body's ends tell little that its centre doesn't
FARTHEST_PX = 6.0  # an end seen farther from where the body has it is something else
LEAST_SIGHTINGS = 0.6  # share of the frames
MOST_CUT_OFF = 0.25  # share of frames in which the picture's edge may cut it


@dataclass(frozen=True, slots=True, eq=False)
class EndPoint:
    """One end over the frames of its body's rows.

    Attributes:
        name: "left end", "right end", "upper end" or "lower end", by where it lies in most frames.
        positions, sigmas: (T, 2), px.
        velocities, velocity_sigmas, accelerations, acceleration_sigmas: (T, 2), px/s and px/s²; NaN where undetermined.
    """

    name: str
    positions: Float
    sigmas: Float
    velocities: Float
    velocity_sigmas: Float
    accelerations: Float
    acceleration_sigmas: Float


def _is_long(length: float, width: float) -> bool:
    return length >= LEAST_LENGTH_PX and LEAST_ASPECT * width <= length <= MOST_ASPECT * width


def end_points(
    track: Track, frames: NDArray[np.int64], path: Trajectory, turn: AngleTrajectory | None, size: tuple[int, int]
) -> list[EndPoint]:
    """Both ends of a body that is long and rigid; none for any other.

    Args:
        track: the body's observations.
        frames: (T,), of its rows. path, turn: over these frames.
        size: width and height of the picture, px.
    """
    length, width = np.median(track.sizes, axis=0)
    if turn is None or track.reach is None or track.ends is None or track.end_covariances is None:
        return []
    if not _is_long(float(length), float(width)) or track.cut_off(size) > MOST_CUT_OFF:
        return []
    seen = np.isin(frames, track.frames) & ~path.outliers & np.isfinite(path.positions).all(1)
    centre = path.positions.copy()
    centre[seen] = track.positions[np.searchsorted(track.frames, frames[seen])]
    variances = path.position_sigmas**2
    # the angle is known in most frames only; between them it's the smoother's, beyond them the nearest
    known = np.isfinite(turn.angles)
    at = np.arange(len(frames))
    angle = np.interp(at, at[known], turn.angles[known])
    sigma = np.interp(at, at[known], turn.sigmas[known])
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rows = np.searchsorted(frames, track.frames)
    if _points_backwards(direction[rows], track.ends):
        direction = -direction
    across = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
    out = []
    for side, (name, reach) in enumerate(zip(_names(direction), (-track.reach[0], track.reach[1]), strict=True)):
        positions = centre + reach * direction
        variance = variances + ((reach * sigma)[:, None] * across) ** 2
        if not _use_sightings(positions, variance, rows, track.ends[:, side], track.end_covariances[:, side]):
            return []
        covariances = np.zeros((len(frames), 2, 2))
        covariances[:, 0, 0], covariances[:, 1, 1] = variance.T
        smooth = smooth_track(path.times, seen, np.where(seen[:, None], positions, np.nan), covariances)
        out.append(
            EndPoint(
                name,
                positions,
                np.sqrt(variance),
                smooth.velocities,
                smooth.velocity_sigmas,
                smooth.accelerations,
                smooth.acceleration_sigmas,
            )
        )
    return out


def _points_backwards(direction: Float, ends: Float) -> bool:
    """Whether a direction, known up to half a turn, runs from the forward end to the backward one."""
    along = ((ends[:, 1] - ends[:, 0]) * direction).sum(axis=1)
    return bool(np.isfinite(along).any() and np.nanmedian(along) < 0)


def _use_sightings(positions: Float, variances: Float, rows: NDArray[np.intp], seen: Float, covariances: Float) -> bool:
    """Put an end where it was seen itself, in place, unless that is far from where its body has it; the others follow by what is usual.

    False, and nothing done, where it was seen in too few frames: then the body isn't rigid, or ends elsewhere.

    With a long exposure a fast body's two ends are not as far apart as at rest, and a camera's perspective does the same.
    """
    off = seen - positions[rows]
    good = np.isfinite(off).all(1) & (np.hypot(*off.T) <= FARTHEST_PX)
    if good.sum() < LEAST_SIGHTINGS * len(rows):
        return False
    positions += np.median(off[good], axis=0)
    positions[rows[good]] = seen[good]
    variances[rows[good]] = np.einsum("nii->ni", covariances[good])
    return True


def _names(direction: Float) -> tuple[str, str]:
    """What to call the backward and the forward end along a direction, y down."""
    across, down = np.median(direction, axis=0)
    if abs(across) >= abs(down):
        return ("left end", "right end") if across > 0 else ("right end", "left end")
    return ("upper end", "lower end") if down > 0 else ("lower end", "upper end")
