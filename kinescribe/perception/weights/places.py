"""Where weights lie on this computer: kinescribe's own folder, and the Hugging Face cache. Nothing here reads the network."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["COMMIT", "hub_cache", "hub_snapshots", "local_record", "weights_folder"]

VARIABLE = "KINESCRIBE_WEIGHTS"
COMMIT = re.compile(r"[0-9a-f]{40}")


def weights_folder() -> Path:
    """The folder where weights are looked for: $KINESCRIBE_WEIGHTS, else ``kinescribe/weights`` in the user's cache. It may not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    if sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "kinescribe" / "weights"


def hub_cache() -> Path:
    """The Hugging Face cache, by the same variables as huggingface_hub reads. It may not exist."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return _expanded(os.environ[variable])
    if os.environ.get("HF_HOME"):
        return _expanded(os.environ["HF_HOME"]) / "hub"
    return _expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface" / "hub"


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser()


def hub_snapshots(repo: str) -> Iterator[tuple[Path, str]]:
    """Folders and commits of a hub model in the cache: what ``main`` points to first, then the others, newest first."""
    root = hub_cache() / f"models--{repo.replace('/', '--')}"
    commits: list[str] = []
    main = root / "refs" / "main"
    if main.is_file():
        commits.append(main.read_text(encoding="utf-8", errors="replace").strip())
    snapshots = root / "snapshots"
    if snapshots.is_dir():
        commits += [folder.name for folder in sorted(snapshots.iterdir(), key=lambda folder: -folder.stat().st_mtime)]
    for commit in dict.fromkeys(commits):
        if COMMIT.fullmatch(commit) and (snapshots / commit).is_dir():
            yield snapshots / commit, commit


def local_record(file: Path) -> tuple[str | None, str | None]:
    """Commit and SHA-256 of a file as the hub stated them when it was downloaded, (None, None) where that isn't known.

    The cache names a large file's bytes by their SHA-256; ``hf download --local-dir`` notes commit and hash beside the files.
    """
    note = file.parent / ".cache" / "huggingface" / "download" / f"{file.name}.metadata"
    if note.is_file():
        lines = [line.strip() for line in note.read_text(encoding="utf-8", errors="replace").splitlines()[:2]]
        commit, etag = (*lines, "", "")[:2]
        return (commit if COMMIT.fullmatch(commit) else None), _sha256(etag)
    if file.is_symlink() and file.parent.parent.name == "snapshots":
        commit = file.parent.name
        return (commit if COMMIT.fullmatch(commit) else None), _sha256(file.readlink().name)
    return None, None


def _sha256(text: str) -> str | None:
    return text if re.fullmatch(r"[0-9a-f]{64}", text) else None
