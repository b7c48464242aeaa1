"""Where two bodies turn about each other: the point that stays the same in both, as a pole's foot on its cart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.ends import EndPoint
from kinescribe.tracking.smoothing import smooth_track

__all__ = ["Joint", "Jointed", "find_joints", "half_turns", "pivot_point", "placed_by_joint"]

Float = NDArray[np.float64]

LEAST_FRAMES = 6
LEAST_TURN = np.radians(8.0)  # of one body against the other: with less the point could lie anywhere along it
MOST_MISFIT_PX = 1.0
MOST_SIGMA_PX = 1.0
REACH = 0.75  # of a body's length, from its centre: farther away is no joint of it
MISPLACED, LEAST_MISPLACED_PX = 4.0, 1.5  # times the misfit; px: a sighting so far from its joint is wrong
SAME_PX = 3.0  # joints nearer than this are one
SURE = 9  # first frames that say which way a rod points
LEAST_AWAY = 0.5  # cosine between a rod and the direction from the rest of its body: what lies across it points nowhere


@dataclass(frozen=True, slots=True, eq=False)
class Jointed:
    """A body that may have joints.

    Attributes:
        number: whose it is.
        frames: (n,), consecutive.
        times: (n,), seconds.
        positions: (n, 2), px; NaN where unknown. sigmas: (n, 2), px.
        angles: (n,), radians, clockwise on the screen, without jumps; NaN where unknown, everywhere for a body whose turn doesn't show.
        angle_sigmas: (n,).
        sound: (n,) bool, seen whole.
        length: px.
    """

    number: int
    frames: NDArray[np.int64]
    times: Float
    positions: Float
    sigmas: Float
    angles: Float
    angle_sigmas: Float
    sound: NDArray[np.bool_]
    length: float


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """A point of two bodies.

    Attributes:
        base, arm: the two; the arm turns more.
        in_base, in_arm: (2,), px, where it is from their centres at an angle of zero.
        misfit: px, RMS of an axis, how far the two places of the point are apart.
        sigma: px, of the point in the arm, along its worse axis.
    """

    base: Jointed
    arm: Jointed
    in_base: Float
    in_arm: Float
    misfit: float
    sigma: float


def find_joints(bodies: Sequence[Jointed]) -> list[Joint]:
    """The joints of bodies that touch; of several at one place of an arm the one with the largest base."""
    found: list[Joint] = []
    for a, b in itertools.combinations(bodies, 2):
        arm, base = sorted((a, b), key=_turned, reverse=True)
        joint = _fit(base, arm)
        if joint is not None:
            found.append(joint)
    kept: list[Joint] = []
    for joint in sorted(found, key=lambda joint: -joint.base.length):
        if not any(other.arm is joint.arm and np.hypot(*(other.in_arm - joint.in_arm)) < SAME_PX for other in kept):
            kept.append(joint)
    return kept


def _turned(body: Jointed) -> float:
    known = body.angles[np.isfinite(body.angles)]
    return float(np.ptp(np.percentile(known, [3, 97]))) if len(known) >= LEAST_FRAMES else -1.0


def _rotations(angles: Float) -> Float:
    """(n, 2, 2)."""
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([c, -s], axis=-1), np.stack([s, c], axis=-1)], axis=-2)


def _fit(base: Jointed, arm: Jointed) -> Joint | None:
    """Least squares for the point in both bodies: base + R(α)·p = arm + R(β)·q in every frame. Of a round base it is the centre."""
    _, i, j = np.intersect1d(base.frames, arm.frames, return_indices=True)
    turns = np.isfinite(base.angles[i]).all()
    good = base.sound[i] & arm.sound[j] & np.isfinite(arm.angles[j])
    good &= np.isfinite(base.positions[i]).all(1) & np.isfinite(arm.positions[j]).all(1)
    i, j = i[good], j[good]
    relative = arm.angles[j] - (base.angles[i] if turns else 0.0)
    if len(i) < LEAST_FRAMES or np.ptp(np.percentile(relative, [3, 97])) < LEAST_TURN:
        return None
    between = arm.positions[j] - base.positions[i]
    design = -_rotations(arm.angles[j])
    if turns:
        design = np.concatenate([_rotations(base.angles[i]), design], axis=2)
    keep = np.ones(len(i), bool)
    for _ in range(4):
        a, y = design[keep].reshape(-1, design.shape[2]), between[keep].ravel()
        point = np.linalg.lstsq(a, y, rcond=None)[0]
        off = np.hypot(*(between - design @ point).T)
        keep = off <= max(3 * 1.2 * float(np.median(off)), 0.3)
        if keep.sum() < max(LEAST_FRAMES, 0.6 * len(i)):
            return None
    misfit = float(np.sqrt(((between - design @ point)[keep] ** 2).mean()))
    a = design[keep].reshape(-1, design.shape[2])
    try:
        sigma = float(np.sqrt(np.linalg.eigvalsh(np.linalg.inv(a.T @ a)[-2:, -2:]).max())) * max(misfit, 0.05)
    except np.linalg.LinAlgError:
        return None
    in_base, in_arm = (point[:2] if turns else np.zeros(2)), point[-2:]
    far = np.hypot(*in_base) > REACH * base.length or np.hypot(*in_arm) > REACH * arm.length
    if far or misfit > MOST_MISFIT_PX or sigma > MOST_SIGMA_PX:
        return None
    return Joint(base, arm, np.asarray(in_base), np.asarray(in_arm), misfit, sigma)


def half_turns(bodies: Sequence[Jointed]) -> dict[int, float]:
    """By number what to add to a rod's angles, known up to half a turn, so that it points away from the rest of its body, as a pole does
    from its cart: 0, π or −π, so that it stays within a turn. Those that have no rest, or lie across it, are left out.
    """
    out = {}
    for body in bodies:
        known = np.flatnonzero(np.isfinite(body.angles) & np.isfinite(body.positions).all(1))[:SURE]
        away = []
        for other in bodies:
            _, i, j = np.intersect1d(body.frames[known], other.frames, return_indices=True)
            off = body.positions[known[i]] - other.positions[j]
            if other is body or not len(off) or not np.nanmedian(np.hypot(*off.T)) <= REACH * max(body.length, other.length):
                continue
            direction = np.stack([np.cos(body.angles[known[i]]), np.sin(body.angles[known[i]])], axis=1)
            distance = np.hypot(*off.T)
            away.append(float(np.nanmean((off * direction).sum(axis=1) / np.maximum(distance, 1e-9))))
        if away and abs(np.mean(away)) >= LEAST_AWAY:
            middle = float(np.median(body.angles[known]))
            turn = 0.0 if np.mean(away) > 0 else np.pi if middle <= 0 else -np.pi
            out[body.number] = float(turn)
    return out


def _from_base(joint: Joint) -> tuple[NDArray[np.intp], Float]:
    """For those of the arm's frames in which the base was seen whole: their rows, and where the base has the point, (m, 2)."""
    base, arm = joint.base, joint.arm
    known = base.sound & np.isfinite(base.positions).all(1) & (np.isfinite(base.angles) | (joint.in_base == 0).all())
    _, i, j = np.intersect1d(base.frames[known], arm.frames, return_indices=True)
    angles = np.where(np.isfinite(base.angles), base.angles, 0.0)[known][i]
    return j, base.positions[known][i] + _rotations(angles) @ joint.in_base


