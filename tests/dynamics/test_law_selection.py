"""Which law it is: the right one wins where it can be told, a tie is said where it can't."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from drawn_clips import Fall, Free, Pucks, clip_of, moved

from kinescribe.dynamics import Bodies, Law, Parameter
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Budget, fit_law
from kinescribe.dynamics.selection import NOT_SCORED, candidates, groups, select
from kinescribe.dynamics.selection.heldout import HeldOut, splits
from kinescribe.errors import UsageError

ONE = Bodies.make(1, radius=0.1)
TIMES = np.linspace(0.0, 2.0, 31)
RIVALS = ("uniform-motion", "free-fall", "linear-drag")
WIDER = {"free-fall": "free-fall + linear-drag", "linear-drag": "free-fall + linear-drag", "anchored-spring": "damped-spring"}


def seen(law: str | Law, truth, *, times=TIMES, sigma=0.01, bodies=ONE, seed=1, **start):
    path = moved(find_law(law), times, bodies, substeps=8, parameters=truth, **start)
    return clip_of(path, times, np.random.default_rng(seed), sigma)


@pytest.mark.parametrize(
    ("law", "truth", "start"),
    [
        ("uniform-motion", {}, {"vx": 1.5, "vy": 0.5}),
        ("free-fall", {"gravity": 9.0}, {"vx": 1.0, "vy": 6.0}),
        ("linear-drag", {"drag": 1.2}, {"vx": 4.0, "vy": 2.0}),
        ("anchored-spring", {"stiffness": 12.0, "anchor_x": 0.5, "rest_length": 0.0}, {"x": 2.0}),
        ("pendulum", {"gravity": 9.8, "length": 1.0, "pivot_x": 0.0, "pivot_y": 1.0}, {"x": 0.9, "y": 0.56}),
    ],
)
def test_the_law_that_it_is_wins(law, truth, start):
    rivals = [find_law(name) for name in dict.fromkeys((*RIVALS, WIDER.get(law, law), law))]
    selection = select(rivals, [seen(law, truth, **start)])
    assert selection.winner is not None
    assert selection.winner.title == law
    assert selection.winner.reason == ""
    assert all(one.reason for one in selection.candidates[1:])
    # a law that has the right one as a special case comes near, so that something must be foretold
    assert "of the clip" in selection.held_out or law == "pendulum"


def test_two_discs_that_collide_are_told_from_what_passes_through():
    bodies = Bodies.make(2, radius=0.5)
    clips = [
        seen("uniform-motion + discs", {"restitution": 0.9}, bodies=bodies, seed=k, x=[0.0, 3.0], y=[0.0, 0.1 * k], vx=[2.0, -1.0])
        for k in range(3)
    ]
    laws = [find_law(name) for name in ("uniform-motion", "uniform-motion + discs", "linear-drag + discs")]
    selection = select(laws, clips)
    assert selection.winner.title == "uniform-motion + discs"
    assert "each of 3 clips in turn" in selection.held_out


def test_slow_drag_in_a_short_clip_is_a_tie_and_the_simplest_is_handed_on():
    clip = seen("linear-drag", {"drag": 0.05}, times=np.linspace(0, 0.5, 14), vx=1.0, vy=0.5)
    selection = select([find_law(name) for name in ("quadratic-drag", "linear-drag", "uniform-motion")], [clip])
    assert set(selection.tie) == {"uniform-motion", "linear-drag", "quadratic-drag"}
    assert selection.winner.title == "uniform-motion"
    assert all("tied" in one.reason for one in selection.candidates[1:])


def test_a_coordinate_that_is_exact_does_not_choose_the_law():
    """Straight down on one column of pixels: the law that explains the column alone must not win."""
    clip = seen("free-fall", {"gravity": 9.0}, vy=3.0)
    for x in (np.full((31, 1), 20.0), 20.0 + TIMES[:, None]):
        selection = select([find_law(name) for name in ("coulomb-friction", "uniform-motion", "free-fall")], [replace(clip, x=x)])
        assert selection.winner.title == "free-fall"


class Failing(Law):
    name = "failing"
    rate = Parameter(50.0, (40, 100))

    def acceleration(self, t, state, parameters, inputs):
        return (parameters.rate * (state.vx + 1.0)) ** 3, 0.0


def test_what_fails_comes_last_with_its_reason():
    clip = seen(Free(), {}, vx=2.0)
    selection = select([Failing(), Fall(), Free()], [clip], budget=Budget(3_000))
    assert selection.candidates[-1].title == "failing"
    assert "leaves all bounds" in selection.candidates[-1].reason
    assert selection.winner.title == "free"
    nothing = select([Failing()], [clip], budget=Budget(500))
    assert nothing.winner is None
    assert nothing.candidates[0].reason


def test_one_law_alone_wins_without_a_contest():
    selection = select([Free()], [seen(Free(), {}, vx=2.0)])
    assert selection.winner.title == "free"
    assert selection.held_out == "nothing: one law alone fits"
    with pytest.raises(UsageError, match="no law is about this number of objects"):
        select([], [seen(Free(), {}, vx=2.0)])


def test_known_values_go_to_the_laws_that_have_them():
    clip = seen("free-fall", {"gravity": 9.0}, vx=1.0, vy=6.0)
    selection = select([find_law("uniform-motion"), find_law("free-fall")], [clip], fixed={"gravity": 9.0})
    assert selection.winner.title == "free-fall"
    assert selection.winner.fit.estimates["gravity"].fixed


@pytest.mark.parametrize("frames", [2, 3, 5, 7, 8, 30])
def test_splits_foretell_what_follows_and_nothing_else(frames):
    parts, words = splits([seen(Free(), {}, vx=1.0).first(frames)])
    assert all(0 < part.seen < part.end <= frames for part in parts)
    assert words
    several, words = splits([seen(Free(), {}, vx=1.0).first(frames)] * 7)
    assert sorted(part.test for part in several) == list(range(7))
    assert all(part.test not in part.train and part.seen < part.end for part in several)
    assert "5 folds" in words


def test_groups_are_who_touches_whom():
    bodies = Bodies.make(5, radius=0.5)
    path = moved(Pucks(), TIMES, bodies, x=[0.0, 2.0, 0.0, 2.0, 9.0], y=[0.0, 0.0, 9.0, 9.0, 0.0], vx=[2.0, 0.0, 2.0, 0.0, 0.0])
    clip = clip_of(path, TIMES, np.random.default_rng(1), 0.01)
    assert len(clip.impacts) == 2
    # one law says how discs touch, whoever touches whom
    assert groups([clip]) == [(0, 1, 2, 3), (4,)]
    apart = clip_of(moved(Pucks(), TIMES, bodies, x=9.0 * np.arange(5)), TIMES, np.random.default_rng(1), 0.01)
    assert groups([apart]) == [(0,), (1,), (2,), (3,), (4,)]
    # in another clip others may meet
    assert groups([apart, clip]) == [(0, 1, 2, 3), (4,)]


def test_candidates_are_about_what_is_there():
    one, two = seen(Free(), {}, vx=1.0), seen(Free(), {}, bodies=Bodies.make(2), x=[0.0, 9.0])
    names = [law.title for law in candidates([one])]
    assert {"uniform-motion", "free-fall", "linear-drag", "pendulum"} <= set(names)
    assert not any("discs" in name or "cart" in name or "floor" in name for name in names)
    assert any("discs" in law.title for law in candidates([two]))
    assert all(law.objects in (None, 2) for law in candidates([two]))


def world(clips):
    """The general machine among the candidates."""
    found = [law for law in candidates(clips) if law.last_resort]
    assert len(found) <= 1
    return found[0] if found else None


def test_box2d_is_a_candidate_where_bodies_meet():
    pytest.importorskip("Box2D")
    pucks = seen(Free(), {}, bodies=Bodies.make(2), x=[0.0, 9.0], vx=[1.0, -1.0])
    assert world([seen(Free(), {}, vx=1.0)]) is None
    law = world([pucks])
    # seen from above, and of a size that it is made for
    assert law.parameters["gravity"].fixed
    assert law.parameters["gravity"].start == 0.0
    assert (law.scale, law.parameters["threshold"].start) == (1.0, 1.0)
    assert not law.parameters["size"].fixed
    assert world([replace(pucks, unit="px")]).scale is None
    assert world([replace(pucks, bodies=Bodies.make(2, radius=0.01))]).scale is None
    assert world([replace(pucks, bodies=Bodies.make(2, radius=0.0))]) is None
    falling = seen(Fall(), {"gravity": 9.0}, bodies=Bodies.make(2), x=[0.0, 9.0], vy=5.0)
    assert not world([falling]).parameters["gravity"].fixed


def test_without_box2d_there_is_none(monkeypatch):
    # the package hands out a function of the module's name
    monkeypatch.setattr(sys.modules["kinescribe.dynamics.selection.candidates"], "find_spec", lambda name: None)
    assert world([seen(Free(), {}, bodies=Bodies.make(2), x=[0.0, 9.0])]) is None


class Machine(Fall):
    """Imitates free fall."""

    name = "machine"
    last_resort = True


def test_a_general_machine_is_tried_last_and_where_something_is_left_over():
    clip = seen("free-fall", {"gravity": 9.0}, vx=1.0, vy=6.0)
    selection = select([Machine(), find_law("uniform-motion"), find_law("free-fall")], [clip])
    assert [one.title for one in selection.candidates] == ["free-fall", "uniform-motion"]
    assert "machine not needed" in selection.held_out
    left_over = select([Machine(), find_law("uniform-motion")], [clip])
    assert left_over.winner.title == "machine"
    # many clips are screened by the others
    many = select([Machine(), find_law("uniform-motion"), find_law("linear-drag")], [clip] * 7)
    assert many.winner.title == "machine"


def test_a_search_that_is_cut_short_ranks_without_scores(monkeypatch):
    def nothing_left(law, fit, clips, parts, **rest):
        return HeldOut(np.full(len(parts), np.nan), 0)

    monkeypatch.setattr(sys.modules[select.__module__], "held_out", nothing_left)
    clip = seen("free-fall", {"gravity": 9.0}, vx=1.0, vy=6.0)
    selection = select([find_law("constant-acceleration"), find_law("free-fall")], [clip])
    assert selection.winner is not None
    assert {one.reason for one in selection.candidates} == {NOT_SCORED}
    assert selection.tie == ()
    assert np.isnan([one.error for one in selection.candidates]).all()
    bics = [one.fit.bic for one in selection.candidates]
    assert bics == sorted(bics)


def test_what_is_far_off_is_not_tried_further_where_a_law_leaves_no_more_than_noise(monkeypatch):
    monkeypatch.setattr(sys.modules[select.__module__], "FIRST", 12)
    clip = seen("free-fall", {"gravity": 9.0}, vx=1.0, vy=6.0)
    far, near = find_law("linear-drag"), find_law("free-fall + linear-drag")
    whole = {law.title: fit_law(law, [clip]) for law in (far, near)}
    assert min(one.rollouts for one in whole.values()) > 12
    selection = select([find_law("free-fall"), far, near], [clip])
    found = {one.title: one for one in selection.candidates}
    assert "not tried further" in found[far.title].reason
    assert found[far.title].fit.rollouts < whole[far.title].rollouts
    # what comes near is fitted as it would be by itself, and all that was spent is told
    assert found[near.title].fit.estimates == whole[near.title].estimates
    assert found[near.title].fit.rollouts > whole[near.title].rollouts
    # where nothing leaves noise alone everything is tried to its end
    among_poor = select([find_law("uniform-motion"), far], [clip])
    assert {one.title: one for one in among_poor.candidates}[far.title].fit.rollouts == whole[far.title].rollouts
    assert not [one for one in among_poor.candidates if "not tried further" in one.reason]
