"""What a run tried, and how it came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.selection import Selection
from kinescribe.dynamics.synthesis.judging import Judged
from kinescribe.llm import Exchange, Usage

__all__ = ["Attempt", "Question", "Synthesis"]


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A program that the model wrote.

    Attributes:
        number: from 1, in the order in which they came. call: the question that brought it, from 1.
        parent: number of the program that it mends; None for a new one.
        source, idea: its text, and what the model says that it is.
        twin: number of the earlier program that computes the same; None where there is none, and only then it is judged.
        judged: its fit, or why it has none.
        size: parts of its syntax tree.
    """

    number: int
    call: int
    parent: int | None
    source: str
    idea: str
    twin: int | None
    judged: Judged
    size: int

    @property
    def fit(self) -> Fit | None:
        """Of its law, where it has one."""
        return self.judged.fit

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.judged.title or 'no law'} (program {self.number})"


@dataclass(frozen=True, slots=True)
class Question:
    """One call.

    Attributes:
        number: from 1. parent: number of the program to be mended; None: new ones were asked for.
        programs: numbers of those in the reply. failed: why there was no reply; "" else.
    """

    number: int
    parent: int | None
    programs: tuple[int, ...]
    failed: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Synthesis:
    """A run.

    Attributes:
        fit: of the law that won, with `selection` that tells what it won against.
        winner: the program that it is of; None: the library's law won.
        library: the library's best. attempts: all programs. questions: all calls.
        exchanges: what was said, word for word. usage: what it cost.
        model, strategy, seed, max_calls, task, always: as asked for. against: what the programs competed with, "auto" or a law's name.
        stopped: why no more was asked, in words. partial: why the answer is not what was asked for; None where all is well.
        warnings: one line each.
    """

    fit: Fit
    winner: Attempt | None
    library: Fit
    attempts: tuple[Attempt, ...]
    questions: tuple[Question, ...]
    exchanges: tuple[Exchange, ...]
    usage: Usage
    model: str
    strategy: str
    seed: int
    max_calls: int
    task: str
    always: bool
    against: str
    stopped: str
    partial: str | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def calls(self) -> int:
        """Questions that were asked."""
        return len(self.questions)

    @property
    def rival(self) -> str:
        """What the programs competed with, in words: the library's best, or a law that the user named."""
        which = "the library's best" if self.against == "auto" else "the law to compare with"
        return f"{which}, {self.library.law.title}"

    @property
    def selection(self) -> Selection | None:
        """What the winner won against."""
        return self.fit.selection

    def path(self) -> Sequence[Attempt]:
        """The winner and the programs that it was mended from, the first of them first; empty where the library's law won."""
        out: list[Attempt] = []
        at = self.winner
        while at is not None:
            out.append(at)
            at = None if at.parent is None else self.attempts[at.parent - 1]
        return out[::-1]
