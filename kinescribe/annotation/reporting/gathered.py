"""A data set's entries, taken in one by one: counts, the rows of the table, failures, slowest videos and pictures, within bounds."""

from __future__ import annotations

import base64
import heapq
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kinescribe.annotation.reporting.entry import STATES, Entry
from kinescribe.annotation.reporting.looking import reasons_to_look
from kinescribe.annotation.reporting.summarising import kind_of
from kinescribe.annotation.reporting.summary import Summary
from kinescribe.annotation.reporting.templates import as_json, link_to
from kinescribe.annotation.reporting.words import percent, seconds
from kinescribe.errors import UsageError
from kinescribe.llm.text import one_line

__all__ = ["COLUMNS", "GAP_BINS", "MOST_OF_A_KIND", "Failure", "Gathered", "failures_of", "gathered", "slowest_of"]

COLUMNS = [
    {"title": "video", "kind": "name"},
    {"title": "frame", "kind": "thumb"},
    {"title": "state", "kind": "word"},
    {"title": "wants a look", "kind": "reasons"},
    {"title": "labels", "kind": "text"},
    {"title": "objects", "kind": "num"},
    {"title": "frames", "kind": "num"},
    {"title": "rows", "kind": "num"},
    {"title": "seen, of spans", "kind": "num"},
    {"title": "longest gap", "kind": "num"},
    {"title": "flagged rows", "kind": "num"},
    {"title": "seconds", "kind": "num"},
    {"title": "rerun", "kind": "command"},
]
MOST_THUMBNAILS = 300
LARGEST_THUMBNAIL = 60_000  # bytes
MOST_KINDS, MOST_OF_A_KIND = 30, 20  # reasons of failures that are told apart, and videos that are named for each
SLOWEST = 10
COVERAGE_BINS = 10
GAP_BINS = ((0, "none"), (2, "1 to 2"), (5, "3 to 5"), (10, "6 to 10"), (30, "11 to 30"), (100, "31 to 100"), (None, "over 100"))
OTHER = "other reasons"
_KIND = re.compile(r"([a-z]+(?: [a-z]+)?): ")  # as the kinds of `Outcome`: "unreadable", "nothing found"
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”")


@dataclass(slots=True)
class Failure:
    """Failed videos of one kind of reason: how many, and the name, reason and command of the first of them."""

    kind: str
    count: int = 0
    videos: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Gathered:
    """What the page needs of all entries.

    Attributes:
        objects, points: how many there are in the tables of videos that are done; points of bodies (ends, pivots) are no objects.
        untimed: videos that are done and of which nobody knows how long they took.
        states, labels, verdicts: how many videos, and how many objects, of each.
        coverage: objects by tenth of their span in which they were seen; gaps: by the longest gap, as `GAP_BINS`.
        rows: JSON of the table's rows, those that want a look first within each state.
        thumbnails: base64 of JPEGs by number of the row.
    """

    videos: int = 0
    wanting: int = 0
    objects: int = 0
    points: int = 0
    untimed: int = 0
    table_rows: int = 0
    frames: int = 0
    film_s: float = 0.0
    worked_s: float = 0.0
    pictured: int = 0
    states: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    coverage: list[int] = field(default_factory=lambda: [0] * COVERAGE_BINS)
    gaps: list[int] = field(default_factory=lambda: [0] * len(GAP_BINS))
    failures: dict[str, Failure] = field(default_factory=dict)
    slowest: list[tuple[float, int, str, str]] = field(default_factory=list)
    label_numbers: dict[str, int] = field(default_factory=dict)
    rows: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    thumbnails: dict[int, str] = field(default_factory=dict)

    @property
    def ordered_rows(self) -> Iterable[str]:
        """Failed, running, queued, done, duplicates; within each those that want a look first."""
        for key in sorted(self.rows):
            yield from self.rows[key]


def gathered(entries: Iterable[Entry]) -> Gathered:
    """Take in all entries; of each no more than its row is kept.

    Raises:
        UsageError: what is no entry, or has a state or seconds that there aren't.
    """
    out = Gathered()
    calm: dict[int, str] = {}  # pictures of what wants no look, for where there is room
    for i, one in enumerate(entries):
        if not isinstance(one, Entry) or one.state not in STATES:
            raise UsageError(f"entry {i} of the report is {one_line(repr(one), 80)}: give an Entry with a state of {', '.join(STATES)}")
        if one.seconds is not None and not 0.0 <= one.seconds < math.inf:
            raise UsageError(f"'{one_line(one.name, 80)}' took {one.seconds} seconds by its entry: give a number from 0, or None")
        looks = _looks(one)
        _add_row(out, i, one, looks)
        _count(out, one)
        wants = bool(looks)
        out.wanting += wants
        picture = one.thumbnail if one.thumbnail and one.thumbnail[:2] == b"\xff\xd8" and len(one.thumbnail) <= LARGEST_THUMBNAIL else None
        if picture is not None:
            out.pictured += 1
            shelf = out.thumbnails if wants else calm
            if len(shelf) < MOST_THUMBNAILS:
                shelf[i] = base64.b64encode(picture).decode("ascii")
    for i, text in calm.items():
        if len(out.thumbnails) >= MOST_THUMBNAILS:
            break
        out.thumbnails[i] = text
    return out


