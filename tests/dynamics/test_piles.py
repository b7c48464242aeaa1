"""What rests, overlaps or is crowded: no falling through, no endless work."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_clips import Bounce, Fall, Free, Pucks, moved

from kinescribe.dynamics import Bodies, Contacts, Discs, Parameter, Wall


class Box(Fall):
    """A box from 0 to 10, discs in it; counts how often it is asked."""

    restitution = Parameter(0.3, (0, 1))
    friction = Parameter(0.0, (0, 2))

    def __init__(self, **starts):
        super().__init__(**starts)
        self.calls = 0

    def acceleration(self, t, state, parameters, inputs):
        self.calls += 1
        return super().acceleration(t, state, parameters, inputs)

    def contacts(self, bodies, parameters):
        e, f = parameters.restitution, parameters.friction
        walls = [Wall("floor", 0, 1, 0, e, f), Wall("left", 1, 0, 0, e, f), Wall("right", -1, 0, -10, e, f)]
        return Contacts(walls, Discs(e, f))


def test_fifty_discs_come_to_rest_on_the_floor_with_finite_work():
    rng = np.random.default_rng(2)
    bodies, times, law = Bodies.make(50, radius=0.4), np.arange(60) * 0.1, Box(gravity=9.8)
    grid = np.stack(np.meshgrid(np.arange(10) * 0.95 + 0.6, np.arange(5) * 0.95 + 0.6), -1).reshape(-1, 2)
    path = moved(law, times, bodies, x=grid[:, 0] + 0.02 * rng.normal(size=50), y=grid[:, 1], vx=rng.normal(size=50))
    assert not path.diverged.any()
    x, y = path.component("x")[0], path.component("y")[0]
    # while the heap drops, some are pressed a tenth of their radius into what lies below
    assert y.min() > 0.4 - 0.04
    assert y[-1].min() > 0.4 - 0.01
    assert x.min() > 0.4 - 0.04
    assert x.max() < 9.6 + 0.04
    last = np.hypot(x[-1][:, None] - x[-1], y[-1][:, None] - y[-1]) + 10 * np.eye(50)
    assert last.min() > 0.8 * 0.95
    assert np.hypot(path.component("vx"), path.component("vy"))[0, -1].max() < 0.2
    # one call a stage of a step, and a few hundred contacts before all is a pile
    assert law.calls < 20_000
    assert len(path.impacts) < 5_000


@pytest.mark.parametrize("radius", [0.0, 0.3])
@pytest.mark.parametrize("restitution", [0.0, 0.5])
def test_a_ball_comes_to_rest_and_stays(radius, restitution):
    times = np.linspace(0, 6, 61)
    path = moved(Bounce(), times, Bodies.make(1, radius=radius), y=1.0 + radius, parameters={"gravity": 9.0, "restitution": restitution})
    assert np.isfinite(path.data).all()
    np.testing.assert_allclose(path.component("y")[0, -10:, 0], radius, atol=1e-3)
    np.testing.assert_allclose(path.component("vy")[0, -10:, 0], 0.0, atol=0.05)
    assert path.component("y").min() > radius - 1e-3
    assert len(path.impacts) < 400


def test_a_ball_that_starts_on_the_floor_stays_there():
    path = moved(Bounce(), np.linspace(0, 2, 21), Bodies.make(1, radius=0.3), y=0.3, parameters={"gravity": 9.0})
    np.testing.assert_allclose(path.component("y")[0, :, 0], 0.3, atol=1e-3)


def test_discs_without_restitution_go_on_together():
    path = moved(Pucks(), np.linspace(0, 3, 31), Bodies.make(2, radius=0.5), x=[0.0, 2.0], vx=[3.0, 0.0],
                 parameters={"restitution": 0.0, "mass": [1.0, 2.0]})  # fmt: skip
    np.testing.assert_allclose(path.component("vx")[0, -1], 1.0, atol=1e-9)
    assert np.diff(path.component("x")[0, -1])[0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("apart", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("law", [Pucks(restitution=0.5), Box(gravity=9.0)])
def test_discs_that_start_in_each_other_come_apart(law, apart):
    """Free ones that do not move may stay; what gravity presses together must end side by side or on top, and nothing may explode."""
    path = moved(law, np.linspace(0, 4, 81), Bodies.make(2, radius=0.5), x=[5.0, 5.0 + apart], y=[0.5, 0.5], vx=[-0.5, 0.5])
    assert np.isfinite(path.data).all()
    x, y = path.component("x")[0, -1], path.component("y")[0, -1]
    assert np.hypot(*np.diff([x, y], axis=1)) > 0.95
    speeds = np.hypot(path.component("vx"), path.component("vy"))[0]
    assert speeds.max() < 15.0
    assert y.min() > 0.45


def test_a_ball_between_two_walls_that_close_in_on_it_is_no_endless_loop():
    class Wedge(Fall):
        def contacts(self, bodies, parameters):
            s = np.sqrt(0.5)
            return Contacts([Wall("left", s, s, 0.0, 0.9), Wall("right", -s, s, 0.0, 0.9)])

    path = moved(Wedge(), np.linspace(0, 8, 81), Bodies.make(1, radius=0.2), x=0.1, y=2.0)
    assert np.isfinite(path.data).all()
    x, y = path.data[:2, 0, :, 0]
    assert ((y - np.abs(x)) * np.sqrt(0.5) > 0.2 - 5e-3).all()
    assert len(path.impacts) < 2_000


def test_friction_holds_a_ball_on_a_floor_that_it_slides_along():
    path = moved(Bounce(), np.linspace(0, 3, 61), Bodies.make(1, radius=0.5), y=0.5, vx=3.0,
                 parameters={"gravity": 9.0, "restitution": 0.0, "friction": 0.2})  # fmt: skip
    vx, turning = path.component("vx")[0, :, 0], path.component("angular_velocity")[0, :, 0]
    # it slides with -friction * gravity until it rolls, at two thirds of its speed
    assert vx[5] == pytest.approx(3.0 - 0.2 * 9.0 * 0.25, abs=0.05)
    assert vx[-1] == pytest.approx(2.0, abs=0.05)
    assert turning[-1] == pytest.approx(-vx[-1] / 0.5, rel=0.05)


def test_crowded_clips_do_not_disturb_quiet_ones():
    from drawn_clips import values_of

    from kinescribe.dynamics import Schedule, State, simulate

    law, bodies = Box(gravity=9.0), Bodies.make(3, radius=0.5)
    crowd = State.of(bodies, x=[[2.0, 2.3, 2.6], [1.0, 4.0, 7.0]], y=[[0.5, 1.0, 1.5], [6.0, 7.0, 8.0]])
    times = [np.linspace(0, 1, 21)] * 2
    both = simulate(law, values_of(law, bodies, 2), crowd, Schedule.of(times))
    alone = simulate(law, values_of(law, bodies), State(crowd.data[:, 1:], bodies), Schedule.of(times[1:]))
    np.testing.assert_allclose(both.data[:, 1], alone.data[:, 0], atol=1e-12)


def test_free_discs_do_not_move_for_being_discs():
    path = moved(Pucks() + Free(), np.linspace(0, 1, 5), Bodies.make(3, radius=0.5), x=[0.0, 1.0, 2.0])
    np.testing.assert_allclose(path.component("x")[0, -1], [0.0, 1.0, 2.0], atol=1e-9)
