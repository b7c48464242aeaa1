"""The table of objects on a video's page."""

from __future__ import annotations

from typing import Any

from kinescribe.annotation.reporting.looking import named, wants_a_look
from kinescribe.annotation.reporting.summary import Summary
from kinescribe.annotation.reporting.words import number, percent
from kinescribe.llm.text import one_line
from kinescribe.renderers.colors import color_of

__all__ = ["object_columns", "object_rows"]

LONGEST_LABEL = 80


def object_columns(unit: str) -> list[dict[str, str]]:
    """Title and kind of each column."""
    lengths = f" ({unit})" if unit else ""
    return [
        {"title": "id", "kind": "object"},
        {"title": "label", "kind": "text"},
        {"title": "verdict", "kind": "word"},
        {"title": "wants a look", "kind": "reasons"},
        {"title": "frames", "kind": "num"},
        {"title": "rows", "kind": "num"},
        {"title": "seen, of span", "kind": "num"},
        {"title": "seen, of video", "kind": "num"},
        {"title": "gaps", "kind": "num"},
        {"title": "longest gap", "kind": "num"},
        {"title": "lowest identity", "kind": "num"},
        {"title": f"mean σ{lengths}", "kind": "num"},
        {"title": f"path{lengths}", "kind": "num"},
    ]


def object_rows(summary: Summary) -> list[dict[str, Any]]:
    """One row an object: `c` what its cells say, `n` the numbers to sort by, `l` whether it wants a look, `s` its colour."""
    rows = []
    for one in summary.objects:
        looks = [line.removeprefix(f"{named(one)}: ") for line in wants_a_look(one)]
        cells = [
            str(one.object_id),
            one_line(one.label, LONGEST_LABEL),
            one.label_verified,
            "; ".join(looks),
            f"{one.first_frame}–{one.last_frame}",
            f"{one.frames:,}",
            percent(one.coverage),
            percent(one.coverage_of_video),
            f"{one.gaps:,}",
            f"{one.longest_gap:,}",
            number(one.identity_score),
            number(one.sigma),
            number(one.path_length),
        ]
        numbers = [
            one.object_id, one.first_frame, one.frames, one.coverage, one.coverage_of_video, one.gaps, one.longest_gap, one.identity_score,
            one.sigma, one.path_length,
        ]  # fmt: skip
        rows.append({"c": cells, "n": numbers, "l": int(bool(looks)), "s": color_of(one.object_id)})
    return rows
