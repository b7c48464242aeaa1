"""From the labels of tables to the classes of a data set: names, numbers, what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from kinescribe.errors import UsageError, unknown_value
from kinescribe.llm.text import one_line

__all__ = ["UNNAMED", "ClassMap", "Classes", "classes_of"]

UNNAMED = "object"
"""The class of objects without a label, where no map says otherwise."""

ClassMap = Mapping[str, "str | Sequence[Any] | None"]


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a data set.

    Attributes:
        names: in the order of their numbers, which count from 0.
        of_label: by label as the tables have it the class's number; None: left out on purpose.
    """

    names: tuple[str, ...]
    of_label: Mapping[str, int | None]


def classes_of(found: Mapping[str, str], classes: ClassMap | Sequence[str] | None, labels: Sequence[str] | None) -> Classes:
    """Which class every label belongs to.

    Args:
        found: all labels of the tables, each with where it was met first, for messages.
        classes: label or pattern (``"red ball*"``) → class name, or [name, number], or None for "leave out"; or the names alone, in the
            order of their numbers, for labels that are class names already; None: every label is a class, in alphabetical order.
        labels: labels or patterns that go in; None: all.

    Raises:
        UsageError: a label that the map says nothing of, numbers with gaps, a pattern of `labels` that matches none, a map of another kind.
    """
    wanted = _wanted(found, labels)
    if classes is None:
        named = {label: one_line(label) or UNNAMED for label in found if label in wanted}
        names = tuple(sorted(set(named.values())))
        return Classes(names, {label: names.index(named[label]) if label in named else None for label in found})
    rules, names = _rules(classes)
    of_label: dict[str, int | None] = {}
    for label in found:
        if label not in wanted:
            of_label[label] = None
            continue
        key = label if label in rules else next((pattern for pattern in rules if fnmatchcase(label, pattern)), None)
        if key is None:
            shown = f"the label '{one_line(label, 60)}'" if label else "what has no label"
            raise UsageError(f"{found[label]}: the classes say nothing of {shown}; add it to them, with a class or None to leave it out")
        name = rules[key]
        of_label[label] = None if name is None else names.index(name)
    return Classes(names, of_label)


def _wanted(found: Mapping[str, str], labels: Sequence[str] | None) -> set[str]:
    if labels is None:
        return set(found)
    if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
        raise UsageError(f"labels={labels!r} must be a list of labels or patterns, such as ['red ball', 'cart*']")
    wanted: set[str] = set()
    for pattern in labels:
        matched = {label for label in found if label == pattern or fnmatchcase(label, pattern)}
        if not matched:
            raise unknown_value("label", one_line(pattern, 60), {one_line(label, 60) for label in found if label} or {"none"})
        wanted |= matched
    return wanted


def _rules(classes: Any) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """By label or pattern the class's name, and the names in the order of their numbers."""
    if isinstance(classes, str) or not isinstance(classes, Mapping | Sequence):
        raise UsageError(f"classes={classes!r} must map labels to class names, such as {{'red ball': 'ball'}}, or list the names")
    pairs = classes.items() if isinstance(classes, Mapping) else [(name, name) for name in classes]
    rules: dict[str, str | None] = {}
    numbers: dict[str, int | None] = {}
    for label, value in pairs:
        name, number = value if isinstance(value, list | tuple) and len(value) == 2 else (value, None)
        if not isinstance(label, str) or not isinstance(name, str | None) or isinstance(number, bool) or not isinstance(number, int | None):
            raise UsageError(f"classes: {label!r}: {value!r} is no class; give a name, [name, number], or None to leave it out")
        if name is not None:
            name = one_line(name)
            if not name:
                raise UsageError(f"classes: {label!r}: a class needs a name; give one, or None to leave the label out")
            if numbers.setdefault(name, number) != number:
                raise UsageError(f"classes: '{name}' has the numbers {numbers[name]} and {number}; give it one")
        rules[label] = name
    return rules, _in_order(numbers)


def _in_order(numbers: Mapping[str, int | None]) -> tuple[str, ...]:
    given = {name: number for name, number in numbers.items() if number is not None}
    if not given:
        return tuple(numbers)
    if len(given) < len(numbers):
        lacking = next(name for name in numbers if name not in given)
        raise UsageError(f"classes: '{lacking}' has no number, though others have; number all of them, or none")
    by_number = {number: name for name, number in given.items()}
    if sorted(given.values()) != list(range(len(given))):
        gap = next((n for n in range(len(given)) if n not in by_number), 0)
        raise UsageError(f"classes: the numbers {sorted(given.values())} must count from 0, each once; no class has number {gap}")
    return tuple(by_number[number] for number in range(len(given)))
