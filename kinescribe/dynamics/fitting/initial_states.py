"""Initial states that the first sightings suggest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip

__all__ = ["start_of"]

Float = NDArray[np.float64]
FEW = 4  # sightings before a contact, whose place helps to tell where an object came from


def start_of(clip: Clip, turning: bool) -> Float:
    """(6, n) an initial state at the first instant: a line, or a parabola, through the first sightings of each object.

    Of those before its first contact; where they are few, with the place of that contact, which the sightings after it tell.
    """
    out = np.zeros((6, len(clip.bodies)))
    for i in range(len(clip.bodies)):
        hits = sorted(hit.time for hit in clip.impacts if i in hit.objects)
        for row, name in enumerate(("x", "y", "angle") if turning else ("x", "y")):
            values = getattr(clip, name)[:, i]
            known = np.flatnonzero(np.isfinite(values))
            before = known[clip.times[known] < min(hits, default=np.inf)]
            use = (before if len(before) >= 2 else known)[:9]
            times, places = clip.times[use], values[use]
            if hits and 0 < len(before) < FEW:
                after = known[(clip.times[known] > hits[0]) & (clip.times[known] < (hits[1] if len(hits) > 1 else np.inf))][:FEW]
                if len(after) >= 2:
                    line = np.polynomial.Polynomial.fit(clip.times[after] - hits[0], values[after], 1)
                    times, places = np.r_[clip.times[before], hits[0]], np.r_[values[before], line(0.0)]
            if not len(times):
                continue
            t = times - clip.times[0]
            degree = min(len(t) - 1, 2 if len(t) >= 6 else 1)
            # time from the middle keeps the normal equations sound
            poly = np.polynomial.Polynomial.fit(t, places, degree) if np.ptp(t) > 0 else np.polynomial.Polynomial([places[0]])
            out[row, i] = poly(0.0)
            out[row + 3, i] = poly.deriv()(0.0) if degree else 0.0
    return out
