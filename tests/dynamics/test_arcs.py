"""Laws that say that their accelerations are steady are followed in closed form: the same motion, its derivatives, its piles."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_clips import Bounce, Drag, Fall, Free, Pucks, moved, values_of
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.dynamics import Bodies, Contacts, Discs, Law, Parameter, Schedule, State, Wall, simulate
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.simulation.tangents import differentiate
from kinescribe.errors import UsageError


class Box(Fall):
    """Discs of different masses in a box with a slanting wall."""

    name = "box"
    push = Parameter(0.0, (-10, 10), "length/time^2", per="object")
    restitution = Parameter(0.9, (0, 1))
    friction = Parameter(0.0, (0, 2))
    floor = Parameter(0.0, (-10, 10), "length")
    slant = Parameter(0.0, (-1, 1))
    mass = Parameter(1.0, (1e-3, 1e3), "mass", per="object")
    size = Parameter(1.0, (0.5, 2))

    def acceleration(self, t, state, parameters, inputs):
        return parameters.push, -parameters.gravity

    def contacts(self, bodies, parameters):
        e, f = parameters.restitution, parameters.friction
        c, s = np.cos(parameters.slant), np.sin(parameters.slant)
        walls = [Wall("floor", 0.0, 1.0, parameters.floor, e, f), Wall("left", c, s, 0.0, e, f), Wall("right", -1.0, 0.0, -8.0, e, f)]
        return Contacts(walls, Discs(e, f, size=parameters.size))


class SteadyBox(Box):
    steady = True


def scene(seed: int, count: int = 5, spread: float = 3.0):
    rng = np.random.default_rng(seed)
    side = 1.4
    cells = rng.permutation(25)[:count]
    x, y = side * (cells % 5 + 0.6), side * (cells // 5 + 0.6)
    bodies = Bodies.make(count, radius=rng.uniform(0.2, 0.5, count), static=(1,) if seed % 3 == 0 else ())
    rates = {name: spread * rng.normal(size=count) for name in ("vx", "vy", "angular_velocity")}
    if seed % 3 == 0:
        rates = {name: np.where(np.arange(count) == 1, 0.0, value) for name, value in rates.items()}
    return rng, bodies, {"x": x, "y": y, **rates}


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000), gravity=st.sampled_from([0.0, 3.0, 9.0]), restitution=st.floats(0.5, 1),
    friction=st.sampled_from([0.0, 0.3]), pushed=st.booleans(),
)  # fmt: skip
def test_the_closed_form_is_the_integrated_motion(seed, gravity, restitution, friction, pushed):
    rng, bodies, start = scene(seed)
    given = {
        "gravity": gravity, "restitution": restitution, "friction": friction, "slant": rng.uniform(-0.2, 0.2),
        "mass": rng.uniform(0.5, 3, 5), "push": rng.normal(size=5) if pushed else 0.0,
    }  # fmt: skip
    times = np.sort(rng.uniform(0, 1.2, 25))
    one, other = (moved(law, times, bodies, parameters=given, **start) for law in (Box(), SteadyBox()))
    # errors grow with each collision; those that both find are compared
    assert [hit.objects for hit in one.impacts_of(0)][:4] == [hit.objects for hit in other.impacts_of(0)][:4]
    np.testing.assert_allclose([h.time for h in other.impacts_of(0)][:4], [h.time for h in one.impacts_of(0)][:4], atol=1e-9)
    until = ([h.time for h in one.impacts_of(0)] + [np.inf] * 5)[4]
    np.testing.assert_allclose(other.data[:, 0, times < until], one.data[:, 0, times < until], atol=1e-7)


@pytest.mark.parametrize(
    "law", ["uniform-motion + discs + walls", "free-fall + floor", "constant-acceleration", "free-fall + walls + discs"]
)
def test_the_librarys_laws_of_parabolas_say_so_and_move_as_integrated(law):
    found = find_law(law)
    assert found.steady
    integrated = find_law(law)
    integrated.steady = False
    _, bodies, start = scene(7)
    where = {"walls.restitution": 0.8, "floor": -1.0, "left": -1.0, "right": 9.0, "ceiling": 12.0}
    given = {name: value for name, value in where.items() if name in found.parameters}
    times = np.linspace(0, 1, 21)
    one, other = (moved(made, times, bodies, parameters=given, **start) for made in (found, integrated))
    np.testing.assert_allclose(one.data, other.data, atol=1e-7)


def test_a_term_that_is_not_steady_makes_the_sum_so():
    assert not (Fall() + find_law("uniform-motion")).steady
    assert not find_law("free-fall + linear-drag").steady
    assert find_law("free-fall").on("object 1").steady


def test_a_force_on_one_of_two_discs_lets_them_meet_where_it_must():
    law = find_law("constant-acceleration").on("object 1") + find_law("discs")
    bodies = Bodies.make(2, radius=0.5)
    names = {name: name for name in law.parameters}
    path = moved(
        law, np.array([0.0, 3.0]), bodies, x=[0.0, 3.0], vx=[-1.0, 0.0], parameters={names["ax"]: 2.0, names["ay"]: 0.0, "restitution": 1.0}
    )
    # x = -t + t² covers the gap of 2 when t = 2
    assert path.impacts_of(0)[0].time == pytest.approx(2.0, abs=1e-12)
    np.testing.assert_allclose(path.component("vx")[0, -1], [2.0, 3.0], atol=1e-9)


@pytest.mark.parametrize("law", [Pucks, type("SteadyPucks", (Pucks,), {"steady": True})])
def test_a_collision_without_restitution_happens_once(law):
    """Rounding leaves the two a last digit of approach, which is no further contact."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        path = moved(law(), np.linspace(0, 2, 21), Bodies.make(2, radius=0.5), x=[0.0, 2.0], y=rng.uniform(-0.4, 0.4, 2),
                     vx=[rng.uniform(2, 4), 0.1], parameters={"restitution": 0.0, "mass": rng.uniform(0.5, 2, 2)})  # fmt: skip
        assert len(path.impacts) == 1


