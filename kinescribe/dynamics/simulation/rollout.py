"""What a simulation returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Impact
from kinescribe.dynamics.state import COMPONENTS, Bodies

__all__ = ["Rollout"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """Trajectories of n objects in b clips at T times.

    Attributes:
        data: (6, b, T, n) in the order of `COMPONENTS`; NaN from where a clip diverged.
        impacts: (m, 5) rows of clip, time, first object, second object (−1: a wall), wall's index (−1: none), in order of happening.
        walls: names of the walls.
        diverged: (b,) the state left all bounds or was no number.
        bodies: the objects.
    """

    data: Float
    impacts: Float
    walls: tuple[str, ...]
    diverged: NDArray[np.bool_]
    bodies: Bodies

    @classmethod
    def joined(cls, parts: Sequence[Rollout], bodies: Bodies) -> Rollout:
        """Rollouts under one law, of clips that follow each other; `bodies` are those of all of them."""
        begins = np.cumsum([0, *(part.data.shape[1] for part in parts)])
        impacts = [part.impacts + np.array([begin, 0, 0, 0, 0]) for begin, part in zip(begins, parts, strict=False)]
        return cls(
            np.concatenate([part.data for part in parts], axis=1), np.concatenate(impacts), parts[0].walls,
            np.concatenate([part.diverged for part in parts]), bodies,
        )  # fmt: skip

    def component(self, name: str) -> Float:
        """(b, T, n) of one component."""
        out: Float = self.data[COMPONENTS.index(name)]
        return out

    def impacts_of(self, clip: int) -> list[Impact]:
        """The contacts of one clip, in time order."""
        found = []
        for _, time, first, second, wall in sorted(self.impacts[self.impacts[:, 0] == clip].tolist(), key=lambda row: row[1]):
            objects = (int(first),) if second < 0 else tuple(sorted((int(first), int(second))))
            found.append(Impact(time, objects, self.walls[int(wall)] if wall >= 0 else ""))
        return found
