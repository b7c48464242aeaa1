"""What is there to do: which videos are done already, which have failed, which are the same, and which are to be done."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from kinescribe.annotation.batch.committing import intact, recorded
from kinescribe.annotation.batch.files import RACE_NS, Signature, hash_of, signature_at
from kinescribe.annotation.batch.jobs import AGAIN
from kinescribe.annotation.batch.listing import Listed
from kinescribe.annotation.batch.manifest import Row
from kinescribe.annotation.slugs import slug_of
from kinescribe.errors import InputError, KinescribeError, UsageError
from kinescribe.llm.text import one_line
from kinescribe.settings.patterns import fits

__all__ = ["Plan", "ToDo", "folder_of", "plan", "select"]


@dataclass(frozen=True, slots=True)
class ToDo:
    """A video to be done; its hash where that is known."""

    video: Listed
    sha256: str | None
    bytes: int


@dataclass(slots=True)
class Plan:
    """What becomes of each of the videos; a run goes on with it as they are done.

    Attributes:
        todo: of the run's videos those that are to be done, in the order of their names.
        states: of every video that is listed, whether the run is about it or not: done, failed, duplicate or queued.
        made: of those that are done: rows, objects, and whether the table has warnings.
        partial: names of those that are done and break off.
        duplicates: name → the name of the video with the same bytes that is taken for both.
        new_duplicates: those that no manifest knows yet: name, other, hash, signature, when that was looked at.
        gone: names that a manifest knows and that aren't listed any more.
    """

    todo: list[ToDo] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    made: dict[str, tuple[int, int, bool]] = field(default_factory=dict)
    partial: set[str] = field(default_factory=set)
    duplicates: dict[str, str] = field(default_factory=dict)
    new_duplicates: list[tuple[str, str, str, Signature, int]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def done(self) -> set[str]:
        """Names of those that are done."""
        return {name for name, state in self.states.items() if state == "done"}

    @property
    def failed(self) -> set[str]:
        """Names of those that failed."""
        return {name for name, state in self.states.items() if state == "failed"}

    def found(self, name: str, state: str, made: tuple[int, int, bool] = (0, 0, False), *, partial: bool = False) -> None:
        """Take down how a video stands now."""
        self.states[name] = state
        self.made.pop(name, None)
        self.partial.discard(name)
        if state == "done":
            self.made[name] = made
            if partial:
                self.partial.add(name)


def folder_of(name: str) -> str:
    """Where a video's results lie below ``states/``: its relative path, each part fit for any file system."""
    return "/".join(slug_of(part) for part in name.split("/"))


def select(videos: list[Listed], only: Iterable[str], shard: tuple[int, int] | None) -> list[Listed]:
    """Those whose name fits one of the patterns, and of them those of a shard: every n-th.

    Raises:
        UsageError: a pattern that fits none.
    """
    patterns, names = list(only), {video.name for video in videos}
    for pattern in patterns:
        if not any(fits(video.name, pattern, names) for video in videos):
            told = f"--only '{one_line(pattern, 80)}' fits none of the {len(videos)} videos"
            raise UsageError(f"{told}; it takes names or patterns, as the pages and `kinescribe annotate status --json` show them")
    kept = [video for video in videos if not patterns or any(fits(video.name, pattern, names) for pattern in patterns)]
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
    mine = {video.name for video in chosen}
    setup = _lenient(setup_of, mine)
    hashes = _known(out, rows, signatures, setup, states)
    first = _first_of_same(listed, signatures, hashes, setup, progress)
    for video in listed:
        name, signature = video.name, signatures[video.name]
        state = out.states.get(name, "queued")
        if name in first and signature is not None:
            known = out.duplicates.get(name)
            out.found(name, "duplicate")
            out.duplicates[name] = first[name]
            if name in mine and known != first[name]:
                out.new_duplicates.append((name, first[name], hashes[name], signature, looked))
            continue
        out.duplicates.pop(name, None)
        if name in mine and (redo or (retry_failed and state == "failed") or state not in ("done", "failed")):
            state = "queued"
            out.todo.append(ToDo(video, hashes.get(name), 0 if signature is None else signature.size))
        if state not in ("done", "failed"):
            out.found(name, "queued")
    return out


def _known(
    out: Plan,
    rows: Iterable[Row],
    signatures: Mapping[str, Signature | None],
    setup_of: Callable[[str], str | None],
    states: Path,
) -> dict[str, str]:
    """Fill in what the manifests know; the hashes of videos that are as they were."""
    hashes: dict[str, str] = {}
    keys: dict[str, str | None] = {}
    seen: set[str] = set()
    again: set[str] = set()
    unlisted: set[str] = set()
    noted: set[str] = set()
    for row in rows:
        if row.video not in signatures:
            (noted if row.state == "gone" else unlisted).add(row.video)
            continue
        (again if row.video in seen else seen).add(row.video)
        signature = signatures[row.video]
        if signature is None or not _same(row, signature):
            continue
        if row.sha256 is not None:
            hashes[row.video] = row.sha256
        if row.state == "duplicate" and row.reason is not None:
            out.duplicates[row.video] = row.reason
        setup = setup_of(row.video)
        if setup is None:
            again.add(row.video)
        elif row.setup != setup:
            continue
        if row.state == "done" and intact(f"{states}/{folder_of(row.video)}", row.files):
            keys[row.video] = row.key
            out.found(row.video, "done", (row.row_count or 0, row.object_count or 0, bool(row.warnings)), partial=row.kind == "partial")
        elif row.state == "failed" and row.kind not in AGAIN and out.states.get(row.video) != "done":
            out.found(row.video, "failed")
    for name in again & keys.keys():  # several runs know it: which of them made what is there, its own record says
        there = recorded(states / folder_of(name))
        if there is None or there.key != keys[name]:
            out.found(name, "queued")
    out.gone = sorted(unlisted - noted)
    return hashes


def _lenient(setup_of: Callable[[str], str], mine: Set[str]) -> Callable[[str], str | None]:
    """The same; None for a video that the run isn't about and whose parts aren't here."""

    def of(name: str) -> str | None:
        try:
            return setup_of(name)
        except KinescribeError:
            if name in mine:
                raise
            return None

    return of


def _same(row: Row, signature: Signature) -> bool:
    """Whether the file is the one that the row tells of, as far as can be told without reading it."""
    if row.size != signature.size or row.mtime_ns != signature.mtime_ns or row.looked_ns is None:
        return False
    # either way: a stamp that lies far in the future is that of a wrong clock, and no file that is being written
    return abs(row.looked_ns - signature.mtime_ns) > RACE_NS


def _first_of_same(
    listed: list[Listed],
    signatures: Mapping[str, Signature | None],
    hashes: dict[str, str],
    setup_of: Callable[[str], str | None],
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
    first: dict[tuple[str, str | None], str] = {}
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
