"""What a table says in short: figures known by hand, JSON there and back, and files that were edited."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_tables import FRAMES, INTERVAL, calm, meta, row, table, troubled

from kinescribe.annotation.reporting import Summary, summarise
from kinescribe.annotation.reporting.summarising import gaps_of
from kinescribe.errors import InputError, UsageError
from kinescribe.states import Metadata


def test_figures_of_a_table_with_gaps_flags_and_points():
    found = summarise(troubled())
    first, second = found.objects
    assert (found.video, found.frames, found.rows, found.width, found.height) == ("film.mp4", FRAMES, 36, 96, 64)
    assert found.duration_s == pytest.approx(FRAMES * INTERVAL)
    assert found.frame_rate == pytest.approx(1 / INTERVAL)
    assert (found.labels, found.verdicts) == ({"ball": 1, "cart": 1}, {"unsure": 1, "yes": 1})
    assert (found.points, found.points_flagged, found.contacts) == (1, 2, 1)
    assert (found.warnings, found.partial, [one.label for one in found.left_out]) == (("the light flickers",), None, ["ghost"])
    assert (first.frames, first.observed, first.coverage, first.coverage_of_video, first.gaps, first.longest_gap) == (
        20,
        20,
        1.0,
        1.0,
        0,
        0,
    )
    assert first.path_length == pytest.approx(57.0)
    assert first.sigma == pytest.approx(0.3)
    # of the frames 4 to 17 three have no row, and in one it is hidden
    assert (second.first_frame, second.last_frame, second.frames, second.observed) == (4, 17, 11, 10)
    assert second.coverage == pytest.approx(10 / 14)
    assert second.coverage_of_video == pytest.approx(10 / 20)
    assert (second.gaps, second.longest_gap) == (2, 3)
    assert second.identity_score == pytest.approx(0.3)
    assert second.flags == {"its pixels are … px to the left": 2, "looks odd": 1}
    assert second.flagged == 2
    assert second.sigma == pytest.approx(1.0), "the σ of a row in which it was not seen doesn't count"


def test_what_is_not_known_is_none():
    bare = table([{"frame": 3, "time_s": 0.3, "object_id": 1, "x": np.nan, "y": np.nan}], Metadata())
    found = summarise(bare)
    assert (found.video, found.frames, found.width, found.frame_rate, found.unit) == (None, None, None, None, "")
    [one] = found.objects
    assert (one.label, one.label_verified, one.coverage, one.coverage_of_video) == ("", "unchecked", 1.0, None)
    assert (one.identity_score, one.sigma, one.path_length) == (None, None, 0.0)
    assert summarise(table([], Metadata())).duration_s is None


def test_majority_of_labels_and_verdicts_counts():
    rows = [row(frame, label="cart" if frame else "ball", label_verified="yes" if frame < 2 else "no") for frame in range(5)]
    [one] = summarise(table(rows)).objects
    assert (one.label, one.label_verified) == ("cart", "no")


def test_strange_texts_come_out_on_one_line():
    rows = [row(0, label="a\nb\x1b[31m" + "x" * 5000, review="why\n\n42 times")]
    [one] = summarise(table(rows, meta(warnings=["one\ntwo"]))).objects
    assert one.label.startswith("a b [31mxxx")
    assert len(one.label) <= 200
    assert one.flags == {"why … times": 1}


@given(st.lists(st.sampled_from(["observed", "occluded", "interpolated", "no row", ""]), min_size=1, max_size=40))
def test_gaps_are_all_that_was_not_seen(course: list[str]):
    there = [(frame, status) for frame, status in enumerate(course) if status != "no row"]
    if not there:
        return
    frames = np.array([frame for frame, _ in there])
    seen = np.array([status in ("observed", "") for _, status in there])
    gaps = gaps_of(frames, seen)
    inside = {frame for first, last in gaps for frame in range(first, last + 1)}
    assert inside == set(range(frames[0], frames[-1] + 1)) - set(frames[seen].tolist())
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(gaps)), "each gap is told once, as a whole"


@pytest.mark.parametrize("states", [troubled(), calm(), table([], Metadata())])
def test_json_there_and_back(states: Any):
    found = summarise(states)
    assert Summary.of(json.loads(json.dumps(found.to_dict(), allow_nan=False))) == found


def test_what_a_later_version_adds_is_left_out():
    data = summarise(calm()).to_dict()
    data["mood"] = "fine"
    data["objects"][0]["colour"] = "red"
    assert Summary.of(data) == summarise(calm())


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("frames", -3, "frames"),
        ("frames", "many\nmore", "many"),
        ("duration_s", float("nan"), "duration_s"),
        ("objects", {"1": 2}, "objects"),
        ("verdicts", {"perhaps": 1}, "perhaps"),
        ("format_version", 9, "format_version"),
        ("warnings", [{}], "warnings.0"),
    ],
)
def test_an_edited_file_is_told_by_the_place(key: str, value: object, told: str):
    with pytest.raises(InputError) as caught:
        Summary.of(summarise(troubled()).to_dict() | {key: value})
    assert told in str(caught.value)
    assert "annotate the video again" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_figures_that_contradict_each_other_are_refused():
    data = summarise(troubled()).to_dict()
    data["objects"][1]["observed"] = 12
    with pytest.raises(InputError, match=r"objects\.1.*12 of 11 rows"):
        Summary.of(data)
    data["objects"][1] |= {"observed": 10, "last_frame": 10}
    with pytest.raises(InputError, match="in 7 frames"):
        Summary.of(data)
    for nonsense in ([], None, "summary"):
        with pytest.raises(InputError, match=r"no summary|JSON object"):
            Summary.of(nonsense)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="video: Field required"):
        Summary.of({})


def test_no_table_is_refused():
    with pytest.raises(UsageError, match=r"kinescribe\.States"):
        summarise("states.csv")  # type: ignore[arg-type]
