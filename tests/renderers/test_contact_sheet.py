"""One picture of a clip: what it shows, where, and that it can be read."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_scenes import H, W, scene_video, table

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.evaluation.scenes import falling_ball, many_discs
from kinescribe.renderers.colors import color_of
from kinescribe.renderers.contact_sheet import annotated_sheet
from kinescribe.renderers.legend import Entry, legend
from kinescribe.renderers.telling import telling_frames
from kinescribe.states import ContactEvent, ObjectMeta, States
from kinescribe.video import open_video

GREY = 90


def near(picture: np.ndarray, object_id: int, tolerance: float = 30.0) -> np.ndarray:
    color = color_of(object_id)
    return np.linalg.norm(picture.astype(float) - [int(color[i : i + 2], 16) for i in (5, 3, 1)], axis=-1) < tolerance


def rest_then_go(still: int = 30, moving: int = 10) -> States:
    """One disc that lies for long and then crosses the picture."""
    way = [(20.0, 60.0, np.nan)] * still + [(20.0 + 12.0 * (k + 1), 60.0, np.nan) for k in range(moving)]
    return table([1], {1: way}, {1: (10.0, 10.0)}, {1: "disc"})


def grey_video(count: int):
    return open_video(np.full((count, H, W, 3), GREY, np.uint8), times=np.arange(count) / 25.0)


@pytest.mark.parametrize("longest", [300, 768, 1536])
@pytest.mark.parametrize("size", [(320, 240), (90, 400), (700, 60)])
def test_the_sheet_is_never_larger_and_fills_what_it_may(longest, size):
    count = 4
    video = open_video(np.full((count, size[1], size[0], 3), GREY, np.uint8), times=np.arange(count) / 25.0)
    rows = {1: [(20.0, 20.0, np.nan)] * count}
    states = table([1], rows, {1: (8.0, 8.0)}, {1: "disc"})
    states = States.from_columns(states.columns, states.meta.model_copy(update={"video": None}))
    sheet = annotated_sheet(video, states, longest=longest)
    assert sheet.dtype == np.uint8
    assert max(sheet.shape[:2]) <= longest
    tiles = np.all(sheet == GREY, axis=-1)
    assert tiles.sum() > 0.2 * longest * min(sheet.shape[:2])  # most of it is pictures
    assert max(sheet.shape[:2]) > 0.8 * longest or tiles.sum() > count * 12 * size[0] * size[1]  # as large as may be, or at 4 times


def test_every_object_is_outlined_and_numbered_in_its_colour_in_every_tile_and_in_the_legend():
    video, states, _ = scene_video()
    sheet = annotated_sheet(video, states, frames=4, longest=900)
    plain = annotated_sheet(video, states, frames=1, longest=900)
    for object_id in (1, 2):
        assert near(sheet, object_id).sum() > 3 * 100
        assert near(plain, object_id).sum() > 100
        assert near(sheet[-60:], object_id).sum() > 50, "not in the legend"


def test_the_outline_lies_on_the_object_s_edge():
    video, states, _ = scene_video()
    sheet = annotated_sheet(video, states, frames=1, longest=4 * W)
    frame = telling_frames(states, 1)[0]
    row = np.flatnonzero((states["frame"] == frame) & (states["object_id"] == 1))[0]
    scale = sheet.shape[1] / W
    strip = next(y for y in range(200) if abs(int(sheet[y, -2].max()) - 255) > 20)
    x, y = (float(states[name][row]) + 0.5 for name in ("x_px", "y_px"))
    ys, xs = np.mgrid[: round(H * scale), : sheet.shape[1]]
    away = np.hypot(xs - x * scale, ys - y * scale) / scale
    drawn = near(sheet[strip : strip + round(H * scale)], 1, 60.0)
    ring = (away > 8.5) & (away < 11.0)
    assert drawn[ring].mean() > 0.3
    assert not drawn[away < 7.5].any(), "the object itself is painted over"


def test_tiles_stand_where_something_happens():
    states = rest_then_go()
    chosen = telling_frames(states, 6)
    assert chosen[0] == 0
    assert chosen[-1] == 39
    assert sum(frame >= 29 for frame in chosen) >= 4
    assert len(set(chosen)) == 6


def test_a_contact_is_among_the_tiles():
    states = rest_then_go(still=1, moving=10)
    meta = states.meta.model_copy(update={"events": [ContactEvent(time_s=0.16, frame=4, partners=[1])]})
    hit = States.from_columns(states.columns, meta)
    assert 4 not in telling_frames(states, 4)
    assert 4 in telling_frames(hit, 4)


@pytest.mark.parametrize("count", [1, 2, 5, 11, 48])
def test_frames_are_distinct_ascending_and_no_more_than_there_are(count):
    states = rest_then_go(still=8, moving=3)
    chosen = telling_frames(states, count)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(count, 11)
    assert max(telling_frames(states, count, last=6)) <= 6


def test_frames_of_a_clip_where_nothing_moves_are_spread():
    assert np.diff(telling_frames(rest_then_go(still=31, moving=0), 4)).tolist() == [10, 10, 10]


def test_trails_lead_from_one_tile_to_the_next():
    states = rest_then_go(still=1, moving=10)
    two = annotated_sheet(grey_video(11), states, frames=2, longest=1000)
    still = annotated_sheet(grey_video(11), states, frames=1, longest=1000)
    middle = two[two.shape[0] // 4 : 3 * two.shape[0] // 4]
    assert near(middle, 1, 60.0).sum() > 2 * near(still, 1, 60.0).sum() / 2
    longest_run = max(near(row[None], 1, 60.0).sum() for row in two)
    assert longest_run > 0.2 * two.shape[1]


def test_what_was_not_seen_is_dimmed_and_the_legend_says_so():
    states = rest_then_go(still=3, moving=0)
    hidden = States.from_columns({**states.columns, "status": np.array(["occluded"] * 3, object)}, states.meta)
    seen, dim = (annotated_sheet(grey_video(3), one, frames=1, longest=600) for one in (states, hidden))
    assert dim.shape[0] > seen.shape[0] - 3  # one line more, or smaller tiles
    assert near(dim, 1, 20.0).sum() < near(seen, 1, 20.0).sum()


def test_numbers_of_objects_close_together_hide_none_of_them():
    rows = {1: [(70.0, 60.0, np.nan)], 2: [(84.0, 60.0, np.nan)], 3: [(77.0, 48.0, np.nan)]}
    states = table([1, 2, 3], rows, dict.fromkeys(rows, (12.0, 12.0)), dict.fromkeys(rows, "disc"))
    sheet = annotated_sheet(grey_video(1), states, longest=4 * W)
    strip = next(y for y in range(200) if abs(int(sheet[y, -2].max()) - 255) > 20)
    scale = sheet.shape[1] / W
    for x, y, _ in (rows[i][0] for i in rows):
        at = (strip + round((y + 0.5) * scale), round((x + 0.5) * scale))
        inside = sheet[at[0] - 12 : at[0] + 12, at[1] - 12 : at[1] + 12]
        assert np.abs(inside.astype(int) - GREY).max() < 8


def test_runaway_places_and_sizes_do_no_harm():
    rows = {1: [(1e300, 5.0, 0.3), (40.0, 40.0, 0.1)], 2: [(50.0, 50.0, 0.0)] * 2}
    states = table([1, 2], rows, {1: (1e200, 3.0), 2: (1e9, 1e9)}, {1: "rod", 2: "disc"})
    assert annotated_sheet(grey_video(2), states, longest=500).size


def test_a_point_of_a_body_is_a_dot_and_not_a_box():
    rows = {1: [(40.0, 60.0, np.nan)], 2: [(110.0, 60.0, np.nan)]}
    states = table([1, 2], rows, dict.fromkeys(rows, (40.0, 40.0)), dict.fromkeys(rows, "blob"))
    meta = states.meta.model_copy(update={"objects": {2: ObjectMeta(part_of=1)}})
    body, point = (annotated_sheet(grey_video(1), one, longest=600)[:400] for one in (states, States.from_columns(states.columns, meta)))
    assert near(body, 1).sum() == near(point, 1).sum()
    # beside its number
    assert near(body, 2).sum() > near(point, 2).sum() + 4 * 100


def test_a_crowd_fits(table_of):
    scene = many_discs(n=24, frame_count=3)
    sheet = annotated_sheet(open_video(scene.images(), times=scene.times), table_of(scene), frames=2, longest=1200)
    assert all(near(sheet, object_id).any() for object_id in range(1, 13))


def test_a_legend_says_how_many_it_has_no_room_for():
    entries = [Entry(i, "a thing with a very long name") for i in range(1, 200)]
    assert legend(entries, 600, 16).shape[0] == legend(entries[:60], 600, 16).shape[0]
    assert legend(entries[:2], 600, 16).shape == (legend(entries[:1], 600, 16).shape[0], 600, 3)


def test_wrong_arguments_are_refused(table_of):
    scene = falling_ball(frame_count=3)
    video, states = open_video(scene.images(), times=scene.times), table_of(scene)
    with pytest.raises(UsageError, match="frames=0"):
        annotated_sheet(video, states, frames=0)
    with pytest.raises(UsageError, match="longest=100"):
        annotated_sheet(video, states, longest=100)
    nowhere = {name: values.copy() for name, values in states.columns.items()}
    for name in ("x", "y", "x_px", "y_px"):
        nowhere[name][:] = np.nan
    with pytest.raises(NothingFoundError, match="nothing to outline"):
        annotated_sheet(video, States.from_columns(nowhere, states.meta))


def test_names_no_font_can_write_are_left_out_and_told():
    states = rest_then_go(still=2, moving=0)
    odd = States.from_columns({**states.columns, "label": np.array(["\U000e1234"] * 2, object)}, states.meta)
    with pytest.warns(UserWarning, match="no font here"):
        annotated_sheet(grey_video(2), odd, frames=1, longest=500)
