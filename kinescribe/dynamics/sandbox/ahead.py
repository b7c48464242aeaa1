"""Steps between contacts, asked for a few at a time: most steps strike nothing, and the next one then begins where the last one ended."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.simulation.motion import Motion

__all__ = ["Ahead"]

Float = NDArray[np.float64]
MOST = 8  # steps that are asked for at once


class Ahead:
    """States that a worker has told beyond what was asked for. They serve what begins exactly where they do, and nothing else."""

    def __init__(self) -> None:
        # motion, the instant at which the first step begins, states (steps, 6, b, n); one thing, so that two threads can't mix theirs
        self._told: tuple[Motion, int, Float] | None = None
        self._count = 1

    def known(self, motion: Motion, k: int, data: Float) -> Float | None:
        """The state (6, b, n) after the step from the instant `k`, where a motion begins it in a state that was told."""
        if self._told is None or self._told[0] is not motion:
            return None
        _, first, states = self._told
        if not 0 < k - first < len(states):
            return None
        if not np.array_equal(states[k - first - 1], data):
            # something was struck: what was told beyond is of no use, and the next contact may not be far
            self._told, self._count = None, 1
            return None
        return np.array(states[k - first])

    def count(self, left: int) -> int:
        """How many steps to ask for, of those that are left: more each time that all were of use."""
        return max(1, min(self._count, left))

    def keep(self, motion: Motion, k: int, states: Float) -> Float:
        """Keep states (steps, 6, b, n) from the instant `k` on; the first of them."""
        self._told = (motion, k, states)
        self._count = min(2 * self._count, MOST)
        return np.array(states[0])