@pytest.mark.parametrize("restitution", [0.0, 0.5, 0.8])
def test_a_ball_comes_to_rest_and_stays(restitution):
    class Floored(Bounce):
        steady = True

    path = moved(
        Floored(), np.linspace(0, 6, 61), Bodies.make(1, radius=0.3), y=1.3, parameters={"gravity": 9.0, "restitution": restitution}
    )
    np.testing.assert_allclose(path.component("y")[0, -1, 0], 0.3, atol=1e-3)
    np.testing.assert_allclose(path.component("vy")[0, -1, 0], 0.0, atol=0.05)
    assert len(path.impacts) < 400


def test_a_heap_settles_and_stays_within_its_box():
    rng = np.random.default_rng(2)
    bodies, times = Bodies.make(30, radius=0.35), np.arange(60) * 0.1
    grid = np.stack(np.meshgrid(np.arange(8) * 0.9 + 0.6, np.arange(4) * 0.9 + 0.6), -1).reshape(-1, 2)[:30]
    path = moved(
        SteadyBox(), times, bodies, x=grid[:, 0] + 0.02 * rng.normal(size=30), y=grid[:, 1], vx=rng.normal(size=30),
        parameters={"gravity": 9.8, "restitution": 0.3},
    )  # fmt: skip
    x, y = path.component("x")[0], path.component("y")[0]
    assert y.min() > 0.35 - 0.04
    assert x.min() > 0.35 - 0.04
    assert x.max() < 7.65 + 0.04
    last = np.hypot(x[-1][:, None] - x[-1], y[-1][:, None] - y[-1]) + 10 * np.eye(30)
    assert last.min() > 0.7 * 0.95
    assert np.hypot(path.component("vx"), path.component("vy"))[0, -1].max() < 0.2


@pytest.mark.parametrize("apart", [0.0, 0.3, 0.9])
def test_discs_that_start_in_each_other_come_apart(apart):
    path = moved(SteadyBox(), np.linspace(0, 4, 81), Bodies.make(2, radius=0.5), x=[4.0, 4.0 + apart], y=[0.5, 0.5], vx=[-0.5, 0.5],
                 parameters={"restitution": 0.5})  # fmt: skip
    x, y = path.component("x")[0, -1], path.component("y")[0, -1]
    assert np.hypot(*np.diff([x, y], axis=1)) > 0.95
    assert np.hypot(path.component("vx"), path.component("vy"))[0].max() < 15.0


@pytest.mark.parametrize("law", [type("Dragged", (Drag,), {"steady": True}), type("Held", (Free,), {
    "steady": True, "project": lambda self, state, parameters: state.replace(x=0.0)})])  # fmt: skip
def test_a_law_that_is_not_steady_after_all_is_found_out(law):
    with pytest.raises(UsageError, match=r"says steady = True, but .*: leave steady out"):
        moved(law(), np.linspace(0, 1, 11), Bodies.make(1), vx=1.0)


