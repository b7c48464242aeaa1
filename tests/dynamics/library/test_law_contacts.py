"""floor, walls and discs."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.dynamics import Bodies, Impact
from kinescribe.dynamics.library import CollidingDiscs, CoulombFriction, DiscsOfOneMaterial, Floor, FreeFall, UniformMotion, Walls

TIMES = np.arange(0.0, 2.0, 1 / 30)


def test_a_ball_bounces_at_the_moment_and_speed_of_the_closed_form(run):
    values = {"gravity": 9.8, "floor": -0.5, "restitution": 0.7}
    made = run(FreeFall() + Floor(), TIMES, parameters=values, x=0.0, y=1.0)
    fall = np.sqrt(2 * 1.4 / 9.8)
    first, second = made.impacts_of(0)[:2]
    assert (first.wall, first.objects) == ("floor", (0,))
    assert first.time == pytest.approx(fall, rel=1e-9)
    assert second.time == pytest.approx(fall * (1 + 2 * 0.7), rel=1e-9)


def test_a_box_turns_things_back_at_all_four_sides(run):
    box = {"floor": -1.0, "ceiling": 1.0, "left": -2.0, "right": 2.0, "restitution": 1.0}
    made = run(UniformMotion() + Walls(), np.arange(0.0, 10.0, 0.1), parameters=box, x=0.0, y=0.0, vx=2.0, vy=1.7)
    assert {hit.wall for hit in made.impacts_of(0)} == {"floor", "ceiling", "left", "right"}
    assert np.abs(made.component("x")).max() <= 1.9 + 1e-9
    assert np.abs(made.component("y")).max() <= 0.9 + 1e-9


def test_walls_that_are_not_there_are_not_struck(run):
    made = run(UniformMotion() + Walls(), TIMES, x=0.0, y=0.0, vx=100.0, vy=100.0)
    assert not len(made.impacts)


@pytest.mark.parametrize("impacts", [True, False])
def test_starts_of_walls_name_those_that_were_struck(run, seen, impacts):
    box = {"floor": -1.0, "right": 1.0, "restitution": 0.8, "gravity": 5.0}
    made = run(FreeFall() + Walls(), TIMES, bodies=Bodies.make(1, radius=0.1), parameters=box, x=0.0, y=0.5, vx=1.5)
    clip = seen(made, TIMES, noise=0.002, missing=0.05, impacts=impacts)
    found = Walls().starts(clip)
    assert set(found) == {"floor", "right", "restitution", "friction"}
    assert (found["floor"], found["right"]) == pytest.approx((-1.0, 1.0), abs=0.03)
    assert found["restitution"] == pytest.approx(0.8, abs=0.05)
    assert found["friction"] == pytest.approx(0.0, abs=0.05)
    assert Floor().starts(clip)["floor"] == pytest.approx(-1.0, abs=0.03)


def test_a_wall_is_where_others_do_not_get_beyond(run, seen):
    """Two that collide in mid-air may be told as one that is struck: that is no wall, for the other gets farther."""
    box = {"right": 1.0, "restitution": 0.8}
    bodies = Bodies.make(2, radius=0.1)
    made = run(UniformMotion() + Walls() + CollidingDiscs(), TIMES, bodies=bodies, parameters=box, x=[-1.0, 0.0], y=0.0, vx=[2.0, 1.2])
    clip = seen(made, TIMES, noise=0.001)
    alone = [hit if len(hit.objects) == 1 else Impact(hit.time, (hit.objects[0],)) for hit in clip.impacts]
    assert any(len(hit.objects) == 2 for hit in clip.impacts)
    object.__setattr__(clip, "impacts", tuple(alone))
    assert Walls().starts(clip)["right"] == pytest.approx(1.0, abs=0.03)


def test_starts_do_not_need_the_walls_names(run, seen):
    box = {"floor": -1.0, "right": 1.0, "restitution": 0.8, "gravity": 5.0}
    made = run(FreeFall() + Walls(), TIMES, parameters=box, x=0.0, y=0.5, vx=1.5)
    clip = seen(made, TIMES, noise=0.002)
    object.__setattr__(clip, "impacts", tuple(Impact(hit.time, hit.objects) for hit in clip.impacts))
    assert Walls().starts(clip)["right"] == pytest.approx(1.0, abs=0.02)


def test_friction_of_a_stroke_is_told_from_what_slides(run, seen):
    values = {"floor": -0.5, "restitution": 0.9, "friction": 0.1, "gravity": 9.8}
    made = run(FreeFall() + Floor(), TIMES[:30], parameters=values, x=0.0, y=0.5, vx=4.0)
    assert len(made.impacts) == 1
    assert Floor().starts(seen(made, TIMES[:30], noise=0.001))["friction"] == pytest.approx(0.1, abs=0.02)


def test_a_head_on_collision_keeps_momentum_and_restores_what_restitution_says(run):
    made = run(
        UniformMotion() + CollidingDiscs(), TIMES, parameters={"mass": [1.0, 2.0], "restitution": 0.8}, x=[0.0, 1.2], y=0.0, vx=[1.5, -0.5]
    )
    after = made.component("vx")[0, -1]
    assert after @ [1.0, 2.0] == pytest.approx(1.5 - 1.0)
    assert after[1] - after[0] == pytest.approx(0.8 * 2.0)
    assert made.impacts_of(0)[0].time == pytest.approx(0.5, rel=1e-9)


def test_starts_of_collisions(run, seen):
    masses = np.array([1.0, 2.0, 0.5])
    made = run(
        UniformMotion() + CollidingDiscs(), TIMES, parameters={"mass": masses, "restitution": 0.8},
        x=[0, 1.0, 2.0], y=[0, 0.05, 0.1], vx=[1.5, 0, -1],
    )  # fmt: skip
    assert len(made.impacts) == 2
    found = CollidingDiscs().starts(seen(made, TIMES, noise=0.002, missing=0.05))
    np.testing.assert_allclose(found["mass"], masses, rtol=0.1)
    assert found["restitution"] == pytest.approx(0.8, abs=0.05)


def test_two_that_turn_together_without_a_told_contact_have_met(run, seen):
    made = run(
        UniformMotion() + CollidingDiscs(), TIMES, parameters={"mass": [1.0, 3.0], "restitution": 1.0}, x=[0.0, 1.2], y=0.0, vx=[1.0, -0.2]
    )
    found = CollidingDiscs().starts(seen(made, TIMES, noise=0.002, impacts=False))
    assert found["mass"][1] / found["mass"][0] == pytest.approx(3.0, rel=0.15)
    assert found["restitution"] == pytest.approx(1.0, abs=0.05)


def test_of_one_material_the_larger_disc_is_the_heavier_by_area(run, seen):
    size = Bodies.make(2, radius=np.array([0.1, 0.2]))
    law = UniformMotion() + DiscsOfOneMaterial()
    made = run(law, TIMES, bodies=size, parameters={"restitution": 0.9}, x=[0.0, 1.2], y=0.0, vx=[1.5, -0.5])
    after = made.component("vx")[0, -1]
    assert after @ [1.0, 4.0] == pytest.approx(1.5 - 2.0)
    assert after[1] - after[0] == pytest.approx(0.9 * 2.0)
    found = DiscsOfOneMaterial().starts(seen(made, TIMES, noise=0.002))
    assert found == {"restitution": pytest.approx(0.9, abs=0.05)}


def test_who_strikes_nobody_weighs_what_its_size_says(run, seen):
    size = Bodies.make(2, radius=np.array([0.1, 0.2]))
    found = CollidingDiscs().starts(seen(run(UniformMotion(), TIMES, bodies=size, x=[0.0, 5.0], y=0.0, vx=[1.0, 1.0]), TIMES))
    assert set(found) == {"mass"}
    np.testing.assert_allclose(found["mass"], [0.5, 2.0])


def test_pucks_collide_and_come_to_rest_on_a_table(run):
    law = CoulombFriction() + CollidingDiscs()
    values = {"coulomb-friction.friction": 1.0, "discs.friction": 0.0, "restitution": 1.0}
    made = run(law, TIMES, parameters=values, substeps=4, x=[0.0, 0.7], y=0.0, vx=[1.5, 0.0])
    # the first gives all its speed away after half a metre, the second has √(1.5² − 1) m/s left
    assert made.component("x")[0, -1] == pytest.approx([0.5, 0.7 + (1.5**2 - 1.0) / 2.0], abs=1e-3)


def test_two_walls_struck_within_a_few_frames_are_both_found(run, seen):
    values = {"floor": -1.0, "right": 1.0, "restitution": 0.9, "gravity": 3.0}
    made = run(FreeFall() + Walls(), TIMES, bodies=Bodies.make(1, radius=0.1), parameters=values, x=-0.98, y=0.3, vx=2.0, vy=-0.2)
    first, second = made.impacts_of(0)[:2]
    assert {first.wall, second.wall} == {"floor", "right"}
    assert 0.03 < second.time - first.time < 0.2
    found = Walls().starts(seen(made, TIMES, noise=0.001, impacts=False))
    assert (found["floor"], found["right"]) == pytest.approx((-1.0, 1.0), abs=0.03)


def test_friction_starts_where_more_of_it_would_still_show(run, seen):
    """A disc that leaves the stroke rolling tells a least value only; a fit that begins above it would find nothing that changes."""
    values = {"floor": -0.5, "restitution": 0.9, "friction": 0.8, "gravity": 9.8}
    made = run(FreeFall() + Floor(), TIMES[:30], parameters=values, x=0.0, y=0.5, vx=0.6)
    start = Floor().starts(seen(made, TIMES[:30], noise=0.001))["friction"]
    down = np.sqrt(2 * 9.8 * 0.9)
    assert 0.0 < start < 0.6 / (3 * 1.9 * down)


def test_a_moment_that_is_told_half_a_frame_late_does_not_move_the_floor(run, seen):
    values = {"floor": -0.5, "restitution": 0.3, "gravity": 9.8}
    made = run(FreeFall() + Floor(), TIMES[:30], bodies=Bodies.make(1, radius=0.1), parameters=values, x=0.0, y=0.5)
    clip = seen(made, TIMES[:30], noise=0.0005)
    object.__setattr__(clip, "impacts", tuple(Impact(hit.time + 1 / 60, hit.objects) for hit in clip.impacts))
    assert Floor().starts(clip)["floor"] == pytest.approx(-0.5, abs=0.01)


def test_below_the_threshold_nothing_bounces(run):
    for threshold, expected in ((1.9, 1.0), (2.1, 0.0)):
        law = UniformMotion() + DiscsOfOneMaterial(restitution=1.0, threshold=threshold)
        made = run(law, TIMES, parameters={"restitution": 1.0, "threshold": threshold}, x=[0.0, 1.2], y=0.0, vx=[1.0, -1.0])
        after = made.component("vx")[0, -1]
        assert after[1] - after[0] == pytest.approx(2.0 * expected, abs=1e-9)
