"""`kinescribe annotate`: what it takes, what it prints, and how it ends."""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from annotation.batch.tiny_videos import age, draw, draw_folder, leftovers, tree_of

from kinescribe.annotation.batch import annotating, status
from kinescribe.annotation.batch.engines import LocalEngine
from kinescribe.cli import annotate_dataset

Run = Callable[..., Any]
CODE = "import sys; from kinescribe.cli import main; sys.exit(main())"
SLOW = """
import os, signal, time
from pathlib import Path
from kinescribe.perception.classical import ClassicalDetector


class Slow(ClassicalDetector):
    def prepare(self, video, phrases):
        if video.info.name.startswith("slow"):
            (Path(os.environ["MARKS"]) / f"pid-{os.getpid()}").touch()
            time.sleep(1000)
        return super().prepare(video, phrases)
"""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips and one that is no video."""
    folder = draw_folder(tmp_path_factory.mktemp("clips") / "videos", 2)
    (folder / "bad [red].mp4").write_text("no video")
    age(folder / "bad [red].mp4")
    return folder


@pytest.fixture(scope="module")
def made(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A whole run in a process of its own, without a terminal."""
    folder = tmp_path_factory.mktemp("made") / "data set"
    command = [sys.executable, "-c", CODE, "annotate", str(clips), "-o", str(folder), "--format", "mot", "--json"]
    return folder, subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_run_ends_with_5_where_a_video_failed_and_prints_pure_json_on_stdout(made: tuple[Path, subprocess.CompletedProcess[str]]):
    folder, ran = made
    assert ran.returncode == 5
    told = json.loads(ran.stdout)
    assert (told["videos"], told["done"], told["failed"], told["exit_code"]) == (3, 2, 1, 5)
    (row,) = told["not_whole"]
    assert (row["video"], row["state"], row["kind"]) == ("bad [red].mp4", "failed", "unreadable")
    assert told["export"]["rows"] == 24
    assert Path(told["report"]) == folder / "report.html"
    assert Path(told["report"]).exists()


def test_without_a_terminal_it_tells_a_line_a_video_and_no_control_characters(made: tuple[Path, subprocess.CompletedProcess[str]]):
    folder, ran = made
    assert "\x1b" not in ran.stderr
    assert "\r" not in ran.stderr
    lines = ran.stderr.splitlines()
    assert re.fullmatch(r"3 of 3 videos to do, \d+ at a time", lines[0])
    assert [line.split("]")[0] for line in lines[1:4]] == ["[1/3", "[2/3", "[3/3"]
    assert sum("bad [red].mp4: unreadable: " in line for line in lines[1:4]) == 1
    assert sum(bool(re.search(r"clip-00\d\.mp4: 1 object, \d", line)) for line in lines[1:4]) == 2
    assert "writing the data set" in lines
    assert "writing the report" in lines
    assert "--retry-failed tries those that failed again" in lines
    assert "bad [red].mp4" in ran.stderr.split("writing the report")[1]
    assert f"tables are in '{folder}', one folder a video" in ran.stderr  # to be copied, though there is a space in it


