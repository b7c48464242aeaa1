"""Weights that were found on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kinescribe.perception.weights.catalogue import Model, called
from kinescribe.perception.weights.contents import weight_files
from kinescribe.perception.weights.getting import size_text
from kinescribe.perception.weights.places import local_record
from kinescribe.perception.weights.regular import is_folder

__all__ = ["Weights"]

UNKNOWN = "unknown"
PLACES = ("weights folder", "hub cache")
HALF, NEARLY = 0.5, 0.02  # sizes of the catalogue are rounded


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
        return weight_files(self.path) if is_folder(self.path) else [self.path]

    def sha256(self) -> str:
        """SHA-256 of the weights file, hexadecimal; of a model in parts, over the parts' names and contents.

        Computed once a process, as long as the files don't change. Raises `InputError` where there is no weights file.
        """
        return _hash(tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in self.files))

    def stated_sha256(self) -> str | None:
        """What the hub said the hash is when the file was downloaded, None where that isn't known or the model is in parts."""
        files = self.files
        return local_record(files[0])[1] if len(files) == 1 else None

    def catalogued(self) -> Model | None:
        """The model of the catalogue whose single file this should be, by its name; None for others."""
        model = None if is_folder(self.path) else called(self.path.name) or called(self.name)
        return model if model is not None and model.is_file else None

    def another_size(self) -> str | None:
        """A line where a folder under a name of the catalogue holds files of another size; None too where their hash is the hub's."""
        share = self._share_of_size()
        if share is None or _near(share, 1.0) or _near(share, HALF):
            return None
        model = called(self.name)
        assert model is not None
        size = sum(file.stat().st_size for file in self.files)
        return (
            f"{self.path.name} is not the model that the catalogue knows as '{model.name}': its weights have {size} bytes, "
            f"that has {size_text(model.size_bytes)}; give your own a name of its own, or download it again"
        )

    def _share_of_size(self) -> float | None:
        """Of the catalogue's size that the files have; None for others than its folders, and for those whose hash the hub stated."""
        model = called(self.name) if self.source in PLACES and is_folder(self.path) else None
        if model is None or model.is_file or self.stated_sha256() == self.sha256():
            return None
        return sum(file.stat().st_size for file in self.files) / model.size_bytes

    def mismatch(self) -> str | None:
        """A line where the hash isn't the one that the catalogue or the hub states, or where neither states one and the size differs."""
        found, model = self.sha256(), self.catalogued()
        known = None if model is None else model.sha256
        stated = known or self.stated_sha256()
        if stated is None or found == stated:
            return self.another_size()
        knows = f"the catalogue knows as '{model.name}'" if model is not None and known else "the hub had under that name"
        hashes = f"SHA-256 {found[:12]}…, not {stated[:12]}…"
        return f"{self.path.name} is not the file that {knows} ({hashes}); `kinescribe weights check` says more"

    def provenance(self) -> dict[str, str]:
        """What a result should say of the weights it came from: name, family, path (the last part), revision, sha256, licence.

        Where the file is another than its name says (`mismatch`), that stands under "warning", and name, revision and licence are not the
        known file's.
        """
        warning = self.mismatch()
        facts = {
            "name": (self.path.name if is_folder(self.path) else self.path.stem) if warning else self.name,
            "family": self.family or UNKNOWN,
            "path": self.path.name,
            "revision": self.revision if self.revision and not warning else UNKNOWN,
            "sha256": self.sha256(),
            "licence": self.licence if self.licence and not warning else UNKNOWN,
        }
        share = self._share_of_size()
        if share is not None and _near(share, HALF):
            facts |= {"revision": UNKNOWN, "precision": "re-saved at half the catalogue's size, as bf16 or fp16"}
        return facts | ({"warning": warning} if warning else {})


def _near(share: float, whole: float) -> bool:
    return abs(share / whole - 1) <= NEARLY


@lru_cache(maxsize=64)
def _hash(files: tuple[tuple[Path, int, int], ...]) -> str:
    from kinescribe.video.hashing import sha256_of_file, sha256_of_files

    if len(files) == 1:
        return sha256_of_file(files[0][0])
    return sha256_of_files(file for file, _, _ in files)
