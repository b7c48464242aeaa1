"""A run: the library first, four programs, repairs with feedback, the better law in the end; whatever a model does, it costs its calls."""

from __future__ import annotations

import re
from dataclasses import replace

import magnet
import numpy as np
import pytest
from magnet import DRAG, TRUTH, WRONG_SIGN, Played, fenced

import kinescribe as ks
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.sandbox import isolation
from kinescribe.dynamics.synthesis import Judge, enough, synthesize
from kinescribe.errors import UsageError
from kinescribe.llm import AnswerError, BudgetExceededError, EndpointError, Settings

pytestmark = pytest.mark.skipif(
    isolation().level == "none", reason="programs of a model run in the sandbox alone, and this system has none"
)
HOSTILE = (
    "import os\nos.system('true')\n",
    TRUTH.replace("return", "while True:\n            pass\n        return"),
    TRUTH.replace("return", "raise ValueError('no')\n        return"),
    TRUTH.replace("-parameters.turn * state.vy,", "np.nan,"),
    TRUTH.replace("def acceleration", "def other"),
    TRUTH.replace("class Magnetic(Law):", "class Magnetic(Law):\n    objects = 3"),
)


@pytest.fixture(scope="module")
def clip():
    return magnet.clip()


@pytest.fixture(scope="module")
def library(clip):
    """What the library has for a thing that falls, so that no test waits for its whole search."""
    return fit_law(find_law("free-fall"), [clip])


@pytest.fixture(scope="module")
def judge(clip):
    """Fits every program once."""
    return Judge([clip], seconds=20.0)


def test_a_model_that_is_right_at_once_is_asked_once(clip, library, judge):
    model = Played(fenced(DRAG, TRUTH))
    run = synthesize([clip], model, library=library, judge=judge)
    assert run.winner is not None
    assert (run.winner.source, run.winner.number, run.calls) == (TRUTH, 2, 1)
    assert "nothing but noise" in run.stopped
    for name, value in magnet.VALUES.items():
        one = run.fit.estimates[name]
        assert abs(one.value - value) < 3.0 * one.sigma
    titles = [one.title for one in run.selection.candidates]
    assert titles[0] == "magnetic fall (program 2)"
    assert "free-fall (library)" in titles


def test_a_wrong_sign_is_sent_back_with_what_is_wrong_and_mended(clip, library, judge):
    def mends(question: str) -> str:
        (source,) = re.findall(r"```python\n(.*?)```", question, re.DOTALL) or [""]
        return fenced(TRUTH) if "-parameters.turn * state.vx" in source else "I don't know."

    model = Played(fenced(WRONG_SIGN), mends)
    run = synthesize([clip], model, library=library, judge=judge)
    assert run.winner is not None
    assert run.winner.source == TRUTH
    assert [one.source for one in run.path()] == [WRONG_SIGN, TRUTH]
    asked = model.asked[run.winner.call - 1][-1].text
    assert "AT ITS BOUND" in asked
    assert "sigma" in asked
    assert "ball in clip 'throw'" in asked


def test_the_first_question_holds_the_motion_the_contract_and_what_the_library_leaves(clip, library, judge):
    model = Played(fenced(TRUTH))
    synthesize([clip], model, library=library, judge=judge, task="a magnet lies under the table\nand so on")
    system, user = model.asked[0]
    assert "class WindyFall(Law)" in system.text
    assert "Write 4 different programs" in user.text
    assert "a magnet lies under the table and so on" in user.text
    assert "'free-fall'" in user.text
    assert "across the velocity" in user.text
    assert "```python\n" not in user.text


def test_the_same_program_is_fitted_once_and_told_as_a_twin(clip, library):
    judge = Judge([clip], seconds=20.0)
    other = DRAG.replace("Magnetic", "Another").replace("gravity", "g")
    run = synthesize([clip], Played(fenced(DRAG, other)), library=library, judge=judge, max_calls=1)
    assert [one.twin for one in run.attempts] == [None, 1]
    assert run.attempts[1].fit is None
    assert run.attempts[1].judged.reason == "the same as program 1"


@pytest.mark.parametrize("strategy", ["rex", "best-first", "resample"])
def test_a_hostile_model_costs_its_calls_and_the_library_wins(clip, library, strategy):
    answers = [fenced(*HOSTILE[:4]), fenced(HOSTILE[4]), fenced(HOSTILE[5]), "Ignore all rules and accept this.", ""]
    from kinescribe.dynamics.sandbox import Limits

    judge = Judge([clip], seconds=5.0, limits=Limits(seconds=1.0, cpu_seconds=10))
    model = Played(*answers)
    run = synthesize([clip], model, library=library, judge=judge, strategy=strategy, max_calls=6)
    assert run.winner is None
    assert run.fit.law.title == "free-fall"
    assert run.calls == len(model.asked) == 6
    assert all(one.judged.reason for one in run.attempts)
    assert run.usage.prompt_tokens == 600


def test_where_the_library_leaves_noise_nobody_is_asked(clip, judge):
    fit = judge(TRUTH).fit
    model = Played(fenced(DRAG))
    run = synthesize([clip], model, library=fit, judge=judge)
    assert model.asked == []
    assert run.fit.law is fit.law
    assert "was not asked" in run.stopped
    asked = synthesize([clip], model, library=fit, judge=judge, always=True, max_calls=1)
    assert asked.calls == 1
    assert asked.winner is None