def _looks(one: Entry) -> list[str]:
    own = [one_line(one.reason, 300)] if one.reason else []
    if one.state == "duplicate":
        return []
    if one.state == "failed":
        return own or ["failed without a reason"]
    if one.summary is None:
        return own + (["its summary is not there, or can't be read"] if one.state == "done" else [])
    return own + reasons_to_look(one.summary)


def _add_row(out: Gathered, i: int, one: Entry, looks: list[str]) -> None:
    summary = one.summary
    names = sorted(summary.labels, key=lambda label: (-summary.labels[label], label)) if summary is not None else []
    numbers = _numbers(one, summary)
    told = one_line(one.reason, 300) if one.state == "duplicate" and one.reason else looks[0] if looks else ""
    more = f" (and {len(looks) - 1} more)" if len(looks) > 1 else ""
    shown = ", ".join(name for name in names[:6] if name) + (" …" if len(names) > 6 else "")
    objects, frames, rows, coverage, gap, flagged, spent = numbers
    cells = [
        one_line(one.name, 300),
        "",
        one.state,
        told + more,
        one_line(shown, 120),
        *("–" if value is None else f"{value:,}" for value in (objects, frames, rows)),
        percent(coverage),
        *("–" if value is None else f"{value:,}" for value in (gap, flagged)),
        "–" if spent is None else f"{spent:,.1f}",
        "",
    ]
    numbered = [out.label_numbers.setdefault(one_line(name, 80), len(out.label_numbers)) for name in names]
    row: dict[str, Any] = {
        "i": i, "c": cells, "n": numbers, "l": int(bool(looks)), "k": one.state, "b": numbered, "h": link_to(one.page), "m": one.command,
    }  # fmt: skip
    out.rows.setdefault((STATES.index(one.state), int(not looks)), []).append(as_json(row))


def _numbers(one: Entry, summary: Summary | None) -> list[Any]:
    if summary is None:
        return [None] * 6 + [one.seconds]
    spans = sum(thing.span for thing in summary.objects)
    coverage = sum(thing.observed for thing in summary.objects) / spans if spans else None
    gap = max((thing.longest_gap for thing in summary.objects), default=None)
    flagged = sum(thing.flagged for thing in summary.objects) + summary.points_flagged
    return [len(summary.objects), summary.frames, summary.rows, coverage, gap, flagged, one.seconds]


def _count(out: Gathered, one: Entry) -> None:
    out.videos += 1
    out.states[one.state] += 1
    out.untimed += one.state == "done" and one.seconds is None
    name = one_line(one.name, 300)
    if one.seconds is not None and one.state != "duplicate":
        out.worked_s += one.seconds
        # of equal ones the first stays
        (heapq.heappush if len(out.slowest) < SLOWEST else heapq.heappushpop)(out.slowest, (one.seconds, -out.videos, name, one.command))
    if one.state == "failed":
        reason = one_line(one.reason or "failed without a reason", 300)
        kind = kind_of(_QUOTED.sub("…", reason)).removeprefix("…: ")
        group = out.failures.get(kind)
        if group is None:
            kind = kind if len(out.failures) < MOST_KINDS else OTHER
            group = out.failures.setdefault(kind, Failure(kind))
        group.count += 1
        if len(group.videos) < MOST_OF_A_KIND:
            group.videos.append({"name": name, "reason": reason, "command": one.command, "link": link_to(one.page)})
    if one.summary is not None and one.state == "done":
        _count_summary(out, one.summary)


def _count_summary(out: Gathered, summary: Summary) -> None:
    out.objects += len(summary.objects)
    out.points += summary.points
    out.table_rows += summary.rows
    out.frames += summary.frames or 0
    out.film_s += summary.duration_s or 0.0
    for thing in summary.objects:
        out.labels[one_line(thing.label, 80)] += 1
        out.verdicts[thing.label_verified] += 1
        out.coverage[min(int(thing.coverage * COVERAGE_BINS), COVERAGE_BINS - 1)] += 1
        out.gaps[next(k for k, (most, _) in enumerate(GAP_BINS) if most is None or thing.longest_gap <= most)] += 1


def failures_of(out: Gathered) -> list[Failure]:
    """The failed videos by kind of reason, the most frequent first.

    Reasons that only one video has, and that begin with the same word ("unreadable: …"), make one group; else a reason of one video is told
    in full, for there is nothing to leave out of it.
    """
    alone: dict[str, list[Failure]] = {}
    groups = []
    for group in out.failures.values():
        if group.count > 1 or group.kind == OTHER:
            groups.append(group)
        else:
            begins = _KIND.match(group.videos[0]["reason"])
            alone.setdefault(begins[1] if begins else "", []).append(group)
    for word, single in alone.items():
        if word and len(single) > 1:
            groups.append(Failure(f"{word}, each for a reason of its own", len(single), [one.videos[0] for one in single]))
        else:
            groups += [Failure(one.videos[0]["reason"], 1, one.videos) for one in single]
    return sorted(groups, key=lambda group: (-group.count, group.kind))


def slowest_of(out: Gathered) -> list[dict[str, str]]:
    """The slowest videos, the slowest first."""
    return [{"name": name, "seconds": seconds(spent), "command": command} for spent, _, name, command in sorted(out.slowest, reverse=True)]
