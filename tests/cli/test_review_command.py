"""`kinescribe review`, and `--review` of the extraction: what they say, what they write, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kinescribe import States, extract_states, open_video
from kinescribe.errors import UsageError
from kinescribe.evaluation.scenes import two_pucks_collision
from kinescribe.pipeline import extract_states as run_pipeline
from kinescribe.renderers import Scene
from kinescribe.states import read


@pytest.fixture(scope="module")
def pucks(tmp_path_factory) -> tuple[Path, States]:
    """A video of two pucks and the states that extraction finds."""
    path = tmp_path_factory.mktemp("pucks") / "pucks.mp4"
    two_pucks_collision(frame_count=30).write(path)
    return path, extract_states(path)


def slipped(states: States) -> States:
    columns = {name: values.copy() for name, values in states.columns.items()}
    rows = (states["object_id"] == 1) & (states["frame"] >= 18)
    for name in ("x", "x_px"):
        columns[name][rows] += 4.0
    return States.from_columns(columns, states.meta)


def test_a_right_table(run, pucks, tmp_path):
    video, states = pucks
    states.to_csv(tmp_path / "s.csv")
    ran = run("review", video, tmp_path / "s.csv", "--strict")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "the states explain the video: 60 rows, nothing to look at\n"


def test_a_wrong_table_and_all_outputs(run, pucks, tmp_path):
    video, states = pucks
    slipped(states).to_csv(tmp_path / "s.csv")
    files = {"-o": "reviewed.csv", "--table": "review.csv", "--plot": "review.png", "--overlay": "review.mp4"}
    options = [part for option, name in files.items() for part in (option, tmp_path / name)]
    ran = run("review", video, tmp_path / "s.csv", *options)
    assert ran.code == 0
    assert "frames 18 to 29: its pixels are 4.0 px to the left" in ran.out
    assert all((tmp_path / name).stat().st_size > 0 for name in files.values())
    reviewed = read(tmp_path / "reviewed.csv")
    assert len(reviewed) == len(states)
    marked = np.array([bool(word) for word in reviewed["review"]])
    assert marked.sum() == 12
    assert (reviewed["object_id"][marked] == 1).all()
    assert reviewed["x_px"] == pytest.approx(slipped(states)["x_px"], abs=1e-5)
    again = run("review", video, tmp_path / "s.csv", *options)
    assert again.code == 2
    assert "add --overwrite to replace it" in again.err
    assert run("review", video, tmp_path / "s.csv", "--strict").code == 5


def test_json(run, pucks, tmp_path):
    video, states = pucks
    slipped(states).to_csv(tmp_path / "s.csv")
    told = json.loads(run("review", video, tmp_path / "s.csv", "--json").out)
    assert (told["rows"], told["flagged"], told["exit_code"]) == (60, 12, 0)
    assert [one["flagged"] for one in told["objects"]] == [12, 0]
    assert told["outputs"] == {"states": None, "table": None, "plot": None, "overlay": None}


def test_a_scene_from_a_folder(run, pucks, tmp_path):
    video, states = pucks
    Scene.from_video(video, states).write(tmp_path / "scene")
    slipped(states).to_csv(tmp_path / "s.csv")
    ran = run("review", video, tmp_path / "s.csv", "--scene", tmp_path / "scene", "-q")
    assert ran.code == 0
    assert "frames 18 to 29: its pixels are 4.0 px to the left" in ran.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--plot", "r.docx"], "must end in .png, .pdf, .svg"),
        (["--overlay", "r.avi"], "must end in .mp4"),
        (["--table", "r.txt"], "must end in .csv"),
        (["-o", "a.csv", "--table", "a.csv"], "is named for two outputs"),
        (["-o", "nowhere/a.csv"], "does not exist; make it first"),
    ],
)
def test_outputs_that_make_no_sense(run, pucks, tmp_path, monkeypatch, options, said):
    video, states = pucks
    monkeypatch.chdir(tmp_path)
    states.to_csv("s.csv")
    ran = run("review", video, "s.csv", *options)
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1


@pytest.fixture(scope="module")
def pictures(pucks, tmp_path_factory) -> Path:
    """Every second picture of the pucks, in a folder."""
    folder = tmp_path_factory.mktemp("pictures")
    for frame in open_video(pucks[0]):
        if frame.index % 2 == 0:
            cv2.imwrite(str(folder / f"{frame.index:03d}.png"), frame.image)
    return folder


def test_a_folder_of_pictures_has_the_interval_of_its_table(run, pictures, tmp_path):
    states = extract_states(pictures, frame_interval=0.02)
    slipped(states).to_csv(tmp_path / "s.csv")
    ran = run("review", pictures, tmp_path / "s.csv", "-q", "--overlay", tmp_path / "o.mp4")
    assert (ran.code, ran.err) == (0, "")
    times = [frame.time_s for frame in open_video(tmp_path / "o.mp4")]
    assert times == pytest.approx(list(np.unique(states["time_s"])), abs=1e-4)
    assert times[-1] > 0.25


def test_a_folder_of_pictures_whose_table_has_no_metadata(run, pictures, tmp_path):
    extract_states(pictures, frame_interval=0.02).to_csv(tmp_path / "s.csv")
    (tmp_path / "s.meta.json").unlink()
    ran = run("review", pictures, tmp_path / "s.csv", "-q")
    assert ran.code == 2
    assert "give the time between two pictures with --frame-interval SECONDS" in ran.err
    ran = run("review", pictures, tmp_path / "s.csv", "-q", "--frame-interval", "0.02")
    assert ran.code == 0
    assert ran.out.startswith("the states explain the video")
    ran = run("review", pictures, tmp_path / "s.csv", "-q", "--frame-interval", "0")
    assert ran.code == 2
    assert "--frame-interval 0 must be a number of seconds above 0" in ran.err


def test_states_of_another_video(run, pucks, tmp_path):
    _, states = pucks
    two_pucks_collision(frame_count=30, width=200, height=160).write(tmp_path / "small.mp4")
    states.to_csv(tmp_path / "s.csv")
    ran = run("review", tmp_path / "small.mp4", tmp_path / "s.csv")
    assert ran.code == 2
    assert "give the video that the table was made from" in ran.err
    assert ran.err.count("\n") == 1


def test_extraction_with_its_review(run, pucks, tmp_path):
    video, _ = pucks
    ran = run("extract", video, "-o", tmp_path / "s.csv", "--review")
    assert ran.code == 0
    assert "reviewed: no row wants a look" in ran.err
    assert read(tmp_path / "s.csv").meta.configuration["review"] is True


def test_the_pipeline_fills_the_column():
    """What comes into the picture late and goes has a row in every frame; a puck that the table can't have is told."""
    scene = two_pucks_collision(frame_count=24)
    images = scene.images()
    states = run_pipeline(images, times=scene.times, review=True)
    assert (states["review"] == "").all()
    with pytest.raises(UsageError, match="review='yes' must be True or False"):
        run_pipeline(images, times=scene.times, review="yes")
