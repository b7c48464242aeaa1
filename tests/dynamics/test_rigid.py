"""Rigid worlds: joints against closed forms, walls, contacts, units, and the generator of PhyWorld."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from kinescribe.dynamics import Bodies, Clip, Impact, Parameter, Rollout, Schedule, State, Values, simulate
from kinescribe.dynamics.affordances import Affordances, apply
from kinescribe.dynamics.rigid import RigidWorld
from kinescribe.errors import UsageError

pytest.importorskip("Box2D")

DATA = Path(__file__).parents[3] / "shared" / "data" / "phyworld"
TIMES = np.linspace(0.0, 2.0, 21)
FLOOR = {"walls": [{"name": "floor", "normal": [0, 1], "offset": -3.0}]}


def run(law: RigidWorld, bodies: Bodies, times: np.ndarray = TIMES, values: dict[str, Any] | None = None, **state: Any) -> Rollout:
    start = State.of(bodies, **state)
    clips, n = start.data.shape[1:]
    made = {name: np.full((clips, n if one.per == "object" else 1), one.start) for name, one in law.parameters.items()}
    made.update({name: np.broadcast_to(np.asarray(value, float), made[name].shape) for name, value in (values or {}).items()})
    return simulate(law, Values(made), start, Schedule.of([times] * clips, time_step=law.time_step))


def of(rollout: Rollout, *names: str) -> list[np.ndarray]:
    """Components (T, n) of the first clip."""
    return [rollout.component(name)[0] for name in names]


def boxes(count: int, width: float = 1.0, height: float = 1.0, names: tuple[str, ...] = ()) -> Bodies:
    made = Bodies.make(count, radius=(width + height) / 4, names=names)
    return replace(made, shapes=("box",) * count, width=np.full(count, width), height=np.full(count, height))


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no clips in {DATA}")
@pytest.mark.parametrize(("scene", "gravity"), [("uniform_motion", 0.0), ("parabola", 2.5), ("collision", 0.0)])
def test_phyworld_comes_out_again(scene: str, gravity: float):
    h5py = pytest.importorskip("h5py")
    law = RigidWorld(gravity=gravity, restitution=1.0, threshold=1.0, scale=1.0)
    with h5py.File(DATA / f"{scene}_eval.hdf5") as file:
        seen, starts = (np.asarray(next(iter(file[name].values())))[:15] for name in ("position_streams", "init_streams"))
    for positions, start in zip(seen.reshape(len(seen), 32, -1, 2), starts, strict=True):
        n = positions.shape[1]
        rates = start[n:] * np.array([1.0, -1.0])[:n]
        bodies = Bodies.make(n, radius=start[:n])
        # the first frame is stored after one step of the fall
        made = run(law, bodies, np.arange(32) * 0.1, x=positions[:1, :, 0], y=positions[:1, :, 1], vx=rates, vy=-0.01 * gravity)
        assert np.abs(np.stack(of(made, "x", "y"), axis=-1) - positions).max() < 1e-3


def swing(length: float, gravity: float, start: float, times: np.ndarray) -> np.ndarray:
    solved = solve_ivp(
        lambda t, s: (s[1], -gravity / length * np.sin(s[0])), (0, times[-1]), (start, 0), t_eval=times, rtol=1e-9, atol=1e-11
    )  # fmt: skip
    return np.asarray(solved.y[0])


@pytest.mark.parametrize(("kind", "reduced"), [("revolute", 2.0 + 0.5 * 0.2**2 / 2.0), ("distance", 2.0)])
def test_pendulum_keeps_its_length_and_its_time(kind: str, reduced: float):
    """On a revolute joint the bob turns with its rod, so that its own inertia counts; on a distance joint it doesn't."""
    rules = Affordances.of({"joints": [{"kind": kind, "between": ["world", "bob"], "anchor": [1, 5]}]})
    bodies = Bodies.make(1, radius=0.2, names=("bob",))
    made = run(RigidWorld(rules, time_step=0.001), bodies, x=1 + 2 * np.sin(1.0), y=5 - 2 * np.cos(1.0))
    x, y = (one[:, 0] for one in of(made, "x", "y"))
    assert np.hypot(x - 1, y - 5) == pytest.approx(2.0, abs=1e-5)
    assert np.arctan2(x - 1, 5 - y) == pytest.approx(swing(reduced, 9.8, 1.0, TIMES), abs=0.004)


