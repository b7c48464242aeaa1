"""From the table's units to Box2D's, which is tuned to things of 0.1 to 10 of its metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scale"]

Float = NDArray[np.float64]
STILL = 1e-4  # of a body's size per step: a speed at which bounces don't matter
FALLS = 2.0  # steps of free fall: what is slower lies, and a bounce would be an artefact of the step


@dataclass(frozen=True, slots=True)
class Scale:
    """Box2D's own constants are lengths (what may overlap: 0.005 m), and one speed (what is slower than 1 m/s does not bounce). The
    length makes bodies about 1 m large, the time turns that speed into any that is wanted.

    Attributes:
        length: Box2D's metres in one world unit.
        time: Box2D's seconds in one second.
        x0, y0: what lies in Box2D's origin, where its 32-bit numbers are finest.
    """

    length: float
    time: float
    x0: float
    y0: float

    @classmethod
    def of(cls, sizes: Float, x: Float, y: Float, *, step: float, gravity: float, threshold: float, length: float | None) -> Scale:
        """For bodies of these sizes at these places.

        Args:
            step: seconds.
            threshold: speed below which nothing bounces, world units a second; at the least what two steps of free fall bring about.
            length: as the attribute; None: what makes the geometric mean of the sizes 1.
        """
        size = float(np.exp(np.mean(np.log(sizes))))
        slow = max(threshold, FALLS * abs(gravity) * step, STILL * size / step)
        scale = 1.0 / size if length is None else length
        return cls(scale, slow * scale, float(np.mean(x)), float(np.mean(y)))

    @property
    def speed(self) -> float:
        """Box2D's metres a second in one world unit a second."""
        return self.length / self.time

    @property
    def acceleration(self) -> float:
        """The same of an acceleration."""
        return self.length / self.time**2

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A place in Box2D's world."""
        return (x - self.x0) * self.length, (y - self.y0) * self.length
