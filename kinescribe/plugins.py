"""Plug-ins: what installed packages add to kinescribe by entry points. The built-ins come in by the same door."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any

from kinescribe.errors import InputError, KinescribeError, UsageError, unknown_value

__all__ = ["KINDS", "Plugin", "blaming", "failure", "is_ours", "load", "plugins"]

KINDS: dict[str, str] = {
    "detectors": "find the objects in one frame",
    "segmenters": "turn a box into a mask",
    "propagators": "carry masks from frame to frame",
    "concept_trackers": "from words to masks and ids over a whole video",
    "verifiers": "look twice at a label",
    "trackers": "join detections over time",
    "laws": "move a state forward",
    "renderers": "draw states as pictures",
    "exporters": "write a data set format",
    "generators": "continue a video",
}
"""Kinds of plug-ins and what each does. The entry-point group of a kind is ``kinescribe.KIND``."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry point of one of the kinds.

    Attributes:
        kind: key of `KINDS`.
        name: what the user calls it.
        target: ``module:attribute``.
        package: distribution that offers it, with its version; "unknown" where the metadata lacks it.
    """

    kind: str
    name: str
    target: str
    package: str

    def load(self) -> Any:
        """The object behind the entry point. Raises whatever its import raises."""
        return EntryPoint(self.name, self.target, f"kinescribe.{self.kind}").load()


def plugins(kind: str) -> list[Plugin]:
    """All installed plug-ins of a kind, by name. Nothing is imported. Raises `UsageError` for an unknown kind."""
    if kind not in KINDS:
        raise unknown_value("kind of plug-in", kind, KINDS)
    return list(_found(kind, entry_points, tuple(sys.path)))


@lru_cache(maxsize=64)
def _found(kind: str, listed: Callable[..., EntryPoints], path: tuple[str, ...]) -> tuple[Plugin, ...]:
    """Looking through the metadata of all packages takes long: once for each path on which Python looks for them."""
    # a package that is on the path twice, installed and as its sources, offers the same thing twice
    found = {
        (point.name, point.value): Plugin(
            kind, point.name, point.value, f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        )
        for point in listed(group=f"kinescribe.{kind}")
    }
    return tuple(sorted(found.values(), key=lambda plugin: (plugin.name, plugin.package)))


def load(kind: str, name: str) -> Any:
    """The plug-in of that kind and name, imported.

    Raises `UsageError` for an unknown kind or name, for a name that two packages claim, and for a plug-in that does not import.
    """
    installed = plugins(kind)
    matches = [plugin for plugin in installed if plugin.name == name]
    singular = kind.removesuffix("s").replace("_", " ")
    if not matches:
        raise unknown_value(singular, name, {plugin.name for plugin in installed} or {"none installed"})
    if len(matches) > 1:
        raise UsageError(f"{singular} '{name}' is offered by {' and by '.join(p.package for p in matches)}; uninstall all but one")
    reason = failure(matches[0])
    if reason:
        raise UsageError(f"{singular} '{name}' of {matches[0].package} does not import: {reason}; reinstall or uninstall that package")
    return matches[0].load()


def failure(plugin: Plugin) -> str | None:
    """Why a plug-in does not import, in one line, or None where it does."""
    try:
        plugin.load()
    except Exception as error:  # a plug-in is foreign code and may fail in any way; the reason is handed on, never swallowed
        return f"{type(error).__name__}: {' '.join(str(error).split()) or 'no message'}"
    return None


@contextmanager
def blaming(part: Any, where: str) -> Iterator[None]:
    """Whatever a foreign part raises in the block becomes an `InputError` that names it, with its own error as the cause.

    Our own parts' errors, and those that are meant for the user already, pass as they are.

    Args:
        part: an object that does a stage, or the class that makes it.
        where: what it was at, such as "on frame 3".
    """
    try:
        yield
    except KinescribeError:
        raise
    except Exception as error:  # foreign code may fail in any way
        if is_ours(part):
            raise
        reason = " ".join(str(error).split())
        what = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        raise InputError(f"{_title(part)} failed {where}: {what}; mend the plug-in, or choose another (--debug shows where)") from error


def is_ours(part: Any) -> bool:
    """Whether a part, an object or the class that makes it, is one of kinescribe's own: what goes wrong in it is a defect of ours."""
    return str(_class_of(part).__module__).split(".")[0] == __name__.split(".")[0]


def _class_of(part: Any) -> Any:
    return part if hasattr(part, "__qualname__") else type(part)


def _title(part: Any) -> str:
    """What the user calls a part: its kind, name and package where it's an installed plug-in, else its class."""
    own = _class_of(part)
    for kind in KINDS:
        for plugin in plugins(kind):
            if plugin.target.rpartition(":")[2] == own.__qualname__ and failure(plugin) is None and plugin.load() is own:
                return f"{kind.removesuffix('s').replace('_', ' ')} '{plugin.name}' of {plugin.package}"
    return str(own.__qualname__.rpartition(".")[2])
