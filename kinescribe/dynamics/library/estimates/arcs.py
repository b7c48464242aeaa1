"""Event-free arcs: what an object did between two contacts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip, Impact

__all__ = ["Arc", "arcs", "kinks", "step_of"]

Float = NDArray[np.float64]
NEAR = 0.25  # of a frame's interval: a sighting so near a contact may lie on either side of it
SHARP = 4.5  # times the usual change of velocity within four frames is a contact
TOGETHER = 1.5  # frames' intervals within which two objects that strike each other change course
BESIDE = 1.5  # times the sum of their radii, how near they are then
REACH = 3  # sightings on either side by which a velocity is told


@dataclass(frozen=True, slots=True, eq=False)
class Arc:
    """Sightings of one object between two contacts.

    Attributes:
        object: its index.
        times: (m,) seconds, ascending.
        places: (m, 2) x and y, world units, none of them NaN.
        sigma: (2,) median of their σ.
    """

    object: int
    times: Float
    places: Float
    sigma: Float


def arcs(clip: Clip, least: int = 5) -> list[Arc]:
    """All arcs of at least so many sightings, object by object; of objects that can move."""
    found = []
    near = NEAR * step_of(clip)
    hits = clip.impacts or kinks(clip)
    for i in range(len(clip.bodies)):
        if clip.bodies.static[i]:
            continue
        cuts = np.array([hit.time for hit in hits if i in hit.objects])
        rows = np.flatnonzero(clip.seen[:, i])
        times = clip.times[rows]
        if len(cuts):
            clear = np.abs(times[:, None] - cuts).min(axis=1) >= near
            rows, times = rows[clear], times[clear]
        piece = np.searchsorted(np.sort(cuts), times)
        for k in np.unique(piece):
            mine = rows[piece == k]
            if len(mine) >= least:
                sigma = np.array([np.median(clip.sigma_x[mine, i]), np.median(clip.sigma_y[mine, i])])
                found.append(Arc(i, clip.times[mine], np.column_stack([clip.x[mine, i], clip.y[mine, i]]), sigma))
    return found


def step_of(clip: Clip) -> float:
    """Median interval between frames, seconds; 0 for a single frame."""
    return float(np.median(np.diff(clip.times))) if len(clip.times) > 1 else 0.0


def kinks(clip: Clip) -> tuple[Impact, ...]:
    """Contacts where perception saw none: moments at which a velocity changes far more than it does elsewhere on the path.

    Straight lines through the `REACH` sightings before and after tell the velocities.
    """
    found = []
    for i in range(len(clip.bodies)):
        rows = np.flatnonzero(clip.seen[:, i])
        if len(rows) < 4 * REACH:
            continue
        t, places = clip.times[rows], np.column_stack([clip.x[rows, i], clip.y[rows, i]])
        windows = np.lib.stride_tricks.sliding_window_view
        wt, wp = windows(t, REACH), windows(places, REACH, axis=0)
        centred = wt - wt.mean(axis=1, keepdims=True)
        speed = (centred[:, None] * wp).sum(axis=2) / (centred**2).sum(axis=1)[:, None]
        # from the last sighting before to the first after
        change = np.abs(speed[REACH:] - speed[:-REACH])
        usual = float(np.median(np.hypot(*change.T)))
        fast = 0.3 * np.hypot(*speed[:-REACH].T)
        peaks: list[int] = []
        # each direction by itself: a ball in a corner strikes two walls within a few frames
        for jump in change.T:
            for k in np.flatnonzero((jump > SHARP * usual) & (jump > fast)).tolist():
                if jump[k] == jump[max(k - REACH, 0) : k + REACH + 1].max() and all(abs(k - other) > 1 for other in peaks):
                    peaks.append(k)
        found += [Impact(float(0.5 * (t[k + REACH - 1] + t[k + REACH])), (i,)) for k in peaks]
    return _joined(clip, sorted(found, key=lambda hit: hit.time))


def _joined(clip: Clip, found: list[Impact]) -> tuple[Impact, ...]:
    """The same in time order, with two objects that change course together, side by side, as one contact."""
    out: list[Impact] = []
    while found:
        hit, *found = found
        other = next((later for later in found if _met(clip, hit, later)), None)
        if other is None:
            out.append(hit)
        else:
            found.remove(other)
            i, j = sorted((hit.objects[0], other.objects[0]))
            out.append(Impact(0.5 * (hit.time + other.time), (i, j)))
    return tuple(out)


def _met(clip: Clip, one: Impact, other: Impact) -> bool:
    i, j = one.objects[0], other.objects[0]
    if i == j or other.time - one.time > TOGETHER * step_of(clip):
        return False
    row = int(np.argmin(np.abs(clip.times - one.time)))
    radius = np.atleast_2d(clip.bodies.radius)[0]
    apart = float(np.hypot(clip.x[row, i] - clip.x[row, j], clip.y[row, i] - clip.y[row, j]))
    return apart < BESIDE * float(radius[i] + radius[j])
