"""Where weights lie on this computer: kinescribe's own folder, and the Hugging Face cache. Nothing here reads the network."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from kinescribe.perception.weights.regular import entries, is_file, is_folder, read_bytes
from kinescribe.perception.weights.wording import plain

__all__ = ["COMMIT", "hub_cache", "hub_snapshots", "local_record", "unusable", "weights_folder"]

MOST_NOTE_BYTES = 65536
VARIABLE = "KINESCRIBE_WEIGHTS"
COMMIT = re.compile(r"[0-9a-f]{40}")


def weights_folder() -> Path:
    """The folder where weights are looked for: $KINESCRIBE_WEIGHTS, else ``kinescribe/weights`` in the user's cache. It may not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return _user(named)
    if sys.platform == "darwin":
        cache = _user("~/Library/Caches")
    elif sys.platform == "win32":
        cache = _user(os.environ.get("LOCALAPPDATA") or "~/AppData/Local")
    else:
        cache = _user(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return cache / "kinescribe" / "weights"


def hub_cache() -> Path:
    """The Hugging Face cache, by the same variables as huggingface_hub reads. It may not exist."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return _expanded(os.environ[variable])
    if os.environ.get("HF_HOME"):
        return _expanded(os.environ["HF_HOME"]) / "hub"
    return _expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface" / "hub"


def unusable() -> str | None:
    """A line where the weights folder or the cache was named, or exists, and can't be looked into; None where all is well."""
    folder, cache = weights_folder(), hub_cache()
    named = os.environ.get(VARIABLE)
    if named and not is_folder(folder):
        return f"${VARIABLE} names '{plain(named)}', which is no folder that can be reached"
    locked = [place for place in (folder, cache) if is_folder(place) and not os.access(place, os.R_OK | os.X_OK)]
    return f"the folder {plain(locked[0], 200)} can't be read (permission denied)" if locked else None


def _expanded(path: str) -> Path:
    return _user(os.path.expandvars(path))


def _user(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111 (pathlib's raises for a user that doesn't exist)


def hub_snapshots(repo: str) -> Iterator[tuple[Path, str]]:
    """Folders and commits of a hub model in the cache: what ``main`` points to first, then the others, newest first."""
    root = hub_cache() / f"models--{repo.replace('/', '--')}"
    commits: list[str] = []
    main = root / "refs" / "main"
    if is_file(main):
        commits.append(_text(main).strip())
    snapshots = root / "snapshots"
    if is_folder(snapshots):
        commits += [folder.name for folder in sorted(entries(snapshots), key=_age)]
    for commit in dict.fromkeys(commits):
        if COMMIT.fullmatch(commit) and is_folder(snapshots / commit):
            yield snapshots / commit, commit


def _age(folder: Path) -> float:
    """Newest first; a broken link is the oldest."""
    try:
        return -folder.stat().st_mtime
    except OSError:
        return math.inf


def _text(path: Path) -> str:
    return read_bytes(path, MOST_NOTE_BYTES).decode("utf-8", "replace")


def local_record(file: Path) -> tuple[str | None, str | None]:
    """Commit and SHA-256 of a file as the hub stated them when it was downloaded, (None, None) where that isn't known.

    The cache names a large file's bytes by their SHA-256; ``hf download --local-dir`` notes commit and hash beside the files.
    """
    note = file.parent / ".cache" / "huggingface" / "download" / f"{file.name}.metadata"
    if is_file(note):
        lines = [line.strip() for line in _text(note).splitlines()[:2]]
        commit, etag = (*lines, "", "")[:2]
        return (commit if COMMIT.fullmatch(commit) else None), _sha256(etag)
    if file.is_symlink() and file.parent.parent.name == "snapshots":
        commit = file.parent.name
        return (commit if COMMIT.fullmatch(commit) else None), _sha256(file.readlink().name)
    return None, None


def _sha256(text: str) -> str | None:
    return text if re.fullmatch(r"[0-9a-f]{64}", text) else None
