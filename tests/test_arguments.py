"""What Python lets through and no function can use is refused in one line that names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinescribe as ks
from kinescribe.evaluation.scenes import two_pucks_collision
from kinescribe.llm import Client, Message, Settings
from kinescribe.renderers import draw_overlay, plot_states
from kinescribe.states import States, read, validate
from kinescribe.states.parsing import parse_point

FRAMES = np.zeros((4, 8, 8, 3), np.uint8)
LOCAL = "http://localhost:1/v1"


@pytest.fixture
def table(table_of: Callable[..., States]) -> States:
    return table_of(two_pucks_collision(frame_count=4))


def assert_refused(call: Callable[[], object], says: str) -> None:
    with pytest.raises(ks.UsageError) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"frame_interval": "x"}, "frame interval 'x'"),
        ({"frame_interval": True}, "frame interval True"),
        ({"frame_interval": 0}, "frame interval 0"),
        ({"times": "abc"}, "times='abc' are no numbers"),
        ({"times": [[1], [2, 3]]}, "are no numbers"),
        ({"frame_interval": 0.1, "masks": 3}, "masks=3 must be the path"),
        ({"frame_interval": 0.1, "ends": "no"}, "ends='no' must be True or False"),
        ({"frame_interval": 0.1, "one_each": 1}, "one_each=1 must be True or False"),
    ],
)
def test_options_of_an_extraction(options: dict[str, Any], says: str):
    assert_refused(lambda: ks.extract_states(FRAMES, **options), says)


@pytest.mark.parametrize("interval", [0.1, np.float32(0.1), np.int64(1), 2])
def test_numbers_of_all_kinds_are_intervals(interval: Any):
    assert ks.open_video(FRAMES, frame_interval=interval).info.frame_count == 4


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (["video.mp4"], "['video.mp4'] is a list of paths: give one path"),
        ((Path("a.png"), Path("b.png")), "is a list of paths"),
        (b"x", "b'x' is no video"),
        (3, "3 is no video"),
        ({"a": 1}, "{'a': 1} is no video"),
        (None, "None is no video"),
    ],
)
def test_what_is_no_video(source: Any, says: str):
    assert_refused(lambda: ks.extract_states(source), says)
    assert_refused(lambda: ks.extract_states(source, frame_interval=0.1), says)


def test_a_folder_of_images_needs_a_sensible_interval(tmp_path: Path):
    import cv2

    for k in range(2):
        cv2.imwrite(str(tmp_path / f"{k}.png"), FRAMES[0])
    assert_refused(lambda: ks.open_video(tmp_path, frame_interval="x"), "frame interval 'x'")
    assert_refused(lambda: ks.open_video(tmp_path, times="abc"), "times='abc'")


def test_tables(table: States):
    assert_refused(lambda: table.to_csv(3), "cannot write the table to 3")
    assert_refused(lambda: table.to_parquet(3), "cannot write the table to 3")
    assert_refused(lambda: validate(3), "3 is no states table")
    assert_refused(lambda: read(3), "3 is no path")


def test_pictures(table: States, tmp_path: Path):
    video = ks.open_video(FRAMES, frame_interval=0.1)
    assert_refused(lambda: plot_states(table, tmp_path / "q.bmp"), "must end in .png, .pdf or .svg")
    assert_refused(lambda: plot_states(table, 3), "can't be written to 3")
    assert_refused(lambda: plot_states(None, tmp_path / "q.png"), "states=None must be a kinescribe.States")
    assert_refused(lambda: draw_overlay("v.mp4", table, tmp_path / "q.mp4"), "video='v.mp4' must be an open video")
    assert_refused(lambda: draw_overlay(video, None, tmp_path / "q.mp4"), "states=None must be a kinescribe.States")
    assert_refused(lambda: draw_overlay(video, table, 3), "can't be written to 3")
    assert not list(tmp_path.iterdir())


def test_calibrations():
    assert_refused(lambda: ks.Calibration.parse_stick(3), "cannot read the scale 3")
    assert_refused(lambda: parse_point(3), "the origin 3 is no text")
    assert_refused(lambda: ks.Calibration.from_scale(100, 3), "not 3")
    assert_refused(lambda: ks.Calibration.from_scale(100, "m", 3), "the origin must be an image pixel (x, y), not 3")
    assert_refused(lambda: ks.Calibration.from_stick(1, "m", (0, 0), (1, 2, 3)), "the stick's second end must be an image pixel")
    assert_refused(lambda: ks.Calibration.from_stick(1, "m", (0, "a"), (1, 2)), "y of the stick's first end must be a number, not 'a'")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"model": 3}, "model = 3 must be a text"),
        ({"base_url": None}, "base_url = None must be a text"),
        ({"key_variable": 3}, "key_variable = 3"),
        ({"cache": 3}, "cache = 3 must be the path"),
        ({"replay": "no"}, "replay = 'no' must be True or False"),
    ],
)
def test_endpoints(values: dict[str, Any], says: str):
    assert_refused(lambda: Settings(**{"model": "m", "base_url": LOCAL, **values}), says)


@pytest.mark.parametrize("messages", ["hello", b"hello", Message.user("hello"), ["hello"], None])
def test_questions(messages: Any):
    with Client(Settings(model="m", base_url=LOCAL)) as client:
        assert_refused(lambda: client.ask(messages), "is no list of messages")
        assert_refused(lambda: list(client.stream(messages)), "is no list of messages")
