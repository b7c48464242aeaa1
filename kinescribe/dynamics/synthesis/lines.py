"""Lines of descent: a program and those that were mended from it. What is chosen among are lines, for each repair would else be one more
arm of its own, and many poor ones crowd out the one that leads somewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kinescribe.dynamics.sandbox.limits import MOST_SOURCE
from kinescribe.dynamics.synthesis.attempts import Attempt, Question
from kinescribe.dynamics.synthesis.strategies import FRESH, Arm

__all__ = ["Line", "lines_of"]

ROSE = 0.02  # by so much a line's best must rise for its repairs to be forgotten
LEAST = 0.15  # score of a program that runs, however far off it is


@dataclass(slots=True, eq=False)
class Line:
    """One line.

    Attributes:
        members: its programs that can be mended, in the order in which they came.
        repairs: questions that were spent on it since its best rose. mended: how often each member was sent back, by number.
        best: score of its best member; below 0 where none could be fitted.
    """

    members: list[Attempt] = field(default_factory=list)
    repairs: int = 0
    mended: dict[int, int] = field(default_factory=dict)
    best: float = -1.0

    def arm(self, most: float) -> Arm:
        """As the strategies see it. `most`: the best score of all programs."""
        return Arm(_worth(self.next(), most), self.repairs)

    def next(self) -> Attempt:
        """The member to be mended: the best, of equals the one that was sent back least."""
        return max(self.members, key=lambda one: (_worth(one, 1.0) or 0.0, -self.mended.get(one.number, 0), -one.number))


def lines_of(attempts: Sequence[Attempt], questions: Sequence[Question]) -> list[Line]:
    """All lines, in the order in which they began."""
    found: dict[int, Line] = {}
    first: dict[int, int] = {}
    for question in questions:
        if question.parent is not None:
            line = found[first[question.parent]]
            line.repairs += 1
            line.mended[question.parent] = line.mended.get(question.parent, 0) + 1
        for number in question.programs:
            one = attempts[number - 1]
            # what is too long to run is too long to be sent back
            if one.twin is not None or len(one.source) > MOST_SOURCE:
                continue
            first[number] = number if question.parent is None else first[question.parent]
            line = found.setdefault(first[number], Line())
            line.members.append(one)
            score = -1.0 if one.fit is None else one.judged.score
            if score > line.best + ROSE:
                line.repairs = 0
            line.best = max(line.best, score)
    return list(found.values())


def _worth(one: Attempt, most: float) -> float | None:
    """Half of it is how far a program goes, half how far it goes among those that there are; None without a fit."""
    if one.fit is None:
        return None
    worth = 0.5 * (one.judged.score + (one.judged.score / most if most > 0 else 0.0))
    # at a bound, such as 0, a term does nothing: with its sign turned it may do all
    return max(worth, FRESH if one.fit.at_bound else LEAST)
