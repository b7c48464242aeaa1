"""Some frames of a video: every n-th, from one moment to another. Rows keep the numbers and times of the video's own frames."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import kinescribe as ks
from kinescribe.annotation.exporting.export import export
from kinescribe.annotation.exporting.items import Item
from kinescribe.annotation.reporting import summarise, write_video_page
from kinescribe.cli import extract_states, main
from kinescribe.errors import UsageError
from kinescribe.evaluation import scenes
from kinescribe.renderers import draw_overlay
from kinescribe.states import Metadata, States, read, validate

FIRST, LAST, STRIDE = 7, 67, 3


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A drawn video, its scene, and the table of some of its frames with all that goes with it."""
    folder = tmp_path_factory.mktemp("stride")
    scene = scenes.two_pucks_collision(frame_count=80)
    scene.write(folder / "pucks.mp4")
    words = [str(folder / "pucks.mp4"), "-o", str(folder / "pucks.csv"), "--masks", "--overlay", str(folder / "o.mp4"), "--review", "-q"]
    code = extract_states([*words, "--plot", str(folder / "p.svg"), "--stride", "3", "--start", "7f", "--end", f"{scene.times[69]:.4f}"])
    assert code == 0
    return folder, scene, read(folder / "pucks.csv")


def test_rows_are_at_their_own_frames_of_the_video_within_the_error(made):
    _, scene, states = made
    looked_at = list(range(FIRST, LAST + 1, STRIDE))
    assert states.meta.configuration["frames_read"] == {"first": FIRST, "last": LAST, "stride": STRIDE}
    assert states.meta.configuration["stride"] == 3
    assert states.meta.configuration["start"] == "7f"
    assert states.meta.video is not None
    assert states.meta.video.frame_count == 80
    assert states.meta.time is not None
    assert states.meta.time.interval_s == pytest.approx(3 * np.median(np.diff(scene.times)), rel=1e-6)
    for truth in scene.truth.values():
        errors = []
        for i in states.object_ids:
            mine = states.of(i)
            assert mine["frame"].tolist() == looked_at
            assert np.allclose(mine["time_s"], scene.times[mine["frame"]], atol=1e-6)
            errors.append(np.hypot(*(np.stack([mine["x"], mine["y"]]) - truth.positions[mine["frame"]].T)))
        assert min(np.median(error) for error in errors) < 0.2
    assert {event.frame for event in states.meta.events} <= set(looked_at)
    assert len(states.meta.events) >= 1
    assert all(about.first_frame == FIRST and about.last_frame == LAST for about in states.meta.objects.values())
    assert not validate(made[0] / "pucks.csv")


def test_masks_bear_the_numbers_of_the_videos_frames(made):
    folder, _, states = made
    with gzip.open(folder / "pucks.masks.jsonl.gz", "rt") as lines:
        pairs = {(row["frame"], row["object_id"]) for row in map(json.loads, lines)}
    assert pairs == set(zip(states["frame"].tolist(), states["object_id"].tolist(), strict=True))


