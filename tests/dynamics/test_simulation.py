"""The simulator against closed forms, scipy's integrators, and its own promises."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_clips import Bounce, Drag, Fall, Free, Pucks, Swing, moved, values_of
from scipy.integrate import solve_ivp

from kinescribe.dynamics import Bodies, Contacts, Inputs, Law, Parameter, Schedule, State, simulate
from kinescribe.errors import UsageError

RAGGED = np.array([0.0, 0.03, 0.1, 0.35, 0.5, 0.51, 1.2, 2.0])
ONE = Bodies.make(1, radius=0.1)


def test_constant_acceleration_is_exact_whatever_the_times():
    path = moved(Fall(gravity=3.0), RAGGED, ONE, x=1.0, y=2.0, vx=4.0, vy=5.0)
    np.testing.assert_allclose(path.component("x")[0, :, 0], 1 + 4 * RAGGED, rtol=1e-14)
    np.testing.assert_allclose(path.component("y")[0, :, 0], 2 + 5 * RAGGED - 1.5 * RAGGED**2, rtol=1e-13)
    np.testing.assert_allclose(path.component("vy")[0, :, 0], 5 - 3 * RAGGED, rtol=1e-13)


@pytest.mark.parametrize(("law", "closed"), [
    (Drag(drag=2.0), lambda t: (1 - np.exp(-2 * t)) / 2),
    (Swing(stiffness=9.0), lambda t: np.sin(3 * t) / 3),
])  # fmt: skip
def test_error_falls_with_the_fourth_power_of_the_step(law, closed):
    times = np.linspace(0, 2, 11)
    errors = [np.abs(moved(law, times, ONE, vx=1.0, substeps=k).component("x")[0, :, 0] - closed(times)).max() for k in (2, 4, 8)]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.25)
    assert errors[1] / errors[2] == pytest.approx(16, rel=0.25)


class Pair(Law):
    """Two bodies that attract each other, with drag that grows with time and an input along y."""

    name = "pair"
    inputs = ("push",)
    pull = Parameter(1.0)

    def acceleration(self, t, state, parameters, inputs):
        dx, dy = state.x - state.x[:, ::-1], state.y - state.y[:, ::-1]
        cube = (dx**2 + dy**2) ** 1.5
        return -parameters.pull * dx / cube - 0.1 * t * state.vx, -parameters.pull * dy / cube + inputs.push, 0.3 * t + 0 * dx


def test_a_pair_under_an_input_that_jumps_agrees_with_scipy():
    times = np.linspace(0.5, 2.5, 9)
    push = Inputs.of([0.0, 1.13, 1.9], push=[0.2, -0.5, 0.3])

    def rates(t, s):
        made = Pair().acceleration(t, State(s.reshape(6, 1, 2), Bodies.make(2)), values_of(Pair(), Bodies.make(2)), push_at(t))
        return np.concatenate([s[6:], *(np.broadcast_to(part, (1, 2))[0] for part in made)])

    def push_at(t):
        return type("Inputs", (), {"push": push.at(t)["push"]})

    start = np.array([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.1], [-0.7, 0.7], [0.0, 0.0]])
    whole = solve_ivp(rates, (0.5, 2.5), start.ravel(), "DOP853", times, rtol=1e-11, atol=1e-12, max_step=0.01).y
    path = moved(Pair(), times, Bodies.make(2), substeps=32, inputs=push, x=start[0], y=start[1], vx=start[3], vy=start[4])
    np.testing.assert_allclose(path.data[:, 0].transpose(0, 2, 1).reshape(12, -1), whole, atol=2e-5)


def test_an_input_that_changes_between_frames_is_felt_at_once():
    class Pushed(Free):
        inputs = ("push",)

        def acceleration(self, t, state, parameters, inputs):
            return inputs.push, 0.0

    path = moved(Pushed(), np.array([0.0, 1.0]), ONE, inputs=Inputs.of([0.0, 0.25], push=[0.0, 2.0]))
    assert path.component("vx")[0, -1, 0] == pytest.approx(1.5, rel=1e-13)
    assert path.component("x")[0, -1, 0] == pytest.approx(0.75**2, rel=1e-13)


class Euler(Law):
    """An explicit Euler step, as cart-poles in simulators have it."""

    name = "euler"
    inputs = ("push",)
    time_step = 0.1

    def step(self, state, parameters, inputs, dt):
        return state.replace(x=state.x + dt * state.vx, vx=state.vx + dt * inputs.push)


def test_a_law_of_steps_takes_its_own_steps_and_shorter_ones_to_frames_between():
    push = Inputs.of([0.0, 0.1, 0.2], push=[1.0, 0.0, 4.0])
    path = moved(Euler(), np.array([0.0, 0.1, 0.2, 0.25]), ONE, vx=1.0, inputs=push)
    np.testing.assert_allclose(path.component("vx")[0, :, 0], [1.0, 1.1, 1.1, 1.3])
    np.testing.assert_allclose(path.component("x")[0, :, 0], [0.0, 0.1, 0.21, 0.265])


def test_a_short_step_to_a_frame_leaves_the_course_alone():
    times = np.array([0.0, 0.03, 0.07, 0.1, 0.17, 0.2])
    push = Inputs.of([0.0], push=[1.0])
    between = moved(Euler(), times, ONE, vx=1.0, inputs=push).data[:, :, [0, 3, 5]]
    np.testing.assert_array_equal(between, moved(Euler(), times[[0, 3, 5]], ONE, vx=1.0, inputs=push).data)


def test_steps_of_clips_of_unequal_length_end_with_their_clip():
    clips = [np.array([0.0, 0.1]), np.array([0.0, 0.1, 0.2, 0.3])]
    schedule = Schedule.of(clips, [Inputs.of([0.0], push=[1.0])] * 2, names=["push"], time_step=0.1)
    path = simulate(Euler(), values_of(Euler(), ONE, 2), State.of(ONE, vx=np.ones((2, 1))), schedule)
    np.testing.assert_allclose(path.component("vx")[:, :, 0], [[1, 1.1, 1.1, 1.1], [1, 1.1, 1.2, 1.3]])


class Known(Law):
    """A trajectory in closed form."""

    name = "known"
    speed = Parameter(2.0)

    def rollout(self, initial, times, parameters, inputs):
        out = np.repeat(initial.data[:, :, None], times.shape[1], axis=2)
        out[0] += (times - times[:, :1])[..., None] * parameters.speed[..., None]
        return out


def test_a_black_box_is_asked_for_the_frames():
    np.testing.assert_allclose(moved(Known(), RAGGED, ONE, x=1.0).component("x")[0, :, 0], 1 + 2 * RAGGED)


def test_clips_together_are_the_clips_one_by_one():
    rng = np.random.default_rng(5)
    law = Fall() + Bounce(gravity=0.0).starting(restitution=0.7, friction=0.3) + Pucks(restitution=0.9, friction=0.2)
    count, bodies = 7, Bodies.make(4, radius=np.array([0.2, 0.3, 0.25, 0.4]))
    times = [np.cumsum(rng.uniform(0.02, 0.1, rng.integers(5, 20))) for _ in range(count)]
    start = State.of(bodies, x=rng.uniform(0, 3, (count, 4)), y=rng.uniform(0.5, 4, (count, 4)), vx=rng.normal(size=(count, 4)) * 3)
    names = {name: rng.uniform(0.5, 0.9, (count, 4 if p.per == "object" else 1)) for name, p in law.parameters.items()}
    together = simulate(law, values_of(law, bodies, count, **names), start, Schedule.of(times, substeps=2))
    assert len(together.impacts) > 10
    for c in range(count):
        mine = values_of(law, bodies, 1, **{name: value[c : c + 1] for name, value in names.items()})
        alone = simulate(law, mine, State(start.data[:, c : c + 1], bodies), Schedule.of(times[c : c + 1], substeps=2))
        np.testing.assert_allclose(together.data[:, c, : len(times[c])], alone.data[:, 0], rtol=1e-9, atol=1e-9)
        assert [hit.objects for hit in together.impacts_of(c)] == [hit.objects for hit in alone.impacts_of(0)]


def test_what_is_static_stays_and_initial_states_are_left_alone():
    bodies = Bodies.make(2, radius=0.1, static=(1,))
    start = State.of(bodies, x=[0.0, 1.0], vx=[1.0, 5.0])
    before = start.data.copy()
    path = simulate(Fall(), values_of(Fall(), bodies), start, Schedule.of([RAGGED]))
    np.testing.assert_array_equal(start.data, before)
    assert (path.component("y")[0, :, 1] == 0).all()
    assert (path.component("x")[0, :, 1] == 1).all()


def test_a_motion_that_leaves_all_bounds_is_nan_from_there_on_and_said():
    class Runaway(Free):
        def acceleration(self, t, state, parameters, inputs):
            return state.x**3, 0.0

    times = np.linspace(0, 5, 51)
    start = State.of(ONE, x=np.array([[0.0], [3.0]]))
    path = simulate(Runaway(), values_of(Runaway(), ONE, 2), start, Schedule.of([times, times]))
    np.testing.assert_array_equal(path.diverged, [False, True])
    lost = np.isnan(path.data[:, 1]).any(axis=(0, 2))
    first = int(lost.argmax())
    assert 0 < first < 50
    assert lost[first:].all()
    assert np.isfinite(path.data[:, 0]).all()


@pytest.mark.parametrize("returned", [None, 0.0, (0.0,), (0.0,) * 4, (np.zeros((3, 5)), 0.0), ("up", 0.0), {"ax": 1}])
def test_accelerations_of_a_wrong_kind_are_one_line(returned):
    class Wrong(Free):
        name = "wrong"

        def acceleration(self, t, state, parameters, inputs):
            return returned

    with pytest.raises(UsageError, match=r"law wrong: (acceleration must return|an acceleration has)") as caught:
        moved(Wrong(), RAGGED, ONE, x=0.0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("returned", [None, 1.0, State(np.zeros((6, 1, 3)), Bodies.make(3))])
def test_steps_of_a_wrong_kind_are_one_line(returned):
    class Wrong(Law):
        name = "wrong"

        def step(self, state, parameters, inputs, dt):
            return returned

    with pytest.raises(UsageError, match="law wrong: step must return a State of the shape"):
        moved(Wrong(), RAGGED, ONE, x=0.0)


@pytest.mark.parametrize("returned", [None, np.zeros((6, 1, 3, 1)), "path", [[1.0], [1.0, 2.0]]])
def test_rollouts_of_a_wrong_kind_are_one_line(returned):
    class Wrong(Law):
        name = "wrong"

        def rollout(self, initial, times, parameters, inputs):
            return returned

    with pytest.raises(UsageError, match="law wrong: rollout") as caught:
        moved(Wrong(), RAGGED, ONE, x=0.0)
    assert "\n" not in str(caught.value)


def test_contacts_of_a_wrong_kind_are_one_line():
    class Wrong(Free):
        name = "wrong"

        def contacts(self, bodies, parameters):
            return [1]

    with pytest.raises(UsageError, match="law wrong: contacts must return Contacts"):
        moved(Wrong(), RAGGED, ONE, x=0.0)


def test_a_clip_of_one_frame_is_its_start():
    path = moved(Bounce(), np.array([3.0]), ONE, x=1.0, y=2.0)
    assert path.data.shape == (6, 1, 1, 1)
    assert path.component("y")[0, 0, 0] == 2.0


def test_walls_are_taken_away_by_name():
    start = State.of(ONE, y=1.0)
    path = simulate(Bounce(), values_of(Bounce(), ONE), start, Schedule.of([np.array([0.0, 1.0])]), without=["floor"])
    assert path.component("y")[0, -1, 0] == pytest.approx(1 - 4.5)
    assert path.walls == ()
    assert len(Contacts().walls) == 0
