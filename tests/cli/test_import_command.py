from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kinescribe.annotation import export
from kinescribe.evaluation.scenes import falling_ball
from kinescribe.states import read, sidecar_path
from kinescribe.video import open_video

FRAMES = 12
ROWS = "frame,particle,x,y\n" + "".join(f"{k},0,{3 * k},{k * k}\n" for k in range(8))


@pytest.fixture
def tracks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trackpy table, in an empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "drops.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of a ball that falls, with uneven time stamps at its end."""
    path = tmp_path_factory.mktemp("film") / "ball.mp4"
    falling_ball(frame_count=FRAMES, frame_rate=25.0, width=160, height=120).write(path)
    return path


def coco(path: Path, names: tuple[str, ...], lonely: tuple[str, ...] = ()) -> Path:
    """Tracks of several videos of three frames in one file; those in `lonely` have no annotation."""
    images = [
        {"id": 10 * v + k, "video_id": v, "frame_id": k, "file_name": f"{v}_{k}.jpg", "width": 64, "height": 48}
        for v in range(len(names))
        for k in range(6)
    ]
    notes = [
        {"id": n, "image_id": image["id"], "track_id": 1, "category_id": 1, "bbox": [2 * image["frame_id"], 5, 4, 4]}
        for n, image in enumerate(images)
        if names[image["video_id"]] not in lonely
    ]
    videos = [{"id": v, "name": name} for v, name in enumerate(names)]
    data = {"videos": videos, "images": images, "annotations": notes, "categories": [{"id": 1, "name": "thing"}]}
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_tracks_become_a_table_that_is_valid(run, tracks):
    ran = run("import", tracks, "--frame-interval", "0.1", "-o", "out.csv")
    assert ran.code == 0, ran.err
    assert "object 0 'particle 0': 8 rows, 8 observed" in ran.err
    assert "from trackpy, in px; wrote out.csv" in ran.err
    states = read("out.csv")
    assert states["x"].tolist() == [3.0 * k for k in range(8)]
    assert states["time_s"].tolist() == pytest.approx([0.1 * k for k in range(8)])
    assert np.isfinite(states["vx"]).all()
    assert run("validate", "out.csv").code == 0


def test_table_is_named_after_the_file(run, tracks):
    assert run("import", tracks, "--frame-interval", "0.1").code == 0
    assert Path("drops.states.csv").exists()
    assert Path("drops.states.meta.json").exists()


def test_options_reach_the_importer(run, tracks):
    words = ["--pixels-per-unit", "2", "--unit", "cm", "--origin", "1,0", "--first-frame", "0", "--no-smooth", "--format", "trackpy"]
    assert run("import", tracks, "--frame-interval", "0.5", *words, "-o", "out.csv").code == 0
    states = read("out.csv")
    assert states.unit == "cm"
    assert states["x"].tolist() == [(3 * k - 1) / 2 for k in range(8)]
    assert states["y"].tolist() == pytest.approx([-k * k / 2 for k in range(8)])
    assert np.isnan(states["vx"]).all()


def test_unit_alone_is_that_of_a_tool_with_a_world_of_its_own(run, tracks):
    tracks.write_text("t,x,y\n0,1,2\n1,2,3\n", encoding="utf-8")
    assert run("import", tracks, "--unit", "m", "-o", "out.csv").code == 0
    assert read("out.csv").unit == "m"


def test_scores_and_encoding(run, tracks):
    tracks.write_bytes("scorer,s,s,s\nbodyparts,nä,nä,nä\ncoords,x,y,likelihood\n0,1,1,0.5\n1,2,2,0.9\n".encode("cp1252"))
    words = ["import", tracks, "--frame-interval", "1", "-o", "out.csv"]
    assert run(*words).code == 3
    ran = run(*words, "--encoding", "cp1252")
    assert ran.code == 0
    assert "--least-score moves that limit" in ran.err
    assert run(*words, "--encoding", "cp1252", "--least-score", "0.4", "--overwrite").code == 0
    assert read("out.csv").labels == {1: "nä"}
    assert len(read("out.csv")) == 2


def test_json_tells_what_was_written(run, tracks):
    ran = run("import", tracks, "--frame-interval", "0.1", "-o", "out.csv", "--json", "-q")
    told = json.loads(ran.out)
    assert ran.err == ""
    assert told["exit_code"] == 0
    (table,) = told["tables"]
    assert (table["table"], table["sidecar"], table["rows"]) == ("out.csv", "out.meta.json", 8)
    assert table["imported"]["format"] == "trackpy"


