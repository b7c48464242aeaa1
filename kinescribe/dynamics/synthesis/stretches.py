"""Stretches of a clip without contacts: where its objects were, how fast, and what accelerations along that path do to their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.library.estimates.arcs import kinks, step_of

__all__ = ["Stretch", "stretches"]

Float = NDArray[np.float64]
LEAST = 6  # sightings
WINDOWS = (5, 7, 9, 13, 19, 27)  # sightings that a parabola is laid through
WORSE = 1.5  # times the variance of the sightings that a window may leave, and still be one in which motion is a parabola
LONGEST = 400  # sightings of one; a longer one is cut, for every one costs
MOST = 12  # of a clip, evenly chosen
GAP = 6.0  # frames' intervals without a sighting, across which nobody can tell the path


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """One, in which all n objects were seen.

    Attributes:
        clip: it is of. times: (w,) seconds.
        seen: (w, n, 2) positions; sigma: (w, n, 2) their σ. place, velocity: (w, n, 2) smoothed.
    """

    clip: Clip
    times: Float
    seen: Float
    sigma: Float
    place: Float
    velocity: Float

    def moved(self, acceleration: Float) -> Float:
        """(w, 2) what an acceleration (w, 2) does to the place of something at rest: its integral, twice (by splines' rule)."""
        from scipy.interpolate import CubicSpline

        found: Float = CubicSpline(self.times, acceleration).antiderivative(2)(self.times)
        return found

    def freed(self, places: Float, i: int) -> Float:
        """(w, 2) places in the σ of object i, less what another start and velocity make of them."""
        out = np.empty_like(places)
        line = np.stack([np.ones_like(self.times), self.times - self.times.mean()], axis=1)
        for axis in (0, 1):
            weighed = line / self.sigma[:, i, axis : axis + 1]
            base, _ = np.linalg.qr(weighed)
            scaled = places[:, axis] / self.sigma[:, i, axis]
            out[:, axis] = scaled - base @ (base.T @ scaled)
        return out


def stretches(clip: Clip) -> Iterator[Stretch]:
    """Those of so many sightings that a path can be told, in order of time; `MOST` of them at most."""
    rows = clip.seen.all(axis=1)
    cuts = np.sort([hit.time for hit in clip.impacts or kinks(clip)])
    piece = np.searchsorted(cuts, clip.times)
    apart = GAP * step_of(clip)
    found: list[NDArray[np.intp]] = []
    for k in np.unique(piece[rows]):
        whole = np.flatnonzero(rows & (piece == k))
        for part in np.split(whole, np.flatnonzero(np.diff(clip.times[whole]) > apart) + 1):
            found += [one for one in np.array_split(part, -(-len(part) // LONGEST)) if len(one) >= LEAST]
    for number in np.unique(np.linspace(0, len(found) - 1, min(MOST, len(found))).round().astype(int)) if found else ():
        mine = found[number]
        seen = np.stack([clip.x[mine], clip.y[mine]], axis=2)
        sigma = np.stack([clip.sigma_x[mine], clip.sigma_y[mine]], axis=2)
        place, velocity = _smoothed(clip.times[mine], seen, sigma)
        yield Stretch(clip, clip.times[mine], seen, sigma, place, velocity)


def _smoothed(times: Float, seen: Float, sigma: Float) -> tuple[Float, Float]:
    """Places and velocities by parabolas through neighbours, as many as the motion allows."""
    flat, noise = seen.reshape(len(times), -1), sigma.reshape(len(times), -1)
    kept = _parabolas(times, flat, min(WINDOWS[0], len(times)))
    for size in WINDOWS[1:]:
        if size > len(times) // 2:
            break
        tried = _parabolas(times, flat, size)
        # of each column, as a share of the variance that sightings have anyway
        if (np.mean((tried[2] / noise) ** 2, axis=0) * size / (size - 3) > WORSE).any():
            break
        kept = tried
    return kept[0].reshape(seen.shape), kept[1].reshape(seen.shape)


def _parabolas(times: Float, columns: Float, size: int) -> tuple[Float, Float, Float]:
    """Value, rate and residual (w, k) at each of the times, of the parabola through the `size` sightings about it."""
    w = len(times)
    first = np.clip(np.arange(w) - size // 2, 0, w - size)
    index = first[:, None] + np.arange(size)
    u = times[index] - times[:, None]
    scale = np.maximum(np.abs(u).max(axis=1, keepdims=True), 1e-300)
    powers = (u / scale)[:, :, None] ** np.arange(3)
    found = np.linalg.pinv(powers) @ columns[index]
    return found[:, 0], found[:, 1] / scale, columns - found[:, 0]
