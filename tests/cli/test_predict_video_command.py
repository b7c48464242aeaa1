"""``kinescribe predict-video`` and ``predict-video``: one command from a video to the video of what happens next."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import kinescribe as ks
from kinescribe.cli import predict_video
from kinescribe.dynamics.sandbox import worker
from kinescribe.dynamics.sandbox.syscalls import machine
from kinescribe.errors import UsageError
from kinescribe.evaluation.scenes import falling_ball
from kinescribe.states import Calibration
from kinescribe.video import VideoWriter, open_video

STEP = 1 / 30


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filmed") / "ball.mp4"
    falling_ball(gravity=200.0, frame_count=24, frame_rate=30, width=160, height=120, seed=1).write(path)
    return path


@pytest.fixture
def ready(filmed, table_of, tmp_path, monkeypatch) -> tuple[object, ...]:
    """Arguments that spare the extraction; works in an empty folder."""
    drawn = falling_ball(gravity=200.0, frame_count=24, frame_rate=30, width=160, height=120, seed=1)
    table_of(drawn, Calibration.from_scale(100.0, "m")).to_csv(tmp_path / "states.csv")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return ("predict-video", filmed, "--states", tmp_path / "states.csv", "--law", "free-fall", "-o", "out.mp4")


def test_from_a_video_alone(run, filmed, tmp_path):
    """The command by its own name, with a scale in metres and a change."""
    out = tmp_path / "moon.mp4"
    ran = run(
        filmed, "-o", out, "--law", "free-fall", "--pixels-per-unit", "100", "--unit", "m", "--do", "gravity=1.62", "--trails", "--ghost",
        entry=predict_video,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.out == ""
    assert "law: free-fall: gravity = 2.0" in ran.err
    assert "with gravity=1.62:" in ran.err
    assert f"wrote {out}" in ran.err
    assert len(list(open_video(out))) == 24


def test_the_rest_of_the_video_is_the_measure(run, ready):
    ran = run(*ready, "--seen", "0.5", "--compare", "side")
    assert ran.code == 0, ran.err
    assert "predicted: 8 frames from 0.5333 s to 0.7667 s" in ran.err
    assert "against the rest of the video, 8 frames: PSNR " in ran.err
    told = json.loads(run(*ready, "--seen", "15f", "--json", "--quiet", "--overwrite").out)
    assert told["frames"] == {"all": 24, "predicted": 9}
    assert told["parameters"]["gravity"]["value"] == pytest.approx(2.0, rel=1e-3)
    assert told["parameters"]["gravity"]["unit"] == "m/s²"
    assert told["measures"]["psnr"] > told["measures"]["psnr_of_last_frame"] + 5
    assert told["outputs"] == {"video": "out.mp4", "steps": None}
    assert (told["exit_code"], told["partial"], told["changes"], told["difference"]) == (0, None, [], None)
    assert told["objects"] == [{"id": 1, "label": "red ball"}]


def test_every_step_is_kept(run, ready):
    ran = run(*ready, "--keep", "steps", "--until", "1")
    assert "kept every step in steps" in ran.err
    again = run("predict", "steps/states.csv", "--law", "steps/law.json", "--until", "1", "-o", "again.csv", "-q")
    assert again.code == 0
    drawn = run("render", "again.csv", "--scene", "steps/scene", "-o", "again.mp4", "-q")
    assert drawn.code == 0
    assert len(list(open_video("again.mp4"))) == 7
    from_file = run("predict-video", ready[1], "--law", "steps/law.json", "--scene", "steps/scene", *ready[2:4], "-o", "b.mp4", "-q")
    assert (from_file.code, from_file.out) == (0, "")


def test_quiet_and_strict(run, ready):
    ran = run(*ready, "--do", "gravity=40", "--quiet", "--strict")
    assert ran.code == 5
    assert all(line.startswith("kinescribe: warning: ") for line in ran.err.splitlines())
    assert "extrapolation" in ran.err
    assert Path("out.mp4").exists()


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("-o", "out.avi"), 2, "must end in .mp4"),
        (("-o", "nowhere/out.mp4"), 2, "'nowhere'"),
        (("--ghost",), 2, "--do"),
        (("--compare", "side"), 2, "--seen"),
        (("--seen", "soon"), 2, "45f"),
        (("--law", "free-fal"), 2, "did you mean 'free-fall'"),
        (("--law", "no.json"), 3, "no.json"),
        (("--inputs", "no.csv"), 3, "no.csv"),
        (("--scene", "no"), 3, "kinescribe scene"),
        (("--do", "gravity"), 2, "NAME=VALUE"),
        (("--do", "gravitas=1"), 2, "did you mean 'gravity'"),
        (("--law-objects", " , "), 2, "--law-objects"),
        (("--scale", "1 m: 0,0 100,0"), 2, "--states"),
        (("--fix", "gravity"), 2, "--fix"),
        (("--max-seconds", "-1"), 2, "-1"),
        (("--seed", "-1"), 2, "-1"),
        (("--renderer", "crayons"), 2, "sprites"),
        (("--until", "0.1"), 2, "within what was seen"),
        (("--crf", "60"), 2, "crf"),
        (("--colour", "red"), 2, "--help"),
    ],
)
def test_bad_input_is_one_line_and_no_video(run, ready, more, code, words):
    ran = run(*ready, *more)
    assert ran.code == code, ran.err
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert ran.out == ""
    assert list(Path().iterdir()) == []


def test_a_law_of_one_s_own_is_blamed_for_what_it_raises(run, ready, tmp_path):
    own = tmp_path / "my_law.py"
    own.write_text(
        "from kinescribe.dynamics import Law\n\n\nclass Mine(Law):\n    name = 'mine'\n\n"
        "    def acceleration(self, t, state, parameters, inputs):\n        raise ZeroDivisionError('by design')\n"
    )
    ran = run(*ready, "--law", own)
    assert ran.code == 2, ran.err
    assert "my_law.py" in ran.err
    assert "by design" in ran.err
    assert ran.err.count("\n") == 1
    assert not Path("out.mp4").exists()


@pytest.mark.skipif(machine() is None, reason="the sandbox needs 64-bit Linux")
def test_without_isolation_a_stranger_s_law_needs_trust(run, ready, tmp_path, monkeypatch):
    (tmp_path / "push.py").write_text(
        "from kinescribe.dynamics import Law, Parameter\n\n\nclass Push(Law):\n    name = 'push'\n"
        "    push = Parameter(-1.0, (-100, 100), 'length/time^2', 'upward acceleration')\n\n"
        "    def acceleration(self, t, state, parameters, inputs):\n        return 0.0, parameters.push\n"
    )
    fitted = run("fit", tmp_path / "states.csv", "--law", tmp_path / "push.py", "--sandbox", "-o", tmp_path / "law.json", "-q")
    assert fitted.code == 0, fitted.err
    monkeypatch.setattr(worker, "machine", lambda: None)
    asked = (*ready, "--law", tmp_path / "law.json", "--seen", "0.5")
    ran = run(*asked)
    assert (ran.code, "no isolation here" in ran.err, "--trust" in ran.err) == (2, True, True)
    assert not Path("out.mp4").exists()
    ran = run(*asked, "--trust")
    assert ran.code == 0, ran.err
    with pytest.raises(UsageError, match="no isolation here"):
        ks.predict_video(ready[1], "again.mp4", law=tmp_path / "law.json", states=ready[3])
    made = ks.predict_video(ready[1], "again.mp4", law=tmp_path / "law.json", states=ready[3], trust=True)
    assert made.fit.estimates["push"].value == pytest.approx(-2.0, abs=0.05)


def test_the_video_itself_is_never_replaced(run, ready, filmed):
    before = filmed.read_bytes()
    ran = run(*ready[:-1], filmed, "--overwrite")
    assert (ran.code, "the video itself" in ran.err) == (2, True)
    assert filmed.read_bytes() == before


def test_an_older_video_stays_unless_told(run, ready):
    Path("out.mp4").write_bytes(b"older")
    ran = run(*ready)
    assert (ran.code, "--overwrite" in ran.err) == (2, True)
    assert Path("out.mp4").read_bytes() == b"older"


def test_a_video_without_motion_finds_nothing(run, tmp_path):
    import numpy as np

    with VideoWriter(tmp_path / "still.mp4") as writer:
        for k in range(12):
            writer.write(np.full((64, 64, 3), 90, np.uint8), k / 30)
    ran = run("predict-video", tmp_path / "still.mp4", "-o", tmp_path / "out.mp4")
    assert ran.code == 4
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out.mp4").exists()


def test_an_interrupt_leaves_nothing(run, ready, monkeypatch):
    write, count = VideoWriter.write, 0

    def interrupted(self, image, time_s):
        nonlocal count
        count += 1
        if count == 5:
            raise KeyboardInterrupt
        write(self, image, time_s)

    monkeypatch.setattr(VideoWriter, "write", interrupted)
    ran = run(*ready)
    assert ran.code == 130
    assert "interrupted" in ran.err
    assert list(Path().iterdir()) == []


def test_help_by_both_names_is_the_same(run):
    own, other = run("--help", entry=predict_video), run("predict-video", "--help")
    assert own.code == other.code == 0
    assert own.out.startswith("Usage: predict-video [OPTIONS] {VIDEO}...")
    # a command of its own completes for itself
    of_its_own = re.sub(r" +--install-completion.*?(?=  -h, --help)", "", own.out, flags=re.DOTALL)
    assert of_its_own != own.out
    assert of_its_own.split("\n", 1)[1] == other.out.split("\n", 1)[1]
