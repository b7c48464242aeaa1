"""One object's motion in one trial, at any time: between the instants that were simulated, and through contacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trial", "crossings", "extreme"]

Float = NDArray[np.float64]
Curve = Callable[[Float], Float]
PARTS = 4  # of a step from instant to instant, in which a curve is looked at
FINER = 64  # parts around an extreme
HALVINGS = 40
NEAR, ALIKE = 0.02, 1e-4  # of a curve's range: peaks that are looked at closely, and those that are one height
MOST_PEAKS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Of one object, world frame, y up.

    Attributes:
        times: (T,) seconds, ascending. data: (6, T) in the order of `COMPONENTS`. acceleration: (3, T).
        hits: (m,) times of its contacts, ascending. partners: (m,) with whom or what: indices of objects, names of walls, "" unknown.
    """

    times: Float
    data: Float
    acceleration: Float
    hits: Float
    partners: tuple[tuple[int | str, ...], ...]

    def instants(self, since: float, until: float) -> Float:
        """Times within a span, dense enough for what happens between them to be smooth; its ends and the contacts are among them."""
        fine = np.concatenate(
            [self.times[:-1] + part / PARTS * np.diff(self.times) for part in range(PARTS)] + [self.times[-1:], self.hits]
        )
        return np.unique(np.r_[since, fine[(fine > since) & (fine < until)], until])

    def at(self, component: int, times: Float) -> Float:
        """A coordinate (0, 1, 2: x, y, angle) at times within the simulated span; NaN where nothing was simulated any more.

        Between two instants the cubic that has their places and velocities; across a contact each side moves on by itself.
        """
        k, step, part = self._intervals(times)
        p0, p1 = self.data[component, k], self.data[component, k + 1]
        v0, v1 = self.data[component + 3, k] * step, self.data[component + 3, k + 1] * step
        square, cube = part**2, part**3
        out = (2 * cube - 3 * square + 1) * p0 + (cube - 2 * square + part) * v0 + (3 * square - 2 * cube) * p1 + (cube - square) * v1
        for i, (after, passed) in self._struck(times, k).items():
            side = k[i] + after
            pull = np.nan_to_num(self.acceleration[component, side])
            out[i] = self.data[component, side] + passed * self.data[component + 3, side] + 0.5 * passed**2 * pull
        return np.asarray(out)

    def rate(self, component: int, times: Float) -> Float:
        """The velocity that belongs to `at`; at a contact that before it."""
        k, step, part = self._intervals(times)
        p0, p1 = self.data[component, k], self.data[component, k + 1]
        v0, v1 = self.data[component + 3, k], self.data[component + 3, k + 1]
        out = 6 * (part - part**2) * (p1 - p0) / step + (1 - 4 * part + 3 * part**2) * v0 + (3 * part**2 - 2 * part) * v1
        for i, (after, passed) in self._struck(times, k).items():
            side = k[i] + after
            out[i] = self.data[component + 3, side] + passed * np.nan_to_num(self.acceleration[component, side])
        return np.asarray(out)

    def speed(self, times: Float) -> Float:
        """Units a second."""
        return np.asarray(np.hypot(self.rate(0, times), self.rate(1, times)))

    def _intervals(self, times: Float) -> tuple[NDArray[np.intp], Float, Float]:
        k = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self.times) - 2)
        step = self.times[k + 1] - self.times[k]
        return k, step, (times - self.times[k]) / step

    def _struck(self, times: Float, k: NDArray[np.intp]) -> dict[int, tuple[int, float]]:
        """By index of those times in whose interval there is a contact: 0 or 1, for the state to go on from, and seconds from it."""
        first = np.searchsorted(self.hits, self.times[k], side="left")
        # a contact at the interval's very end is the next one's
        last = np.searchsorted(self.hits, self.times[k + 1], side="left")
        found = {}
        for i in np.flatnonzero(last > first):
            after = int(times[i] > self.hits[last[i] - 1])
            found[int(i)] = (after, float(times[i] - self.times[k[i] + after]))
        return found


def extreme(curve: Curve, instants: Float, hits: Float, sign: float) -> tuple[float, float]:
    """The greatest value (sign 1) of a curve or its least (−1), and when; NaN where the curve is nowhere known.

    Of several that are alike, as the swings of a pendulum are, the first: which of them is ahead by a hair is noise.
    """
    values = sign * curve(instants)
    known = np.isfinite(values)
    if not known.any():
        return float("nan"), float("nan")
    filled = np.where(known, values, -np.inf)
    spread = float(np.ptp(values[known]))
    beside = np.r_[-np.inf, filled, -np.inf]
    peaks = np.flatnonzero((filled >= beside[:-2]) & (filled >= beside[2:]) & (filled >= filled.max() - NEAR * spread) & known)
    found = [_refined(curve, instants, hits, sign, int(k), float(values[k])) for k in peaks[:MOST_PEAKS]]
    best = max(value for value, _ in found)
    value, time = next(one for one in found if one[0] >= best - ALIKE * spread)
    return sign * value, time


def _refined(curve: Curve, instants: Float, hits: Float, sign: float, k: int, value: float) -> tuple[float, float]:
    """A peak among the instants, and its place between them; at ends and contacts it is sharp already."""
    time = float(instants[k])
    if k in (0, len(instants) - 1) or time in hits:
        return value, time
    fine = np.linspace(instants[k - 1], instants[k + 1], FINER + 1)
    near = sign * curve(fine)
    if not np.isfinite(near).all():
        return value, time
    j = int(np.clip(np.argmax(near), 1, FINER - 1))
    a, b, c = (float(one) for one in near[j - 1 : j + 2])
    bend = a - 2 * b + c
    if bend >= 0:
        return value, time
    shift = min(max(0.5 * (a - c) / bend, -1.0), 1.0)
    return b - 0.25 * (a - c) * shift, float(fine[j] + shift * (fine[1] - fine[0]))


def crossings(curve: Curve, instants: Float, *, up: bool | None = None) -> list[float]:
    """When a curve passes 0, upwards or downwards where that is asked for. Where it touches 0 at the first instant is none."""
    values = curve(instants)
    below, above = values[:-1], values[1:]
    rising, falling = (below < 0) & (above >= 0), (below > 0) & (above <= 0)
    k = np.flatnonzero(rising if up else falling if up is False else rising | falling)
    low, high, sign = instants[k].copy(), instants[k + 1].copy(), np.where(rising[k], 1.0, -1.0)
    for _ in range(HALVINGS if len(k) else 0):
        middle = 0.5 * (low + high)
        early = sign * curve(middle) < 0
        low, high = np.where(early, middle, low), np.where(early, high, middle)
    return [float(time) for time in 0.5 * (low + high)]
