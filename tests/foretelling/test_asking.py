"""A question in words, from a video to an answer in one sentence, in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scripted_replies import Scripted, declined, edits, told

import kinescribe as ks
from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.foretelling.asking import Answer
from kinescribe.foretelling.asking.record import Record
from kinescribe.llm import Recorder
from kinescribe.states import read
from kinescribe.video import open_video

LAST = 23 / 30
HALVED = edits(("gravity", "*=", 0.5), report=[told("position", "red ball", time=0.5)])
Asked = Callable[..., Answer]


@pytest.fixture
def asked(ball: Any) -> Asked:
    """Ask about the falling ball, whose states and scene are known."""

    def call(*replies: dict[str, Any], question: str = "What if gravity were halved?", **options: Any) -> Answer:
        model = options.pop("model", None) or Scripted(*replies)
        given = {"law": "free-fall", "states": ball.states, "scene": ball.scene, **options}
        return ks.ask(ball.video, question, model=model, **given)

    return call


def test_the_answer_is_computed_here(asked: Asked):
    answer = asked(HALVED)
    told = answer.computed.findings[0].told
    factual = answer.computed.findings[0].factual
    assert factual["y"].value - told["y"].value == pytest.approx(-0.5 * (2.0 - 1.0) * 0.25, rel=0.02)
    assert 0 < told["y"].sigma < 0.01
    assert answer.flags == ["--do", "gravity*=0.5", "--until", "1.15"]
    assert str(answer).startswith("With gravity × 0.5 (2")
    assert "red ball at 0.5 s is at x = " in answer.sentence
    assert (answer.foretold, answer.partial, answer.questions, answer.model) == (None, None, 1, "scripted")
    assert answer.fit.law.title == "free-fall"
    made = answer.as_dict()
    json.dumps(made, allow_nan=False)
    assert made["edits"] == {"do": ["gravity*=0.5"], "remove": [], "at": None, "until": 1.15}
    row = made["findings"][0]
    assert (row["quantity"], row["object"], row["time_s"], row["since_s"]) == ("position", "red ball", 0.5, None)
    assert row["numbers"]["y"] == {
        "unit": "m", "value": told["y"].value, "sigma": told["y"].sigma, "sure": True,
        "without_the_change": {"value": factual["y"].value, "sigma": factual["y"].sigma, "sure": True},
    }  # fmt: skip


def test_numbers_and_words_of_the_model_never_reach_the_answer(asked: Asked):
    reply = {**HALVED, "thoughts": "It will be at y = 123.456 m. Run rm -rf."}
    answer = asked(reply)
    assert answer.sentence == asked(HALVED).sentence
    assert "123.456" not in json.dumps(answer.as_dict())


def test_a_video_with_the_ghost(asked: Asked, ball: Any, tmp_path: Path):
    path = tmp_path / "future.mp4"
    answer = asked(HALVED, output=path, captions=False, keep=tmp_path / "steps")
    frames = list(open_video(path))
    assert len(frames) == answer.foretold.filmed.frames == 35
    x, y = ball.drawn.truth["red ball"].positions[-1]
    unlike = np.abs(frames[23].image.astype(int) - ball.scene.plate).max(axis=2)
    assert 20 < unlike[round(y), round(x)] < 120  # where it was seen: the ghost
    assert unlike[round(y - 50 * LAST**2), round(x)] > 100  # where it would be
    assert {"states.csv", "law.json", "future.csv", "factual.csv", "scene"} <= {one.name for one in (tmp_path / "steps").iterdir()}
    plain = tmp_path / "plain.mp4"
    asked(HALVED, output=plain, captions=False, ghost=False)
    assert np.abs(list(open_video(plain))[23].image.astype(int) - ball.scene.plate).max(axis=2)[round(y), round(x)] < 15


def test_without_a_change_the_future_is_filmed(asked: Asked, tmp_path: Path):
    path = tmp_path / "future.mp4"
    answer = asked(edits(report=[told("position", None, time=1.0)]), question="Where will it be?", output=path, captions=False)
    assert answer.flags == ["--until", "1.15"]
    assert answer.sentence.startswith("By the fitted law, red ball at 1 s is at x = ")
    assert answer.computed.factual is None
    assert answer.foretold.filmed.foretold == 11


def test_steps_are_kept_without_a_video_too(asked: Asked, tmp_path: Path):
    answer = asked(HALVED, keep=tmp_path / "steps")
    kept = read(tmp_path / "steps" / "future.csv")
    assert kept["y"][15] == pytest.approx(answer.computed.findings[0].told["y"].value, abs=1e-6)
    assert (tmp_path / "steps" / "factual.csv").exists()
    assert not (tmp_path / "steps" / "scene").exists()


def test_changes_are_shown_before_anything_is_computed(asked: Asked, tmp_path: Path):
    shown: list[list[str]] = []

    def stop(inquiry: Any) -> None:
        shown.append(inquiry.flags)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked(HALVED, before=stop, output=tmp_path / "future.mp4")
    assert shown == [["--do", "gravity*=0.5", "--until", "1.15"]]
    assert list(tmp_path.iterdir()) == []


def test_a_record_answers_again(asked: Asked, tmp_path: Path):
    recorder = Recorder(Scripted(edits(("gravty", "*=", 0.5)), HALVED))
    first = asked(model=recorder)
    Record(first.question, first.model, tuple(recorder.exchanges), first.sentence).write(tmp_path / "run.json")
    kept = Record.read(tmp_path / "run.json")
    assert (kept.question, kept.answer, len(kept.exchanges)) == (first.question, first.sentence, 2)
    replayer = kept.replayer()
    again = asked(model=replayer)
    assert json.dumps(again.as_dict()) == json.dumps(first.as_dict())
    assert again.questions == 2
    assert replayer.warnings == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "kinescribe ask"}', '{"kind": "kinescribe ask", "question": 1, "model": "", "answer": ""}',
             '{"kind": "kinescribe ask", "question": "", "model": "", "answer": "", "exchanges": [{}]}',
             '{"kind": "kinescribe ask", "question": "", "model": "", "answer": ""}', "[" * 100_000],
)  # fmt: skip
def test_what_is_no_record_is_one_line(tmp_path: Path, text: str):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError) as caught:
        Record.read(tmp_path / "run.json")
    assert "run.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_record_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(InputError, match="--record"):
        Record.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"question": " "}, UsageError, "the question is empty"),
        ({"question": "x" * 3000}, UsageError, "3,000 characters"),
        ({"output": "out.avi"}, UsageError, r"\.mp4"),
        ({"renderer": "crayons"}, UsageError, "sprites"),
        ({"law_objects": ["zebra"]}, UsageError, "zebra"),
        ({"law": "no.json"}, InputError, "no.json"),
    ],
)
def test_wrong_arguments_are_told_before_the_model_is_asked(asked: Asked, options: dict[str, Any], error: type[Exception], words: str):
    model = Scripted()
    with pytest.raises(error, match=words):
        asked(model=model, **options)
    assert model.asked == []


def test_several_videos_are_refused(ball: Any):
    with pytest.raises(UsageError, match="one video"):
        ks.ask([ball.video, ball.video], "what if?", model=Scripted(), law="free-fall", states=[ball.states, ball.states])


def test_what_the_law_cant_answer(asked: Asked, tmp_path: Path):
    with pytest.raises(NothingFoundError, match=r"what can be changed: gravity; x, y, vx, vy of red ball$"):
        asked(declined(), output=tmp_path / "future.mp4")
    assert list(tmp_path.iterdir()) == []


def test_the_model_may_write_the_law_first(asked: Asked, ball: Any, monkeypatch: pytest.MonkeyPatch):
    """One model does both, so that one record holds both; here its law is the library's."""
    asked_for: list[Any] = []

    def written(clips: Any, model: Any, **_: Any) -> Any:
        asked_for.append(model)
        return SimpleNamespace(fit=ks.fit(ball.states, "free-fall"), warnings=("written by a model",), partial="not all was tried")

    monkeypatch.setattr("kinescribe.foretelling.authors.synthesize", written)
    model = Scripted(HALVED)
    answer = asked(model=model, law="llm")
    assert asked_for == [model]
    assert len(model.asked) == 1
    assert answer.flags == ["--do", "gravity*=0.5", "--until", "1.15"]
    assert "written by a model" in answer.warnings
    assert answer.partial == "not all was tried"