def test_start_that_its_joint_does_not_allow_is_put_right():
    joint = {"kind": "revolute", "between": ["world", "bob"], "anchor": [0, 0]}
    bodies = Bodies.make(1, radius=0.2, names=("bob",))
    law = RigidWorld(Affordances.of({"joints": [joint]}), gravity=0.0)
    vx, vy, spin = of(run(law, bodies, x=0.0, y=-2.0, vx=1.0, vy=0.7), "vx", "vy", "angular_velocity")
    assert np.hypot(vx, vy) == pytest.approx(1.0, rel=4e-3)
    assert spin == pytest.approx(0.5, rel=4e-3)
    assert law.constrained(bodies) == 2


def test_distance_joint_between_two_bodies():
    rules = Affordances.of({"joints": [{"kind": "distance", "between": ["a", "b"]}]})
    bodies = Bodies.make(2, radius=0.2, names=("a", "b"))
    x, y = of(run(RigidWorld(rules, gravity=0.0), bodies, x=[0.0, 2.0], vy=[1.0, -1.0]), "x", "y")
    assert np.hypot(x[:, 0] - x[:, 1], y[:, 0] - y[:, 1]) == pytest.approx(2.0, abs=1e-3)
    assert y.mean(axis=1) == pytest.approx(0.0, abs=1e-3)
    # they turn about their middle at 1 a second
    assert x[10, 1] == pytest.approx(1.0 + np.cos(1.0), abs=0.01)


def test_weld_moves_two_bodies_as_one():
    rules = Affordances.of({"joints": [{"kind": "weld", "between": ["a", "b"]}]})
    start = {"x": [0.0, 1.0], "vx": [1.0, 1.0], "vy": [-1.0, 1.0], "angular_velocity": 2.0}
    x, y, angle = of(run(RigidWorld(rules, gravity=0.0), boxes(2, 1.0, 0.5, ("a", "b")), **start), "x", "y", "angle")
    assert np.hypot(x[:, 0] - x[:, 1], y[:, 0] - y[:, 1]) == pytest.approx(1.0, abs=1e-3)
    assert angle[:, 0] == pytest.approx(angle[:, 1], abs=1e-3)
    assert angle[-1, 0] == pytest.approx(4.0, rel=0.03)


def test_prismatic_joint_slides_along_its_axis():
    rules = Affordances.of({"joints": [{"kind": "prismatic", "between": ["world", "a"], "axis": [1, 1]}]})
    x, y, angle = of(run(RigidWorld(rules), boxes(1, names=("a",)), np.linspace(0, 1, 11)), "x", "y", "angle")
    assert x == pytest.approx(y, abs=1e-4)
    assert x[-1, 0] == pytest.approx(-9.8 / 4, rel=0.02)
    assert angle == pytest.approx(0.0, abs=1e-4)


def test_revolute_joint_between_cart_and_pole():
    """Pole and cart hang together at the pole's end, with the cart on a rail."""
    joints = [
        {"kind": "prismatic", "between": ["world", "cart"]},
        {"kind": "revolute", "between": ["cart", "pole"], "anchor": [0, 0]},
    ]
    cart, pole = 0, 1
    bodies = replace(boxes(2, names=("cart", "pole")), width=np.array([1.0, 2.0]), height=np.array([0.5, 0.1]))
    x, y, angle = of(run(RigidWorld(Affordances.of({"joints": joints})), bodies, x=[0.0, 1.0]), "x", "y", "angle")
    assert y[:, cart] == pytest.approx(0.0, abs=1e-3)
    end = x[:, pole] - np.cos(angle[:, pole]), y[:, pole] - np.sin(angle[:, pole])
    assert end[0] == pytest.approx(x[:, cart], abs=1e-3)
    assert end[1] == pytest.approx(0.0, abs=1e-3)
    assert y[:, pole].min() < -0.9


@pytest.mark.parametrize("shape", ["disc", "box"])
def test_body_comes_to_rest_on_the_floor(shape: str):
    bodies = replace(boxes(1), shapes=(shape,))
    law = RigidWorld(Affordances.of(FLOOR), restitution=0.5)
    y, vx, spin = of(run(law, bodies, np.arange(0.0, 6.0, 0.1), vx=1.0), "y", "vx", "angular_velocity")
    assert y[-5:] == pytest.approx(-2.5, abs=0.006)
    assert vx[-1, 0] == pytest.approx(2 / 3 if shape == "disc" else 0.0, abs=0.01)  # a disc rolls on
    assert spin[-1, 0] == pytest.approx(-2 * vx[-1, 0], abs=0.01)


