"""Fits of objects that have nothing to do with each other, as one fit of all."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_clips import moved, table

from kinescribe.dynamics import Bodies, Clip, Law, Parameter
from kinescribe.dynamics.api import fit
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit, fit_law
from kinescribe.dynamics.fitting.joining import join
from kinescribe.dynamics.library import RodPendulum
from kinescribe.dynamics.prediction import predict
from kinescribe.dynamics.saving import load, save
from kinescribe.dynamics.selection import candidates

TIMES = np.linspace(0.0, 1.5, 61)
SIGMA = 0.003
ROD, BALL, POST = "swinging rod", "ball", "post"
SWING = {"swing": 20.0, "damping": 0.1, "hanging": -np.pi / 2, "pivot_x": 3.0, "pivot_y": 2.0, "distance": 0.5}
NAMES = (ROD, BALL)


def drawn(seed: int, *, post: bool = False, spotted: bool = False, lying: bool = False) -> Clip:
    """A rod that swings beside a ball that bounces off a floor; a post that stands; a ball whose spin of 2 rad/s shows."""
    rng = np.random.default_rng(seed)
    rod = moved(RodPendulum(), TIMES, Bodies.make(1), substeps=8, angle=[-0.6], parameters=SWING)
    law = find_law("free-fall + floor")
    ball = moved(law, TIMES, Bodies.make(1, radius=0.1), x=[0.0], y=[1.0], vx=[0.4 + 0.1 * seed],
                 parameters={"gravity": 9.8, "floor": 0.0, "restitution": 0.8})  # fmt: skip
    names = (*NAMES, POST)[: 3 if post else 2]
    places = np.concatenate([rod.data[:3, 0], ball.data[:3, 0], np.full((3, len(TIMES), 1), 7.0)], axis=2)[:, :, : len(names)]
    places[2, :, 1] = 0.3 + 2.0 * TIMES
    places += SIGMA * rng.normal(size=places.shape)
    places[2, :, [i for i in range(len(names)) if i != 0 and not (spotted and i == 1)]] = np.nan
    radius = np.array([0.5, 0.1, 0.2][: len(names)])
    bodies = replace(Bodies.make(len(names), names=names), radius=radius, width=2 * radius, height=2 * radius)
    bodies = replace(bodies, static=np.array([name == POST for name in names]))
    impacts = tuple(replace(hit, objects=(1,)) for hit in ball.impacts_of(0))
    assert impacts
    nothing, spread = np.full(places.shape[1:], np.nan), np.full(places.shape[1:], SIGMA)
    return Clip(f"clip {seed}", TIMES, bodies, *places, nothing, nothing, nothing, spread, spread, spread, impacts, unit="m")


def parts(clips: list[Clip], **known: float) -> list[Fit]:
    laws = (find_law("rod-pendulum"), find_law("free-fall + floor"))
    return [
        fit_law(law, [clip.keeping([i]) for clip in clips], fixed={name: value for name, value in known.items() if name in law.parameters})
        for i, law in enumerate(laws)
    ]


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [drawn(1), drawn(2)]


@pytest.fixture(scope="module")
def alone(clips: list[Clip]) -> list[Fit]:
    return parts(clips)


@pytest.fixture(scope="module")
def whole(clips: list[Clip], alone: list[Fit]) -> Fit:
    made = join(alone, clips)
    assert made is not None
    return made


def test_values_and_errors_are_the_parts_own(alone, whole):
    assert whole.ok
    assert not whole.unidentified
    assert whole.law.title == f"rod-pendulum on {ROD} + free-fall + floor on {BALL}"
    found = whole.estimates
    assert len(found) == sum(len(one.estimates) for one in alone)
    for one in alone:
        for name, theirs in one.estimates.items():
            assert found[name].value == pytest.approx(theirs.value, rel=1e-6)
            assert found[name].sigma == pytest.approx(theirs.sigma, rel=1e-6, nan_ok=True)
            assert (found[name].identified, found[name].fixed) == (theirs.identified, theirs.fixed)
    assert abs(found["gravity"].value - 9.8) < 4 * found["gravity"].sigma < 0.4
    assert abs(found["swing"].value - 20.0) < 4 * found["swing"].sigma < 1.0


def test_what_was_seen_is_explained_as_well_as_by_the_parts(clips, alone, whole):
    assert whole.samples == sum(one.samples for one in alone)
    assert whole.parameters == sum(one.parameters for one in alone)
    assert min(one.scale for one in alone) <= whole.scale <= max(one.scale for one in alone)
    # of one scale for all, so that laws for all can be compared
    assert whole.log_likelihood <= sum(one.log_likelihood for one in alone)
    assert whole.log_likelihood == pytest.approx(sum(one.log_likelihood for one in alone), abs=5.0)
    for c, clip in enumerate(clips):
        mine = whole.clips[c]
        assert mine.bodies.names == NAMES
        assert mine.events_agree is True
        assert mine.covariance.shape == (len(whole.theta) + len(mine.components),) * 2
        path = whole.rollout(TIMES, clip=c)
        for i, one in enumerate(alone):
            assert mine.rms[i] == one.clips[c].rms[0]
            assert mine.chi > 0
            np.testing.assert_allclose(path.data[:2, 0, :, i], one.rollout(TIMES, clip=c).data[:2, 0, :, 0], atol=1e-6)
        assert np.nanmax(np.abs(path.data[0, 0] - clip.x)) < 6 * SIGMA
        # each number of the start has its own error, whichever part it is of
        for i, one in enumerate(alone):
            theirs = one.clips[c]
            own = dict(zip(map(tuple, theirs.components.tolist()), np.diag(theirs.covariance)[len(one.theta) :], strict=True))
            ours = dict(zip(map(tuple, mine.components.tolist()), np.diag(mine.covariance)[len(whole.theta) :], strict=True))
            assert {(row, i): value for (row, _), value in own.items()} == {key: v for key, v in ours.items() if key[1] == i}


def test_it_survives_saving(whole, clips, tmp_path: Path):
    save(whole, tmp_path / "law.json", clips=clips)
    again = load(tmp_path / "law.json")
    assert again.law.title == whole.law.title
    np.testing.assert_array_equal(again.covariance, whole.covariance)
    np.testing.assert_array_equal(again.theta, whole.theta)
    np.testing.assert_array_equal(again.clips[1].covariance, whole.clips[1].covariance)
    np.testing.assert_array_equal(again.clips[1].components, whole.clips[1].components)
    assert again.bic == whole.bic
    assert again.estimates == whole.estimates


def test_the_report_names_the_parts(whole):
    text = " ".join(whole.report().split())
    assert f"rod-pendulum on {ROD} + free-fall + floor on {BALL}, fitted to 2 clips of 2 objects" in text
    assert "not determined" not in text
    assert "gravity" in text


def test_it_foretells_what_the_parts_do(clips, alone, whole):
    future = predict(clips[0], whole, until=2.0, every=0.1, from_start=True)
    for i, one in enumerate(alone):
        own = predict(clips[0].keeping([i]), one, until=2.0, every=0.1, from_start=True)
        rows = future["object_id"] == clips[0].bodies.object_ids[i]
        for name in ("x", "y"):
            np.testing.assert_allclose(future[name][rows], own[name], atol=0.02 * SIGMA)
            # the size of residuals is that of each part's, but for the little that the whole fit's says of it
            np.testing.assert_allclose(future[f"sigma_{name}"][rows], own[f"sigma_{name}"], rtol=0.03)


def test_known_values_stay_known(clips):
    made = join(parts(clips, gravity=9.8), clips)
    assert made is not None
    gravity = made.estimates["gravity"]
    assert (gravity.value, gravity.fixed) == (9.8, True)
    assert not made.estimates["floor"].fixed


def test_what_cannot_be_told_goes_by_the_whole_laws_names():
    clips = [drawn(3)]
    first, second = (fit_law(find_law("free-fall + floor"), [drawn(k).keeping([1]).until(0.3)]) for k in (3, 4))
    lost = {name for one in first.unidentified for name in one.names}
    assert "restitution" in lost
    both = Bodies.make(2, names=("a", "b"))
    bounds = [replace(one, objects=(name,)) for one, name in zip((first, second), both.names, strict=True)]
    named = replace(clips[0], bodies=replace(clips[0].bodies, names=both.names)).until(0.3)
    made = join(bounds, [named])
    assert made is not None
    told = [one for one in made.unidentified if any(name.endswith("on a.restitution") for name in one.names)]
    assert told
    assert "on a.restitution" in told[0].text
    assert {name for one in made.unidentified for name in one.names} <= set(made.estimates)
    assert not made.estimates[told[0].names[0]].identified


def test_a_part_that_failed_says_so(clips, alone):
    made = join([alone[0], replace(alone[1], status="failed", advice="try another law")], clips)
    assert made is not None
    assert not made.ok
    assert made.advice == f"{BALL}: try another law"


def test_what_nothing_moves_keeps_its_place_and_what_no_law_turns_turns_steadily():
    clips = [drawn(5, post=True, spotted=True)]
    still = fit_law(find_law("uniform-motion"), [clips[0].keeping([2])])
    made = join(parts(clips), clips, still)
    assert made is not None
    mine = made.clips[0]
    path = made.rollout(TIMES)
    np.testing.assert_allclose(path.data[:2, 0, :, 2], 7.0, atol=4 * SIGMA / np.sqrt(len(TIMES)))
    np.testing.assert_array_equal(path.data[:2, 0, -1, 2], path.data[:2, 0, 0, 2])
    assert mine.initial[5, 1] == pytest.approx(2.0, abs=0.01)
    rows = [tuple(pair) for pair in mine.components.tolist()]
    spin = rows.index((5, 1)) + len(made.theta)
    assert abs(mine.initial[5, 1] - 2.0) < 4 * np.sqrt(mine.covariance[spin, spin]) < 0.01


class Heavy(Law):
    """Two objects' laws that share a number which is a property of no object."""

    name = "heavy"
    mass = Parameter(1.0, (1e-3, 1e3), "mass")

    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -9.8 / parameters.mass


