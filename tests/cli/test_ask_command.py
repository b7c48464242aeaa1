"""``kinescribe ask``: from the command line to a real endpoint and back."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer, error

from kinescribe.evaluation.scenes import falling_ball
from kinescribe.states import Calibration
from kinescribe.video import open_video

QUESTION = "What if gravity were halved?"


def report(quantity: str, thing: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"quantity": quantity, "object": thing, **dict.fromkeys(("other", "time", "since", "axis", "value", "nth")), **fields}


def reply(target: str | None = "gravity", *wanted: dict[str, Any], **fields: Any) -> dict[str, Any]:
    do = [] if target is None else [{"target": target, "operator": "*=", "value": 0.5}]
    plain = {"thoughts": "", "answerable": True, "reason": "", "do": do, "remove": [], "at": None, "until": None}
    return {**plain, "report": list(wanted), **fields}


HALVED = reply("gravity", report("position", "red ball", time=0.5))
DECLINED = reply(None, answerable=False, reason="not-in-the-law")


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("asked") / "ball.mp4"
    falling_ball(gravity=200.0, frame_count=24, frame_rate=30, width=160, height=120, seed=1).write(path)
    return path


@pytest.fixture
def ready(filmed, table_of, tmp_path, monkeypatch) -> tuple[object, ...]:
    """Arguments that spare the extraction; works in an empty folder, without a model in the environment."""
    drawn = falling_ball(gravity=200.0, frame_count=24, frame_rate=30, width=160, height=120, seed=1)
    table_of(drawn, Calibration.from_scale(100.0, "m")).to_csv(tmp_path / "states.csv")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for name in ("KINESCRIBE_MODEL", "KINESCRIBE_BASE_URL", "KINESCRIBE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return ("ask", filmed, "--states", tmp_path / "states.csv", "--law", "free-fall")


def model(server: FakeServer) -> tuple[str, ...]:
    return "--model", "fake", "--base-url", server.url


def test_from_a_video_alone_to_a_sentence_and_a_video(run, filmed, ready):
    with FakeServer(reply("gravity", report("highest", "red disc 1"))) as server:
        ran = run(
            "ask", filmed, QUESTION, *model(server), "--law", "free-fall", "--pixels-per-unit", "100", "--unit", "m", "-o", "future.mp4",
            "--trails",
        )  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.out.startswith("With gravity × 0.5 (2")
    assert ran.out.count("\n") == 1
    lines = ran.err.splitlines()
    assert lines[0] == "as changes: --do 'gravity*=0.5' --until 1.15"
    assert lines[1].startswith("law: free-fall: gravity = 2")
    assert "wrote future.mp4" in lines
    assert len(list(open_video("future.mp4"))) == 35
    assert QUESTION in server.requests[0].text
    assert server.requests[0].images == []


@pytest.mark.parametrize(
    "said", [HALVED, {**HALVED, "at": 0.35}, reply(None, report("position", None, time=1.0))], ids=["changed", "later", "unchanged"]
)
def test_the_command_without_a_model_draws_the_same(run, ready, said):
    with FakeServer(said) as server:
        told = json.loads(run(*ready, QUESTION, *model(server), "-o", "a.mp4", "--json", "-q").out)
    command = told["command"]
    assert command[:2] == ["kinescribe", "predict-video"]
    ran = run(*command[1:], "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["changes"] == told["edits"]["do"] == (["gravity*=0.5"] if said["do"] else [])
    one, other = (list(open_video(name)) for name in ("a.mp4", "future.mp4"))
    assert [frame.time_s for frame in one] == [frame.time_s for frame in other]
    assert all((a.image == b.image).all() for a, b in zip(one, other, strict=True))


def test_a_question_without_a_change(run, ready):
    with FakeServer(reply(None, report("position", "red ball", time=1.0))) as server:
        ran = run(*ready, "Wo ist der Ball nach einer Sekunde?", *model(server))
    assert ran.code == 0, ran.err
    assert ran.out.startswith("By the fitted law, red ball at 1 s is at x = ")
    assert ran.err.splitlines()[0] == "nothing is changed: --until 1.15"
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        f"Gladly!\n```json\n{json.dumps(HALVED)}\n```\nIs there anything else?",
        f"<think>{{half of {{it}}</think>{json.dumps(HALVED)}",
        f"好的:{json.dumps(HALVED)}",
    ],
)
def test_prose_around_the_edits(run, ready, words):
    with FakeServer(words, accepts=()) as server:
        ran = run(*ready, QUESTION, *model(server))
    assert ran.code == 0, ran.err
    assert ran.out.startswith("With gravity × 0.5")


def test_an_unknown_name_is_mended(run, ready):
    with FakeServer(reply("gravty"), HALVED) as server:
        ran = run(*ready, QUESTION, *model(server), "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["model"]["questions"], told["model"]["prompt_tokens"]) == (0, 2, 200)
    assert "did you mean 'gravity'?" in server.requests[1].text
    with FakeServer(reply("gravty")) as server:
        ran = run(*ready, QUESTION, *model(server), "-o", "future.mp4")
    assert (ran.code, server.calls, ran.out) == (3, 2, "")
    assert "can't be done" in ran.err
    assert ran.err.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_what_the_law_cant_answer(run, ready):
    with FakeServer(DECLINED) as server:
        ran = run(*ready, "what if it were made of jelly?", *model(server), "-o", "future.mp4")
    assert (ran.code, ran.out) == (4, "")
    assert "what can be changed: gravity; x, y, vx, vy of red ball" in ran.err
    assert ran.err.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_injected_instructions_come_to_nothing(run, ready, tmp_path):
    """A label and a reply that hold commands: no more comes out than checked changes, in one line."""
    table = (tmp_path / "states.csv").read_text().replace("red ball", "$(touch pwned); \x1b[2J ball")
    (tmp_path / "states.csv").write_text(table)
    hostile = reply("gravity", report("position", None, time=0.5), thoughts="\x1b[31m$(touch pwned)")
    with FakeServer(hostile) as server:
        ran = run(*ready, QUESTION, *model(server))
    assert ran.code == 0, ran.err
    assert "\x1b" not in ran.out + ran.err
    assert ran.err.splitlines()[0] == "as changes: --do 'gravity*=0.5' --until 1.15"
    hostile["do"][0]["target"] = "$(touch pwned)"
    with FakeServer(hostile) as server:
        ran = run(*ready, QUESTION, *model(server))
    assert (ran.code, ran.err.count("\n"), "\x1b" in ran.err) == (3, 1, False)


def test_a_recorded_run_answers_again_byte_for_byte(run, ready):
    with FakeServer(reply("gravty"), HALVED) as server:
        first = run(*ready, QUESTION, *model(server), "--record", "run.json", "--json", "-q")
    assert first.code == 0, first.err
    again = run(*ready, "--replay", "run.json", "--json", "-q")
    assert (again.out, again.err, again.code) == (first.out, first.err, 0)
    other = run(*ready, "What if it flew?", "--replay", "run.json")
    assert (other.code, "record of another question" in other.err) == (2, True)
    slower = run(*ready[:4], "--law", "uniform-motion", "--replay", "run.json")
    assert slower.code == 3
    assert "can't be done" in slower.err


def test_a_replay_of_other_states_says_so(run, ready, tmp_path):
    with FakeServer(reply(None, report("position", None, time=1.0))) as server:
        run(*ready, QUESTION, *model(server), "--record", "run.json")
    ran = run(*ready, "--replay", "run.json", "--fix", "gravity=1.5")
    assert ran.code == 0
    assert "not the recorded one word for word" in ran.err
    assert "warning: the answer is not the recorded one" in ran.err


def test_a_run_that_fails_is_recorded_too(run, ready):
    with FakeServer(reply("gravty")) as server:
        ran = run(*ready, QUESTION, *model(server), "--record", "run.json", "--max-calls", "1")
    assert ran.code == 2
    kept = json.loads(Path("run.json").read_text())
    assert (kept["answer"], [one["fault"] for one in kept["exchanges"]]) == ("", ["", "budget"])
    again = run(*ready, "--replay", "run.json")
    assert (again.code, again.err) == (ran.code, ran.err)


def test_answers_are_kept_and_used_offline(run, ready):
    with FakeServer(HALVED) as server:
        asked = (*ready, QUESTION, *model(server), "--answers", "answers")
        first = run(*asked)
        assert server.calls == 1
    second = run(*asked, "--offline")
    assert (second.code, second.out) == (0, first.out)
    assert server.calls == 1


def test_quiet_and_strict(run, ready):
    far = {**HALVED, "do": [{"target": "gravity", "operator": "*=", "value": 100}]}
    with FakeServer(far) as server:
        ran = run(*ready, QUESTION, *model(server), "-q", "--strict")
    assert ran.code == 5
    assert ran.out.startswith("With gravity × 100")
    assert all(line.startswith("kinescribe: warning: ") for line in ran.err.splitlines())
    assert "extrapolation" in ran.err


def test_confirm_asks_before_anything_is_made(run, ready, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers: list[bool] = []
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answers.pop())
    with FakeServer(HALVED) as server:
        for yes, code in ((True, 0), (False, 130)):
            answers.append(yes)
            ran = run(*ready, QUESTION, *model(server), "--confirm", "-o", "future.mp4", "--overwrite", "-q")
            assert (ran.code, Path("future.mp4").exists()) == (code, yes)
            assert shlex.split(ran.err.splitlines()[0].removeprefix("as changes: ")) == ["--do", "gravity*=0.5", "--until", "1.15"]
            Path("future.mp4").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ((QUESTION,), 2, "--model"),
        ((), 2, "--replay"),
        ((" ", "--model", "m", "--base-url", "http://localhost:1/v1"), 2, "QUESTION"),
        ((QUESTION, "--model", "m"), 2, "endpoint"),
        ((QUESTION, "--model", "m", "--base-url", "here"), 2, "URL"),
        ((QUESTION, "--confirm"), 2, "--confirm"),
        ((QUESTION, "--offline"), 2, "--answers"),
        ((QUESTION, "--max-calls", "0"), 2, "--max-calls"),
        ((QUESTION, "--max-cost", "1"), 2, "--prices"),
        ((QUESTION, "--replay", "none.json"), 3, "none.json"),
        ((QUESTION, "--replay", "none.json", "--model", "m"), 2, "--replay"),
        ((QUESTION, "-o", "out.avi"), 2, ".mp4"),
        ((QUESTION, "--record", "no/run.json"), 2, "'no'"),
        ((QUESTION, "--scale", "1 m: 0,0 100,0"), 2, "--states"),
        ((QUESTION, "--law-objects", ","), 2, "--law-objects"),
        ((QUESTION, "--fix", "gravity"), 2, "--fix"),
        ((QUESTION, "--law", "free-fal", "--model", "m", "--base-url", "http://localhost:1/v1"), 2, "did you mean 'free-fall'"),
        ((QUESTION, "more"), 2, "--help"),
    ],
)
def test_bad_input_is_one_line_and_nothing_else(run, ready, more, code, words):
    ran = run(*ready, *more)
    assert ran.code == code, ran.err
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert ran.out == ""
    assert list(Path().iterdir()) == []


def test_an_endpoint_that_refuses_is_one_line(run, ready):
    with FakeServer(error(401, "no key")) as server:
        ran = run(*ready, QUESTION, *model(server))
    assert (ran.code, ran.err.count("\n"), server.url in ran.err) == (3, 1, True)


def test_an_endpoint_that_is_down_is_told_before_the_work(run, ready, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with FakeServer(HALVED) as server:
        url = server.url
    monkeypatch.setattr("kinescribe.foretelling.preparing.Order.prepared", lambda *_: pytest.fail("work has begun"))
    ran = run(*ready, QUESTION, "--model", "m", "--base-url", url)
    assert (ran.code, ran.err.count("\n"), f"no answer from {url} (" in ran.err) == (3, 1, True)
