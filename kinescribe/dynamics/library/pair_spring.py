"""Springs between all pairs of objects."""

from __future__ import annotations

from kinescribe.dynamics.library._pair_springs import SpringsBetween

__all__ = ["PairSpring"]


class PairSpring(SpringsBetween):
    """``mass·a = Σ (stiffness·(d − rest_length) + damping·ḋ)·u`` over all other objects at the distance d in the direction u.

    All springs are alike. Momentum is kept. Only stiffness, damping and masses relative to each other can be told.
    """

    name = "pair-spring"
    equation = "mass·a = Σ_others (stiffness·(d - rest_length) + damping·d')·u"
    chain = False
