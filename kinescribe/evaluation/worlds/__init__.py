"""Synthetic worlds that the library's laws can't express, to measure how a model's programs are searched."""

from __future__ import annotations

from kinescribe.errors import unknown_value
from kinescribe.evaluation.worlds import (
    central,
    commanded,
    drag,
    driven,
    flows,
    pairs,
    self_excited,
    sideways,
    springs,
    trios,
    walls,
)
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS", "World", "find_world"]

WORLDS: tuple[World, ...] = tuple(
    one
    for family in (drag, springs, driven, sideways, central, self_excited, pairs, trios, walls, flows, commanded)
    for one in family.WORLDS
)
"""All of them, family by family."""


def find_world(name: str) -> World:
    """The world of that name. Raises UsageError where there is none."""
    found = {one.name: one for one in WORLDS}
    if name not in found:
        raise unknown_value("world", name, found)
    return found[name]