def test_clips_of_unequal_length_each_end_with_their_own():
    law, bodies = SteadyBox(), Bodies.make(2, radius=0.3)
    start = State.of(bodies, x=[[1.0, 3.0], [1.0, 3.0]], y=2.0, vx=[[3.0, 0.0], [3.0, 0.0]])
    times = [np.linspace(0, 1, 11), np.linspace(0, 0.5, 3)]
    both = simulate(law, values_of(law, bodies, 2), start, Schedule.of(times))
    for k in range(2):
        alone = simulate(law, values_of(law, bodies), State(start.data[:, k : k + 1], bodies), Schedule.of(times[k : k + 1]))
        np.testing.assert_allclose(both.data[:, k, : len(times[k])], alone.data[:, 0], atol=1e-13)
        assert both.impacts_of(k) == alone.impacts_of(0)
    np.testing.assert_array_equal(start.data[0, 0], [1.0, 3.0])


def slopes(law: Law, given: dict, bodies: Bodies, start: dict, times):
    """Exact derivatives by all parameters and by the start, beside those by central differences."""
    n = len(bodies)
    base = values_of(law, bodies, **given)
    columns = [(name, k) for name, value in base.items() for k in range(value.shape[1])]
    rows = {name: np.repeat(value, len(columns) + 1, axis=0) for name, value in base.items()}
    step = 1e-7
    for row, (name, k) in enumerate(columns, 1):
        rows[name][row, k] += step
    state = State.of(bodies, **start)
    components = np.array([(row, i) for i in range(n) if not bodies.static[i] for row in (0, 1, 3, 4, 2, 5)])
    schedule = Schedule.of([times])
    values = type(base)(rows)
    rollout, made = differentiate(law, values, np.full(len(columns), step), state, components, schedule, 3)
    wide = 1e-6
    found = []

    def run(given_values, data):
        return simulate(law, given_values, State(data, bodies), schedule).data[:3, 0]

    for name, k in columns:
        sides = []
        for sign in (1, -1):
            moved_values = {key: value.copy() for key, value in base.items()}
            moved_values[name][0, k] += sign * wide
            sides.append(run(type(base)(moved_values), state.data))
        found.append((sides[0] - sides[1]) / (2 * wide))
    for row, i in components:
        sides = []
        for sign in (1, -1):
            data = state.data.copy()
            data[row, 0, i] += sign * wide
            sides.append(run(base, data))
        found.append((sides[0] - sides[1]) / (2 * wide))
    return rollout, made, np.stack(found, axis=-1).transpose(1, 0, 2, 3)


@pytest.mark.parametrize("friction", [0.0, 0.05, 0.8])
@pytest.mark.parametrize("seed", [2, 4, 7])
def test_derivatives_go_through_walls_and_collisions(seed, friction):
    rng, bodies, start = scene(seed)
    given = {
        "gravity": 4.0, "restitution": 0.7, "friction": friction, "slant": 0.1, "mass": rng.uniform(0.5, 3, 5),
        "push": rng.normal(size=5), "floor": 0.05, "size": 1.02,
    }  # fmt: skip
    times = np.linspace(0, 0.9, 10)
    rollout, made, expected = slopes(SteadyBox(), given, bodies, start, times)
    assert len(rollout.impacts) >= 3
    assert friction > 0.5 or {-1} < set(rollout.impacts[:, 3].astype(int).tolist())
    if not friction:
        # at its bound friction has a derivative on one side alone
        at = list(SteadyBox().parameters).index("friction") + 4
        made, expected = np.delete(made, at, axis=-1), np.delete(expected, at, axis=-1)
    np.testing.assert_allclose(made[0], expected, atol=1e-4 * np.abs(expected).max())


def test_discs_may_touch_at_another_size_than_they_are_seen():
    bodies, start = Bodies.make(2, radius=0.5), {"x": [0.0, 3.0], "vx": [2.0, 0.0]}
    for size in (0.8, 1.0, 1.2):
        for law in (find_law("uniform-motion + discs"), find_law("linear-drag + discs-of-one-material")):
            (hit,) = moved(law, np.linspace(0, 2, 9), bodies, parameters={"size": size, "drag": 0.0}, **start).impacts_of(0)
            assert hit.time == pytest.approx((3.0 - size) / 2.0)


def test_derivatives_without_contacts_are_those_of_a_parabola():
    times = np.array([0.0, 0.5, 2.0])
    law = find_law("free-fall")
    _, made, expected = slopes(law, {"gravity": 3.0}, Bodies.make(2), {"x": [0.0, 1.0], "vy": [1.0, 2.0]}, times)
    np.testing.assert_allclose(made[0], expected, atol=1e-7)
    np.testing.assert_allclose(made[0, :, 1, 0, 0], -0.5 * times**2, atol=1e-7)


def test_a_pile_has_no_derivatives():
    _, made, _ = slopes(SteadyBox(), {"restitution": 0.2}, Bodies.make(1, radius=0.3), {"x": 4.0, "y": 0.5}, np.linspace(0, 3, 31))
    assert made is None