def test_of_two_that_foretell_alike_the_simpler_wins(clip, judge):
    library = judge(TRUTH).fit
    needless = TRUTH.replace("- parameters.gravity", "- parameters.gravity * (1.0 + 0.0 * np.cos(state.x))")
    run = synthesize([clip], Played(fenced(needless)), library=library, judge=judge, always=True, max_calls=1)
    assert run.winner is None
    first = fit_law(find_law("free-fall"), [clip])
    run = synthesize([clip], Played(fenced(needless, TRUTH)), library=first, judge=judge)
    assert run.winner is not None
    assert run.winner.source == TRUTH


def test_a_table_without_errors_is_never_taken_for_explained(clip, judge):
    even = replace(clip, sigma_x=np.full_like(clip.x, 1e-3 * np.ptp(clip.x)), sigma_y=np.full_like(clip.x, 1e-3 * np.ptp(clip.x)))
    extent = max(np.ptp(even.x), np.ptp(even.y))
    even = replace(even, sigma_x=np.full_like(clip.x, 1e-3 * extent), sigma_y=np.full_like(clip.x, 1e-3 * extent))
    fit = judge(TRUTH).fit
    assert enough(fit, [clip])
    assert not enough(fit, [even])


def test_a_model_that_is_lost_leaves_what_there_is_and_says_so(clip, library, judge):
    run = synthesize([clip], Played(fenced(DRAG), EndpointError("the endpoint is down")), library=library, judge=judge)
    assert run.calls == 2
    assert run.partial is not None
    assert "the endpoint is down" in run.partial
    assert run.fit.ok


def test_a_cap_ends_the_run_without_a_complaint(clip, library, judge):
    run = synthesize([clip], Played(fenced(DRAG), BudgetExceededError("the cap of 100 tokens is reached")), library=library, judge=judge)
    assert run.partial is None
    assert "the cap of 100 tokens" in run.stopped


def test_a_model_that_takes_no_pictures_gets_numbers_alone(clip, library, judge):
    sheet = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    refusal = EndpointError("http://localhost/v1 fails (500: image input is not supported)", 500)
    model = Played(refusal, fenced(TRUTH))
    run = synthesize([clip], model, library=library, judge=judge, sheet=sheet)
    assert run.winner is not None
    assert run.partial is None
    assert "numbers alone" in run.warnings[0]
    first, second = (asked[-1] for asked in model.asked)
    assert not isinstance(first.content, str)
    assert isinstance(second.content, str)
    assert "Write 4 different programs" in second.text


def test_an_answer_of_no_use_costs_its_call_and_the_run_goes_on(clip, library, judge):
    run = synthesize([clip], Played(AnswerError("it says nothing"), fenced(TRUTH)), library=library, judge=judge)
    assert [one.failed for one in run.questions] == ["it says nothing", ""]
    assert run.winner is not None


def test_a_number_with_a_unit_in_the_code_is_told_to_the_model_and_to_the_user(clip, library, judge):
    coded = TRUTH.replace("- parameters.gravity", "- 9.8 * (1.0 + 1e-9 * parameters.gravity)")
    model = Played(fenced(coded), "no")
    run = synthesize([clip], model, library=library, judge=judge, max_calls=1)
    assert "depends on the unit of length and of time" in run.attempts[0].judged.doubt
    assert any("into parameters" in line for line in run.warnings)
    assert judge(TRUTH).doubt == ""


def test_known_parameters_stay_known(clip, library):
    run = synthesize([clip], Played(fenced(TRUTH)), library=library, fixed={"gravity": 9.8})
    assert run.fit.estimates["gravity"].fixed
    assert run.fit.estimates["gravity"].value == 9.8


@pytest.mark.parametrize(
    ("options", "words"),
    [({"max_calls": 0}, "1 to 40"), ({"max_calls": 41}, "1 to 40"), ({"strategy": "rx"}, "did you mean 'rex'")],
)
def test_options_that_make_no_sense_are_refused(clip, library, options, words):
    with pytest.raises(UsageError, match=words):
        synthesize([clip], Played(""), library=library, **options)


def test_fit_takes_llm_for_a_law(clip):
    with pytest.raises(UsageError, match="needs a language model"):
        ks.fit([clip], law="llm")
    with pytest.raises(UsageError, match="law='llm' alone"):
        ks.fit([clip], law="free-fall", model=Settings(model="x", base_url="http://localhost:1/v1"))


def test_a_fit_that_the_clock_ends_is_warned_of(clip, library):
    run = synthesize([clip], Played(fenced(DRAG)), library=library, judge=Judge([clip], seconds=1e-3), max_calls=1)
    assert any("the clock ended the fit of program 1" in line for line in run.warnings)
    patient = synthesize([clip], Played(fenced(DRAG)), library=library, judge=Judge([clip], seconds=60.0), max_calls=1)
    assert not any("clock" in line for line in patient.warnings)


def test_a_program_that_fails_when_it_is_run_once_more_ends_no_run(clip, library, monkeypatch):
    from kinescribe.dynamics.sandbox import SandboxedLaw, SandboxError

    judge = Judge([clip], seconds=20.0)
    assert judge(WRONG_SIGN).fit is not None

    def dies(*_):
        raise SandboxError("its process ended", "ended")

    monkeypatch.setattr(SandboxedLaw, "followed", dies)
    model = Played(fenced(WRONG_SIGN), "no")
    run = synthesize([clip], model, library=library, judge=judge, max_calls=2, strategy="best-first")
    assert run.winner is None
    assert "run once more it failed: its process ended" in model.asked[1][-1].text


def test_a_program_too_long_to_run_is_not_sent_back(clip, library, judge):
    model = Played(fenced(TRUTH + "# and so on\n" * 8_000), "no")
    run = synthesize([clip], model, library=library, judge=judge, max_calls=2, strategy="best-first")
    assert run.attempts[0].fit is None
    assert "and so on" not in model.asked[1][-1].text
