"""The acceleration that all arcs of a clip have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinescribe.dynamics.library.estimates import arcs, derivatives, middle

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["steady"]


STILL = 3.0  # σ: a window over which nothing moves further in a direction than this tells no acceleration there


def steady(clip: Clip) -> tuple[float, float]:
    """Median acceleration (ax, ay) over arcs, each by parabolas as long as their residuals allow, the long ones counting most; NaN where no
    arc has four sightings. What lies or rolls on a surface, which holds it, counts only where nothing else is seen.
    """
    parts = [(derivatives(arc.times, arc.places, arc.sigma, degree=2, whole=True), arc.sigma) for arc in arcs(clip, least=4)]
    found = []
    for axis in (0, 1):
        second, weight, still = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, bool)]
        for part, sigma in parts:
            least = STILL * sigma[axis]
            second.append(part.second[:, axis])
            weight.append(part.weight)
            still.append((np.abs(part.rate[:, axis]) * part.span < least) & (np.abs(part.second[:, axis]) * part.span**2 / 8.0 < least))
        values, weights, held = np.concatenate(second), np.concatenate(weight), np.concatenate(still)
        keep = ~held if not held.all() else held
        found.append(middle(values[keep], weights[keep]))
    return found[0], found[1]
