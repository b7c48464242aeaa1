"""Lines of descent: repairs belong to the program that they began with, count since its best rose, and the best member is mended."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from kinescribe.dynamics.synthesis.attempts import Attempt, Question
from kinescribe.dynamics.synthesis.judging import Judged
from kinescribe.dynamics.synthesis.lines import lines_of
from kinescribe.dynamics.synthesis.strategies import FRESH, Arm, best_first, resample, rex


def program(number: int, score: float | None, parent: int | None = None, twin: int | None = None, at_bound: bool = False) -> Attempt:
    fit = None if score is None else SimpleNamespace(at_bound=("drag",) if at_bound else ())
    return Attempt(number, number, parent, "class A(Law): pass", "", twin, Judged("a", fit, "", score or 0.0), 1)


def history(*rows: tuple[int | None, tuple[Attempt, ...]]):
    attempts = [one for _, programs in rows for one in programs]
    return attempts, [Question(k, parent, tuple(one.number for one in programs)) for k, (parent, programs) in enumerate(rows, 1)]


def test_a_repair_joins_its_line_and_a_rise_forgets_what_was_spent():
    attempts, questions = history(
        (None, (program(1, 0.3), program(2, 0.5))), (1, (program(3, 0.2, 1),)), (1, (program(4, 0.31, 1),)), (1, (program(5, 0.6, 1),)),
        (2, ()),
    )  # fmt: skip
    one, two = lines_of(attempts, questions[:3])
    assert [[each.number for each in line.members] for line in (one, two)] == [[1, 3, 4], [2]]
    assert (one.repairs, two.repairs) == (2, 0)
    assert one.next().number == 4
    one, two = lines_of(attempts, questions)
    assert (one.repairs, two.repairs) == (0, 1)
    assert one.next().number == 5
    assert one.arm(0.6) == Arm(pytest.approx(0.8), 0)


def test_of_equals_the_one_that_was_sent_back_least_is_mended():
    attempts, questions = history((None, (program(1, 0.4),)), (1, (program(2, 0.4, 1),)))
    (line,) = lines_of(attempts, questions)
    assert line.next().number == 2


def test_twins_and_what_is_too_long_are_no_members():
    long = replace(program(3, None), source="x" * 70_000)
    attempts, questions = history((None, (program(1, 0.4), program(2, 0.0, twin=1), long)))
    assert [[one.number for one in line.members] for line in lines_of(attempts, questions)] == [[1]]


def test_a_term_at_its_bound_is_worth_as_much_as_a_new_program_and_no_fit_is_told_apart():
    attempts, questions = history((None, (program(1, 0.0, at_bound=True), program(2, 0.0), program(3, None))))
    bound, poor, broken = (line.arm(0.0) for line in lines_of(attempts, questions))
    assert bound.score == FRESH
    assert 0 < poor.score < FRESH
    assert broken.score is None


def test_rex_prefers_what_is_good_and_turns_from_what_was_mended_in_vain():
    chance = np.random.default_rng(0)
    drawn = [rex([Arm(0.9, 0), Arm(0.3, 0)], 1, chance) for _ in range(400)]
    assert drawn.count(0) > drawn.count(1) > 0
    assert drawn.count(None) > 0
    tired = [rex([Arm(0.9, 12), Arm(0.3, 0)], 1, chance) for _ in range(400)]
    assert tired.count(0) < drawn.count(0) / 2
    slips = [rex([Arm(None, 3)], 1, chance) for _ in range(400)]
    assert slips.count(0) < [rex([Arm(0.2, 3)], 1, chance) for _ in range(400)].count(0)


def test_the_other_strategies_are_what_their_names_say():
    chance = np.random.default_rng(0)
    arms = [Arm(0.4, 0), Arm(0.6, 5), Arm(None, 0)]
    assert best_first(arms, 1, chance) == 1
    assert best_first([], 1, chance) is None
    assert resample(arms, 1, chance) is None
