"""What objects can strike: straight walls, and each other as discs. A law hands these out; the simulator finds the moment of impact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError

__all__ = ["Contacts", "Discs", "Wall"]


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """A straight wall that fills one side of a line: objects stay where ``normal_x·x + normal_y·y ≥ offset + radius``.

    Attributes:
        name: for people and for `--remove`: "floor".
        normal_x, normal_y: unit vector that points away from the wall, numbers or (clips, 1).
        offset: position of the surface along the normal, world units, a number or (clips, 1).
        restitution: speed after over speed before, along the normal, [0, 1], a number or (clips, 1).
        friction: Coulomb coefficient, ≥ 0.
        objects: indices of those that can strike it; None: all.
    """

    name: str
    normal_x: Any
    normal_y: Any
    offset: Any
    restitution: Any = 1.0
    friction: Any = 0.0
    objects: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Discs:
    """All objects, or the named pairs, strike each other as discs of their contact radius.

    Attributes:
        restitution: relative speed after over before, along the line of centres, [0, 1], a number or (clips, 1).
        friction: Coulomb coefficient between rims, ≥ 0.
        threshold: approach speed below which nothing bounces, world units a second, a number or (clips, 1).
        pairs: (n, n) bool of the pairs that can touch; None: all.
        masses: (n,) or (clips, n) where they follow from something else than the law's parameter ``mass``, such as size.
        size: of the discs at contacts over the size that was seen, a number or (clips, 1).
    """

    restitution: Any = 1.0
    friction: Any = 0.0
    threshold: Any = 0.0
    pairs: NDArray[np.bool_] | None = None
    masses: Any = None
    size: Any = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Contacts:
    """All that can be struck. Masses come from the law's parameter ``mass`` (per object; equal where there is none).

    Attributes:
        walls: each separately.
        discs: None where objects pass through each other.
    """

    walls: Sequence[Wall] = ()
    discs: Discs | None = None

    def __add__(self, other: Contacts) -> Contacts:
        if self.discs is not None and other.discs is not None:
            raise UsageError("two laws of the same sum say how discs touch; leave one out")
        return Contacts((*self.walls, *other.walls), self.discs or other.discs)

    def without(self, name: str) -> Contacts:
        """Without the wall of that name."""
        return Contacts(tuple(wall for wall in self.walls if wall.name != name), self.discs)
