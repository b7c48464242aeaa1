"""What holds for every law that is installed: units, what parameters do, conservation, odd data, arrays left alone."""

from __future__ import annotations

import dataclasses
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

from kinescribe.dynamics import Bodies, Inputs, Law, Schedule, State, Values, simulate
from kinescribe.dynamics import library as own

LAWS = {point.name: point for point in entry_points(group="kinescribe.laws") if point.value.startswith("kinescribe.dynamics.library")}
BODIES = Bodies.make(2, radius=np.array([0.2, 0.3]), names=("cart", "pole"))
TIMES = np.arange(0.0, 2.4, 0.02)
PUSH = np.where(np.arange(len(TIMES)) % 7 < 3, 1.0, -1.0)
START = {
    "x": [0.0, 0.9],
    "y": [0.6, 0.7],
    "angle": [0.3, 1.4],
    "vx": [1.0, -1.1],
    "vy": [-1.1, -0.8],
    "angular_velocity": [0.5, -0.4],
}
# values at which each law does all that it can within the time, where its declared starts don't
SHOWN = {
    "anchored-spring": {"rest_length": 0.4, "stiffness": 8.0},
    "buoyancy": {"surface": 0.5},
    "coulomb-friction": {"settling": 0.1},
    "constant-acceleration": {"ax": 0.7, "ay": -2.0},
    "damped-spring": {"rest_length": 0.4, "stiffness": 8.0, "damping": 0.5},
    "discs": {"friction": 0.02, "mass": [1.0, 2.5], "restitution": 0.8},
    "discs-of-one-material": {"friction": 0.02},
    "floor": {"floor": -0.2, "friction": 0.1},
    "inverse-square": {"attraction": 0.3},
    "pair-spring": {"damping": 0.5, "mass": [1.0, 2.5]},
    "pendulum": {"damping": 0.3},
    "rod-pendulum": {"damping": 0.3},
    "rolling": {"slope": 0.2},
    "spring-chain": {"damping": 0.5, "mass": [1.0, 2.5]},
    "walls": {"floor": -0.2, "ceiling": 1.1, "left": -0.6, "right": 1.5, "friction": 0.1},
}
CONSERVING = {
    "rest", "uniform-motion", "constant-acceleration", "free-fall", "anchored-spring", "buoyancy", "pair-spring", "spring-chain",
    "inverse-square", "pendulum", "rolling", "circular-motion",
}  # fmt: skip


def made(name: str) -> Law:
    return LAWS[name].load()()


def values(law: Law, **changed) -> Values:
    start = {key: one.start for key, one in law.parameters.items()} | SHOWN.get(law.title, {}) | changed
    widths = {key: 2 if one.per == "object" else 1 for key, one in law.parameters.items()}
    return Values({key: np.broadcast_to(np.asarray(value, float), (1, widths[key])).copy() for key, value in start.items()})


def rolled(law, parameters, state, *, time=1.0, substeps=4):
    inputs = Inputs.of(TIMES * time, push=PUSH)
    step = law.time_step * time if law.time_step else None
    return simulate(law, parameters, state, Schedule.of([TIMES * time], [inputs], names=law.inputs, substeps=substeps, time_step=step))


def test_every_law_of_the_library_is_installed_under_its_name():
    classes = {getattr(own, name).name: getattr(own, name) for name in own.__all__}
    assert {name: point.load() for name, point in LAWS.items()} == classes


@pytest.mark.parametrize("name", sorted(LAWS))
def test_the_reference_tells_each_law_as_it_is(name):
    page = (Path(__file__).parents[3] / "docs/reference/laws.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1
    law = made(name)
    assert law.equation in rows[0].replace("\\|", "|")
    for key, one in law.parameters.items():
        words = f"`{key}` {one.dimension.in_units('length')}".strip() + (" per object" if one.per == "object" else "")
        assert (f"[{words}]" if one.fixed else words) in rows[0]


@pytest.mark.parametrize("name", sorted(LAWS))
def test_other_units_give_the_same_motion(name):
    """Lengths read 100 times as large, times half, masses three times: the dimensional test."""
    length, time, mass = 100.0, 0.5, 3.0
    law = made(name)
    plain = values(law)
    state = State.of(BODIES, **START)
    scaled = Values({key: value * law.parameters[key].dimension.factor(length, time, mass) for key, value in plain.items()})
    factors = np.array([length, length, 1.0, length / time, length / time, 1.0 / time])[:, None, None]
    bodies = dataclasses.replace(BODIES, radius=length * BODIES.radius, width=length * BODIES.width, height=length * BODIES.height)
    expected = rolled(law, plain, state).data * factors[..., None]
    found = rolled(law, scaled, State(state.data * factors, bodies), time=time).data
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * length)