def test_the_status_of_it_is_told_for_people_and_for_programs(made: tuple[Path, subprocess.CompletedProcess[str]], run: Run):
    folder, _ = made
    ran = run("annotate", "status", folder)
    assert ran.code == 5
    assert ran.out.splitlines()[0] == "2 done, 1 failed; no run is at it"
    assert "bad [red].mp4" in ran.out
    assert "\x1b" not in ran.out
    ran = run("annotate", "status", folder, "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["exit_code"], told["states"], told["running"]) == (5, 5, {"done": 2, "failed": 1}, False)
    assert [row["video"] for row in told["wanting"]] == ["bad [red].mp4"]


@pytest.mark.parametrize(("name", "says"), [("missing", "is not there"), (".", "holds no data set"), ("file.txt", "is not there|holds no")])
def test_the_status_of_what_is_no_data_set_is_refused(run: Run, tmp_path: Path, name: str, says: str):
    (tmp_path / "file.txt").write_text("x")
    ran = run("annotate", "status", tmp_path / name)
    assert ran.code == 3
    assert re.search(says, ran.err)
    assert len(ran.err.strip().splitlines()) == 1
    assert not (tmp_path / ".kinescribe").exists()


def test_the_status_wants_one_folder(run: Run, tmp_path: Path):
    for folders in ([], [tmp_path, tmp_path]):
        ran = run("annotate", "status", *folders)
        assert (ran.code, ran.out) == (2, "")
        assert "kinescribe annotate status DATASET" in ran.err


def test_going_on_where_nothing_is_to_do_does_nothing(made: tuple[Path, subprocess.CompletedProcess[str]], clips: Path, run: Run):
    folder, ran = made
    before = tree_of(folder)
    ran = run("annotate", clips, "-o", folder, "--format", "mot", "--json", "--only", "clip-*")
    told = json.loads(ran.out)
    assert ran.code == 0
    assert (told["videos"], told["done"], told["unchanged"], told["failed"]) == (2, 0, 2, 0)
    assert "videos to do" not in ran.err
    assert tree_of(folder) == before


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are others there")
def test_on_a_terminal_there_are_bars_and_names_are_shown_as_they_are(clips: Path, tmp_path: Path):
    import pty

    videos = tmp_path / "videos"
    videos.mkdir()
    for name, source in (("[red]a[bold].mp4", "clip-000.mp4"), ("[nope.mp4", "bad [red].mp4"), ("esc\x1b[31mx.mp4", "bad [red].mp4")):
        (videos / name).write_bytes((clips / source).read_bytes() + name.encode())
    command = [sys.executable, "-c", CODE, "annotate", str(videos), "-o", str(tmp_path / "out"), "--no-report", "--workers", "1"]
    here, there = pty.openpty()
    with subprocess.Popen(command, stderr=there, env={**os.environ, "COLUMNS": "120", "TERM": "xterm"}) as process:
        os.close(there)
        shown = b""
        with contextlib.suppress(OSError):  # as it ends
            while piece := os.read(here, 65536):
                shown += piece
    os.close(here)
    text = shown.decode("utf-8", "replace")
    assert process.returncode == 5
    assert "\x1b[?25l" in text  # the cursor is hidden while bars are shown, and comes back
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert "[red]a[bold].mp4" in text
    assert "[nope.mp4: unreadable" in text
    assert "\x1b[31mx" not in text


def test_quiet_prints_warnings_and_errors_alone(clips: Path, run: Run, tmp_path: Path):
    config = tmp_path / "run.toml"
    config.write_text('[[videos]]\nmatch = "nothing-*"\nobjects = "ball"\n')
    arguments = ["annotate", clips, "-o", tmp_path / "out", "-q", "--no-report", "--only", "clip-000.mp4", "--config", config]
    ran = run(*arguments)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "kinescribe: warning: 'nothing-*' of the configuration fits no video\n"
    ran = run(*arguments, "--strict")
    assert ran.code == 5
    ran = run(*arguments, "--strict", "--json")
    assert (json.loads(ran.out)["exit_code"], json.loads(ran.out)["unchanged"]) == (5, 1)


def test_annotate_dataset_is_the_same_command(clips: Path, run: Run, tmp_path: Path):
    ran = run(clips, "-o", tmp_path / "out", "--no-report", "--only", "clip-000.mp4", "-q", "--workers", "1", entry=annotate_dataset)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert sorted(path.name for path in (tmp_path / "out" / "states").iterdir()) == ["clip-000.mp4"]
    ran = run("status", tmp_path / "out", entry=annotate_dataset)
    assert (ran.code, ran.out) == (0, "1 done; no run is at it\n")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--workers", "0"], 2, r"--workers 0 must be a whole number from 1"),
        (["--workers", "many"], 2, r"--workers 'many' must be a whole number from 1, or 'auto'"),
        (["--workers", "1.5"], 2, r"--workers '1\.5'"),
        (["--threads", "0"], 2, r"--threads 0"),
        (["--threads", "9" * 20], 2, r"--threads 9+ must be"),
        (["--shard", "0/3"], 2, r"--shard '0/3' must be I/N"),
        (["--shard", "4/3"], 2, r"--shard '4/3'"),
        (["--shard", "3"], 2, r"--shard '3'"),
        (["--split", "train=0.5,val=0.2"], 2, r"the fractions sum to 0\.7; they must sum to 1"),
        (["--split", "half"], 2, r"--split 'half' must be fractions, such as train=0\.8"),
        (["--split", "train=0.5,train=0.5"], 2, r"--split .* must be fractions"),
        (["--max-memory", "4"], 2, r"--max-memory '4' must be a size with its unit"),
        (["--max-memory", "1KB"], 2, r"--max-memory '1KB' must be 64MB or more"),
        (["--max-memory", "lots"], 2, r"--max-memory 'lots'"),
        (["--class", "ball"], 2, r"--class 'ball' must be LABEL=NAME"),
        (["--class", "a=x:0", "--class", "b=y:2"], 2, r"must count from 0, each once; no class has number 1"),
        (["--class", "a=x", "--class", "a=y"], 2, r"'a' has a class already"),
        (["--format", "coc"], 2, r"did you mean 'coco'"),
        (["--format", ","], 2, r"--format \[\] must be a list of names"),
        (["--timeout", "-1"], 2, r"--timeout -1"),
        (["--timeout", "nan"], 2, r"--timeout nan"),
        (["--timeout", "soon"], 2, r"--timeout 'soon'"),
        (["--retries", "-1"], 2, r"--retries -1"),
        (["--picture-stride", "-2"], 2, r"--picture-stride -2 must be a whole number"),
        (["--pictures", "bmp"], 2, r"unknown picture format 'bmp'; available: jpg, png"),
        (["--engine", "rai"], 2, r"did you mean 'ray'"),
        (["--address", "auto"], 2, r"--engine ray"),
        (["--only", "nothing-*"], 2, r"--only 'nothing-\*' fits none of the 3 videos"),
        (["--detector", "clasical"], 2, r"did you mean 'classical'"),
        (["--worker", "2"], 2, r"did you mean '--workers'"),
        (["--config", "missing.toml"], 3, r"missing\.toml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_option_is_told_in_one_line_before_anything_is_done(
    clips: Path, run: Run, tmp_path: Path, options: list[str], code: int, says: str
):
    ran = run("annotate", clips, "-o", tmp_path / "out", *options)
    assert (ran.code, ran.out) == (code, ""), ran.err
    (line,) = ran.err.strip().splitlines()
    assert line.startswith("kinescribe: error: ")
    assert re.search(says, line), line
    assert not (tmp_path / "out" / "states").exists()


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [("missing", 3, "can't be read"), ("missing/*.mp4", 3, "nothing matches"), ("empty", 4, "no videos"), ("x" * 5000, 3, "can't be read")],
)
def test_a_source_without_videos_is_told_by_its_exit_code(run: Run, tmp_path: Path, source: str, code: int, says: str):
    (tmp_path / "empty").mkdir()
    ran = run("annotate", tmp_path / source, "-o", tmp_path / "out", "--json")
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_without_an_output_it_asks_for_one(clips: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    ran = run("annotate", clips)
    assert ran.code == 2
    assert "-o dataset/" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_options_come_from_a_file_and_are_printed_as_one(clips: Path, run: Run, tmp_path: Path):
    config = tmp_path / "run.toml"
    config.write_text(
        '[annotate]\noutput = "from-file"\nformat = ["coco", "mot"]\nworkers = "1"\nsplit = "train=1"\n'
        '[extract]\nobjects = "ball"\n[[videos]]\nmatch = "clip-001.mp4"\nobjects = "puck"\n'
    )
    ran = run("annotate", clips, "--config", config, "--print-config", "--timeout", "9")
    assert (ran.code, ran.err) == (0, "")
    printed = tomllib.loads(ran.out)
    assert printed["annotate"]["timeout"] == 9
    assert printed["annotate"]["workers"] == "1"
    assert printed["annotate"]["split"] == "train=1"
    assert printed["extract"]["objects"] == "ball"
    assert [(one["match"], one["objects"]) for one in printed["videos"]] == [("clip-001.mp4", "puck")]
    # what was printed is such a file
    (tmp_path / "printed.toml").write_text(ran.out)
    again = run("annotate", clips, "--config", tmp_path / "printed.toml", "--print-config")
    assert tomllib.loads(again.out) == printed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[annotate]\nworkrs = 2\n", "did you mean 'workers'"),
        ("[anotate]\nworkers = 2\n", "did you mean 'annotate'"),
        ("[extract]\nobjcts = 'ball'\n", "did you mean 'objects'"),
        ("[[videos]]\nmatch = '*'\nobjcts = 'ball'\n", "did you mean 'objects'"),
        ("[annotate]\nworkers = [1]\n", "workers"),
        ("[annotate\n", "run.toml"),
    ],
)
def test_a_file_with_an_unknown_key_is_refused_with_the_nearest(clips: Path, run: Run, tmp_path: Path, text: str, says: str):
    (tmp_path / "run.toml").write_text(text)
    ran = run("annotate", clips, "-o", tmp_path / "out", "--config", tmp_path / "run.toml")
    assert ran.code in (2, 3)
    assert says in ran.err
    assert "run.toml" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_settings_of_single_videos_hold_for_these(clips: Path, run: Run, tmp_path: Path):
    (tmp_path / "run.toml").write_text('[extract]\nobjects = "ball"\n[[videos]]\nmatch = "clip-001.mp4"\nobjects = "puck"\n')
    ran = run("annotate", clips, "-o", tmp_path / "out", "--no-report", "-q", "--only", "clip-*", "--config", tmp_path / "run.toml")
    assert ran.code == 0, ran.err
    for name, label in (("clip-000.mp4", "ball"), ("clip-001.mp4", "puck")):
        assert f",{label}" in (tmp_path / "out" / "states" / name / "states.csv").read_text().splitlines()[1]


