"""A track against its sprite over time: offsets that last, growth, delay, and turning away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Drift", "drift_of"]

Float = NDArray[np.float64]
Boolean = NDArray[np.bool_]
RUN = 5  # rows whose median counts: single rows are not a drift
LEAST_PX = 0.5  # below, registration of sprites is no better than the tables
LEAST_RAD = np.deg2rad(2.0)
SIGMAS = 5.0
LEAST_LAG = 0.6  # frames: less may be a point that isn't the middle
LEAST_LAG_PX = 0.75  # that a delay must amount to
LEAST_ROWS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """One object's offsets from its sprite.

    Attributes:
        shift: (n, 2) px, from the row to where the sprite fits.
        turn: (n,) rad likewise.
        off, askew: (n,) rows whose place, or angle, is off by more than its σ.
        lag: frames by which the rows are late (positive) or early; 0 where they aren't.
        growth: px a frame of an offset that grows evenly, 0 where none does.
    """

    shift: Float
    turn: Float
    off: Boolean
    askew: Boolean
    lag: float
    growth: float


def drift_of(
    frames: NDArray[np.int64], shift: Float, sigma: Float, own: Float, askew_sigma: Float, pace: Float, place: Float, *, relative: bool
) -> Drift:
    """Offsets of an object's rows.

    Args:
        frames: (n,). shift: (n, 3) dx, dy px and turn rad; NaN where unknown. sigma: (n, 3) of it. own: (n,) σ of the table's places, px.
        askew_sigma: (n,) of its angles, rad.
        pace: (n, 2) px a frame. place: (n, 2) of the sprite's middle from where the table has it, px.
        relative: the scene was built from these rows, so that an offset of all of them shows only in the sprite's own middle.
    """
    known = np.isfinite(shift[:, 0])
    xy, turn = shift[:, :2].copy(), shift[:, 2].copy()
    n = len(frames)
    off, askew = np.zeros(n, bool), np.zeros(n, bool)
    rows = np.flatnonzero(known)
    lag, growth = 0.0, 0.0
    if len(rows) >= LEAST_ROWS:
        spread = np.sqrt((sigma[rows, :2] ** 2).max(axis=1) + np.nan_to_num(own[rows]) ** 2)
        off[rows] = _lasting(xy[rows], spread, LEAST_PX)
        tells = np.isfinite(sigma[rows, 2])
        if tells.sum() >= LEAST_ROWS:
            askew[rows[tells]] = _lasting(
                turn[rows[tells], None], np.hypot(sigma[rows[tells], 2], np.nan_to_num(askew_sigma[rows[tells]])), float(LEAST_RAD)
            )
        absolute = xy[rows] + (place[rows] if relative else 0.0)
        lag = _lag(absolute, pace[rows], spread)
        if lag:
            late = np.hypot(*(lag * pace[rows]).T) > np.maximum(LEAST_PX, 3.0 * spread)
            off[rows[late]] = True
            xy[rows] = absolute
        elif off.any():
            growth = _growth(frames[rows].astype(float), xy[rows])
    return Drift(xy, turn, off, askew, lag, growth)


def _lasting(values: Float, sigma: Float, least: float) -> Boolean:
    """Rows (n,) at which the running median of values (n, d) is farther from 0 than `least` and its σ."""
    smooth = np.stack([_running(values[:, k]) for k in range(values.shape[1])], axis=1)
    # how well it repeats from row to row: what a sprite that is never quite right does
    wobble = 1.4826 * np.median(np.abs(values - smooth), axis=0).max()
    limit = np.maximum(least, SIGMAS * np.sqrt(sigma**2 + wobble**2) / np.sqrt(RUN))
    away = np.sqrt((smooth**2).sum(axis=1))
    itself = np.sqrt((values**2).sum(axis=1))
    return np.asarray((away > limit) & (itself > 0.6 * limit))


def _running(values: Float) -> Float:
    """Median over `RUN` neighbours; at the ends the window is shorter on one side."""
    half = RUN // 2
    return np.array([np.median(values[max(k - half, 0) : k + half + 1]) for k in range(len(values))])


def _lag(shift: Float, pace: Float, spread: Float) -> float:
    """Frames by which places trail: the slope of offsets on velocities, where that explains most of them."""
    power = float((pace**2).sum())
    if not power:
        return 0.0
    # robust: rows one at a time, the median of them weighted by how much they tell
    each = (shift * pace).sum(axis=1) / np.maximum((pace**2).sum(axis=1), 1e-9)
    order = np.argsort(each)
    weight = np.cumsum((pace**2).sum(axis=1)[order])
    lag = float(each[order][int(np.searchsorted(weight, 0.5 * weight[-1]))])
    speed = np.hypot(*pace.T)
    amount = abs(lag) * float(np.percentile(speed, 75))
    before, after = (float(np.median(np.hypot(*left.T))) for left in (shift, shift - lag * pace))
    sure = abs(lag) > SIGMAS * float(np.median(spread)) / max(float(np.sqrt(power)), 1e-9)
    return lag if sure and abs(lag) > LEAST_LAG and amount > LEAST_LAG_PX and after < 0.4 * before else 0.0


def _growth(frames: Float, shift: Float) -> float:
    """How fast offsets grow, px a frame, where a straight line explains the offsets far better than a step does."""
    best = 0.0
    lines = [np.polyfit(frames, shift[:, k], 1) for k in range(2)]
    left = np.stack([shift[:, k] - np.polyval(lines[k], frames) for k in range(2)])
    half = np.hypot(*left).mean()
    if half < 0.3 * np.hypot(*(shift - np.median(shift, axis=0)).T).mean():
        best = float(np.hypot(lines[0][0], lines[1][0]))
    return best