@pytest.mark.parametrize("normal", [(0, 1), (1, 0), (-1, 0), (0, -1), (3, 4)])
def test_wall_bounces_from_any_side_with_its_own_restitution(normal: tuple[float, float]):
    n = np.array(normal) / np.hypot(*normal)
    wall = {"name": "wall", "normal": normal, "offset": -2.0, "restitution": 0.25}
    law = RigidWorld(Affordances.of({"walls": [wall]}), gravity=0.0, restitution=0.9, friction=0.0)
    x, y = of(run(law, Bodies.make(1), vx=-3 * n[0], vy=-3 * n[1]), "x", "y")
    along = x[:, 0] * n[0] + y[:, 0] * n[1]
    # the rim strikes after half a second
    assert along == pytest.approx(np.where(TIMES < 0.5, -3 * TIMES, -1.5 + 0.75 * (TIMES - 0.5)), abs=0.04)
    other = RigidWorld(Affordances.of({"walls": [{**wall, "restitution": None}]}), gravity=0.0, restitution=0.9)
    assert np.diff(of(run(other, Bodies.make(1), vx=-3 * n[0], vy=-3 * n[1]), "x")[0][-2:, 0]) == pytest.approx(0.27 * n[0], abs=1e-3)


def test_only_those_touch_that_may():
    bodies = Bodies.make(3, names=("a", "b", "c"))
    law = RigidWorld(Affordances.of({"apart": [["a", "b"]]}), gravity=0.0, restitution=1.0)
    (x,) = of(run(law, bodies, x=[0.0, 2.0, 4.0], vx=[3.0, 0.0, 0.0]), "x")
    assert x[-1] == pytest.approx([3.0, 2.0, 4.0 + 3.0], abs=0.05)


def test_masses_are_density_times_area_or_their_own():
    bodies = Bodies.make(2, radius=np.array([0.5, 1.0]))
    start = {"x": [0.0, 4.0], "vx": [2.0, 0.0]}
    for law, values, ratio in (
        (RigidWorld(gravity=0.0, restitution=1.0), {}, 4.0),
        (RigidWorld(gravity=0.0, restitution=1.0), {"density": [4.0, 1.0]}, 1.0),
        (RigidWorld(gravity=0.0, restitution=1.0, weigh="mass"), {"mass": [1.0, 3.0]}, 3.0),
    ):
        made = run(law, bodies, np.linspace(0, 3, 31), values=values, **start)
        assert made.component("vx")[0, -1] == pytest.approx([2 * (1 - ratio) / (1 + ratio), 4 / (1 + ratio)], abs=1e-3)
        given = Values({name: np.broadcast_to(value, (1, 2)) for name, value in values.items()} or {"density": np.ones((1, 2))})
        assert np.diff(np.log(law.masses(bodies, given)))[0, 0] == pytest.approx(np.log(ratio))
    assert "mass" not in RigidWorld().parameters


def test_bodies_may_touch_at_another_size_than_they_are_seen():
    bodies, start = Bodies.make(2), {"x": [0.0, 3.0], "vx": [2.0, 0.0]}
    law, times = RigidWorld(gravity=0.0, restitution=1.0), np.linspace(0, 2, 2001)
    for size in (0.8, 1.0, 1.2):
        moving = run(law, bodies, times, values={"size": size}, **start).component("vx")[0, :, 1] > 1.0
        # it strikes where rims of that size meet, and a step of 0.01 s later
        assert times[moving.argmax()] == pytest.approx((3.0 - size) / 2.0, abs=0.011)


def test_slow_contacts_bounce_unless_the_threshold_says_otherwise():
    bodies, start = Bodies.make(2), {"x": [0.0, 1.3], "vx": [0.6, 0.0]}
    swapped = run(RigidWorld(gravity=0.0, restitution=1.0), bodies, **start).component("vx")[0, -1]
    assert swapped == pytest.approx([0.0, 0.6], abs=1e-3)
    together = run(RigidWorld(gravity=0.0, restitution=1.0, threshold=1.0), bodies, **start).component("vx")[0, -1]
    assert together == pytest.approx([0.3, 0.3], abs=1e-3)


def test_units_of_the_table_do_not_matter():
    """The same drop in metres and in pixels."""
    for unit in (0.01, 250.0):
        floor = {"walls": [{"name": "floor", "normal": [0, 1], "offset": -3.0 * unit}]}
        plain = run(RigidWorld(Affordances.of(FLOOR), gravity=5.0), boxes(1), vx=1.0, angle=0.3)
        large = run(RigidWorld(Affordances.of(floor), gravity=5.0 * unit), boxes(1, unit, unit), vx=unit, angle=0.3)
        assert large.component("y") / unit == pytest.approx(plain.component("y"), abs=1e-3)
        assert large.component("angle") == pytest.approx(plain.component("angle"), abs=1e-2)