def test_table_to_stdout(run, tracks):
    ran = run("import", tracks, "--frame-interval", "0.1", "-o", "-", "-q")
    assert ran.out.startswith("frame,time_s,object_id,")
    assert ran.out.count("\n") == 9
    assert list(tracks.parent.iterdir()) == [tracks]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--frame-interval", "0.1", "-o", "-", "--json"], 2, "both write to stdout"),
        (["-o", "out.csv"], 2, "give --video, whose time stamps then count, or --frame-interval in seconds"),
        (["--frame-interval", "0.1", "-o", "out.txt"], 2, "'out.txt' must end in .csv"),
        (["--frame-interval", "0.1", "-o", "none/out.csv"], 2, "the folder 'none'"),
        (["--frame-interval", "0.1", "-o", "drops.csv", "--overwrite"], 2, "is the file of tracks itself"),
        (["--frame-interval", "0", "-o", "out.csv"], 2, "--frame-interval 0: it must be seconds"),
        (["--frame-interval", "0.1", "--only", "x", "-o", "out.csv"], 2, "--only x: none but COCO files hold several videos"),
        (["--frame-interval", "0.1", "--unit", "m", "-o", "out.csv"], 2, "unit 'm' needs a scale: give --scale"),
        (["--frame-interval", "0.1", "--format", "tracpy", "-o", "out.csv"], 2, "did you mean 'trackpy'"),
        (["--frame-interval", "0.1", "--format", "cvat", "-o", "out.csv"], 3, "drops.csv"),
        (["--frame-interval", "0.1", "--first-frame", "3", "-o", "out.csv"], 3, "give --first-frame that number"),
        (["--video", "none.mp4", "-o", "out.csv"], 3, "'none.mp4' doesn't exist"),
        (["--frame-interval", "0.1", "--only", "x", "-o", "new/"], 2, "--only x: none but COCO"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line_and_leaves_nothing(run, tracks, words, code, told):
    ran = run("import", tracks, *words)
    assert ran.code == code, ran.err
    assert told in ran.err
    assert ran.err.count("\n") == 1
    assert list(tracks.parent.iterdir()) == [tracks]


def test_outputs_are_checked_before_the_work(run, tracks):
    Path("out.csv").write_text("mine", encoding="utf-8")
    tracks.write_text("nothing that anybody could read", encoding="utf-8")
    ran = run("import", tracks, "-o", "out.csv")
    assert (ran.code, "'out.csv' exists; add --overwrite" in ran.err) == (2, True)
    assert Path("out.csv").read_text(encoding="utf-8") == "mine"


def test_several_videos_want_a_choice(run, tracks):
    path = coco(tracks.parent / "all.json", ("a", "b c"))
    ran = run("import", path, "--frame-interval", "0.1", "-o", "out.csv")
    assert ran.code == 2
    assert "holds 2 videos: 'a', 'b c': choose one with --only" in ran.err
    assert run("import", path, "--frame-interval", "0.1", "--only", "b c", "-o", "out.csv").code == 0
    assert read("out.csv").meta.video.name == "b c"


def test_a_folder_gets_a_table_for_each_video(run, tracks):
    path = coco(tracks.parent / "all.json", ("a", "b/c", "nobody"), lonely=("nobody",))
    ran = run("import", path, "--frame-interval", "0.1", "-o", "tables/", "--json")
    assert ran.code == 0, ran.err
    assert "left out: " in ran.err
    made = sorted(each.name for each in Path("tables").iterdir() if each.suffix == ".csv")
    assert len(made) == 2
    assert {read(Path("tables") / name).meta.video.name for name in made} == {"a", "b/c"}
    told = json.loads(ran.out)
    assert [each["only"] for each in told["tables"]] == ["a", "b/c"]
    assert len(told["left_out"]) == 1
    again = run("import", path, "--frame-interval", "0.1", "-o", "tables/")
    assert (again.code, "exists; add --overwrite" in again.err) == (2, True)
    strict = run("import", path, "--frame-interval", "0.1", "-o", "tables", "--overwrite", "--strict")
    assert strict.code == 5


def test_several_videos_have_no_one_video(run, tracks, film):
    path = coco(tracks.parent / "all.json", ("a", "b"))
    ran = run("import", path, "--video", film, "-o", "tables/")
    assert (ran.code, "choose one with --only" in ran.err) == (2, True)
    assert not Path("tables").exists()


def test_the_video_gives_times_and_provenance(run, tracks, film):
    assert run("import", tracks, "--video", film, "-o", "out.csv").code == 0
    states, video = read("out.csv"), open_video(film)
    stamps = [frame.time_s for frame in video]
    assert states["time_s"].tolist() == pytest.approx(stamps[:8], abs=1e-9)
    assert states.meta.video.sha256 == video.info.sha256
    assert states.meta.video.frame_count == FRAMES
    assert states.meta.time.overridden is False
    slowed = run("import", tracks, "--video", film, "--frame-interval", "0.5", "-o", "slow.csv")
    assert slowed.code == 0
    assert read("slow.csv")["time_s"].tolist() == [0.5 * k for k in range(8)]


def test_another_video_than_that_of_the_tracks_is_refused(run, tracks, film):
    path = coco(tracks.parent / "one.json", ("a",))
    ran = run("import", path, "--video", film, "-o", "out.csv")
    assert ran.code == 3
    assert "of 64 x 48 pixels ('a'), and 'ball.mp4' has 160 x 120" in ran.err
    tracks.write_text(ROWS + "12,0,1,1\n", encoding="utf-8")
    late = run("import", tracks, "--video", film, "-o", "out.csv")
    assert late.code == 3
    assert "frame 12 is not in 'ball.mp4', which has 12" in late.err


def test_corrected_cvat_comes_back(run, tracks, film, table_of):
    states = table_of(falling_ball(frame_count=FRAMES, frame_rate=25.0, width=160, height=120))
    export([(states, film, None)], "set", ["cvat"], stride=0)
    xml = Path("set/cvat/ball.xml")
    text = xml.read_text(encoding="utf-8")
    xml.write_text(text.replace('label="red ball"', 'label="egg"'), encoding="utf-8")
    ran = run("import", xml, "--video", film, "-o", "corrected.csv")
    assert ran.code == 0, ran.err
    assert read("corrected.csv").labels == {1: "egg"}
    assert read("corrected.csv").meta.video.name == "ball.mp4"
    assert sidecar_path(Path("corrected.csv")).exists()
