"""Laws whose program runs in another process, which integrates their motion itself: a call a step would cost more than the step."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation.schedule import Schedule
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.simulation.motion import Motion

__all__ = ["Elsewhere"]

Float = NDArray[np.float64]


class Elsewhere(Law):
    """A law that is asked for whole motions where nothing is struck, and for whole steps between contacts, which are found here."""

    @abstractmethod
    def followed(self, parameters: Values, initial: State, schedule: Schedule) -> Float:
        """Trajectories (6, b, T, n) of b clips without contacts, as `simulate` has them; NaN from where a clip leaves all bounds."""

    @abstractmethod
    def moved(self, motion: Motion, t: Float, data: Float, h: Float) -> Float:
        """The state (6, b, n) after h (b, 1) seconds of free motion from t (b, 1), as `Motion.step` has it."""