def test_overlay_and_review_show_the_frames_that_were_looked_at(made, tmp_path, capsys):
    folder, scene, states = made
    expected = scene.times[FIRST : LAST + 1 : STRIDE] - scene.times[FIRST]
    assert [frame.time_s for frame in ks.open_video(folder / "o.mp4")] == pytest.approx(expected, abs=1e-3)
    draw_overlay(ks.open_video(folder / "pucks.mp4"), states, tmp_path / "again.mp4")
    assert len(list(ks.open_video(tmp_path / "again.mp4"))) == len(expected)
    # the pucks move in the frames between, too: nobody looked there, so nothing is missed there
    assert sum(bool(word) for word in states["review"]) <= 2
    assert main(["review", str(folder / "pucks.mp4"), str(folder / "pucks.csv"), "--json", "--overlay", str(tmp_path / "r.mp4"), "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["missed"] == []
    assert len(list(ks.open_video(tmp_path / "r.mp4"))) == len(expected)


def test_a_puck_without_rows_is_missed_in_the_frames_that_were_looked_at(made):
    folder, _, states = made
    alone = States.from_columns(states.of(1).columns, states.meta.model_copy(update={"objects": {}, "events": []}))
    found = ks.review(folder / "pucks.mp4", alone)
    assert found.missed
    assert all(set(region.frames.tolist()) <= set(range(FIRST, LAST + 1, STRIDE)) for region in found.missed)


def test_curves_and_reports_have_no_holes_between_the_frames(made, tmp_path):
    folder, _, states = made
    from kinescribe.renderers.plot import _curves

    assert np.isfinite(_curves(states, 1, "").times).all()
    summary = summarise(states)
    assert summary.frames == len(range(FIRST, LAST + 1, STRIDE))
    assert [(one.gaps, one.coverage, one.coverage_of_video) for one in summary.objects] == [(0, 1.0, 1.0)] * len(summary.objects)
    write_video_page(states, ks.open_video(folder / "pucks.mp4"), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert f"frame {FIRST}" in page
    assert f"frame {LAST}" in page


def test_scene_and_rendering_follow_the_tables_times(made, tmp_path):
    folder, _, states = made
    assert main(["scene", str(folder / "pucks.mp4"), str(folder / "pucks.csv"), "-o", str(tmp_path / "scene"), "-q"]) == 0
    assert main(["render", str(folder / "pucks.csv"), "--scene", str(tmp_path / "scene"), "-o", str(tmp_path / "v.mp4"), "-q"]) == 0
    times = [frame.time_s for frame in ks.open_video(tmp_path / "v.mp4")]
    stamps = np.unique(states["time_s"])
    assert times == pytest.approx(stamps - stamps[0], abs=1e-3)


def test_data_sets_hold_no_pictures_that_nobody_looked_at(made, tmp_path):
    folder, _, _ = made
    export([Item(read(folder / "pucks.csv"), folder / "pucks.mp4", name="pucks")], tmp_path / "set", ["coco", "mot"], stride=2)
    numbers = sorted(int(path.stem[-6:]) for path in (tmp_path / "set" / "images").rglob("*.jpg"))
    assert numbers == list(range(FIRST, LAST + 1, 2 * STRIDE))


def test_what_is_foretold_from_it_is_told_for_every_frame(made):
    _, scene, states = made
    after = States.from_columns(
        {name: values[states["frame"] > 40] for name, values in states.columns.items()}, states.meta.model_copy(update={"events": []})
    )
    future = ks.predict(after, ks.fit([after], law="uniform-motion"), until=float(scene.times[75]))
    step = float(np.median(np.diff(scene.times)))
    numbers, rows = np.unique(future["frame"], return_index=True)
    assert numbers.tolist() == list(range(LAST + 1, 76))
    assert np.diff(future["time_s"][rows]) == pytest.approx(step, rel=1e-3)


def test_arrays_and_python_numbers_will_do_as_well(made):
    _, scene, _ = made
    images = scene.images()[:30]
    states = ks.extract_states(images, times=scene.times[:30], stride=2, start=float(scene.times[4]), end="25f")
    assert np.unique(states["frame"]).tolist() == list(range(4, 25, 2))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--stride", "0"], "--stride 0 must be"),
        (["--stride", "2", "--start", "1:30", "--end", "90"], "--end 90 is not after --start 1:30"),
        (["--start", "soon"], "--start 'soon' is no place in a video"),
        (["--start", "99"], "--start 99 is beyond the end of 'pucks.mp4': its last frame is 79"),
        (["--start", "20f", "--end", "21f"], "frame 20 alone of pucks.mp4 is looked at (--start 20f, --end 21f)"),
    ],
)
def test_selections_that_leave_nothing_are_one_line(made, tmp_path, capsys, flags, message):
    folder, _, _ = made
    assert extract_states([str(folder / "pucks.mp4"), "-o", str(tmp_path / "a.csv"), *flags]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert not list(tmp_path.iterdir())


def test_settings_files_may_give_moments_as_numbers(made, tmp_path, capsys):
    folder, _, _ = made
    file: Path = tmp_path / "run.toml"
    file.write_text('[extract]\nstride = 4\nstart = 1.5\nend = "75f"\n')
    assert extract_states([str(folder / "pucks.mp4"), "--config", str(file), "--print-config"]) == 0
    printed = capsys.readouterr().out
    assert "stride = 4" in printed
    assert 'start = "1.5"' in printed
    assert 'end = "75f"' in printed
    file.write_text("[extract]\nstart = true\n")
    assert extract_states([str(folder / "pucks.mp4"), "--config", str(file), "--print-config"]) == 2


def test_a_run_that_looks_at_all_frames_says_nothing_of_some(table_of):
    from kinescribe.states.frames_read import frames_read

    assert frames_read(Metadata()) is None
    with pytest.raises(UsageError, match="stride=0"):
        ks.extract_states(np.zeros((3, 8, 8, 3), np.uint8), frame_interval=0.1, stride=0)