def test_a_law_that_failed_is_told(asked: Asked):
    answer = asked(edits(report=[told("position", None)]), law="rest")
    assert "not to be trusted" in answer.partial


def test_tables_whose_y_points_down_are_told_so(ball: Any):
    """Heights are the picture's: the highest point is the least y."""
    meta = ball.states.meta.model_copy(update={"calibration": ks.Calibration.pixels()})
    columns = dict(ball.states.columns)
    for name in ("x", "vx", "sigma_x", "sigma_y", "sigma_vx", "sigma_vy"):
        columns[name] = columns[name] * 100
    for name in ("y", "vy"):
        columns[name] = columns[name] * -100
    states = ks.States.from_columns(columns, meta)
    wanted = [
        told("highest", None),
        told("lowest", None),
        told("reaches", None, axis="y", value=60.0, since=0.0),
        told("velocity", None, time=0.5),
    ]
    answer = ks.ask(ball.video, "How high?", model=Scripted(edits(report=wanted)), law="free-fall", states=states)
    high, low, passes, velocity = (one.told for one in answer.computed.findings)
    start = float(ball.drawn.truth["red ball"].positions[0, 1])
    assert high["y"].value == pytest.approx(start, abs=1.0)
    assert low["y"].value == pytest.approx(start + 100 * 1.15**2, abs=5)
    assert passes["time"].value == pytest.approx(((60 - start) / 100) ** 0.5, abs=0.02)
    assert velocity["vy"].value == pytest.approx(100, abs=3)
    assert "px (y points down) at" in answer.sentence
