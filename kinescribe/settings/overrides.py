"""Settings for many videos: the same for all, but for those that a pattern names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kinescribe.errors import UsageError
from kinescribe.settings.extraction import ExtractionSettings, checked_options, displaced
from kinescribe.settings.patterns import fits
from kinescribe.settings.values import Value, shown

__all__ = ["Overrides", "VideoChanges"]

PATTERN = "match"


@dataclass(frozen=True, slots=True)
class VideoChanges:
    """What is otherwise for some videos.

    Attributes:
        match: pattern as of file names: ``*``, ``?``, ``[…]``; a ``*`` goes across folders.
        changes: by field of `ExtractionSettings`.
    """

    match: str
    changes: Mapping[str, Value]

    def fits(self, name: str) -> bool:
        """Whether the pattern fits a video's path, relative to the folder of all and with /, or its file name. Case counts."""
        return fits(name, self.match)


@dataclass(frozen=True, slots=True)
class Overrides:
    """The settings of every video.

    Attributes:
        settings: of a video that no pattern fits.
        videos: what is otherwise for others; later ones win.
    """

    settings: ExtractionSettings
    videos: tuple[VideoChanges, ...] = ()

    @classmethod
    def read(cls, settings: ExtractionSettings, tables: Sequence[Any], where: str = "") -> Overrides:
        """From tables with a ``match`` and options each, as ``[[videos]]`` of a configuration file.

        Raises:
            UsageError: a table without a pattern, an unknown option, or a value of another kind than the option takes.
        """
        out = []
        for k, table in enumerate(tables, 1):
            place = f"{where}, [[videos]] {k}" if where else f"[[videos]] {k}"
            if not isinstance(table, Mapping):
                raise UsageError(f'{place}: {shown(table)} must be a table, with match = "cam1/*" and options')
            pattern = table.get(PATTERN)
            if not isinstance(pattern, str) or not pattern.strip():
                raise UsageError(f'{place}: name the videos that it is about: match = "cam1/*"')
            changes = checked_options({key: value for key, value in table.items() if key != PATTERN}, f"{place} ({shown(pattern)})")
            out.append(VideoChanges(pattern, changes))
        return cls(settings, tuple(out))

    def of(self, name: str) -> ExtractionSettings:
        """The settings of the video with that path, relative to the folder of all and with /."""
        settings = self.settings
        for one in self.videos:
            if one.fits(name):
                settings = settings.replaced(one.changes)
        return settings

    def unused(self, names: Iterable[str]) -> list[str]:
        """The patterns that fit none of these videos, in their order."""
        left = list(self.videos)
        for name in names:
            if not left:
                break
            left = [one for one in left if not one.fits(name)]
        return [one.match for one in left]

    def topped(self, changes: Mapping[str, Value]) -> Overrides:
        """With changes that hold for every video, whatever a pattern says."""
        gone = {*changes, *displaced(changes)}
        videos = [replace(one, changes={name: value for name, value in one.changes.items() if name not in gone}) for one in self.videos]
        return Overrides(self.settings.replaced(changes), tuple(videos))

    def check(self, where: str = "") -> None:
        """Raise UsageError where the settings of some videos, alone or with those of all, make no sense; no part is looked for."""
        self.settings.keywords()
        for k, one in enumerate(self.videos, 1):
            try:
                self.settings.replaced(one.changes).keywords()
            except UsageError as error:
                place = f"{where}, [[videos]] {k}" if where else f"[[videos]] {k}"
                raise UsageError(f"{place} ({shown(one.match)}): {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"settings": self.settings.to_dict(), "videos": [{PATTERN: one.match, **one.changes} for one in self.videos]}
