from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from kinescribe import states
from kinescribe.cli import extract
from kinescribe.errors import InputError, NothingFoundError


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_table_lands_in_the_current_folder_under_the_videos_name(run, stand_in):
    ran = run("extract", "elsewhere/swing.mov")
    assert ran.code == 0
    assert len(states.read("swing.states.csv")) == len(stand_in.table)
    assert sorted(path.name for path in Path().iterdir()) == ["swing.states.csv", "swing.states.meta.json"]
    assert ran.out == ""
    assert "red puck" in ran.err
    assert "wrote swing.states.csv" in ran.err


def test_extract_states_is_the_same_command(run, stand_in):
    assert run("video.mp4", "-o", "states.csv", entry=extract.main).code == 0
    assert Path("states.meta.json").exists()
    assert run("video.mp4", "--frobnicate", entry=extract.main).code == 2


def test_options_reach_the_extraction(run, stand_in):
    ran = run("extract", "v.mp4", "--objects", "red ball", "--backend", "other", "--frame-interval", "0.00417", "--masks", "-o", "a.csv")
    assert ran.code == 0
    call = stand_in.calls[0]
    assert (call["source"], call["objects"], call["backend"], call["frame_interval"]) == ("v.mp4", "red ball", "other", 0.00417)
    assert call["masks"] == Path("a.masks.jsonl.gz")
    call["progress"]("detect", 1, 2)  # stderr is no terminal here: nothing is drawn


def test_labels_are_shown_as_they_are(run, stand_in):
    columns = dict(stand_in.table.columns)
    columns["label"] = ["a [/x] [red]b"] * len(stand_in.table)
    stand_in.table = states.States.from_columns(columns, stand_in.table.meta)
    ran = run("extract", "v.mp4")
    assert ran.code == 0, ran.err
    assert "a [/x] [red]b" in ran.err


def test_a_page_on_quality(run, stand_in, drawn):
    ran = run("extract", drawn, "-o", "a.csv", "--report", "a.html", "--objects", "red puck")
    assert ran.code == 0, ran.err
    page = Path("a.html").read_text(encoding="utf-8")
    assert "red puck" in page
    assert "--objects &#39;red puck&#39;" in page  # the command that makes the table again
    assert "wrote a.html" in ran.err
    refused = run("extract", drawn, "-o", "b.csv", "--report", "b.pdf")
    assert refused.code == 2
    assert "must end in .html" in refused.err
    assert not Path("b.csv").exists()


def test_scale_gives_a_calibration_with_y_up(run, stand_in):
    run("extract", "v.mp4", "--scale", "0.30 m: 120,400 480,400", "--origin", "100,-5.5", "--angle", "90")
    calibration = stand_in.calls[0]["calibration"]
    assert (calibration.unit, calibration.y_up, calibration.origin_px) == ("m", True, (100.0, -5.5))
    assert calibration.pixels_per_unit == pytest.approx(1200)
    assert calibration.angle_rad == pytest.approx(1.5707963)


def test_csv_on_stdout_leaves_talk_to_stderr(run, stand_in):
    ran = run("extract", "v.mp4", "-o", "-")
    assert len(rows(ran.out)) == len(stand_in.table)
    assert ran.out.startswith("frame,time_s,object_id")
    assert "red puck" in ran.err
    assert not list(Path().iterdir())


def test_json_summary(run, stand_in):
    ran = run("extract", "v.mp4", "--json", "--quiet")
    summary = json.loads(ran.out)
    assert ran.err == ""
    assert [item["label"] for item in summary["objects"]] == list(stand_in.table.labels.values())
    assert summary["objects"][0]["frames"] == 12
    assert summary["objects"][0]["sigma"] == pytest.approx(0.1)
    assert summary["outputs"]["states"] == "v.states.csv"
    assert (summary["exit_code"], summary["partial"], summary["unit"]) == (0, None, "px")


def test_path_length_is_that_of_the_truth(run, stand_in):
    columns = stand_in.table.of(1).columns
    steps = [
        ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        for x0, y0, x1, y1 in zip(columns["x"], columns["y"], columns["x"][1:], columns["y"][1:], strict=False)
    ]
    summary = json.loads(run("extract", "v.mp4", "--json").out)
    assert summary["objects"][0]["path_length"] == pytest.approx(sum(steps))


def test_quiet_prints_nothing(run, stand_in):
    ran = run("extract", "v.mp4", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_overlay_and_plot_are_written(run, stand_in, drawn):
    ran = run("extract", drawn, "-o", "s.csv", "--overlay", "o.mp4", "--plot", "p.png")
    assert ran.code == 0, ran.err
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in Path().iterdir()) == ["o.mp4", "p.png", "s.csv", "s.meta.json"]


