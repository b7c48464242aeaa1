"""The tables that ``kinescribe fit`` is given, as clips that share one law's objects."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip
    from kinescribe.states import States

__all__ = ["clips"]

MOST = 3  # warnings of one kind a table


def clips(
    tables: Sequence[Path], inputs: Sequence[Path], objects: Sequence[str] | None, automatic: bool, talk: list[str]
) -> tuple[list[Clip], list[str]]:
    """The tables' clips, with the same objects in the same order, and what is to be warned of; what is but worth knowing goes to `talk`.

    Raises:
        UsageError: another number of files of inputs; tables in several units, or with other objects; an object that is not there.
        InputError: a file that can't be read.
        NothingFoundError: no object with enough sightings.
    """
    from kinescribe.dynamics.api import clips_of
    from kinescribe.dynamics.inputs import Inputs
    from kinescribe.states import read

    if len(inputs) not in (0, 1, len(tables)):
        for_what = f"{len(tables)} table{'s' * (len(tables) != 1)}"
        raise UsageError(f"{len(inputs)} files of inputs for {for_what}: give --inputs once for all, or once for each table")
    held = [Inputs.read(path) for path in inputs] or [Inputs.none()]
    found: list[Clip] = []
    said: list[str] = []
    read_with: dict[str, list[str]] = {}
    for number, table in enumerate(tables):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            states = read(table)
            (clip,) = clips_of([table], inputs=[held[number % len(held)]], objects=objects, brief=automatic)
        if sum(other.name == table.name for other in tables) > 1:
            clip = replace(clip, name=str(table))
        for line in dict.fromkeys(str(one.message) for one in caught if one.category is UserWarning):
            read_with.setdefault(line.removeprefix(f"{table.name}: "), []).append(clip.name)
        _left_out(clip, states, objects, said, talk)
        turns = _in_turns(clip)
        said += turns[:MOST] + ([f"{clip.name}: {len(turns) - MOST} more pairs like these"] if len(turns) > MOST else [])
        found.append(clip)
    # what is the same of all tables is said once
    said[:0] = [f"{_some(names)}: {line}" for line, names in read_with.items()]
    _check_units(found)
    return _lined_up(found, said), said


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _left_out(clip: Clip, states: States, objects: Sequence[str] | None, said: list[str], talk: list[str]) -> None:
    """Tell of bodies that were seen too seldom."""
    for i, label in states.labels.items():
        about = states.meta.objects.get(i)
        if i in clip.bodies.object_ids or (about is not None and about.part_of is not None):
            continue
        rows = (states["object_id"] == i) & (states["status"] != "predicted")
        seen = int((rows & np.isfinite(states["x"])).sum())
        line = f"{clip.name}: left out '{label or i}' (id {i}), seen in {seen} frame{'s' * (seen != 1)}"
        if objects is None:
            talk.append(f"{line}; --objects names those that you mean")
        elif {label, str(i)} & set(objects):
            said.append(line)


def _in_turns(clip: Clip) -> list[str]:
    """Objects of one kind, of which one begins where the other ends."""
    seen = clip.seen
    lines = []
    for i, first in enumerate(clip.bodies.names):
        for j, second in enumerate(clip.bodies.names):
            if i == j or _kind(clip.bodies.labels[i]) != _kind(clip.bodies.labels[j]):
                continue
            end, begin = np.flatnonzero(seen[:, i])[-1], np.flatnonzero(seen[:, j])[0]
            if end < begin:
                lines.append(
                    f"{clip.name}: '{first}' is last seen at {clip.times[end]:.3g} s, '{second}' first at {clip.times[begin]:.3g} s: "
                    "one thing under two ids? choose one with --objects"
                )
    return lines


def _kind(label: str) -> str:
    """A label without its number."""
    return re.sub(r" \d+$", "", label)


def _check_units(found: Sequence[Clip]) -> None:
    units: dict[str, str] = {}
    for clip in found:
        units.setdefault(clip.unit, clip.name)
    if len(units) > 1:
        told = ", ".join(f"{name} is in {unit or 'an unknown unit'}" for unit, name in units.items())
        raise UsageError(f"tables that share a law need one unit of length: {told}; extract them with the same scale")
    if len({clip.y_down for clip in found}) > 1:
        down = next(clip.name for clip in found if clip.y_down)
        up = next(clip.name for clip in found if not clip.y_down)
        raise UsageError(f"tables that share a law need one frame: y points down in {down} and up in {up}; extract them alike")


def _lined_up(found: Sequence[Clip], said: list[str]) -> list[Clip]:
    """The objects of every clip in the order of the first clip's."""
    first = found[0]
    out = []
    for clip in found:
        mine, theirs = clip.bodies.names, first.bodies.names
        if len(mine) != len(theirs):
            raise UsageError(
                f"tables that share a law need the same objects: {first.name} has {len(theirs)} ({', '.join(theirs)}), "
                f"{clip.name} {len(mine)} ({', '.join(mine)}); choose with --objects"
            )
        if mine == theirs:
            out.append(clip)
        elif set(mine) == set(theirs):
            out.append(clip.keeping([mine.index(name) for name in theirs]))
        else:
            pairs = ", ".join(f"'{a}' is '{b}'" for a, b in zip(theirs, mine, strict=True) if a != b)
            said.append(f"objects are paired in the order of their ids: in {clip.name} {pairs}")
            out.append(clip)
    return out
