"""Where everything lies in the folder of a data set."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kinescribe.annotation.batch.locking import locked
from kinescribe.annotation.batch.manifest import WHOLE
from kinescribe.errors import InputError, UsageError

__all__ = ["INNER", "DataSet"]

INNER = ".kinescribe"
"""By this folder a data set is known."""
EXPORT_STAGING = ".export.part"
_WRITTEN_BESIDE = ("report.html", "export.json")  # and then put in their place: what a run that was killed may leave


@dataclass(frozen=True, slots=True)
class DataSet:
    """The folder of a data set.

    Attributes:
        folder: absolute.
    """

    folder: Path

    @property
    def states(self) -> Path:
        """One folder a video: its table and what is made beside it."""
        return self.folder / "states"

    @property
    def report(self) -> Path:
        """The page of the whole."""
        return self.folder / "report.html"

    @property
    def inner(self) -> Path:
        """What runs need: manifests, locks, and what is being made."""
        return self.folder / INNER

    def manifest(self, shard: tuple[int, int] | None = None) -> Path:
        """Of a run over all, or of a shard: each is written by one run alone."""
        return self.inner / (WHOLE if shard is None else f"manifest-{shard[0]}-of-{shard[1]}.sqlite")

    def manifests(self) -> list[Path]:
        """All that are there."""
        return sorted(self.inner.glob("manifest*.sqlite"))

    def work(self, shard: tuple[int, int] | None = None) -> Path:
        """Where a run makes things before they take their place."""
        return self.inner / ("work" if shard is None else f"work-{shard[0]}-of-{shard[1]}")

    @classmethod
    def existing(cls, folder: Path) -> DataSet:
        """One that a run has begun. Raises InputError where there is none."""
        found = cls(folder.resolve())
        if not found.manifests():
            what = "holds no data set of `kinescribe annotate`" if folder.is_dir() else "is not there"
            raise InputError(f"'{folder}' {what}; name the folder that was its -o")
        return found

    @contextmanager
    def held(self, shard: tuple[int, int] | None) -> Iterator[None]:
        """Make the folder, hold it while the block runs, and clear away what earlier runs left unfinished, and ourselves.

        Raises:
            UsageError: it can't be written, or another run holds it.
        """
        try:
            self.inner.mkdir(parents=True, exist_ok=True)
            # permission bits don't tell the whole truth; a name of our own, for shards that start together are at this without a lock
            probe = self.inner / f"probe-{secrets.token_hex(8)}"
            probe.write_bytes(b"")
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write the data set '{self.folder}': {error.strerror}; give an -o that is yours") from error
        with locked(self.inner, shard):
            self._clear(shard)
            try:
                yield
            finally:
                self._clear(shard)

    def _clear(self, shard: tuple[int, int] | None) -> None:
        shutil.rmtree(self.work(shard), ignore_errors=True)
        if shard is None:  # no shard runs beside us
            shutil.rmtree(self.folder / EXPORT_STAGING, ignore_errors=True)
            for name in _WRITTEN_BESIDE:
                for beside in self.folder.glob(f".{name}.*.part"):
                    with suppress(OSError):
                        beside.unlink()
            for left in self.inner.glob("work-*"):
                shutil.rmtree(left, ignore_errors=True)
            for left in self.inner.glob("probe-*"):
                with suppress(OSError):
                    left.unlink()
