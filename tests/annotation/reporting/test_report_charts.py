"""Drawings of the pages: lines that break where nothing is known, bands, round ticks, and strips that show what most frames are."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_tables import FRAMES, meta, row, summary, table, troubled

from kinescribe.annotation.reporting.charts import axis, dots_of, outline, path_of, span_of
from kinescribe.annotation.reporting.courses import MOST_CURVES, courses_of, over_picture, over_time, over_world
from kinescribe.annotation.reporting.strips import strips
from kinescribe.states import States
from kinescribe.states.metadata import VideoMeta

NAN = float("nan")
JOINED = np.array([False, True, True, True, True])


def test_a_line_breaks_where_it_is_told_to_and_where_nothing_is_known():
    x, y = np.arange(5.0), np.zeros(5)
    assert path_of(x, y, JOINED) == "M0 0L1 0L2 0L3 0L4 0"
    assert path_of(x, y, np.array([False, True, False, True, True])) == "M0 0L1 0M2 0L3 0L4 0"
    gap = np.array([0.0, 0.0, NAN, 0.0, 0.0])
    assert path_of(x, gap, JOINED) == "M0 0L1 0M3 0L4 0"
    assert (path_of(x, gap, ~JOINED & False), path_of(np.zeros(0), np.zeros(0), np.zeros(0, bool))) == ("", "")


def test_points_that_no_line_reaches_are_dots():
    x, y = np.arange(5.0), np.array([0.0, 0.0, NAN, 7.0, NAN])
    assert (path_of(x, y, JOINED), dots_of(x, y, JOINED)) == ("M0 0L1 0", "M3 7h0")
    assert dots_of(x, np.full(5, NAN), JOINED) == ""


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_every_known_point_is_drawn_once(points: list[tuple[bool, bool]]):
    x = np.arange(len(points), dtype=float)
    y = np.array([1.0 if known else NAN for known, _ in points])
    joined = np.array([False, *(to for _, to in points[1:])])
    drawn = re.findall(r"[ML](\d+) 1", path_of(x, y, joined) + dots_of(x, y, joined))
    assert sorted(map(int, drawn)) == np.flatnonzero(np.isfinite(y)).tolist()


def test_bands_are_closed_and_broken_with_their_line():
    x, y = np.arange(5.0), np.zeros(5)
    assert outline(x, y - 1, y + 1, np.array([False, True, False, False, True])) == "M0 -1L1 -1L1 1L0 1zM3 -1L4 -1L4 1L3 1z"


@given(st.floats(-1e6, 1e6), st.floats(1e-5, 1e6))
def test_ticks_are_few_different_and_where_they_say(low: float, length: float):
    made = axis(low, low + length, 100.0, 500.0)
    places, words = zip(*made.ticks, strict=True) if made.ticks else ((), ())
    assert 1 <= len(places) <= 12
    assert all(100.0 <= place <= 500.0 for place in places)
    if length > 1e-3 * abs(low):
        assert len(set(words)) == len(words)
        for place, word in made.ticks:
            assert float(made.at(np.array([float(word)]))[0]) == pytest.approx(place, abs=0.6)


def test_spans_of_nothing_and_of_one_value_have_a_length():
    for values in (np.zeros(0), np.array([NAN]), np.array([3.0]), np.array([1e12, 1e12])):
        low, high = span_of(values)
        assert high > low
    assert span_of(np.array([0.0, NAN, 10.0]), 0.1) == (-1.0, 11.0)


def test_curves_show_what_was_seen_and_what_not():
    states = troubled()
    first, second = over_time(courses_of(states, summary(states).objects), "x", "x (px)", down=False)["curves"]
    assert first["seen"].count("M") == 1
    assert (first["unseen"], first["dots"]) == ("", "")
    # frames 4 to 6, 10 to 12, 14 to 17 are seen, 13 is hidden: the way to it and from it is dotted
    assert [part.count("L") for part in second["seen"].split("M")[1:]] == [2, 2, 3]
    assert second["unseen"].count("L") == 2
    wide = over_time(courses_of(states, summary(states).objects), "y", "y", down=True)["curves"]
    assert [bool(one["band"]) for one in wide] == [True, True]


def test_a_band_that_could_not_be_seen_is_left_out():
    states = table([row(frame, sigma_x=0.001) for frame in range(FRAMES)])
    [curve] = over_time(courses_of(states, summary(states).objects), "x", "x", down=False)["curves"]
    assert curve["band"] == ""


def test_long_films_keep_their_extremes_and_few_points():
    frames = np.arange(20000)
    y = np.sin(frames / 1000.0)
    y[12345] = 30.0
    rows = {"frame": frames, "time_s": frames * 0.04, "object_id": np.ones(20000, int), "x": frames * 1.0, "y": y}
    states = States.from_columns({name: values[frames % 50 != 7] for name, values in rows.items()})
    drawing = over_time(courses_of(states, summary(states).objects), "y", "y", down=False)
    [curve] = drawing["curves"]
    points = [tuple(map(float, point.split())) for point in re.findall(r"[ML](\S+ [^MLh]+)", curve["seen"])]
    assert len(points) <= 1400
    assert min(y for _, y in points) == pytest.approx(float(drawing["up"].at(np.array([30.0]))[0]), abs=0.1)
    assert curve["seen"].count("M") == 1, "gaps that are too short to be seen, and rows that were left out, break nothing"


def test_of_many_objects_the_longest_paths_are_drawn():
    rows = [row(frame, i, x=float(frame * i)) for i in range(1, 31) for frame in range(3)]
    states = table(rows)
    assert [one.object_id for one in courses_of(states, summary(states).objects)] == list(range(31 - MOST_CURVES, 31))


def test_paths_lie_where_the_objects_are_in_the_picture():
    states = table([row(frame) for frame in range(3)])
    courses = courses_of(states, summary(states).objects)
    [curve] = over_picture(courses, (192, 128), (96, 64))["curves"]
    assert curve["start"] == {"x": 21.0, "y": 21.0}  # pixel 10 of half the size, from edge to edge
    world = over_world(courses, "m", down=False)
    scale = [abs(side.end - side.start) / (side.high - side.low) for side in (world["across"], world["up"])]
    assert scale[0] == pytest.approx(scale[1])
    assert world["name"] == "y (m)"


def test_strips_say_when_what_was_seen():
    drawn = strips(troubled(), summary(troubled()).objects, FRAMES)
    one, two = drawn["strips"]
    assert (one["seen"].count("z"), one["occluded"], one["flagged"]) == (1, "", "")
    assert (two["seen"].count("z"), two["occluded"].count("z"), two["flagged"].count("z")) == (3, 1, 2)
    assert (drawn["last"], drawn["frames_a_place"]) == ("frame 19", 1)


def test_a_pixel_of_a_long_film_shows_what_most_of_its_frames_are():
    frames = 7800
    rows = [row(frame, status="occluded" if frame % 10 == 0 or frame >= 3900 else "observed") for frame in range(0, frames)]
    rows[40]["review"] = "odd"
    states = table(rows, meta(video=VideoMeta(name="f.mp4", width=96, height=64, frame_count=2 * frames)))
    [one] = strips(states, summary(states).objects, 2 * frames)["strips"]
    assert (one["seen"].count("z"), one["occluded"].count("z"), one["flagged"].count("z")) == (1, 1, 1)


def test_of_many_objects_those_that_want_a_look_get_a_strip():
    rows = [row(frame, i, review="odd" if i > 90 else "") for i in range(1, 101) for frame in range(2)]
    drawn = strips(table(rows), summary(table(rows)).objects, FRAMES)
    ids = [one["id"] for one in drawn["strips"]]
    assert len(ids) == 40
    assert set(range(91, 101)) <= set(ids)
