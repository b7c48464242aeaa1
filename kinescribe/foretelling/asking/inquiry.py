"""What was asked, once it is checked: changes, times, and what is to be told."""

from __future__ import annotations

from dataclasses import dataclass

from kinescribe.dynamics.prediction import Change

__all__ = ["Inquiry", "Wanted", "rounded"]

DIGITS = 6  # as changes are written


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that is to be told.

    Attributes:
        quantity: a key of `QUANTITIES`.
        thing: index of the object among the law's.
        other: index of a second object, name of a wall, or None.
        time: of an instant; None: the end. since: where to begin; None: as the quantity has it. Seconds in the video's time.
        axis: "x" or "y". value: a place, as the table has it.
        nth: which of several events, from 1.
    """

    quantity: str
    thing: int
    other: int | str | None = None
    time: float | None = None
    since: float | None = None
    axis: str = "x"
    value: float = 0.0
    nth: int = 1


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question as changes.

    Attributes:
        changes, remove: what is otherwise; both empty: nothing is.
        at: when, seconds; None: from the first sighting on.
        until: the end of what is foretold, seconds.
        wanted: what is to be told, at least one.
    """

    changes: tuple[Change, ...]
    remove: tuple[str, ...]
    at: float | None
    until: float
    wanted: tuple[Wanted, ...]

    @property
    def changed(self) -> bool:
        """Something is otherwise than it was."""
        return bool(self.changes or self.remove)

    @property
    def flags(self) -> list[str]:
        """Options of ``predict-video`` that say the same, each with its value: ``["--do", "gravity*=0.5", "--until", "6"]``."""
        out: list[str] = []
        for name, words in [("--do", str(one)) for one in self.changes] + [("--remove", one) for one in self.remove]:
            # a name that begins with a dash would be taken for an option
            out += [f"{name}={words}"] if words.startswith("-") else [name, words]
        if self.at is not None:
            out += ["--at", f"{self.at:g}"]
        return [*out, "--until", f"{self.until:g}"]


def rounded(value: float) -> float:
    """A number as it is written in flags, so that what is shown is what is done."""
    return float(f"{value:.{DIGITS}g}")