@pytest.mark.parametrize("name", ["v.states.csv", "v.states.meta.json", "v.states.masks.jsonl.gz", "o.mp4", "p.png"])
def test_no_output_is_replaced_unasked(run, stand_in, name):
    Path(name).write_text("precious")
    ran = run("extract", "v.mp4", "--masks", "--overlay", "o.mp4", "--plot", "p.png")
    assert ran.code == 2
    assert f"'{name}' exists; add --overwrite" in ran.err
    assert Path(name).read_text() == "precious"
    assert not stand_in.calls, "refused only after the work was done"


def test_overwrite_replaces(run, stand_in):
    Path("v.states.csv").write_text("old")
    assert run("extract", "v.mp4", "--overwrite").code == 0
    assert len(states.read("v.states.csv")) == len(stand_in.table)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "no/such/folder/s.csv"], "the folder 'no/such/folder'"),
        (["-o", "/proc/s.csv"], "the folder '/proc' of the output '/proc/s.csv' can't be written"),
        (["-o", "s.txt"], "must end in .csv"),
        (["-o", "."], "must end in .csv"),
        (["--overlay", "o.avi"], "must end in .mp4"),
        (["--plot", "p.xyz"], "must end in .png"),
        (["--plot", "p.png", "--overlay", "v.mp4"], "is the video itself"),
        (["-o", "-", "--json"], "both write to stdout"),
        (["--frame-interval", "0"], "--frame-interval 0 must be"),
        (["--frame-interval", "nan"], "--frame-interval nan must be"),
        (["--frame-interval", "fast"], "--frame-interval 'fast': "),
        (["--frame-interval=fast"], "--frame-interval 'fast': "),
        (["--unit", "m"], "needs a scale"),
        (["--pixels-per-unit", "100"], "needs its unit"),
        (["--scale", "0.3 m: 1,2"], "'0.3 m: 1,2'"),
        (["--origin", "here"], "'here'"),
        (["--ovrlay", "o.mp4"], "unknown option '--ovrlay'; did you mean '--overlay'?"),
        (["second.mp4"], "one video at a time, and 'second.mp4' is more; for many: kinescribe annotate"),
        (["-dash.mp4"], "unknown option '-dash.mp4'; a file? write './-dash.mp4'"),
        (["--dash.mp4"], "unknown option '--dash.mp4'; a file? write './--dash.mp4'"),
        (["-z"], "unknown option '-z'; 'kinescribe extract --help'"),
        (["--stride", "1.5"], "--stride '1.5': not a whole number; 'kinescribe extract --help'"),
        (["--pixels-per-unit", "abc"], "--pixels-per-unit 'abc': not a number; "),
    ],
)
def test_usage_errors_are_one_line_before_the_work(run, stand_in, arguments, message):
    ran = run("extract", "v.mp4", *arguments)
    assert ran.code == 2
    assert ran.err.startswith("kinescribe: error: ")
    assert ran.err.count("\n") == 1
    assert message in ran.err
    assert not stand_in.calls
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("no file 'v.mp4'"), 3, "kinescribe: error: no file 'v.mp4'\n"),
        (NothingFoundError("nothing moves in 'v.mp4'"), 4, "kinescribe: error: nothing moves in 'v.mp4'\n"),
        (KeyboardInterrupt(), 130, "kinescribe: interrupted"),
        (ZeroDivisionError("division\nby zero"), 1, "kinescribe: error: unexpected ZeroDivisionError: division by zero"),
    ],
)
def test_failures_end_with_their_code_and_leave_nothing(run, stand_in, error, code, line):
    stand_in.error = error
    ran = run("extract", "v.mp4")
    assert ran.code == code
    assert ran.err.startswith(line)
    assert ran.err.count("\n") == 1
    assert not list(Path().iterdir())


def test_debug_shows_the_traceback(run, stand_in):
    stand_in.error = InputError("no file 'v.mp4'")
    ran = run("extract", "v.mp4", "--debug")
    assert ran.code == 3
    assert "Traceback" in ran.err
    assert ran.err.endswith("kinescribe: error: no file 'v.mp4'\n")


def test_partial_video_gives_its_rows_and_exit_5(run, stand_in):
    stand_in.table.meta.partial = "broke off after frame 11"
    ran = run("extract", "v.mp4", "--quiet")
    assert ran.code == 5
    assert ran.err == "kinescribe: partial: broke off after frame 11\n"
    assert states.read("v.states.csv").meta.partial == "broke off after frame 11"


def test_warnings_are_told_and_count_only_under_strict(run, stand_in):
    stand_in.table.meta.warnings.append("the camera moves")
    ran = run("extract", "v.mp4", "--quiet")
    assert (ran.code, ran.err) == (0, "kinescribe: warning: the camera moves\n")
    assert run("extract", "v.mp4", "--quiet", "--overwrite", "--strict").code == 5


def test_folder_of_images_gives_its_name(run, stand_in):
    Path("run.2").mkdir()
    assert run("extract", "run.2/", "--quiet").code == 0
    assert Path("run.2.states.csv").exists()
