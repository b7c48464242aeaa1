"""How many labels come out right when detector and verifier err at known rates; benchmarks/verification.py measures the same on more."""

from dataclasses import replace
from pathlib import Path

import pytest


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import verification

    return verification


def shares(bench, case, tracks: int = 600) -> dict[str, float]:
    score = bench.measure(case, tracks // case.tracks)
    return {name: getattr(score, name) / score.tracks for name in ("right", "dropped", "unsure", "questions")}


@pytest.mark.parametrize("names", [2, 3, 6])
def test_independent_errors(bench, names: int):
    found = shares(bench, bench.Case(names))
    assert found["right"] >= 0.99
    assert found["questions"] <= 6
    assert found["dropped"] < 0.01


@pytest.mark.parametrize("names", [2, 3, 6])
def test_all_wrong_answers_on_one_rival(bench, names: int):
    found = shares(bench, bench.Case(names, wrong="rival"))
    assert found["right"] >= (0.97 if names < 6 else 0.94)
    assert found["questions"] <= 6.5
    assert found["dropped"] < 0.01


@pytest.mark.parametrize("names", [2, 6])
def test_things_that_are_there_are_kept_though_every_wrong_answer_denies_them(bench, names: int):
    found = shares(bench, bench.Case(names, wrong="not there"))
    assert found["dropped"] < 0.02
    assert found["right"] >= 0.97


@pytest.mark.parametrize("names", [2, 6])
def test_more_frames_help_where_errors_repeat_within_a_frame(bench, names: int):
    few, more, most = (shares(bench, bench.Case(names, repeat=True, views=views), 400) for views in (3, 8, 12))
    assert most["right"] >= 0.99
    assert most["questions"] <= 6
    assert most["dropped"] < 0.01
    assert few["right"] < more["right"] <= most["right"] + 0.005
    assert more["right"] >= 0.97


def test_one_frame_that_deceives_does_not_rename_anything(bench):
    found = shares(bench, bench.Case(2, repeat=True, views=1), 300)
    assert found["right"] >= 0.66  # no worse than the detector, by more than chance
    assert found["questions"] <= 2


@pytest.mark.parametrize("names", [1, 2, 6])
def test_what_is_not_there_is_found(bench, names: int):
    assert shares(bench, bench.Case(names, absent=True))["dropped"] >= 0.95


def test_better_answers_take_fewer_questions_and_guesses_change_nothing(bench):
    good = shares(bench, bench.Case(3, errors=0.02), 200)
    assert good["right"] >= 0.995
    assert good["questions"] < 3.8
    guessed = shares(bench, bench.Case(3, errors=0.75), 200)
    assert guessed["right"] > 0.4
    assert guessed["unsure"] > 0.2


def test_single_tracks_are_settled_without_others_to_learn_from(bench):
    found = shares(bench, replace(bench.Case(3), tracks=1), 200)
    assert found["right"] >= 0.98
    assert found["questions"] <= 7


def test_records_hold_the_promised_goals(bench):
    score = bench.Score(100, 99, 0, 1, 500)
    promised = bench.records_of(bench.Case(2), score, told=True)
    assert all(record.met for record in promised if record.goal is not None)
    assert {record.measure for record in promised if record.goal is not None} == {
        "labelled_right",
        "dropped_though_there",
        "questions_a_track",
    }
    assert not any(record.goal for record in bench.records_of(bench.Case(2, wrong="rival"), score, told=False))
    assert [bench.promised(case) for case in (bench.Case(2), bench.Case(2, wrong="rival"), bench.Case(2, repeat=True))] == [
        True,
        False,
        False,
    ]
