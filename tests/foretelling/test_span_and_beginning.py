"""The first part of a video and of its table."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.errors import UsageError
from kinescribe.evaluation.scenes import two_pucks_collision
from kinescribe.foretelling import Span
from kinescribe.foretelling.beginning import Beginning, first_rows
from kinescribe.video import Video, open_video

FRAMES = np.arange(10 * 12 * 14 * 3, dtype=np.uint32).reshape(10, 12, 14, 3).astype(np.uint8)
TIMES = np.array([0.0, 0.1, 0.2, 0.35, 0.4, 0.5, 0.61, 0.7, 0.8, 0.9])


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        (None, Span()),
        (1.5, Span(1.5)),
        (2, Span(2.0)),
        ("1.5", Span(1.5)),
        (" .5 s ", Span(0.5)),
        ("45f", Span(frames=45)),
        ("3 frames", Span(frames=3)),
    ],
)
def test_forms_of_a_span(asked, span):
    assert Span.of(asked) == span


@pytest.mark.parametrize("asked", ["", "soon", "-1", "1f", "1.5f", "0", 0, -2.0, float("nan"), True, "1e3", [1]])
def test_other_forms_are_refused_in_one_line(asked):
    with pytest.raises(UsageError) as caught:
        Span.of(asked)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("span", "count"), [(Span(), 10), (Span(frames=4), 4), (Span(0.35), 4), (Span(0.349), 3), (Span(99.0), 10), (Span(frames=99), 10)]
)
def test_a_beginning_ends_early_and_knows_where(span: Span, count: int):
    video = Beginning(open_video(FRAMES, times=TIMES), span)
    assert isinstance(video, Video)
    assert np.isnan(video.end_s)
    for _ in range(2):
        frames = list(video)
        assert [frame.index for frame in frames] == list(range(count))
        assert (video.end_s, video.count) == (TIMES[count - 1], count)
        assert all((frame.image == FRAMES[frame.index]).all() for frame in frames)
    assert (video.info.width, video.info.height) == (14, 12)


def test_a_look_at_some_frames_does_not_tell_the_end():
    video = Beginning(open_video(FRAMES, times=TIMES), Span(0.5))
    next(iter(video))
    assert [frame.index for frame in video.sample([1, 3])] == [1, 3]
    assert not video.count
    assert video.measured().end_s == 0.5


def test_rows_contacts_and_objects_of_the_beginning(table_of):
    table = table_of(two_pucks_collision(frame_count=40))
    contact = table.meta.events[0].time_s
    before, after = first_rows(table, Span(contact - 0.05)), first_rows(table, Span(contact + 0.05))
    assert (len(before.meta.events), len(after.meta.events)) == (0, 1)
    assert before["time_s"].max() <= contact - 0.05 < before["time_s"].max() + 0.04
    assert len(before) < len(after) < len(table)
    assert first_rows(table, Span()) is table
    half = first_rows(table, Span(frames=12))
    assert set(half["frame"]) == set(range(12))
    assert len(table.meta.events) == 1  # its own is left alone


def test_a_table_that_begins_later_is_refused(table_of):
    table = table_of(two_pucks_collision(frame_count=24))
    late = type(table).from_columns({name: values[table["frame"] > 5] for name, values in table.columns.items()}, table.meta)
    with pytest.raises(UsageError, match="no row in the first 4 frames"):
        first_rows(late, Span(frames=4))
