"""The steps between video and video as files, so that each can be looked at, changed and done again by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinescribe.errors import UsageError, why_not_written
from kinescribe.renderers.arguments import output_path
from kinescribe.states import sidecar_path

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip
    from kinescribe.dynamics.fitting import Fit
    from kinescribe.renderers.scene import Scene
    from kinescribe.states import States

__all__ = ["Keeper"]

FURTHER = re.compile(r"states\.([1-9]\d*)\.csv")


@dataclass(frozen=True, slots=True)
class Keeper:
    """Writes each step as soon as it is done; does nothing without a folder.

    Attributes:
        folder: that gets states.csv, law.json, future.csv, factual.csv and scene/.
    """

    folder: Path | None

    @classmethod
    def of(cls, folder: Any, *, overwrite: bool) -> Keeper:
        """Make the folder.

        Raises:
            UsageError: it holds something already, unless `overwrite`, or can't be made.
        """
        if folder is None:
            return cls(None)
        path = output_path("steps", folder)
        if path.exists() and not path.is_dir():
            raise UsageError(f"'{path}' is a file: --keep takes a folder")
        if path.is_dir() and any(path.iterdir()) and not overwrite:
            raise UsageError(f"'{path}' holds something already; name another folder, or add --overwrite")
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"the folder '{path}' can't be made: {why_not_written(error)}") from error
        return cls(path)

    def tables(self, tables: list[States]) -> None:
        """``states.csv``, and ``states.2.csv`` … of further videos, in place of all that an earlier run kept."""
        if self.folder is not None:
            for k, table in enumerate(tables, 1):
                table.to_csv(self.folder / ("states.csv" if k == 1 else f"states.{k}.csv"))
            _remove(path for path in self.folder.iterdir() if (match := FURTHER.fullmatch(path.name)) and int(match[1]) > len(tables))

    def law(self, fit: Fit, clips: Sequence[Clip]) -> None:
        """``law.json``; `clips` are those that it was fitted to."""
        if self.folder is not None:
            from kinescribe.dynamics.saving import save

            save(fit, self.folder / "law.json", clips=clips)

    def scene(self, scene: Scene) -> None:
        """``scene/``."""
        if self.folder is not None:
            scene.write(self.folder / "scene", overwrite=True)

    def future(self, future: States, factual: States | None) -> None:
        """``future.csv``, and ``factual.csv`` where something is changed, else none: not even one that an earlier run kept."""
        if self.folder is not None:
            future.to_csv(self.folder / "future.csv")
            if factual is not None:
                factual.to_csv(self.folder / "factual.csv")
            else:
                _remove([self.folder / "factual.csv"])


def _remove(tables: Iterable[Path]) -> None:
    """Tables with their sidecars, where they are there. Raises UsageError where they can't be removed."""
    for path in [one for table in tables for one in (table, sidecar_path(table))]:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"'{path}' of an earlier run can't be removed ({error.strerror or error}); name another folder") from error
