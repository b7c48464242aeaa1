"""Weights that were found on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kinescribe.perception.weights.contents import weight_files
from kinescribe.perception.weights.places import local_record

__all__ = ["Weights"]

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Weights:
    """Where weights lie, and what is known of them.

    Attributes:
        name: the catalogue's; for others the file's or folder's name, or the hub id.
        family: that they were asked for, None where several would do.
        path: folder, or single file.
        source: folder, file, weights folder or hub cache.
        revision: commit on the hub, None where unknown.
        licence: None where unknown.
    """

    name: str
    family: str | None
    path: Path
    source: str
    revision: str | None
    licence: str | None

    @property
    def files(self) -> list[Path]:
        """The files that hold tensors, safetensors before pickles, a model's parts in order. Raises `InputError` where there are none."""
        return weight_files(self.path) if self.path.is_dir() else [self.path]

    def sha256(self) -> str:
        """SHA-256 of the weights file, hexadecimal; of a model in parts, over the parts' names and contents.

        Computed once a process, as long as the files don't change. Raises `InputError` where there is no weights file.
        """
        return _hash(tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in self.files))

    def stated_sha256(self) -> str | None:
        """What the hub said the hash is when the file was downloaded, None where that isn't known or the model is in parts."""
        files = self.files
        return local_record(files[0])[1] if len(files) == 1 else None

    def provenance(self) -> dict[str, str]:
        """What a result should say of the weights it came from: name, family, path (the last part), revision, sha256, licence."""
        return {
            "name": self.name,
            "family": self.family or UNKNOWN,
            "path": self.path.name,
            "revision": self.revision or UNKNOWN,
            "sha256": self.sha256(),
            "licence": self.licence or UNKNOWN,
        }


@lru_cache(maxsize=64)
def _hash(files: tuple[tuple[Path, int, int], ...]) -> str:
    from kinescribe.video.hashing import sha256_of_file, sha256_of_files

    if len(files) == 1:
        return sha256_of_file(files[0][0])
    return sha256_of_files(file for file, _, _ in files)
