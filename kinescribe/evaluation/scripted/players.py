"""Models that are right at once, now and then, nearly, ever more, or never."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kinescribe.errors import UsageError
from kinescribe.evaluation.scripted.writer import Writer, fenced, varied
from kinescribe.evaluation.worlds import World
from kinescribe.llm import Settings

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["AlwaysWrong", "Deceptive", "RightAtOnce", "RightOnceIn", "SlowlyImproving", "WrongSign"]

MENDED = 0.5  # chance that a repair helps
BACKWARDS = 0.25  # chance that one makes it worse


class RightAtOnce(Writer):
    """The first program of every answer is the true law, the others are decoys."""

    name = "right-at-once"

    def proposal(self, luck: Generator, number: int) -> str:
        """The true law, or a decoy."""
        return self.world.source if number == 0 else self.decoy(luck)

    def repaired(self, source: str, luck: Generator) -> str:
        """The true law."""
        return self.world.source


class RightOnceIn(Writer):
    """Each program that it writes is the true law with a chance of 1 in `n`, else a decoy or one of the steps, whatever it was asked.

    Raises:
        UsageError: an `n` below 1.
    """

    name = "right-once-in"

    def __init__(self, world: World, seed: int = 0, settings: Settings | None = None, *, n: int = 4) -> None:
        super().__init__(world, seed, settings)
        if n < 1:
            raise UsageError(f"a model is right once in 1 or more programs, not once in {n}")
        self.n = n

    def proposal(self, luck: Generator, number: int) -> str:
        """The true law, a decoy or a step."""
        if luck.random() < 1.0 / self.n:
            return self.world.source
        return varied(str(luck.choice((*self.world.decoys, *self.world.steps))), luck)

    def repaired(self, source: str, luck: Generator) -> str:
        """The same, for it doesn't look at what it mends."""
        return self.proposal(luck, 0)


class WrongSign(Writer):
    """Among decoys one program of the right structure with a wrong sign, which a repair of that very program puts right with a chance of
    one half.
    """

    name = "wrong-sign"

    def proposal(self, luck: Generator, number: int) -> str:
        """The law with a wrong sign first, then decoys."""
        return self.world.wrong_sign if number == 0 else self.decoy(luck)

    def repaired(self, source: str, luck: Generator) -> str:
        """The true law, the same once more, or of another program a decoy."""
        if source.strip() != self.world.wrong_sign.strip():
            return self.decoy(luck)
        return self.world.source if luck.random() < MENDED else source


class SlowlyImproving(Writer):
    """Begins with the first step among decoys; a repair of a step gives the next one with a chance of one half, else the same or the one
    before.
    """

    name = "slowly-improving"

    def proposal(self, luck: Generator, number: int) -> str:
        """The first step, then decoys."""
        return self.world.steps[0] if number == 0 else self.decoy(luck)

    def repaired(self, source: str, luck: Generator) -> str:
        """The next step, the same or the one before, or of another program a decoy."""
        step, chance = self.step_of(source), luck.random()
        if step is None:
            return self.decoy(luck)
        if chance < MENDED:
            return self.after(step)
        return self.world.steps[step - 1] if step and chance > 1.0 - BACKWARDS else source


class Deceptive(SlowlyImproving):
    """Writes decoys that fit well at first and lead to more decoys; one program of an answer, anywhere in it, is the first step."""

    name = "deceptive"

    def proposals(self, luck: Sequence[Generator]) -> str:
        """Decoys, with the first step somewhere among them."""
        place = int(luck[0].integers(len(luck)))
        return fenced(*(self.world.steps[0] if number == place else self.decoy(one) for number, one in enumerate(luck)))


class AlwaysWrong(Writer):
    """Writes decoys, whatever it is asked."""

    name = "always-wrong"

    def proposal(self, luck: Generator, number: int) -> str:
        """A decoy."""
        return self.decoy(luck)

    def repaired(self, source: str, luck: Generator) -> str:
        """Another decoy."""
        return self.decoy(luck)
