"""How bodies move: closed-form paths in image pixels, y down."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ellipj

__all__ = [
    "Motion",
    "Path",
    "ballistic",
    "hanging_line",
    "oscillating",
    "pendulum",
    "reflecting",
    "sliding_to_rest",
    "standing_rod",
    "still",
]

Float = NDArray[np.float64]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Where a body is at n instants.

    Attributes:
        positions: (n, 2), of the centroid, px, y down.
        velocities: (n, 2), px/s. At the very instant of a bounce the velocity after it.
        angles: (n,), of the long axis, radians from +x towards +y (clockwise on the screen), unwrapped.
        angular_velocities: (n,), rad/s, clockwise.
    """

    positions: Float
    velocities: Float
    angles: Float
    angular_velocities: Float


Path = Callable[[Float], Motion]
"""Times (n,) in seconds to the motion at these times."""


def _upright(positions: Float, velocities: Float, angle: float = 0.0) -> Motion:
    return Motion(positions, velocities, np.full(len(positions), angle), np.zeros(len(positions)))


def still(position: Point, angle: float = 0.0) -> Path:
    """A body that stays where it is."""
    return ballistic(position, (0.0, 0.0), (0.0, 0.0), angle)


def ballistic(position: Point, velocity: Point, acceleration: Point = (0.0, 0.0), angle: float = 0.0, spin: float = 0.0) -> Path:
    """Constant acceleration (px/s²) from a position and velocity at t = 0, turning at `spin` rad/s."""
    p, v, a = (np.asarray(item, np.float64) for item in (position, velocity, acceleration))

    def path(times: Float) -> Motion:
        t = np.asarray(times, np.float64)[:, None]
        return Motion(p + v * t + 0.5 * a * t**2, v + a * t, angle + spin * t[:, 0], np.full(len(t), spin))

    return path


def oscillating(center: Point, amplitude: Point, period_s: float, phase: float = 0.0, angle: float = 0.0) -> Path:
    """Harmonic motion about a centre: centre + amplitude · cos(2πt / period + phase)."""
    c, a, w = np.asarray(center, np.float64), np.asarray(amplitude, np.float64), 2 * math.pi / period_s

    def path(times: Float) -> Motion:
        turn = w * np.asarray(times, np.float64)[:, None] + phase
        return _upright(c + a * np.cos(turn), -w * a * np.sin(turn), angle)

    return path


def sliding_to_rest(start: Point, end: Point, start_s: float, stop_s: float, angle: float = 0.0) -> Path:
    """At rest until `start_s`, then off at full speed and slowed evenly by friction, to rest at `end` from `stop_s` on."""
    p, d, span = np.asarray(start, np.float64), np.subtract(end, start).astype(np.float64), stop_s - start_s

    def path(times: Float) -> Motion:
        t = np.asarray(times, np.float64)[:, None]
        u = np.clip((t - start_s) / span, 0.0, 1.0)
        moving = (t >= start_s) & (t < stop_s)
        return _upright(p + d * (2 * u - u**2), np.where(moving, 2 * d * (1 - u) / span, 0.0), angle)

    return path


def reflecting(position: Point, velocity: Point, low: Point, high: Point) -> Path:
    """Uniform motion between perfectly elastic walls: the centre stays within [low, high] in x and y."""
    p, v, lo, hi = (np.asarray(item, np.float64) for item in (position, velocity, low, high))

    def path(times: Float) -> Motion:
        phase = np.mod(p - lo + v * np.asarray(times, np.float64)[:, None], 2 * (hi - lo))
        back = phase >= hi - lo
        return _upright(lo + np.where(back, 2 * (hi - lo) - phase, phase), np.where(back, -v, v))

    return path


def pendulum(pivot: Point, distance: float, amplitude: float, frequency: float) -> Path:
    """A point at `distance` px from the pivot that swings with an `amplitude` (radians, below π) of any size, let go at t = 0.

    Args:
        pivot: px.
        distance: from the pivot to the body's centroid, px.
        amplitude: largest angle from hanging straight down; positive swings to the right first.
        frequency: angular frequency of small swings, rad/s: √(g/l) for a bob on a string, √(3g/2L) for a rod of length L.

    The angle is exact, by Jacobi's elliptic functions: θ = 2 asin(k cd(ωt, k²)), k = sin(θ₀/2).
    """
    k = math.sin(amplitude / 2)

    def path(times: Float) -> Motion:
        sn, cn, dn, _ = ellipj(frequency * np.asarray(times, np.float64), k**2)
        theta = 2 * np.arcsin(np.clip(k * cn / dn, -1.0, 1.0))
        rate = -2 * k * frequency * math.sqrt(1 - k**2) * sn / dn
        outward = np.column_stack([np.sin(theta), np.cos(theta)])
        sideways = np.column_stack([np.cos(theta), -np.sin(theta)])
        return Motion(np.asarray(pivot) + distance * outward, distance * rate[:, None] * sideways, math.pi / 2 - theta, -rate)

    return path


def standing_rod(base: Path, length: float, amplitude: float, period_s: float) -> Path:
    """The middle of a rod that stands on a moving base and sways about it, to `amplitude` radians from upright on each side."""

    def path(times: Float) -> Motion:
        below, rate = base(times), 2 * math.pi / period_s
        lean = amplitude * np.sin(rate * np.asarray(times, np.float64))
        turning = amplitude * rate * np.cos(rate * np.asarray(times, np.float64))
        upward = np.column_stack([np.sin(lean), -np.cos(lean)])
        sideways = np.column_stack([np.cos(lean), np.sin(lean)])
        positions = below.positions + length / 2 * upward
        return Motion(positions, below.velocities + length / 2 * turning[:, None] * sideways, lean - math.pi / 2, turning)

    return path


def hanging_line(pivot: Point, end: Path) -> Path:
    """The middle of the straight line between a fixed pivot and a moving end that swings about it, such as a pendulum's string."""

    def path(times: Float) -> Motion:
        motion = end(times)
        return Motion((motion.positions + np.asarray(pivot)) / 2, motion.velocities / 2, motion.angles, motion.angular_velocities)

    return path