def _workers_of(marks: Path) -> list[int]:
    return [int(path.name.removeprefix("pid-")) for path in marks.glob("pid-*")]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")
@pytest.mark.parametrize("how", ["SIGINT", "timeout"])
def test_a_run_that_is_interrupted_or_held_up_keeps_what_is_done_and_goes_on_the_next_time(tmp_path: Path, how: str):
    """One video never ends: Ctrl-C stops the run, --timeout that video alone."""
    installed, videos, out = tmp_path / "installed", tmp_path / "videos", tmp_path / "out"
    installed.mkdir()
    (installed / "slowness.py").write_text(SLOW)
    info = installed / "slowness-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slowness\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kinescribe.detectors]\nslow = slowness:Slow\n")
    draw_folder(videos, 1)
    draw(videos / "slow.mp4", 5)
    environment = {**os.environ, "PYTHONPATH": f"{installed}{os.pathsep}{os.environ.get('PYTHONPATH', '')}", "MARKS": str(tmp_path)}
    command = [sys.executable, "-c", CODE, "annotate", str(videos), "-o", str(out), "--no-report", "--workers", "1", "--detector", "slow"]
    if how == "timeout":
        first = [*command, "--only", "clip-000.mp4"]  # without a limit: a slow machine may need long for it
        assert subprocess.run(first, capture_output=True, env=environment, check=False).returncode == 0
        ran = subprocess.run([*command, "--timeout", "6"], capture_output=True, text=True, env=environment, check=False)
        assert ran.returncode == 5
        assert "slow.mp4: timeout: not done after 6 s; give --timeout more seconds, or look at the video" in ran.stderr
        assert dict(status(out).states) == {"done": 1, "failed": 1}
    else:
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True) as process:
            end = time.monotonic() + 60
            while not _workers_of(tmp_path) and time.monotonic() < end:
                time.sleep(0.05)
            found = status(out)
            assert (dict(found.states), found.running) == ({"done": 1, "running": 1}, True)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err.splitlines()[-1] == "kinescribe: interrupted; unfinished outputs were removed, finished ones stay"
        found = status(out)
        assert (dict(found.states), found.running) == ({"done": 1, "queued": 1}, False)
    (pid,) = _workers_of(tmp_path)
    assert not psutil.pid_exists(pid)
    assert leftovers(out) == []
    if how == "timeout":
        return
    draw(videos / "slow.mp4", 6)
    (videos / "slow.mp4").rename(videos / "quick.mp4")
    ran = subprocess.run([*command, "--json"], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["videos"], told["done"], told["unchanged"]) == (2, 1, 1)