def placed_by_joint(joint: Joint) -> tuple[NDArray[np.intp], Float, Float]:
    """Frames in which the arm is cut off, hidden or seen away from its joint, and where the joint holds it there.

    Returns:
        rows of the arm, (m,); its centre's positions (m, 2) and covariances (m, 2, 2), px.
    """
    rows, at = _from_base(joint)
    arm = joint.arm
    usable = np.isfinite(arm.angles[rows])
    rows, at = rows[usable], at[usable]
    lever = _rotations(arm.angles[rows]) @ joint.in_arm
    centre = at - lever
    off = np.hypot(*(centre - arm.positions[rows]).T)
    wrong = ~arm.sound[rows] | ~(off <= max(MISPLACED * joint.misfit, LEAST_MISPLACED_PX))
    across = np.stack([-lever[:, 1], lever[:, 0]], axis=1) * arm.angle_sigmas[rows][:, None]
    covariances = across[:, :, None] * across[:, None, :] + (joint.misfit**2 + joint.sigma**2 + 0.05**2) * np.eye(2)
    return rows[wrong], centre[wrong], covariances[wrong]


def pivot_point(joint: Joint) -> EndPoint:
    """The joint over the arm's frames: from the base where that was seen whole, from the arm elsewhere."""
    arm = joint.arm
    angles = np.where(np.isfinite(arm.angles), arm.angles, np.interp(arm.frames, *_known(arm)))
    lever = _rotations(angles) @ joint.in_arm
    positions = arm.positions + lever
    across = np.stack([-lever[:, 1], lever[:, 0]], axis=1) * np.nan_to_num(arm.angle_sigmas, nan=0.0)[:, None]
    variances = arm.sigmas**2 + across**2 + joint.sigma**2
    rows, at = _from_base(joint)
    positions[rows] = at
    variances[rows] = joint.misfit**2 + 0.05**2
    seen = np.isfinite(positions).all(1) & arm.sound
    covariances = np.zeros((len(seen), 2, 2))
    covariances[:, 0, 0], covariances[:, 1, 1] = np.where(np.isfinite(variances), variances, 1.0).T
    smooth = smooth_track(arm.times, seen, np.where(seen[:, None], positions, np.nan), covariances)
    sigmas = np.sqrt(variances)
    return EndPoint(
        "pivot",
        positions,
        sigmas,
        smooth.velocities,
        smooth.velocity_sigmas,
        smooth.accelerations,
        smooth.acceleration_sigmas,
    )


def _known(body: Jointed) -> tuple[NDArray[np.int64], Float]:
    known = np.isfinite(body.angles)
    return body.frames[known], body.angles[known]
