"""What moves: the states of all objects of many clips at one instant, and what stays the same about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["COMPONENTS", "Bodies", "State"]

Float = NDArray[np.float64]
COMPONENTS = ("x", "y", "angle", "vx", "vy", "angular_velocity")
"""Order of a state's components: first the three coordinates, then their rates, in the same order."""


@dataclass(frozen=True, slots=True, eq=False)
class Bodies:
    """What does not change about n objects; arrays are (n,), or (clips, n) where clips differ.

    Attributes:
        names: (n,) unique words for people: "ball 1", or the label alone where no other object has it.
        labels: (n,) words as the table has them.
        object_ids: (n,) of the table.
        shapes: (n,) disc, box, rod, blob or "".
        radius: half the mean of width and height; the contact radius of a disc. World units.
        width, height: sides of the object's own box, world units.
        static: never moves, whatever acts on it.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    object_ids: tuple[int, ...]
    shapes: tuple[str, ...]
    radius: Float
    width: Float
    height: Float
    static: NDArray[np.bool_]

    @classmethod
    def make(cls, count: int, *, radius: float | Float = 0.5, names: tuple[str, ...] = (), static: tuple[int, ...] = ()) -> Bodies:
        """Discs for a simulation that comes from no table. `static`: indices of those that never move."""
        r = np.broadcast_to(np.asarray(radius, float), (count,)).copy()
        fixed = np.zeros(count, bool)
        fixed[list(static)] = True
        labels = names or tuple(f"object {i + 1}" for i in range(count))
        return cls(labels, labels, tuple(range(1, count + 1)), ("disc",) * count, r, 2 * r, 2 * r, fixed)

    def __len__(self) -> int:
        return len(self.names)

    def keeping(self, objects: Sequence[int]) -> Bodies:
        """These objects alone, by index."""
        index = list(objects)
        return Bodies(
            tuple(self.names[i] for i in index), tuple(self.labels[i] for i in index), tuple(self.object_ids[i] for i in index),
            tuple(self.shapes[i] for i in index), self.radius[..., index], self.width[..., index], self.height[..., index],
            self.static[index],
        )  # fmt: skip


@dataclass(slots=True, eq=False)
class State:
    """States of n objects in each of b clips. World frame: x right, y up, angles counter-clockwise.

    Attributes:
        data: (6, b, n) in the order of `COMPONENTS`: numpy, or a torch tensor for laws that are written in torch. A rollout's is
            (6, b, T, n).
        bodies: what stays the same.
    """

    data: Any
    bodies: Bodies = field(repr=False)

    @classmethod
    def of(cls, bodies: Bodies, **components: Any) -> State:
        """From components by name, each (b, n), (n,) or a number; those not named are 0."""
        shapes = [np.shape(value) for value in components.values()]
        shape = np.broadcast_shapes((1, len(bodies)), *shapes)
        data = np.zeros((6, *shape))
        for name, value in components.items():
            data[COMPONENTS.index(name)] = value
        return cls(data, bodies)

    @property
    def x(self) -> Any:
        """Horizontal position, (b, n), world units."""
        return self.data[0]

    @property
    def y(self) -> Any:
        """Vertical position, (b, n), world units, up."""
        return self.data[1]

    @property
    def angle(self) -> Any:
        """Radians, counter-clockwise, (b, n)."""
        return self.data[2]

    @property
    def vx(self) -> Any:
        """Horizontal velocity, (b, n), world units a second."""
        return self.data[3]

    @property
    def vy(self) -> Any:
        """Vertical velocity, (b, n), up."""
        return self.data[4]

    @property
    def angular_velocity(self) -> Any:
        """Radians a second, (b, n)."""
        return self.data[5]

    def replace(self, **components: Any) -> Self:
        """A copy with these components, each broadcast to (b, n), in place of its own."""
        if isinstance(self.data, np.ndarray):
            data = self.data.copy()
            for name, value in components.items():
                data[COMPONENTS.index(name)] = value
            return type(self)(data, self.bodies)
        import torch

        rows = list(self.data)
        for name, value in components.items():
            rows[COMPONENTS.index(name)] = torch.as_tensor(value, dtype=self.data.dtype).expand(self.data.shape[1:])
        return type(self)(torch.stack(rows), self.bodies)
