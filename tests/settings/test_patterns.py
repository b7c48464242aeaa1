"""Which videos a pattern fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinescribe.annotation.batch.listing import Listed
from kinescribe.annotation.batch.planning import select
from kinescribe.settings import ExtractionSettings, Overrides
from kinescribe.settings.patterns import fits

NAMES = ("a.mp4", "cam1/a.mp4", "cam1/odd[1].mp4", "cam2/deep/b.mp4")


def fitting(pattern: str, names: tuple[str, ...] = NAMES) -> list[str]:
    return [name for name in NAMES if fits(name, pattern, names)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", list(NAMES)),
        ("cam1/*", ["cam1/a.mp4", "cam1/odd[1].mp4"]),
        ("b.*", ["cam2/deep/b.mp4"]),
        ("odd[1].mp4", ["cam1/odd[1].mp4"]),
        ("cam1/odd[1].mp4", ["cam1/odd[1].mp4"]),
        ("A.mp4", []),
    ],
)
def test_paths_and_file_names_fit_and_case_counts(pattern: str, found: list[str]):
    assert fitting(pattern) == found


def test_the_whole_name_of_a_video_means_that_one_alone():
    assert fitting("a.mp4") == ["a.mp4"]
    assert fitting("a.mp4", ()) == ["a.mp4", "cam1/a.mp4"], "where the names aren't known it is a file name"


def test_settings_of_single_videos_take_a_name_with_brackets():
    rules = Overrides.read(ExtractionSettings(), [{"match": "odd[1].mp4", "one_each": True}])
    assert rules.of("cam1/odd[1].mp4").one_each
    assert not rules.of("cam1/odd1x.mp4").one_each


def test_a_name_chosen_for_a_run_chooses_that_video_alone():
    listed = [Listed(name, Path()) for name in NAMES]
    assert [video.name for video in select(listed, ["a.mp4"], None)] == ["a.mp4"]
    assert [video.name for video in select(listed[1:], ["a.mp4"], None)] == ["cam1/a.mp4"]
    assert [video.name for video in select(listed, ["cam1/*", "a.mp4"], None)] == ["a.mp4", "cam1/a.mp4", "cam1/odd[1].mp4"]
