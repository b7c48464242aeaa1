"""What of a video wants a person's look: one judgement for both pages."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence

from kinescribe.annotation.reporting.summary import ObjectSummary, Summary
from kinescribe.llm.text import one_line

__all__ = ["GAP_FRAMES", "LOW_COVERAGE", "LOW_IDENTITY", "named", "reasons_to_look", "wants_a_look"]

LOW_COVERAGE = 0.8  # an object that is seen in less of its own span
GAP_FRAMES = 10  # or that is lost for longer
LOW_IDENTITY = 0.5  # or that is as likely another one by then
MOST = 12  # lines of one kind
MOST_FLAGS = 3  # reasons that a line on an object names

Finding = Callable[[ObjectSummary], str]


def reasons_to_look(summary: Summary) -> list[str]:
    """One line for each thing of a video that a person should look at, most serious first; empty where there is none.

    Those are: a table that doesn't reach the video's end or holds no object, warnings, rows that are flagged in `review`, labels that
    the one who checked them found doubtful, objects that are seen in less than 80 % of their span or lost for more than 10 frames, and
    identities of a score below 0.5. Of each kind at most 12 lines, then how many more there are.
    """
    out = [summary.partial] if summary.partial else []
    if not summary.objects:
        out.append("no object was found")
    out += _capped(list(summary.warnings), "warnings")
    for finding in (_flags, _verdict, _gap, _identity):
        out += _capped([line for line in map(finding, summary.objects) if line], "objects of this kind")
    if summary.points_flagged:
        out.append(f"points of bodies: {_rows(summary.points_flagged)} flagged")
    return out


def wants_a_look(one: ObjectSummary) -> list[str]:
    """The lines of `reasons_to_look` that are on one object."""
    return [line for line in (finding(one) for finding in (_flags, _verdict, _gap, _identity)) if line]


def named(one: ObjectSummary) -> str:
    """How lines call an object: its id and label."""
    label = one_line(one.label, 40)
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in label):
        # set apart, or the numbers behind it would be read as part of what runs from right to left
        label = f"\N{FIRST STRONG ISOLATE}{label}\N{POP DIRECTIONAL ISOLATE}"
    return f"{one.object_id} {label}".rstrip()


def _flags(one: ObjectSummary) -> str:
    if not one.flagged:
        return ""
    kinds = list(one.flags)
    more = f" and {len(kinds) - MOST_FLAGS} more" if len(kinds) > MOST_FLAGS else ""
    return f"{named(one)}: {_rows(one.flagged)} flagged: {', '.join(kinds[:MOST_FLAGS])}{more}"


def _verdict(one: ObjectSummary) -> str:
    if one.label_verified == "unsure":
        return f"{named(one)}: whoever checked the label is unsure of it"
    if one.label_verified == "no":
        return f"{named(one)}: whoever checked the label says that no such thing is there"
    return ""


def _gap(one: ObjectSummary) -> str:
    if one.coverage >= LOW_COVERAGE and one.longest_gap <= GAP_FRAMES:
        return ""
    gaps = f"{one.gaps} gap{'s' * (one.gaps != 1)}, the longest of {one.longest_gap} frame{'s' * (one.longest_gap != 1)}"
    return f"{named(one)}: seen in {one.observed} of {one.span} frames, {gaps}"


def _identity(one: ObjectSummary) -> str:
    if one.identity_score is None or one.identity_score >= LOW_IDENTITY:
        return ""
    return f"{named(one)}: may be another object in places, identity score down to {one.identity_score:.2f}"


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


def _capped(lines: Sequence[str], what: str) -> Iterator[str]:
    yield from lines[:MOST]
    if len(lines) > MOST:
        yield f"and {len(lines) - MOST} more {what}"
