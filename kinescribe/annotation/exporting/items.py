"""What goes into a data set: tables with their videos and masks, each under a name of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinescribe.annotation.slugs import slug_of
from kinescribe.errors import UsageError
from kinescribe.llm.text import one_line
from kinescribe.states import States, read
from kinescribe.video import Video

__all__ = ["Item", "Named", "named"]


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One video of a data set.

    Attributes:
        states: its table, or the path of one, which is then read when its turn comes.
        video: path of a video or of a folder of pictures, or an open video; None where no pictures are wanted.
        masks: path of ``NAME.masks.jsonl.gz``; None: outlines follow from sizes.
        name: what the data set calls it, and what its part of the split hangs on; None: the video's file name without its suffix.
    """

    states: States | str | os.PathLike[str]
    video: str | os.PathLike[str] | Video | None = None
    masks: str | os.PathLike[str] | None = None
    name: str | None = None

    def load(self) -> States:
        """The table. Raises InputError where it can't be read."""
        return self.states if isinstance(self.states, States) else read(self.states)


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """An item with its name, and the name of its files."""

    item: Item
    name: str
    slug: str


def named(items: Iterable[Any]) -> list[Named]:
    """Items, or tuples (states, video, masks), each with its name and a file name that no other has.

    Raises:
        UsageError: none at all, something that is no item, one without a name, two of the same name.
    """
    out: list[Named] = []
    taken: dict[str, str] = {}
    if isinstance(items, States | Item | str | os.PathLike):
        raise UsageError(f"{one_line(repr(items), 60)} is one item: give a list of (states, video, masks)")
    for k, given in enumerate(items):
        item = _item(given, k)
        name = _name(item)
        slug = slug_of(name)
        if not name:
            raise UsageError(f"item {k} has no name: neither its video nor its table tells one; give Item(..., name='...')")
        other = taken.setdefault(slug.casefold(), name)  # on some file systems a.jpg and A.jpg are one
        if any(other == one.name for one in out):
            raise UsageError(
                f"two videos would both be called '{one_line(slug, 60)}' in the data set ('{one_line(other, 60)}' and "
                f"'{one_line(name, 60)}'); give each a name of its own: Item(..., name='...')"
            )
        out.append(Named(item, name, slug))
    if not out:
        raise UsageError("nothing to export: the list of items is empty; give at least one (states, video, masks)")
    return out


def _item(given: Any, k: int) -> Item:
    item = given
    if not isinstance(given, Item):
        if isinstance(given, States | str | os.PathLike):
            given = (given,)
        if not isinstance(given, tuple | list) or not 1 <= len(given) <= 3:
            raise UsageError(f"item {k}: {one_line(repr(given), 60)} must be (states, video, masks), or an Item")
        item = Item(*given)
    for what, value, kinds in (("states", item.states, (States, str, os.PathLike)), ("masks", item.masks, (str, os.PathLike, type(None)))):
        if not isinstance(value, kinds):
            raise UsageError(
                f"item {k}: {what}={one_line(repr(value), 60)} must be {'a table or a path' if what == 'states' else 'a path'}"
            )
    if not isinstance(item.video, str | os.PathLike | Video | None):
        raise UsageError(f"item {k}: video={one_line(repr(item.video), 60)} must be a path, or what kinescribe.open_video gives")
    assert isinstance(item, Item)
    return item


def _name(item: Item) -> str:
    if item.name is not None:
        return item.name
    if isinstance(item.video, str | os.PathLike):
        return Path(item.video).stem
    if isinstance(item.video, Video):
        return Path(item.video.info.name).stem
    if isinstance(item.states, States):
        return Path(item.states.meta.video.name).stem if item.states.meta.video else ""
    return Path(item.states).stem
