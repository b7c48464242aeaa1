"""The one declaration of a mass, which all laws that know masses share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.parameters import Parameter
from kinescribe.dynamics.state import Bodies

__all__ = ["MASS", "by_size"]

MASS = Parameter(
    1.0,
    (1e-3, 1e3),
    "mass",
    "mass of each object; forces between objects tell ratios alone",
    per="object",
    revealed_by="this object pushed or struck by another",
)


def by_size(bodies: Bodies) -> NDArray[np.float64]:
    """Masses (n,) of discs of one material and thickness, their geometric mean 1; all 1 where a radius is unknown."""
    area = np.asarray(bodies.radius, float) ** 2
    if area.ndim != 1 or not len(area) or not (area > 0).all():
        return np.ones(len(bodies))
    out: NDArray[np.float64] = area / np.exp(np.log(area).mean())
    return out
