"""Springs from each object to the next."""

from __future__ import annotations

from kinescribe.dynamics.library._pair_springs import SpringsBetween

__all__ = ["SpringChain"]


class SpringChain(SpringsBetween):
    """``mass·a = Σ (stiffness·(d − rest_length) + damping·ḋ)·u`` over the neighbours in the order of ids.

    All springs are alike: beads on a thread, coupled carts. Momentum is kept.
    """

    name = "spring-chain"
    equation = "mass·a = Σ_neighbours (stiffness·(d - rest_length) + damping·d')·u"
    chain = True
