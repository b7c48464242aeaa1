"""Pivot, length, period and damping of what swings, from the circle that it keeps to and the angles on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.library.estimates import arcs, circle, derivatives, middle, regress, sinusoid

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["pace", "swing"]

Float = NDArray[np.float64]
WHOLE = 0.9  # periods in an arc from which on its period is read off
EXPLAINED = 0.6  # share of the variance in one frequency, the same
OVER = 0.95 * math.pi  # radians: wider swings go round, or nearly, and have no one frequency


def swing(clip: Clip, gravity: float) -> dict[str, float]:
    """Starts for gravity, length, pivot_x, pivot_y and damping of a pendulum.

    `gravity` is believed only where the swings are too small to show how they bend.
    """
    found = []
    for arc in arcs(clip):
        x, y = arc.places.T
        rim = circle(arc.places)
        weight = float(len(x)) ** 2
        if rim is not None and (rim.y > y.mean() or rim.radius < 1.5 * np.ptp(x)):
            angle = np.unwrap(np.arctan2(x - rim.x, rim.y - y))
            stiffness, damping = pace(arc.times, angle, float(arc.sigma.mean()) / rim.radius)
            found.append((stiffness * rim.radius, rim.radius, rim.x, rim.y, damping, weight * float(np.ptp(angle))))
        else:
            # what swings by less than can be seen swings like a spring
            wave = sinusoid(arc.times, x[:, None])
            if wave is not None and wave.speed > 0:
                length = gravity / (wave.speed**2 + wave.decay**2)
                found.append((gravity, length, float(wave.centre[0]), float(y.min()) + length, 2.0 * wave.decay, 1e-6 * weight))
    if not found:
        return {}
    *columns, weight_of = np.array(found).T
    g, length, pivot_x, pivot_y, damping = (middle(column, weight_of) for column in columns)
    return {"gravity": g, "length": length, "pivot_x": pivot_x, "pivot_y": pivot_y, "damping": max(damping, 0.0)}


def pace(times: Float, angle: Float, sigma: float) -> tuple[float, float]:
    """The k and c of ``φ'' = −k·sin φ − c·φ'`` for angles (m,), of a known σ, from the hanging rest; NaN where they can't be told.

    From the period, where one is covered: ``k = (2·K(sin²(A/2))·ω/π)²`` at the amplitude A, K the complete elliptic integral; else from
    the energy ``φ'²/2 − k·cos φ``, which falls by ``c·∫φ'² dt``.
    """
    wave = sinusoid(times, angle[:, None])
    if wave is not None and wave.cycles >= WHOLE and wave.explained >= EXPLAINED and np.abs(angle).max() < OVER:
        from scipy.special import ellipk

        amplitude = _amplitude(math.sqrt(float(np.mean((angle - angle.mean()) ** 2))))
        speed = math.hypot(wave.speed, wave.decay)
        return (2.0 * float(ellipk(math.sin(amplitude / 2.0) ** 2)) * speed / math.pi) ** 2, 2.0 * wave.decay
    seen = derivatives(times, angle[:, None], sigma)
    if len(seen) < 4:
        return math.nan, math.nan
    value, rate = seen.value[:, 0], seen.rate[:, 0]
    spent = np.r_[0.0, np.cumsum(np.diff(seen.times) * 0.5 * (rate[1:] ** 2 + rate[:-1] ** 2))]
    made = regress(np.column_stack([np.cos(value), np.ones(len(value)), -spent]), 0.5 * rate**2)
    return (math.nan, math.nan) if made is None else (float(made[0]), float(made[2]))


def _amplitude(spread: float) -> float:
    """Of the swing whose angles have this root mean square: wide swings linger at their ends. An amplitude that shrinks counts by its mean
    square.
    """
    from scipy.special import ellipj, ellipk

    trials = np.linspace(1e-3, OVER, 100)
    m = np.sin(trials / 2.0) ** 2
    quarter = (np.arange(100) + 0.5)[:, None] / 100 * ellipk(m)
    angles = 2.0 * np.arcsin(np.sqrt(m) * ellipj(quarter, m)[0])
    return float(np.interp(spread, np.sqrt((angles**2).mean(axis=0)), trials))