@pytest.mark.parametrize("name", sorted(LAWS))
def test_every_parameter_changes_the_motion(name):
    law = made(name)
    base = rolled(law, values(law), State.of(BODIES, **START)).data
    for key, value in values(law).items():
        if key == "mass" and name == "inverse-square":
            changed = np.array([[1.3, 1.0]])
        elif key == "threshold":
            changed = np.array([[100.0]])  # nothing is so fast
        else:
            changed = value * np.array([1.2, 0.9])[: value.shape[1]] + (0.05 if not value.any() else 0.0)
        other = rolled(law, values(law, **{key: changed}), State.of(BODIES, **START)).data
        assert np.abs(other - base).max() > 1e-4, key


@pytest.mark.parametrize("name", sorted(LAWS))
def test_what_is_handed_over_is_left_alone_and_the_same_comes_out_twice(name):
    law = made(name)
    parameters, state = values(law), State.of(BODIES, **START)
    before = {key: value.copy() for key, value in parameters.items()}, state.data.copy()
    first = rolled(law, parameters, state).data
    law.potential(state, parameters)
    law.contacts(BODIES, parameters)
    for key, value in parameters.items():
        np.testing.assert_array_equal(value, before[0][key])
    np.testing.assert_array_equal(state.data, before[1])
    np.testing.assert_array_equal(rolled(law, parameters, state).data, first)


@pytest.mark.parametrize("name", sorted(LAWS))
def test_clips_side_by_side_don_t_mix(name):
    law = made(name)
    one, two = values(law), values(law, **{key: value * 1.1 for key, value in values(law).items()})
    state = State.of(BODIES, **START)
    both = Values({key: np.concatenate([one[key], two[key]]) for key in one})
    inputs = [Inputs.of(TIMES, push=PUSH)] * 2
    schedule = Schedule.of([TIMES] * 2, inputs, names=law.inputs, substeps=2, time_step=law.time_step)
    together = simulate(law, both, State(np.repeat(state.data, 2, axis=1), BODIES), schedule).data
    for k, alone in enumerate((one, two)):
        np.testing.assert_allclose(together[:, k], rolled(law, alone, state, substeps=2).data[:, 0], atol=1e-9)


@pytest.mark.parametrize("name", sorted(CONSERVING))
def test_energy_is_conserved_where_the_law_has_a_potential(name):
    law = made(name)
    parameters = values(law, **({"damping": 0.0} if "damping" in law.parameters else {}))
    done = rolled(law, parameters, State.of(BODIES, **START), substeps=8)
    mass = np.broadcast_to(parameters.get("mass", 1.0), (1, 2))
    energies = []
    for k in range(len(TIMES)):
        now = State(done.data[:, :, k], BODIES)
        energies.append((mass * (0.5 * (now.vx**2 + now.vy**2) + law.potential(now, parameters))).sum())
    assert np.ptp(energies) < 1e-5 * max(np.abs(energies).max(), 1.0)
    if name not in ("rest", "uniform-motion", "circular-motion"):
        kinetic = 0.5 * (done.component("vx") ** 2 + done.component("vy") ** 2).sum(axis=-1)
        assert np.ptp(kinetic) > 0.01


@pytest.mark.parametrize("name", sorted(set(LAWS) - CONSERVING))
def test_what_loses_energy_claims_no_potential_but_contacts_add_none(name):
    law = made(name)
    potential = law.potential(State.of(BODIES, **START), values(law))
    if name in ("discs", "discs-of-one-material", "floor", "walls"):
        assert not potential.any()
    else:
        assert potential is None


def odd_clips(seen, law):
    """Clips that hold next to nothing, or nonsense."""
    done = rolled(law, values(law), State.of(BODIES, **START))
    clip = seen(done, TIMES, noise=0.01, angle_noise=0.01, inputs=Inputs.of(TIMES, push=PUSH))
    yield from (clip.first(count) for count in (1, 2, 3, 4, 5, 6, 8))
    yield dataclasses.replace(clip, inputs=Inputs.none())
    for value in (np.nan, 0.0, 1e9):
        same = {part: np.full_like(clip.x, value) for part in ("x", "y", "angle", "vx", "vy", "angular_velocity")}
        yield dataclasses.replace(clip, **same)
    gone = {part: np.where(np.arange(len(TIMES))[:, None] % 9 < [3, 6], np.nan, getattr(clip, part)) for part in ("x", "y", "angle")}
    yield dataclasses.replace(clip, **gone)
    yield dataclasses.replace(clip, x=np.where(np.arange(2) == 0, np.nan, clip.x))
    yield dataclasses.replace(clip, x=1e-200 * clip.x, y=1e-200 * clip.y)
    yield dataclasses.replace(clip, bodies=dataclasses.replace(BODIES, radius=np.zeros(2), static=np.array([True, True])))
    yield clip.keeping([1])


@pytest.mark.parametrize("name", sorted(LAWS))
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_starts_of_odd_data_are_numbers_within_bounds_or_none_at_all(name, seen):
    law = made(name)
    for clip in odd_clips(seen, law):
        for key, value in law.starts(clip).items():
            low, high = law.parameters[key].bounds
            assert np.shape(value) in ((), (len(clip.bodies),))
            assert np.isfinite(value).all()
            assert ((np.asarray(value) >= low) & (np.asarray(value) <= high)).all()
