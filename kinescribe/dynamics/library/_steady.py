"""The acceleration that all arcs of a clip have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kinescribe.dynamics.library.estimates import arcs, derivatives, middle

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["steady"]


def steady(clip: Clip) -> tuple[float, float]:
    """Median acceleration (ax, ay) over arcs, each by a parabola as long as its residuals allow, the long ones counting most; NaN where
    no arc has four sightings.
    """
    parts = [derivatives(arc.times, arc.places, arc.sigma, degree=2, whole=True) for arc in arcs(clip, least=4)]
    if not parts:
        return float("nan"), float("nan")
    second = np.concatenate([part.second for part in parts])
    weight = np.concatenate([part.weight for part in parts])
    return middle(second[:, 0], weight), middle(second[:, 1], weight)
