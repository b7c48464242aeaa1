"""Gravity from the arcs between impacts, in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinescribe.dynamics.clip import Clip

__all__ = ["gravity_of"]

LEAST = 5  # sightings of an arc that a parabola is laid through


def gravity_of(clip: Clip, objects: Sequence[int]) -> float | None:
    """Downward acceleration of these objects, ≥ 0: the median over arcs free of impacts, each by its weight; None without an arc."""
    found, weights = [], []
    for i in objects:
        cuts = [hit.time for hit in clip.impacts if i in hit.objects]
        arc = np.searchsorted(cuts, clip.times)
        for k in np.unique(arc):
            known = (arc == k) & np.isfinite(clip.y[:, i])
            t, y = clip.times[known], clip.y[known, i]
            if len(t) < LEAST:
                continue
            middle, span = 0.5 * (t[0] + t[-1]), t[-1] - t[0]
            curvature = np.polynomial.Polynomial.fit(t, y, 2, domain=[middle - 0.5 * span, middle + 0.5 * span]).convert().coef
            found.append(-2.0 * curvature[2] if len(curvature) > 2 else 0.0)
            weights.append(len(t) * span**4)
    if not found:
        return None
    order = np.argsort(found)
    share = np.cumsum(np.array(weights)[order])
    return float(max(np.array(found)[order][np.searchsorted(share, 0.5 * share[-1])], 0.0))
