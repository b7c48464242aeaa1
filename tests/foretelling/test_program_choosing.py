"""Whose way of finding things is taken: the library's competes, ties go to it, and whatever fails costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program_answers import ProgramModel, looks, thing

from kinescribe.errors import InputError, NothingFoundError
from kinescribe.evaluation.scenes import Body, Camera, Scene, two_pucks_collision
from kinescribe.evaluation.scenes.paths import oscillating
from kinescribe.foretelling.programs import perception
from kinescribe.foretelling.programs.judging import Energy, Score
from kinescribe.foretelling.programs.looking import Looking
from kinescribe.foretelling.programs.perception import Chosen, choose_perception
from kinescribe.foretelling.programs.plan import PerceptionPlan
from kinescribe.foretelling.programs.purse import Purse
from kinescribe.llm import AnswerError, BudgetExceededError, EndpointError
from kinescribe.states import States
from kinescribe.video import VideoWriter

RED = looks("phrases", thing("red puck"), thing("blue puck", matters=False), matters=[2])


class Bench:
    """In place of looking and reviewing: what each way finds and leaves is set by the test.

    Attributes:
        left: share that a way leaves, by what it looks for; an error is raised. tried: ways, in order.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, table: States) -> None:
        self.left: dict[str | None, float | Exception] = {None: 0.3}
        self.tried: list[str | None] = []
        self._table = table

        def states(looking: Looking, plan: PerceptionPlan, progress: Any = None) -> States:
            self.tried.append(plan.objects)
            found = self.left.get(plan.objects, 0.2)
            if isinstance(found, Exception):
                raise found
            return table

        monkeypatch.setattr(Looking, "states", states)
        monkeypatch.setattr(Looking, "opened", lambda looking: "the video")
        monkeypatch.setattr(perception, "usable_backends", lambda: ["classical"])  # finding out takes a moment
        monkeypatch.setattr(perception, "_pictures", lambda video, states: [])
        monkeypatch.setattr(perception, "review", lambda video, states, progress=None: (self.tried[-1],))
        monkeypatch.setattr(perception, "findings", lambda review, plan: [f"seen with {review[0]}"])
        monkeypatch.setattr(
            perception, "score_of", lambda review, ignored, scale=None, matters=None: Score(self.left.get(review[0], 0.2), 0)
        )
        monkeypatch.setattr(Energy, "of", classmethod(lambda cls, review, ignored: cls(1.0, 1.0)))

    def choose(self, *answers: Any, calls: int = 12) -> tuple[Chosen, ProgramModel]:
        model = ProgramModel(perception=list(answers))
        return choose_perception(Looking("video.mp4"), "the red one", Purse(model, calls), tell=lambda line: None), model


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, table_of: Callable[..., States]) -> Bench:
    return Bench(monkeypatch, table_of(two_pucks_collision(frame_count=4)))


def test_the_default_is_kept_where_the_model_is_for_it(bench: Bench):
    made, model = bench.choose(looks(matters=[2]))
    assert (made.best, made.matters, bench.tried) == ("default", (2,), [None])
    assert [thing.matters for thing in made.plan.things] == [False, True]
    assert len(model.asked) == 1


def test_a_better_way_is_taken_with_what_matters_in_it(bench: Bench):
    bench.left["red puck, blue puck"] = 0.005
    made, model = bench.choose(RED)
    assert (made.best, made.matters) == ("proposal", (1,))
    assert len(model.asked) == 1, "nothing is left to mend"


def test_a_tie_goes_to_the_default(bench: Bench):
    bench.left["red puck, blue puck"] = 0.295
    made, _ = bench.choose(RED, looks())
    assert made.best == "default"
    assert [one.outcome for one in made.trials] == ["30.0% of what moves is left unexplained", "29.5% of what moves is left unexplained"]


def test_a_repair_is_told_what_came_of_it(bench: Bench):
    bench.left |= {"red puck, blue puck": 0.25, "red puck": 0.1}
    made, model = bench.choose(RED, looks("phrases", thing("red puck")), looks())
    assert made.best == "repair 1"
    said = model.asked[1][1][-1].text
    assert "25.0% of what moves is left unexplained" in said
    assert "seen with red puck, blue puck" in said
    assert "The default, for comparison: 30.0%" in said


def test_the_best_of_all_is_taken_not_the_last(bench: Bench):
    bench.left |= {"red puck, blue puck": 0.1, "red puck": 0.25, "blue puck": 0.15}
    answers = [RED, looks("phrases", thing("red puck")), looks("phrases", thing("blue puck"))]
    made, model = bench.choose(*answers)
    assert made.best == "proposal"
    assert [one.name for one in made.trials] == ["default", "proposal", "repair 1", "repair 2"]
    assert len(model.asked) == 3