def test_two_runs_at_once_the_second_says_so_and_ends_with_2(clips: Path, run: Run, tmp_path: Path):
    from kinescribe.annotation.batch.locking import locked

    inner = tmp_path / "out" / ".kinescribe"
    inner.mkdir(parents=True)
    with locked(inner):
        ran = run("annotate", clips, "-o", tmp_path / "out")
        assert run("annotate", "status", tmp_path / "out").code == 3  # it has no manifest yet
    assert (ran.code, ran.out) == (2, "")
    assert f"another run is writing '{tmp_path / 'out'}' (process {os.getpid()} on " in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_the_page_has_the_command_of_this_call_with_what_variables_said_and_no_password(
    clips: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("jinja2", reason="needs jinja2: pip install 'kinescribe[report]'")
    monkeypatch.setattr(sys, "argv", ["-c", "--nothing"])
    monkeypatch.setenv("KINESCRIBE_FRAME_INTERVAL", "0.04")
    output = tmp_path / "out"
    monkeypatch.setattr(annotating, "_engine", lambda how, setups, names: LocalEngine(1, how.limits(1)))
    (tmp_path / "run.toml").write_text('[extract]\none_each = true\n[annotate]\nengine = "ray"\nexchange = "sftp://me:secret@host/x"\n')
    options = ["--only", "clip-000.mp4", "-q", "--workers", "1", "--timeout", "77", "--config", tmp_path / "run.toml"]
    ran = run("annotate", clips, "-o", output, "--label", "a b", *options)
    assert ran.code == 0, ran.err
    page = html.unescape((output / "report.html").read_text(encoding="utf-8"))
    asked = "--one-each --frame-interval 0.04 --workers 1 --timeout 77 --engine ray --exchange 'sftp://…@host/x' --label 'a b'"
    assert f"kinescribe annotate {clips} -o {output} --format states {asked}" in page
    assert f"{asked} --only clip-000.mp4 --redo" in page
    assert "--nothing" not in page
    for path in output.rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes(), path


def test_options_of_formats_without_a_format_are_noted(clips: Path, run: Run, tmp_path: Path):
    ran = run("annotate", clips, "-o", tmp_path / "out", "--no-report", "--only", "clip-000.mp4", "--split", "0.5,0.5", "--hidden")
    assert ran.code == 0, ran.err
    assert "kinescribe: note: --split, --hidden: this says what goes into formats, and none is asked for: give --format" in ran.err
    ran = run("annotate", clips, "-o", tmp_path / "out", "--no-report", "--only", "clip-000.mp4", "--format", "mot", "--hidden")
    assert "none is asked for" not in ran.err


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('class = {"*ball*" = "ball", "cart" = "cart"}', ["*ball*=ball", "cart=cart"]),
        ('class = {"*ball*" = ["ball", 0], "shadow*" = false, "=" = ""}', ["*ball*=ball:0", "shadow*=", "=="]),
        ('[annotate.class]\n"a b" = "c d:1"', ["a b=c d:1"]),
        ('class = ["a=b"]', ["a=b"]),
    ],
)
def test_classes_may_stand_in_a_file_as_a_table(run: Run, tmp_path: Path, text: str, found: list[str]):
    (tmp_path / "run.toml").write_text(f"[annotate]\n{text}\n")
    ran = run("annotate", "videos", "--config", tmp_path / "run.toml", "--print-config")
    assert (ran.code, ran.err) == (0, "")
    assert tomllib.loads(ran.out)["annotate"]["class"] == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("class = {a = 3}", "class: 'a' = 3 must be a text without '=', or false to leave it out"),
        ("class = {a = true}", "class: 'a' = true must be"),
        ('class = {a = "b=c"}', "class: 'a' = 'b=c' must be"),
        ("class = {a = [1, 2]}", "class: 'a' = a list must be"),
        ('only = {a = "b"}', "only = a table must be texts or numbers"),
        ('output = {a = "b"}', "output = a table must be"),
    ],
)
def test_another_kind_of_table_is_refused(run: Run, tmp_path: Path, text: str, says: str):
    (tmp_path / "run.toml").write_text(f"[annotate]\n{text}\n")
    ran = run("annotate", "videos", "-o", tmp_path / "out", "--config", tmp_path / "run.toml")
    assert ran.code == 2
    assert says in ran.err
    assert len(ran.err.strip().splitlines()) == 1
