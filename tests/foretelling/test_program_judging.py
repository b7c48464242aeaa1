"""The measure that ways of finding things are held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from kinescribe.evaluation.scenes import Scene as Drawn
from kinescribe.evaluation.scenes import two_pucks_collision
from kinescribe.foretelling.programs.judging import COST_OF_AN_ID, Energy, Ignored, Score, findings, score_of
from kinescribe.foretelling.programs.plan import PerceptionPlan, Thing
from kinescribe.renderers.reviewing import Review, review
from kinescribe.states import States


@dataclass(frozen=True)
class Held:
    """A video, its true table, and reviews of tables that are right, lack object 2, or have object 2 twice."""

    drawn: Drawn
    true: States
    right: Review
    lacking: Review
    doubled: Review


def only(states: States, keep: Any, **columns: Any) -> States:
    return States.from_columns({**{name: values[keep] for name, values in states.columns.items()}, **columns}, states.meta)


_KEPT: list[Held] = []


@pytest.fixture
def held(table_of: Callable[..., States]) -> Held:
    """Made once: a review takes a moment."""
    if not _KEPT:
        _KEPT.append(_held(table_of))
    return _KEPT[0]


def _held(table_of: Callable[..., States]) -> Held:
    drawn = two_pucks_collision(frame_count=14, width=160, height=120)
    images, true = drawn.images(), table_of(drawn)
    ids = true["object_id"]
    size = 2.0 * np.array([drawn.truth[name].radius for name in drawn.truth])[ids - 1]
    true = only(true, slice(None), width=size, height=size)
    again = np.concatenate([np.arange(len(ids)), np.flatnonzero(ids == 2)])
    numbers = np.concatenate([ids, np.full((ids == 2).sum(), 3)])

    def reviewed(states: States) -> Review:
        return review(images, states)

    return Held(drawn, true, reviewed(true), reviewed(only(true, ids == 1)), reviewed(only(true, again, object_id=numbers)))


def test_a_table_that_lacks_something_leaves_more(held: Held):
    whole = Energy.of(held.right, Ignored()).whole
    right, lacking = (score_of(one, Ignored(), whole) for one in (held.right, held.lacking))
    assert right.unexplained < 0.03
    assert 0.3 < lacking.unexplained < 1.0
    assert right.spurious == lacking.spurious == 0


def test_a_second_id_of_one_thing_costs(held: Held):
    whole = Energy.of(held.right, Ignored()).whole
    assert score_of(held.doubled, Ignored(), whole).spurious == 1
    assert Score(0.1, 1).value == pytest.approx(0.1 + COST_OF_AN_ID)
    assert "1 needless id" in Score(0.1, 1).words()
    assert "needless" not in Score(0.1, 0).words()


def test_pieces_of_a_track_cost(held: Held):
    ids = held.true["object_id"].copy()
    ids[(ids == 2) & (held.true["frame"] >= 7)] = 3
    found = review(held.drawn.images(), only(held.true, slice(None), object_id=ids))
    assert score_of(found, Ignored()).spurious == 1
    assert score_of(found, Ignored(), matters=[2, 3]).spurious == 1
    assert score_of(found, Ignored(), matters=[1]).spurious == 0, "the task is not about what fell apart"


def test_what_the_task_is_not_about_does_not_count(held: Held):
    ignored = Ignored.of(held.true, [2])
    assert Energy.of(held.lacking, ignored).left < 0.4 * Energy.of(held.lacking, Ignored()).left
    assert Energy.of(held.lacking, Ignored.of(held.true, [])).left == Energy.of(held.lacking, Ignored()).left
    box = held.right.boxes[0]
    frame, mine = int(held.true["frame"][0]), int(held.true["object_id"][0])
    assert Ignored.of(held.true, [mine]).holds(frame, box)
    assert not Ignored.of(held.true, [mine]).holds(frame, box + 80.0)
    assert not Ignored.of(held.true, [mine]).holds(10_000, box)


def test_what_matters_has_a_share_of_its_own(held: Held):
    one, other = (score_of(held.lacking, Ignored(), None, [i]).of_matters for i in (1, 2))
    assert one is not None
    assert one < score_of(held.lacking, Ignored()).unexplained
    assert other == 0.0, "it has no row, and nothing goes on from it"
    assert "of what matters" in Score(0.1, 0, 0.02).words()


def test_what_is_not_as_expected_is_told(held: Held):
    names = list(held.drawn.truth)
    plan = PerceptionPlan((Thing(names[0], True, count=2, moves=False), Thing(names[1], True, count=1, moves=True)))
    lines = findings(held.right, plan)
    assert f'"{names[0]}": 2 expected, 1 found' in lines
    assert any("moves, which was not expected" in line for line in lines)
    assert not any(names[1] in line and "expected" in line for line in lines)
    assert len(findings(held.right, PerceptionPlan((), everything=True))) < len(lines)
