"""The bank of worlds that the library's laws can't express."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from kinescribe.dynamics.fitting import Budget, Fit, fit_law
from kinescribe.dynamics.sandbox import complaints, law_of_source
from kinescribe.errors import UsageError
from kinescribe.evaluation.worlds import WORLDS, World, find_world
from kinescribe.evaluation.worlds.programs import changed

every_world = pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)


def sources(world: World) -> list[str]:
    return [world.source, world.wrong_sign, *world.steps, *world.decoys, *world.equivalents]


def fitted(world: World, source: str) -> Fit:
    return fit_law(law_of_source(source, trust=True), world.clips(0), budget=Budget(3_000, 60))


def test_the_bank_is_large_and_varied():
    families = Counter(world.family for world in WORLDS)
    assert len(WORLDS) >= 36
    assert len({world.name for world in WORLDS}) == len(WORLDS)
    assert len(families) >= 10
    assert min(families.values()) >= 2


@every_world
def test_sources_may_run_in_the_sandbox(world: World):
    assert [complaints(source) for source in sources(world)] == [[] for _ in sources(world)]


@every_world
def test_programs_differ_and_there_are_enough(world: World):
    assert len(set(sources(world))) == len(sources(world))
    assert len(world.steps) in (2, 3)
    assert len(world.decoys) >= 2


@every_world
def test_starts_are_off_but_not_far(world: World):
    parameters = world.law.parameters
    assert set(parameters) == set(world.values)
    for name, truth in world.values.items():
        low, high = parameters[name].bounds
        assert low < truth < high
        factor = parameters[name].start / truth
        assert 1.2 <= max(factor, 1.0 / factor) <= 3.1, name


@every_world
def test_clips_are_finite_and_come_from_the_seed(world: World):
    first, again, other = world.clips(0), world.clips(0), world.clips(1)
    assert 1 <= len(first) <= 3
    for one, same, different in zip(first, again, other, strict=True):
        assert 40 <= len(one.times) <= 80
        assert one.x.shape == (len(one.times), world.objects)
        assert np.isfinite(one.x).all()
        assert np.isfinite(one.y).all()
        assert max(np.abs(one.x).max(), np.abs(one.y).max()) < 20.0
        assert np.array_equal(one.x, same.x)
        assert not np.array_equal(one.x, different.x)
        assert (one.sigma_x == world.sigma).all()


def test_noise_is_of_the_size_that_the_clip_tells():
    world = find_world("hard spring")
    differences = np.concatenate([(a.x - b.x).ravel() for a, b in zip(world.clips(0), world.clips(1), strict=True)])
    assert differences.std() == pytest.approx(np.sqrt(2.0) * world.sigma, rel=0.2)


def test_contacts_stand_in_the_clips():
    assert all(clip.impacts for clip in find_world("magnetic ball").clips(0))


@pytest.mark.parametrize("name", ["cubic drag", "shaken fall", "swirl", "vortex", "magnetic ball", "thruster"])
def test_the_true_law_leaves_noise_alone(name: str):
    world = find_world(name)
    fit = fitted(world, world.source)
    assert fit.ok
    assert fit.scale == pytest.approx(1.0, abs=0.15)
    for found, truth in ((fit.estimates[key], value) for key, value in world.values.items()):
        assert abs(found.value - truth) < 4.0 * found.sigma


@pytest.mark.parametrize("name", ["growing gravity", "hard spring", "pushed cart"])
def test_steps_come_nearer_one_by_one(name: str):
    world = find_world(name)
    residuals = [fitted(world, source).scale for source in (*world.steps, world.source)]
    assert residuals == sorted(residuals, reverse=True)
    assert residuals[-2] > 1.5 * residuals[-1]


def test_decoys_fit_better_than_the_first_step_and_not_well():
    world = find_world("cubic drag")
    first = fitted(world, world.steps[0]).scale
    for decoy in world.decoys[:2]:
        assert 3.0 < fitted(world, decoy).scale < first


def test_a_fit_does_not_put_a_wrong_sign_right():
    world = find_world("lift")
    assert fitted(world, world.wrong_sign).scale > 3.0


def test_an_equivalent_fits_as_the_true_law_does():
    world = find_world("cubic drag")
    assert fitted(world, world.equivalents[0]).scale == pytest.approx(fitted(world, world.source).scale, rel=1e-6)


def test_an_unknown_world_is_told_with_the_nearest_name():
    with pytest.raises(UsageError, match="did you mean 'vortex'"):
        find_world("vortx")


def test_a_passage_is_changed_once_or_not_at_all():
    assert changed("a + b", "+", "-") == "a - b"
    with pytest.raises(ValueError, match="stands 2 times"):
        changed("a + b + c", "+", "-")
    with pytest.raises(ValueError, match="stands 0 times"):
        changed("a", "+", "-")
