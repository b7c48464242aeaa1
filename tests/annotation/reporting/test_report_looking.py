"""What wants a look: every reason, nothing without one, and never more lines than can be read."""

from __future__ import annotations

import pytest
from report_tables import FRAMES, calm, meta, row, summary, table, troubled

from kinescribe.annotation.reporting import reasons_to_look
from kinescribe.annotation.reporting.words import number, percent, seconds
from kinescribe.states import Metadata


def test_a_calm_table_wants_none():
    assert reasons_to_look(summary()) == []


def test_every_reason_of_a_troubled_table_is_told():
    assert reasons_to_look(summary(troubled())) == [
        "the light flickers",
        "2 cart: 2 rows flagged: its pixels are … px to the left, looks odd",
        "2 cart: whoever checked the label is unsure of it",
        "2 cart: seen in 10 of 14 frames, 2 gaps, the longest of 3 frames",
        "2 cart: may be another object in places, identity score down to 0.30",
        "points of bodies: 2 rows flagged",
    ]


def test_what_breaks_off_and_what_is_empty_come_first():
    broken = table([], meta(partial="breaks off after frame 7", warnings=["odd"]))
    assert reasons_to_look(summary(broken)) == ["breaks off after frame 7", "no object was found", "odd"]


@pytest.mark.parametrize(("lost", "wanted"), [(10, False), (11, True)])
def test_a_long_gap_alone_is_enough(lost: int, wanted: bool):
    rows = [row(frame) for frame in range(200) if not 50 <= frame < 50 + lost]
    assert bool(reasons_to_look(summary(table(rows, Metadata())))) is wanted


@pytest.mark.parametrize(("verdict", "wanted"), [("yes", 0), ("corrected", 0), ("unchecked", 0), ("unsure", 1), ("no", 1)])
def test_doubtful_labels_want_a_look(verdict: str, wanted: int):
    assert len(reasons_to_look(summary(table([row(frame, label_verified=verdict) for frame in range(3)])))) == wanted


def test_many_lines_of_a_kind_are_cut_and_counted():
    rows = [row(frame, i, review="odd", label_verified="no") for i in range(1, 51) for frame in range(3)]
    lines = reasons_to_look(summary(table(rows, meta(warnings=[f"warning {k}" for k in range(30)]))))
    assert len(lines) == 3 * 13
    assert lines[12] == "and 18 more warnings"
    assert lines.count("and 38 more objects of this kind") == 2


def test_labels_from_right_to_left_are_set_apart():
    rows = [row(frame, label="كرة", review="odd") for frame in range(FRAMES)]
    [line] = reasons_to_look(summary(table(rows)))
    assert line == "1 \u2068كرة\u2069: 20 rows flagged: odd"
    assert "\u2068" not in "".join(reasons_to_look(summary(troubled())))


def test_figures_are_not_rounded_to_all_or_nothing():
    assert [percent(share) for share in (None, 0.0, 0.001, 0.5, 0.999, 1.0)] == ["–", "0 %", "< 1 %", "50 %", "> 99 %", "100 %"]
    assert [number(value) for value in (None, 0.12345, 12345.6, 0.0)] == ["–", "0.1235", "12,346", "0"]
    assert [seconds(value) for value in (None, 4.2, 200.0, 7500.0)] == ["–", "4.2 s", "3 min 20 s", "2 h 5 min"]
    assert summary(calm()).objects[0].coverage == 1.0
