"""What it costs to take two pieces of track for one thing: where and how fast it went, and what it looks like."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.association import look_cost

__all__ = ["COST_LIMIT", "LONGEST_GAP", "Ends", "farthest_join", "gap_costs"]

Float = NDArray[np.float64]
Rows = NDArray[np.intp]

LONGEST_GAP = 60.0  # ticks
COST_LIMIT = 26.0
BOUNCE_COST = 9.0  # of a sudden change of velocity, however large: things do bounce
LONGEST_BOUNCE = 3.0  # ticks in which a bounce may hide
WIDEST_RADII = 6.0  # a gate wider than so many radii of the body joins anything to anything
GATE = 16.0  # squared distance, in the spread of where a piece goes on, beyond which no two are joined


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """One end each of N pieces.

    Attributes:
        clocks: (N,), ticks.
        positions, velocities: (N, 2), px and px/tick.
        velocity_variances: (N,), of each component, (px/tick)².
        radii, areas: (N,), px and px².
        colors: (N, 3), CIELAB.
    """

    clocks: Float
    positions: Float
    velocities: Float
    velocity_variances: Float
    radii: Float
    colors: Float
    areas: Float

    def take(self, index: Rows) -> Ends:
        """The chosen ones."""
        return Ends(*(getattr(self, item.name)[index] for item in fields(self)))


def gap_costs(tails: Ends, heads: Ends) -> Float:
    """What it costs to join each of K tails to the head beside it, (K,); infinite where the one doesn't lead to the other."""
    gap = heads.clocks - tails.clocks
    a_v, b_v = tails.velocities, heads.velocities
    radius = np.maximum(tails.radii, heads.radii)
    variance = tails.velocity_variances + heads.velocity_variances
    # the mean of both velocities carries a body over the gap exactly when its acceleration is constant
    miss = heads.positions - tails.positions - 0.5 * (a_v + b_v) * gap[:, None]
    speed = np.maximum(np.hypot(*a_v.T), np.hypot(*b_v.T))
    wander = (0.3 + 0.02 * radius + 0.05 * speed) ** 2 * np.maximum(gap - 1, 0) ** 2
    jump = ((b_v - a_v) ** 2).sum(1)
    # a bounce somewhere in the gap: the path is two straight lines, and only where they meet isn't known
    bounce = jump / 12 * np.minimum(gap, LONGEST_BOUNCE) ** 2
    spread = (0.5 + 0.1 * radius) ** 2 + 0.25 * variance * gap**2 + wander + bounce
    widest = _widest(radius) ** 2
    jump_spread = 2 * variance + (0.7 + 0.1 * radius + 0.3 * speed) ** 2 * np.maximum(gap, 1)
    distance = (miss**2).sum(1) / np.minimum(spread, widest)
    look = look_cost(tails.colors, tails.areas, heads.colors, heads.areas)
    cost = distance + np.minimum(jump / jump_spread, BOUNCE_COST) + look + np.log(np.minimum(spread, widest)) + 0.05 * gap
    return np.where(distance <= GATE, cost, np.inf)


def farthest_join(radii: Float, speeds: Float, gaps: Float) -> Float:
    """How far from the one end the other may lie at most, px, for ends of bodies and of speeds not above these."""
    return np.asarray(np.sqrt(GATE) * _widest(radii) + speeds * gaps)


def _widest(radii: Float) -> Float:
    return 2.0 + WIDEST_RADII * radii