def test_laws_that_share_a_parameter_are_not_put_side_by_side():
    clip = drawn(6).until(0.3)
    fits = [fit_law(Heavy(), [clip.keeping([i])]) for i in (0, 1)]
    assert join(fits, [clip]) is None


def test_a_search_among_several_objects_tries_only_laws_that_can_be_added(monkeypatch):
    monkeypatch.setattr(sys.modules[candidates.__module__], "ALONE", ("free-fall", "circular-motion", "anchored-spring"))
    rng = np.random.default_rng(7)
    noise = SIGMA * rng.normal(size=(4, len(TIMES)))
    stone = (TIMES + noise[0], 5 * TIMES - 4.9 * TIMES**2 + noise[1])
    circling = (50 + np.cos(3 * TIMES) + noise[2], np.sin(3 * TIMES) + noise[3])
    found = fit(table([stone, circling], TIMES, labels=["stone", "moon"], sigma=SIGMA))
    assert found.ok
    assert found.law.title.endswith(" + anchored-spring on moon")
    fits = {one.title: one.fit for one in found.selection.candidates}
    assert "anchored-spring on moon" in fits
    assert not [title for title in fits if "circular-motion" in title]
    # each part's own errors, and nothing fitted beyond the search for each
    mine = fits["anchored-spring on moon"].estimates["stiffness"]
    assert mine.sigma in [one.sigma for name, one in found.estimates.items() if name.endswith("stiffness")]
    alone = fit(table([circling], TIMES, labels=["moon"], sigma=SIGMA))
    assert "circular-motion" in {one.title for one in alone.selection.candidates}
