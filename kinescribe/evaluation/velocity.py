"""Velocity errors of predicted motion, in PhyWorld's form (arXiv 2411.02385) and per frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError

__all__ = ["contact_step", "line_velocity", "per_frame_velocity_error", "scored_frames", "velocity_error"]

Float = NDArray[np.float64]
FIRST_SCORED = 3  # PhyWorld conditions on three frames, whatever K a method uses
CONTACT_JUMP = 0.1  # a velocity step above this, in world units a second, is the collision


def scored_frames(positions: ArrayLike, radii: ArrayLike, extent: float = 10.0) -> NDArray[np.bool_]:
    """The frames that count, bool, shape (T,): index 3 and later, with the whole ball in view.

    Args:
        positions: true positions, (T, 2) of one ball, or (T, 2, 2) of two that collide, ball 1 coming from the left.
        radii: of the ball or of both, world units.
        extent: side of the square view, from 0.

    One ball counts where it lies inside the view on all four sides, two where ball 1's left and ball 2's right edge do.
    """
    truth = _positions(positions)
    radius = np.broadcast_to(np.asarray(radii, float), truth.shape[1])
    inside = np.arange(len(truth)) >= FIRST_SCORED
    if truth.shape[1] == 1:
        near, far = truth[:, 0] - radius[0], truth[:, 0] + radius[0]
        return np.asarray(inside & (near >= 0).all(axis=1) & (far <= extent).all(axis=1))
    return np.asarray(inside & (truth[:, 0, 0] - radius[0] >= 0) & (truth[:, 1, 0] + radius[1] <= extent))


def contact_step(positions: ArrayLike, frame_interval: float = 0.1) -> int:
    """Index of the first velocity after the collision, as the first |Δv_x| > 0.1 shows it; 0 where none does.

    `positions` are true positions, (T, balls, 2). Velocity i is the step from frame i to i + 1.
    """
    velocity = np.diff(_positions(positions)[..., 0], axis=0) / frame_interval
    jumps = (np.abs(np.diff(velocity, axis=0)) > CONTACT_JUMP).any(axis=1)
    return int(np.argmax(jumps)) + 1 if jumps.any() else 0


def velocity_error(
    predicted: ArrayLike, truth: ArrayLike, scored: NDArray[np.bool_], frame_interval: float = 0.1, after_contact: bool = False
) -> float:
    """|mean over t of v_x predicted − mean over t of v_x true| of one clip, mean over its balls, world units a second.

    Args:
        predicted, truth: positions, (T, 2) or (T, balls, 2), world units, y up. Predicted ones must be finite where scored.
        scored: (T,), from `scored_frames`. A velocity counts where both of its frames do.
        frame_interval: seconds.
        after_contact: count only velocities after the first |Δv_x| > 0.1 of the truth, as collisions are scored.

    NaN where no velocity counts.
    """
    ours, true = _velocities(predicted, truth, scored, frame_interval, after_contact)
    if not len(true):
        return float("nan")
    return float(np.abs(ours[..., 0].mean(axis=0) - true[..., 0].mean(axis=0)).mean())


def per_frame_velocity_error(
    predicted: ArrayLike, truth: ArrayLike, scored: NDArray[np.bool_], frame_interval: float = 0.1, after_contact: bool = False
) -> float:
    """Mean over t, balls and axes of |v predicted − v true| of one clip; arguments and NaN as for `velocity_error`."""
    ours, true = _velocities(predicted, truth, scored, frame_interval, after_contact)
    return float(np.abs(ours - true).mean()) if len(true) else float("nan")


def line_velocity(times: ArrayLike, positions: ArrayLike) -> Float:
    """Slope of the least-squares line through positions (n, …) at times (n,), n ≥ 2, shape (…)."""
    t, x = np.asarray(times, float), np.asarray(positions, float)
    if len(t) < 2:
        raise UsageError(f"a velocity needs two positions, not {len(t)}")
    centred = t - t.mean()
    return np.asarray(np.tensordot(centred, x, axes=(0, 0)) / (centred @ centred))


def _positions(positions: ArrayLike) -> Float:
    array = np.asarray(positions, float)
    if array.ndim == 2:
        array = array[:, None]
    if array.ndim != 3 or array.shape[1] not in (1, 2) or array.shape[2] != 2:
        raise UsageError(f"positions have shape (T, 2) or (T, 2, 2), not {np.shape(positions)}")
    return array


def _velocities(
    predicted: ArrayLike, truth: ArrayLike, scored: NDArray[np.bool_], frame_interval: float, after_contact: bool
) -> tuple[Float, Float]:
    ours, true = _positions(predicted), _positions(truth)
    if ours.shape != true.shape or scored.shape != (len(true),):
        raise UsageError(f"predicted {ours.shape}, truth {true.shape} and scored frames {scored.shape} don't belong together")
    if not np.isfinite(ours[scored]).all():
        raise UsageError("a prediction has no position in a scored frame")
    pairs = scored[1:] & scored[:-1]
    if after_contact:
        pairs = pairs & (np.arange(len(pairs)) >= contact_step(true, frame_interval))
    steps = [np.diff(p, axis=0)[pairs] / frame_interval for p in (ours, true)]
    return steps[0], steps[1]