@pytest.mark.parametrize("fault", [NothingFoundError("nothing looks like that"), InputError("it broke\nhere")])
def test_a_way_that_fails_is_told_to_the_model_and_costs_nothing(bench: Bench, fault: Exception):
    bench.left["red puck, blue puck"] = fault
    made, model = bench.choose(RED, looks())
    assert made.best == "default"
    assert str(fault).replace("\n", " ") in model.asked[1][1][-1].text


def test_a_way_that_finds_nothing_that_matters_is_none(bench: Bench):
    made, model = bench.choose(looks("phrases", thing("green box")), looks())
    assert made.best == "default"
    assert "nothing that it finds goes by a phrase that matters" in model.asked[1][1][-1].text


def test_an_answer_without_a_plan_is_mended(bench: Bench):
    bench.left["red puck"] = 0.0
    made, model = bench.choose(looks("phrases", thing("lamp")), looks("phrases", thing("red puck")))
    assert made.best == "repair 1"
    assert "add its colour or shape" in model.asked[1][1][-1].text


@pytest.mark.parametrize("error", [AnswerError("no JSON"), BudgetExceededError("no more")])
def test_no_usable_answer_leaves_the_default_and_a_warning(bench: Bench, error: Exception):
    made, _ = bench.choose(error)
    assert (made.best, made.matters) == ("default", (1, 2))
    assert made.warnings == (f"perception: {error}",)


def test_an_endpoint_that_nobody_answers_at_ends_it_at_once_but_not_later(bench: Bench):
    with pytest.raises(EndpointError, match="down"):
        bench.choose(EndpointError("down"))
    bench.left["red puck, blue puck"] = 0.1
    made, _ = bench.choose(RED, EndpointError("down"))
    assert made.best == "proposal"
    assert made.warnings == ("perception: down",)


def test_questions_are_counted(bench: Bench):
    made, model = bench.choose(RED, calls=2)
    assert len(model.asked) == 2
    assert "2 questions" in made.warnings[0]


def test_where_the_default_finds_nothing_the_proposal_may(bench: Bench):
    bench.left |= {None: NothingFoundError("nothing moves"), "red puck, blue puck": 0.1}
    made, _ = bench.choose(RED, looks())
    assert (made.best, made.matters) == ("proposal", (1,))
    with pytest.raises(NothingFoundError, match="nothing moves"):
        bench.choose(looks())


SCREEN = """import numpy as np


def detect(image):
    return np.where(image[..., 2] > image[..., 0] + 60.0, 1, 0)
"""


def flickering(path: Path) -> Scene:
    """A red disc that swings before a screen on which everything changes all the time."""
    count = 16
    camera = Camera(width=112, height=84, frame_count=count, noise=1.0, background=(150.0, 150.0, 150.0))
    scene = Scene("screen", camera, [Body("red disc", "disc", (18.0, 18.0), oscillating((56.0, 42.0), (36.0, 22.0), 0.9, 0.4), "red")])
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:84, :112]
    images = scene.images().astype(float)
    screen = (np.abs(rows - 42) < 19) & (np.abs(columns - 56) < 24)
    with VideoWriter(path, frame_rate_hint=30) as writer:
        for k, (x, y) in enumerate(scene.truth["red disc"].positions):
            shown = np.kron(rng.normal(0.0, 35.0, (11, 14)), np.ones((8, 8)))[:84, :112] * screen
            images[k] += (shown * (np.hypot(columns - x, rows - y) > 10.5))[..., None]
            writer.write(np.clip(images[k], 0, 255).astype(np.uint8), scene.times[k])
    return scene


def test_a_program_finds_what_neither_words_nor_motion_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(perception, "usable_backends", lambda: ["classical"])
    scene = flickering(tmp_path / "screen.mp4")
    model = ProgramModel(perception=looks("program", thing("red disc", count=1, moves=True), detector=SCREEN))
    looking = Looking(str(tmp_path / "screen.mp4"))
    made = choose_perception(looking, "the disc, not the screen", model, rounds=0, tell=lambda line: None)
    assert made.best == "proposal"
    assert made.trials[0].score is not None
    assert made.trials[0].score.value > 0.2
    assert made.states.labels == {1: "red disc"}
    off = made.states["x_px"] - scene.truth["red disc"].positions[made.states["frame"], 0]
    assert np.abs(off).max() < 1.0
