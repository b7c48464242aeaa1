"""Contacts at their exact moments: bounces and collisions against closed forms, momentum, energy and spin."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_clips import Bounce, Fall, Free, Pucks, moved
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.dynamics import Bodies, Contacts, Law, Parameter, Wall
from kinescribe.errors import UsageError


@pytest.mark.parametrize("interval", [0.05, 0.31, 2.0])
@pytest.mark.parametrize("radius", [0.0, 0.2])
def test_bounces_happen_when_a_ball_dropped_must_bounce(interval, radius):
    g, e, height = 9.0, 0.7, 2.0
    times = np.arange(0.0, 3.0, interval)
    path = moved(Bounce(), times, Bodies.make(1, radius=radius), y=height + radius, parameters={"gravity": g, "restitution": e})
    first = math.sqrt(2 * height / g)
    expected, wait = [first], 2 * first * e
    while expected[-1] + wait < times[-1]:
        expected.append(expected[-1] + wait)
        wait *= e
    np.testing.assert_allclose([hit.time for hit in path.impacts_of(0)], expected, atol=1e-9)
    assert all(hit.wall == "floor" and hit.objects == (0,) for hit in path.impacts_of(0))
    # between the bounces it flies freely
    last = np.searchsorted(expected, times[-1]) - 1
    since, speed = times[-1] - expected[last], g * first * e ** (last + 1)
    assert path.component("y")[0, -1, 0] == pytest.approx(radius + speed * since - g / 2 * since**2, abs=1e-9)


def test_bounces_under_drag_happen_where_scipy_finds_them():
    from scipy.integrate import solve_ivp

    class Dragged(Bounce):
        def acceleration(self, t, state, parameters, inputs):
            return 0.0, -parameters.gravity - 0.4 * state.vy * np.abs(state.vy)

    times = np.arange(0.0, 2.0, 0.1)
    path = moved(Dragged(), times, Bodies.make(1, radius=0.3), substeps=16, y=3.3, parameters={"gravity": 9.0, "restitution": 0.8})
    state, at, expected = [3.0, 0.0], 0.0, []
    for _ in range(2):
        made = solve_ivp(
            lambda _, s: [s[1], -9.0 - 0.4 * s[1] * abs(s[1])], (at, at + 3), state, "DOP853", events=_floor, rtol=1e-12, atol=1e-13
        )
        at = float(made.t_events[0][0])
        expected.append(at)
        state = [0.0, -0.8 * made.y_events[0][0][1]]
    np.testing.assert_allclose([hit.time for hit in path.impacts_of(0)][:2], expected, atol=1e-6)


def _floor(_, state):
    return state[0] if state[1] < 0 else 1.0


_floor.terminal = True


@settings(max_examples=40)
@given(
    angle=st.floats(0, 2 * math.pi), offset=st.floats(-0.8, 0.8), ratio=st.floats(-2, 2), restitution=st.floats(0.01, 1),
    friction=st.floats(0, 1.5), spin=st.tuples(st.floats(-5, 5), st.floats(-5, 5)), vx=st.floats(-3, 3), vy=st.floats(-3, 3),
)  # fmt: skip
def test_a_collision_keeps_momentum_and_spin_and_its_restitution(angle, offset, ratio, restitution, friction, spin, vx, vy):
    mass, radius = np.array([1.0, 10.0**ratio]), np.array([0.4, 0.6])
    c, s = math.cos(angle), math.sin(angle)
    x, y = np.array([-2 * c, 0.0]) - np.array([offset * s, 0]), np.array([-2 * s, 0.0]) + np.array([offset * c, 0])
    path = moved(
        Pucks(), np.array([0.0, 1.0]), Bodies.make(2, radius=radius), x=x, y=y, vx=[3 * c + vx, vx], vy=[3 * s + vy, vy],
        angular_velocity=spin,
        parameters={"mass": mass, "restitution": restitution, "friction": friction},
    )  # fmt: skip
    assert len(path.impacts) == 1
    hit = path.impacts_of(0)[0]
    # the moment at which the centres are the radii apart
    assert hit.time == pytest.approx((2 - math.sqrt(1 - offset**2)) / 3, abs=1e-9)
    before, after = path.data[:, 0, 0], path.data[:, 0, 1]
    places = before[:2] + hit.time * before[3:5]
    normal = places[:, 1] - places[:, 0]
    assert np.hypot(*normal) == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose((mass * after[3:5]).sum(axis=1), (mass * before[3:5]).sum(axis=1), atol=1e-11 * (1 + mass[1]))
    approach, leave = (float((now[3:5, 1] - now[3:5, 0]) @ normal) for now in (before, after))
    assert leave == pytest.approx(-restitution * approach, abs=1e-9)
    # about any point the angular momentum of both stays: orbital and of the discs themselves
    inertia = mass * radius**2 / 2
    turning = [(mass * (places[0] * now[4] - places[1] * now[3])).sum() + (inertia * now[5]).sum() for now in (before, after)]
    assert turning[1] == pytest.approx(turning[0], abs=1e-9 * (1 + mass[1]))
    energy = [(mass * (now[3] ** 2 + now[4] ** 2)).sum() / 2 + (inertia * now[5] ** 2).sum() / 2 for now in (before, after)]
    assert energy[1] <= energy[0] * (1 + 1e-12)
    if friction == 0:
        np.testing.assert_array_equal(after[5], before[5])
        if restitution == 1:
            assert energy[1] == pytest.approx(energy[0])
    # friction stops the rims' slip, or its impulse is as large as it may be
    along = np.array([-normal[1], normal[0]])
    slip = float((after[3:5, 1] - after[3:5, 0]) @ along) - float((after[5] * radius).sum())
    pushed = mass[1] * (after[3:5, 1] - before[3:5, 1])
    assert abs(slip) < 1e-9 or abs(pushed @ along) == pytest.approx(friction * abs(pushed @ normal), abs=1e-9)


def test_a_ball_with_much_friction_leaves_the_floor_rolling():
    path = moved(Bounce(), np.array([0.0, 0.5]), Bodies.make(1, radius=0.5), y=1.0, vx=3.0, vy=-2.0,
                 parameters={"gravity": 0.0, "restitution": 1.0, "friction": 5.0})  # fmt: skip
    vx, vy, turning = path.data[3:, 0, -1, 0]
    assert vy == pytest.approx(2.0)
    # a uniform disc keeps two thirds of its speed, and rolls clockwise
    assert vx == pytest.approx(2.0)
    assert turning == pytest.approx(-vx / 0.5)


def test_a_little_friction_takes_its_share_of_the_stroke():
    path = moved(Bounce(), np.array([0.0, 0.5]), Bodies.make(1, radius=0.5), y=1.0, vx=3.0, vy=-2.0,
                 parameters={"gravity": 0.0, "restitution": 0.5, "friction": 0.1})  # fmt: skip
    assert path.component("vx")[0, -1, 0] == pytest.approx(3.0 - 0.1 * 1.5 * 2.0)


def test_a_static_disc_gives_way_to_nothing():
    bodies = Bodies.make(2, radius=0.5, static=(1,))
    path = moved(Pucks(), np.array([0.0, 2.0]), bodies, x=[0.0, 3.0], vx=[2.0, 0.0], parameters={"restitution": 0.5})
    np.testing.assert_allclose(path.component("vx")[0, -1], [-1.0, 0.0], atol=1e-12)
    assert path.component("x")[0, -1, 1] == 3.0
    assert path.impacts_of(0)[0].time == pytest.approx(1.0, abs=1e-9)


def test_newtons_cradle_hands_the_speed_on():
    bodies = Bodies.make(4, radius=0.5)
    path = moved(Pucks(), np.array([0.0, 3.0]), bodies, x=[0.0, 2.5, 4.0, 5.5], vx=[2.0, 0, 0, 0], parameters={"restitution": 1.0})
    np.testing.assert_allclose(path.component("vx")[0, -1], [0, 0, 0, 2.0], atol=1e-10)
    assert [hit.objects for hit in path.impacts_of(0)] == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("speed", [1e2, 1e4, 1e6])
def test_fast_small_bodies_slip_through_nothing(speed):
    path = moved(
        Bounce(),
        np.array([0.0, 1.0]),
        Bodies.make(1, radius=1e-3),
        y=1.0 + 1e-3,
        vy=-speed,
        parameters={"gravity": 0.0, "restitution": 1.0},
    )
    assert path.component("y")[0, -1, 0] == pytest.approx(speed - 1.0 + 1e-3, rel=1e-9)
    assert path.impacts_of(0)[0].time == pytest.approx(1 / speed, rel=1e-9)
    bodies = Bodies.make(2, radius=1e-3)
    path = moved(Pucks(), np.array([0.0, 1.0]), bodies, x=[0.0, 0.7], vx=[speed, 0.0], parameters={"restitution": 1.0})
    np.testing.assert_allclose(path.component("vx")[0, -1], [0.0, speed], rtol=1e-9, atol=1e-6 * speed)


def test_two_points_of_no_size_pass_and_a_point_bounces_off_a_disc():
    points = moved(Pucks(), np.array([0.0, 2.0]), Bodies.make(2, radius=0.0), x=[0.0, 2.0], y=[0.0, 0.1], vx=[2.0, 0.0])
    np.testing.assert_allclose(points.component("vx")[0, -1], [2.0, 0.0])
    mixed = moved(Pucks(), np.array([0.0, 2.0]), Bodies.make(2, radius=np.array([0.0, 0.5])), x=[0.0, 2.0], vx=[2.0, 0.0],
                  parameters={"restitution": 1.0})  # fmt: skip
    np.testing.assert_allclose(mixed.component("vx")[0, -1], [0.0, 2.0], atol=1e-12)
    assert mixed.impacts_of(0)[0].time == pytest.approx(0.75, abs=1e-9)


def test_a_slanting_wall_reflects():
    class Slope(Free):
        def contacts(self, bodies, parameters):
            return Contacts([Wall("slope", math.sqrt(0.5), math.sqrt(0.5), 0.0)])

    path = moved(Slope(), np.array([0.0, 5.0]), Bodies.make(1, radius=0.1), x=3.0, y=0.0, vx=-1.0)
    np.testing.assert_allclose(path.data[3:5, 0, -1, 0], [0.0, 1.0], atol=1e-12)
    assert path.impacts_of(0)[0].time == pytest.approx(3 - 0.1 * math.sqrt(2), abs=1e-9)


def test_contacts_are_the_same_wherever_the_origin_lies():
    near = moved(Bounce(), np.linspace(0, 2, 21), Bodies.make(1, radius=0.1), y=1.0)
    there = 1e5

    class Far(Fall):
        restitution = Parameter(0.8, (0, 1))

        def contacts(self, bodies, parameters):
            return Contacts([Wall("floor", 0.0, 1.0, there, parameters.restitution)])

    far = moved(Far(), np.linspace(0, 2, 21), Bodies.make(1, radius=0.1), y=1.0 + there)
    np.testing.assert_allclose(far.component("y") - there, near.component("y"), atol=1e-7)
    assert len(far.impacts) == len(near.impacts)


def test_two_laws_of_one_sum_may_not_both_say_how_discs_touch():
    with pytest.raises(UsageError, match="two laws of the same sum say how discs touch"):
        moved(Pucks() + Pucks(), np.array([0.0, 1.0]), Bodies.make(2), x=[0.0, 3.0])


def test_mass_is_the_laws_own_where_no_parameter_has_it():
    from kinescribe.dynamics import Discs

    class Sized(Law):
        def acceleration(self, t, state, parameters, inputs):
            return 0.0, 0.0

        def contacts(self, bodies, parameters):
            return Contacts((), Discs(1.0, masses=np.array([1.0, 3.0])))

    path = moved(Sized(), np.array([0.0, 2.0]), Bodies.make(2, radius=0.5), x=[0.0, 2.0], vx=[2.0, 0.0])
    np.testing.assert_allclose(path.component("vx")[0, -1], [-1.0, 1.0], atol=1e-12)
