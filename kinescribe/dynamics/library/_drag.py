"""How accelerations go with a resistance that is linear in one unknown, beside whatever constant force there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.library.estimates import arcs, derivatives, regress

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["resistance"]

Float = NDArray[np.float64]


def resistance(clip: Clip, of: Callable[[Float], Float]) -> float:
    """The k of ``a = c − k·of(v)``, v and of(v) (w, 2), with a constant c that is whatever else acts; NaN where the data are too few."""
    parts = [derivatives(arc.times, arc.places, arc.sigma) for arc in arcs(clip)]
    parts = [part for part in parts if len(part)]
    if not parts:
        return float("nan")
    rate, second, weight = (np.concatenate([getattr(part, name) for part in parts]) for name in ("rate", "second", "weight"))
    against = -of(rate)
    one, none = np.ones(len(rate)), np.zeros(len(rate))
    rows = np.concatenate([np.column_stack([against[:, 0], one, none]), np.column_stack([against[:, 1], none, one])])
    found = regress(rows, second.T.ravel(), np.tile(weight, 2))
    return float("nan") if found is None else float(found[0])
