"""The page of a data set: how its videos went, what failed and why, and a table of all of them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from kinescribe.annotation.reporting.entry import STATES, Entry
from kinescribe.annotation.reporting.gathered import COLUMNS, GAP_BINS, Gathered, failures_of, gathered, slowest_of
from kinescribe.annotation.reporting.templates import as_json, check_pages, write_page
from kinescribe.annotation.reporting.words import count, seconds
from kinescribe.llm.text import one_line
from kinescribe.renderers.arguments import output_path

__all__ = ["write_dataset_page"]

MOST_BARS = 20
MOST_LABELS = 200  # that can be chosen to filter by
FIRST_ROWS = 100  # that stand in the page itself, for readers without scripts
MOST_WARNINGS = 50
VERDICTS = ("yes", "corrected", "unsure", "no", "unchecked")


def write_dataset_page(
    entries: Iterable[Entry],
    path: str | os.PathLike[str],
    *,
    title: str,
    command: str,
    formats: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
) -> None:
    """Write one self-contained HTML page on a data set, its failed videos first.

    Entries are taken one by one, and of each only its row of the table is kept; at most 300 thumbnails are, of what wants a look first.

    Args:
        entries: one a video, in any order.
        path: of the page; written whole or not at all.
        title: of the data set.
        command: that makes, or goes on with, the whole of it.
        formats: by name what was exported: anything that JSON has a word for.
        warnings: on the data set as a whole, one line each.

    Raises:
        UsageError: jinja2 is missing, what is no entry, or the file can't be written.
    """
    check_pages()
    target = output_path("report", path)
    found = gathered(entries)
    shown = list(warnings)[:MOST_WARNINGS]
    content = {
        "title": one_line(title) or "A data set",
        "command": command,
        "facts": _facts(found),
        "warnings": [one_line(line, 400) for line in shown],
        "more_warnings": len(warnings) - len(shown),
        "failures": failures_of(found),
        "failed": found.states["failed"],
        "slowest": slowest_of(found),
        "charts": _charts(found),
        "columns": COLUMNS,
        "kinds": [one["kind"] for one in COLUMNS],
        "first_rows": [json.loads(row) for row in islice(found.ordered_rows, FIRST_ROWS)],
        "rows": _separated(found.ordered_rows),
        "videos": found.videos,
        "thumbnails": _separated(f'"{i}":{as_json(text)}' for i, text in found.thumbnails.items()),
        "thumbnails_told": _thumbnails(found),
        "states": [state for state in STATES if found.states[state]],
        **_labels(found),
        "formats": [{"name": one_line(name, 80), "told": _told(value)} for name, value in (formats or {}).items()],
    }
    write_page("dataset.html.j2", content, target)


def _facts(found: Gathered) -> list[dict[str, str]]:
    facts = [("videos", f"{found.videos:,}", "")]
    facts += [(state, f"{found.states[state]:,}", "") for state in sorted(STATES, key=lambda state: state != "done") if found.states[state]]
    facts += [
        ("want a look", f"{found.wanting:,}", ""),
        ("objects", f"{found.objects:,}", f"and {count(found.points, 'point')} of bodies" if found.points else ""),
        ("rows of the tables", f"{found.table_rows:,}", ""),
        ("frames", f"{found.frames:,}", ""),
        ("length of film", seconds(found.film_s), ""),
        ("time worked, all workers", seconds(found.worked_s), f"not known of {found.untimed:,}" if found.untimed else ""),
    ]
    return [{"name": name, "value": value, "more": more} for name, value, more in facts]


def _charts(found: Gathered) -> list[dict[str, Any]]:
    labels = found.labels.most_common(MOST_BARS)
    labels.sort(key=lambda item: (-item[1], item[0]))
    named = [(name or "(no label)", many) for name, many in labels]
    rest = sum(found.labels.values()) - sum(many for _, many in labels)
    if rest:
        named.append((f"{count(len(found.labels) - len(labels), 'further label')}", rest))
    tenths = [(f"{10 * k} to {10 * k + 10} %", many) for k, many in enumerate(found.coverage)]
    gaps = [(words, many) for (_, words), many in zip(GAP_BINS, found.gaps, strict=True)]
    return [
        {"title": "Objects by label", "rows": _bars(named)},
        {"title": "Objects by verdict on the label", "rows": _bars([(verdict, found.verdicts[verdict]) for verdict in VERDICTS])},
        {"title": "Objects by how much of their span they were seen", "rows": _bars(tenths[::-1])},
        {"title": "Objects by their longest gap, frames", "rows": _bars(gaps)},
    ]


def _bars(rows: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    most = max((many for _, many in rows), default=0)
    return [{"name": name, "percent": round(100.0 * many / most, 2), "told": f"{many:,}"} for name, many in rows] if most else []


def _labels(found: Gathered) -> dict[str, Any]:
    """Labels to filter by, with their numbers in the table's rows: the most frequent ones, by name."""
    frequent: Counter[str] = Counter({name: found.labels[name] for name in found.label_numbers})
    chosen = sorted(name for name, _ in frequent.most_common(MOST_LABELS))
    return {
        "labels": [{"number": found.label_numbers[name], "name": name or "(no label)"} for name in chosen],
        "labels_told": f"the {MOST_LABELS} most frequent of {len(frequent):,} labels" if len(frequent) > MOST_LABELS else "",
    }


def _thumbnails(found: Gathered) -> str:
    kept = len(found.thumbnails)
    if kept == found.pictured:
        return ""
    return f"{kept:,} of {found.pictured:,} thumbnails are in this page: those of videos that want a look first."


def _separated(texts: Iterable[str]) -> Iterator[str]:
    """Texts with a comma before each but the first: a JSON list or object, piece by piece."""
    for k, text in enumerate(texts):
        yield f",\n{text}" if k else text


def _told(value: Any) -> str:
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), 400)
