"""How a video's objects are found, as data: what to look for, with which backend, and which of it matters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kinescribe.errors import InputError, UsageError
from kinescribe.llm.text import one_line
from kinescribe.perception.backends import available, choose
from kinescribe.perception.discovery.rules import fault as fault_of_phrase
from kinescribe.perception.discovery.rules import tidied
from kinescribe.perception.naming import is_color, parse_objects, shapes_of
from kinescribe.plugins import load
from kinescribe.states import States

__all__ = ["PLAIN", "PerceptionPlan", "Thing", "bodies", "plain_plan", "reads_words", "thing_of", "usable_backends"]

MOST_THINGS, MOST_COUNT, MOST_EVERY = 1000, 1000, 1000
LONGEST_WHY = 160
PLAIN = "classical"
NUMBER = re.compile(r" \d+$")


@dataclass(frozen=True, slots=True)
class Thing:
    """One kind of object.

    Attributes:
        phrase: words for it. matters: the task is about it.
        color, shape: words for its look, by which backends find it that know no other words; "" where the phrase tells, or nothing does.
        count: how many of it are to be seen; None: not known. moves: whether it moves; None: not known.
        why: for people.
    """

    phrase: str
    matters: bool
    color: str = ""
    shape: str = ""
    count: int | None = None
    moves: bool | None = None
    why: str = ""

    def words(self, backend_reads: bool) -> str:
        """What a backend is told: the phrase, or the look where it knows no more and the phrase names none."""
        if backend_reads or (not fault_of_phrase(self.phrase) and parse_objects(self.phrase)[0].is_visual):
            return self.phrase
        return f"{self.color} {self.shape}".strip() or self.phrase


@dataclass(frozen=True, slots=True)
class PerceptionPlan:
    """What perception is asked to do.

    Attributes:
        things: what is looked for; of a plan that takes everything: the labels that came out of it.
        everything: all that moves is taken.
        backend: an installed one. ends: points at the ends of rods, and pivots. one_each: no label twice.
        detect_every: frames from one detection to the next; None: as suits the backend.
        detector: source of a program ``detect(image)`` that does it in the sandbox; "" for none.
    """

    things: tuple[Thing, ...]
    everything: bool = False
    backend: str = PLAIN
    ends: bool = True
    one_each: bool = False
    detect_every: int | None = None
    detector: str = ""

    @property
    def objects(self) -> str | None:
        """As `extract_states` takes it; None for all that moves."""
        return None if self.everything else ", ".join(self.names())

    def names(self) -> list[str]:
        """What the things are called in the table, before numbers tell those apart that are called the same."""
        if self.everything:
            return [thing.phrase for thing in self.things]
        reads = bool(self.detector) or reads_words(self.backend)
        return [thing.words(reads) for thing in self.things]

    def matters(self, states: States) -> tuple[int, ...]:
        """Ids of the bodies in a table that the task is about."""
        wanted = {name for name, thing in zip(self.names(), self.things, strict=True) if thing.matters}
        known = set(self.names())

        def is_meant(label: str) -> bool:
            return label in wanted if label in known else NUMBER.sub("", label) in {NUMBER.sub("", name) for name in wanted}

        return tuple(i for i in bodies(states) if is_meant(states.labels[i]))

    def check(self) -> None:
        """Raise `UsageError`, in one line, for a plan that makes no sense or can't run here."""
        if self.backend not in available():
            raise UsageError(f"backend '{one_line(self.backend, 40)}' is not installed; available: {', '.join(usable_backends())}")
        choose(self.backend, {})
        if not self.things and not self.everything:
            raise UsageError("no objects are named; name one at least, or take everything that moves")
        if len(self.things) > MOST_THINGS:
            raise UsageError(f"{len(self.things)} kinds of objects are too many; name at most {MOST_THINGS}")
        for thing in self.things:
            _check_thing(thing)
        if not any(thing.matters for thing in self.things):
            raise UsageError("none of the objects matters, so that no law is looked for; say which do")
        if self.everything:
            return
        for thing, name in zip(self.things, self.names(), strict=True):
            if not (self.detector or reads_words(self.backend)) and not parse_objects(name)[0].is_visual:
                raise UsageError(f'backend {self.backend} knows looks alone, and "{thing.phrase}" names none: add its colour or shape')
        if len(set(self.names())) < len(self.things):
            twice = next(name for name in self.names() if self.names().count(name) > 1)
            raise UsageError(f'two kinds of objects go by "{twice}": tell them apart, or make them one with a count')


def _check_thing(thing: Thing) -> None:
    fault = fault_of_phrase(thing.phrase)
    if fault is not None:
        raise UsageError(f'phrase "{one_line(thing.phrase, 40)}": {fault}')
    if thing.color and not is_color(thing.color.casefold()):
        raise UsageError(f'"{one_line(thing.color, 40)}" is no colour that is known; take a plain one, such as orange')
    if thing.shape and not shapes_of(thing.shape):
        raise UsageError(f'"{one_line(thing.shape, 40)}" is no shape that is known: disc, box or rod, or leave it empty')
    if thing.count is not None and not 1 <= thing.count <= MOST_COUNT:
        raise UsageError(f'count = {thing.count} of "{thing.phrase}" must lie between 1 and {MOST_COUNT}')


def bodies(states: States) -> tuple[int, ...]:
    """Ids of a table's objects without the points that belong to others."""
    about = states.meta.objects
    return tuple(i for i in states.object_ids if i not in about or about[i].part_of is None)


def reads_words(backend: str) -> bool:
    """Whether a backend finds things by any words, not by colour and shape alone."""
    if backend == PLAIN:
        return False
    parts = available()[backend].parts
    if "concept_tracker" in parts:
        return True
    return all(bool(getattr(load("detectors", name), "reads_phrases", False)) for name in parts["detector"])


def usable_backends() -> list[str]:
    """Names of those that can run here."""
    out = []
    for name in available():
        try:
            choose(name, {})
        except InputError:  # it lacks something, as `kinescribe list backends` tells
            continue
        out.append(name)
    return out


def plain_plan(states: States, matters: Sequence[int] | None) -> PerceptionPlan:
    """What the library does by itself, with its labels; `matters`: ids that do, None for all."""
    names = {i: states.labels[i] for i in bodies(states)}
    return PerceptionPlan(tuple(Thing(label, matters is None or i in matters) for i, label in names.items()), everything=True)


def thing_of(row: dict[str, Any]) -> Thing:
    """A thing from checked fields, with tidied words."""
    phrase, color, shape = (tidied(row[name])[:200] for name in ("phrase", "color", "shape"))
    return Thing(phrase, row["matters"], color, shape, row["count"], row["moves"], one_line(row["why"], LONGEST_WHY))