def test_kinematic_body_follows_what_was_seen():
    bodies = Bodies.make(2, names=("ball", "bat"))
    shape = (len(TIMES), 2)
    x = np.column_stack([np.full(len(TIMES), np.nan), np.sin(2 * TIMES)])
    some, zero = np.full(shape, 0.01), np.zeros(shape)
    rules = Affordances.of({"kinematic": ["bat"]})
    clip = apply(rules, Clip("clip", TIMES, bodies, x, zero, zero, zero, zero, zero, some, some, some))
    law = RigidWorld(rules, gravity=0.0, restitution=0.0, friction=0.0)
    start = State.of(bodies, x=[[1.5, 0.0]])
    values = Values({name: np.full((1, 2 if one.per == "object" else 1), one.start) for name, one in law.parameters.items()})
    for step in (law.time_step, None):
        made = simulate(law, values, start, Schedule.of([TIMES], [clip.inputs], names=law.inputs, time_step=step))
        assert made.component("x")[0, :, 1] == pytest.approx(np.sin(2 * TIMES), abs=1e-3)
        assert made.component("vx")[0, -1, 0] == pytest.approx(np.sqrt(3.0), abs=0.05)  # the bat's speed at half its way


def test_clips_are_independent_and_those_without_numbers_are_lost():
    law, bodies = RigidWorld(), Bodies.make(1)
    both = run(law, bodies, x=[[0.0], [np.nan], [3.0]], vx=[[1.0], [1.0], [2.0]])
    assert both.diverged.tolist() == [False, True, False]
    assert np.array_equal(both.component("x")[2], run(law, bodies, x=3.0, vx=2.0).component("x")[0])
    assert run(law, bodies, vx=1e9).diverged.all()


def test_fast_bodies_do_not_slip_through_walls_or_hit_the_limit_of_speed():
    law = RigidWorld(Affordances.of(FLOOR), gravity=0.0, restitution=1.0, friction=0.0)
    made = run(law, Bodies.make(1, radius=0.05), vx=400.0, vy=-400.0)
    assert made.component("x")[0, -1, 0] == pytest.approx(800.0, rel=0.05)
    assert made.component("y")[0, -1, 0] == pytest.approx(800.0 - 5.9, rel=0.05)


def test_gravity_starts_from_the_arcs():
    t = np.linspace(0, 1.4, 29)
    y = np.where(t < 0.6, 2.0 - 0.5 * 4.0 * t**2, 0.0)
    late = t >= 0.6
    y[late] = 1.28 + 2.0 * (t[late] - 0.6) - 2.0 * (t[late] - 0.6) ** 2
    y[[3, 20]] = np.nan
    columns = np.column_stack([y, np.zeros(len(t))])
    some, zero = np.full(columns.shape, 0.01), np.zeros(columns.shape)
    impacts = (Impact(0.6, (0,)),)
    clip = Clip("clip", t, Bodies.make(2, names=("ball", "block")), zero, columns, zero, zero, zero, zero, some, some, some, impacts)
    rules = Affordances.of({"static": ["block"]})
    assert RigidWorld(rules).starts(clip)["gravity"] == pytest.approx(4.0)
    assert RigidWorld(rules).starts(clip.first(3)) == {}


def test_potential_and_damping():
    law, state = RigidWorld(), State.of(Bodies.make(1), y=3.0)
    values = {name: np.full((1, 1), one.start) for name, one in law.parameters.items()}
    assert law.potential(state, Values(values)) == pytest.approx(29.4)
    assert law.potential(state, Values({**values, "linear_damping": np.ones((1, 1))})) is None
    slowed = run(RigidWorld(gravity=0.0, linear_damping=Parameter(1.0), time_step=0.001), Bodies.make(1), vx=1.0)
    assert slowed.component("vx")[0, -1, 0] == pytest.approx(np.exp(-2.0), rel=0.01)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"time_step": 0.0}, "time step"),
        ({"scale": -1.0}, "scale"),
        ({"weigh": "size"}, "by 'size'"),
        ({"velocity_iterations": 0}, "at least one iteration"),
        ({"restitution": 2.0}, "restitution of rigid"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        RigidWorld(**options)


def test_what_can_not_run_is_said(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UsageError, match="'object 1' has no size"):
        run(RigidWorld(), Bodies.make(1, radius=0.0))
    with pytest.raises(UsageError, match="did you mean 'object 1'"):
        run(RigidWorld(Affordances.of({"static": ["objct 1"]})), Bodies.make(1))
    twins = replace(Bodies.make(2), labels=("ball", "ball"))
    with pytest.raises(UsageError, match="their own names"):
        RigidWorld(Affordances.of({"kinematic": ["ball"]})).constrained(twins)
    monkeypatch.setitem(sys.modules, "Box2D", None)
    with pytest.raises(UsageError, match=r"pip install 'kinescribe\[rigid\]'"):
        run(RigidWorld(), Bodies.make(1))
