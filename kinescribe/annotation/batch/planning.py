"""What is there to do: which videos are done already, which have failed, which are the same, and which are to be done."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from kinescribe.annotation.batch.committing import intact
from kinescribe.annotation.batch.files import RACE_NS, Signature, hash_of, signature_at
from kinescribe.annotation.batch.jobs import CHANGED
from kinescribe.annotation.batch.listing import Listed
from kinescribe.annotation.batch.manifest import Row
from kinescribe.annotation.slugs import slug_of
from kinescribe.errors import InputError, UsageError
from kinescribe.llm.text import one_line

__all__ = ["Plan", "ToDo", "folder_of", "plan", "select"]


@dataclass(frozen=True, slots=True)
class ToDo:
    """A video to be done; its hash where that is known."""

    video: Listed
    sha256: str | None
    bytes: int


@dataclass(slots=True)
class Plan:
    """What becomes of each of the videos.

    Attributes:
        todo: to be done, in the order of their names.
        done: names of those that an earlier run did, and that are whole.
        partial: of them, those that break off.
        failed: names of those that failed in an earlier run, and would fail again.
        duplicates: name → the name of the video with the same bytes that is taken for both.
        new_duplicates: those that no manifest knows yet: name, other, hash, signature, when that was looked at.
    """

    todo: list[ToDo] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    partial: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    duplicates: dict[str, str] = field(default_factory=dict)
    new_duplicates: list[tuple[str, str, str, Signature, int]] = field(default_factory=list)


def folder_of(name: str) -> str:
    """Where a video's results lie below ``states/``: its relative path, each part fit for any file system."""
    return "/".join(slug_of(part) for part in name.split("/"))


def select(videos: list[Listed], only: Iterable[str], shard: tuple[int, int] | None) -> list[Listed]:
    """Those whose name fits one of the patterns, and of them those of a shard: every n-th.

    Raises:
        UsageError: a pattern that fits none.
    """
    patterns = list(only)
    for pattern in patterns:
        if not any(_fits(video.name, pattern) for video in videos):
            fits = f"--only '{one_line(pattern, 80)}' fits none of the {len(videos)} videos"
            raise UsageError(f"{fits}; it takes names or patterns, as `kinescribe annotate status` shows them")
    kept = [video for video in videos if not patterns or any(_fits(video.name, pattern) for pattern in patterns)]
    return kept if shard is None else kept[shard[0] - 1 :: shard[1]]


def plan(
    chosen: list[Listed],
    listed: list[Listed],
    rows: Iterable[Row],
    setup_of: Callable[[str], str],
    states: Path,
    *,
    retry_failed: bool = False,
    redo: bool = False,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Plan:
    """Hold the videos against what the manifests know of them. No video is read but those that may be duplicates.

    Args:
        chosen: of this run.
        listed: all there are, of whom chosen ones may be duplicates.
        rows: of all manifests; several of one video may come.
        setup_of: by name, the hash of what its result depends on besides its bytes.
        states: the folder of results.
        retry_failed: whether those that failed are done again.
        redo: whether all are.
    """
    out = Plan()
    looked = time.time_ns()
    signatures: dict[str, Signature | None] = {video.name: signature_at(video.path) for video in listed}
    hashes: dict[str, str] = {}
    known_duplicates: dict[str, str] = {}
    mine = {video.name for video in chosen}
    for row in rows:
        signature = signatures.get(row.video)
        if signature is None or not _same(row, signature):
            continue
        if row.sha256 is not None:
            hashes[row.video] = row.sha256
        if row.state == "duplicate" and row.reason is not None:
            known_duplicates[row.video] = row.reason
        if row.video not in mine or row.setup != setup_of(row.video):
            continue
        if row.state == "done" and intact(f"{states}/{folder_of(row.video)}", row.files):
            out.done.add(row.video)
            if row.kind == "partial":
                out.partial.add(row.video)
        elif row.state == "failed" and row.kind != CHANGED:  # a copy that goes on may leave size and time as they were
            out.failed.add(row.video)
    out.failed -= out.done
    if retry_failed or redo:
        out.failed.clear()
    if redo:
        out.done.clear()
    first = _first_of_same(listed, signatures, hashes, setup_of, progress)
    for video in chosen:
        other, signature = first.get(video.name), signatures[video.name]
        if other is not None and signature is not None:
            out.done.discard(video.name)
            out.failed.discard(video.name)
            out.duplicates[video.name] = other
            if known_duplicates.get(video.name) != other:
                out.new_duplicates.append((video.name, other, hashes[video.name], signature, looked))
        elif video.name not in out.done and video.name not in out.failed:
            out.todo.append(ToDo(video, hashes.get(video.name), 0 if signature is None else signature.size))
    out.partial &= out.done
    return out


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern) or fnmatchcase(name.rpartition("/")[2], pattern)


def _same(row: Row, signature: Signature) -> bool:
    """Whether the file is the one that the row tells of, as far as can be told without reading it."""
    if row.size != signature.size or row.mtime_ns != signature.mtime_ns or row.looked_ns is None:
        return False
    return row.looked_ns - signature.mtime_ns > RACE_NS


def _first_of_same(
    listed: list[Listed],
    signatures: Mapping[str, Signature | None],
    hashes: dict[str, str],
    setup_of: Callable[[str], str],
    progress: Callable[[str, int, int | None], None] | None,
) -> dict[str, str]:
    """By name of a duplicate the name of the first video that has the same bytes and the same setup; hashes that were needed are added."""
    of_size: dict[tuple[int, int], list[Listed]] = defaultdict(list)
    for video in listed:
        signature = signatures[video.name]
        if signature is not None and signature.size:
            of_size[signature.size, signature.count].append(video)
    alike = [video for group in of_size.values() if len(group) > 1 for video in group]
    unknown = [video for video in alike if video.name not in hashes]
    with ThreadPoolExecutor(4) as pool:
        for k, (video, digest) in enumerate(zip(unknown, pool.map(_hash, [video.path for video in unknown]), strict=True)):
            if digest is not None:
                hashes[video.name] = digest
            if progress is not None:
                progress("duplicates", k + 1, len(unknown))
    first: dict[tuple[str, str], str] = {}
    out: dict[str, str] = {}
    for video in sorted(alike, key=lambda one: one.name):
        if video.name in hashes:
            one = first.setdefault((hashes[video.name], setup_of(video.name)), video.name)
            if one != video.name:
                out[video.name] = one
    return out


def _hash(path: Path) -> str | None:
    try:
        return hash_of(path)
    except InputError:
        return None  # the worker says why
