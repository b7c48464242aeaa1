"""How much a fit may spend."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from kinescribe.errors import UsageError

__all__ = ["Budget", "SpentError"]


class SpentError(Exception):
    """The budget is spent; what was found so far stands."""


@dataclass(slots=True)
class Budget:
    """Caps on a fit.

    Attributes:
        rollouts: simulations of one clip, > 0.
        seconds: wall time, > 0.
    """

    rollouts: int = 50_000
    seconds: float = 300.0
    began: float = field(default_factory=lambda: time.monotonic())

    def __post_init__(self) -> None:
        if self.rollouts < 1:
            raise UsageError(f"a fit needs rollouts to spend, not {self.rollouts}")
        if not self.seconds > 0:
            raise UsageError(f"a fit needs time to spend, not {self.seconds:g} s")

    def left(self, spent: int, rollouts: int | None = None, seconds: float | None = None) -> Budget:
        """What is left after so many rollouts, or less; never nothing, so that a fit can say that it was stopped."""
        most, time_left = max(self.rollouts - spent, 1), max(self.seconds - self.elapsed, 1e-3)
        return Budget(min(most, rollouts or most), min(time_left, seconds or time_left))

    def is_spent(self, rollouts: int) -> bool:
        """Either cap is reached."""
        return rollouts >= self.rollouts or self.elapsed >= self.seconds

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def check(self, rollouts: int) -> None:
        """Raise `SpentError` where either cap is reached."""
        if rollouts >= self.rollouts:
            raise SpentError(f"stopped after {rollouts:,} rollouts")
        if self.elapsed >= self.seconds:
            raise SpentError(f"stopped by its cap of {self.seconds:.3g} s")
