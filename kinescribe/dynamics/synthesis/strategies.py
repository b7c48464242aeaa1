"""Which program to mend next, or whether to ask for a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["FRESH", "STRATEGIES", "Arm", "Choice", "best_first", "resample", "rex"]

WEIGHT = 3.0  # worth of a score, in repairs that failed; small, for a run has a dozen questions and not hundreds
BROKEN = 3.0  # repairs that one of a program without a fit counts for: a slip is mended at once, or it is none
FRESH = 0.2  # score that a program not yet written is believed to have


@dataclass(frozen=True, slots=True)
class Arm:
    """A line of programs, of which one could be mended (see `lines.Line`).

    Attributes:
        score: of its best, in [0, 1]; None where none could be fitted, which is as good as one not yet written.
        repairs: that were asked of it since that best rose.
    """

    score: float | None
    repairs: int


Choice = Callable[[Sequence[Arm], int, np.random.Generator], int | None]
"""Index of the arm to mend; None for a new program. The number is how many questions asked for new ones."""


def rex(arms: Sequence[Arm], asked: int, chance: np.random.Generator) -> int | None:
    """Thompson sampling: every arm's chance to lead on is drawn from a beta distribution about its score that sinks with each
    repair that it took (REx; Tang et al., NeurIPS 2024, arXiv 2405.17503), and so is that of a new program.
    """
    scores = np.array([FRESH, *(FRESH if arm.score is None else arm.score for arm in arms)])
    spent = np.array([asked - 1, *(arm.repairs * (BROKEN if arm.score is None else 1.0) for arm in arms)])
    drawn = chance.beta(1.0 + WEIGHT * scores, 1.0 + WEIGHT * (1.0 - scores) + spent)
    best = int(drawn.argmax())
    return None if best == 0 else best - 1


def best_first(arms: Sequence[Arm], asked: int, chance: np.random.Generator) -> int | None:
    """Always the best so far; of equals the one that was mended least."""
    if not arms:
        return None
    return min(range(len(arms)), key=lambda k: (-(arms[k].score or 0.0), arms[k].repairs))


def resample(arms: Sequence[Arm], asked: int, chance: np.random.Generator) -> int | None:
    """Always a new one."""
    return None


STRATEGIES: Mapping[str, Choice] = {"rex": rex, "best-first": best_first, "resample": resample}
