"""What goes along with the bodies of a prediction, and sizes under changed parameters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from predicted import table, truth

from kinescribe.dynamics import Inputs
from kinescribe.dynamics.api import fit as fitted
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.prediction import predict
from kinescribe.states import ObjectMeta, States

TIMES = np.arange(60) * 0.02
PUSH = Inputs.of(TIMES, push=np.random.default_rng(2).choice([-1.0, 1.0], len(TIMES)))
VALUES = {"force": 10.0, "gravity": 9.8, "length": 0.5, "mass_cart": 1.0, "mass_pole": 0.1, "upright": math.pi / 2, "rise": 0.1,
          "overhang": 0.05}  # fmt: skip
CART, POLE, AXLE, PIVOT, BYSTANDER = 1, 2, 3, 4, 5
HINGE = 0.45  # from the pole's centroid


def row(columns: dict[str, list], source: States, rows: np.ndarray, **changes: object) -> None:
    for name in source.columns:
        columns.setdefault(name, []).extend(np.broadcast_to(changes[name], rows.shape) if name in changes else source[name][rows])


def jointed(*, seen: int = 40, seed: int = 0) -> States:
    """Cart and pole as `predicted.table` tells them, an axle on the cart, the pole's pivot, and a thing that stands behind."""
    start = {"x": [0.0, 0.0], "angle": [0.0, math.pi / 2 - 0.04]}
    rollout = truth("cart-pole", VALUES, TIMES, names=("cart", "pole"), inputs=PUSH, **start)
    plain = table(rollout, TIMES, seen, sigma=1e-3, seed=seed)
    columns: dict[str, list] = {}
    cart, pole = (np.flatnonzero(plain["object_id"] == i) for i in (CART, POLE))
    angle = rollout.data[2, 0, :seen, 1]
    hinge_x, hinge_y = plain["x"][pole] - HINGE * np.cos(angle), plain["y"][pole] - HINGE * np.sin(angle)
    row(columns, plain, cart, width=0.4, height=0.24, shape="box", angle=0.0)
    row(columns, plain, pole, width=1.0, height=0.08, shape="rod")
    row(columns, plain, cart, object_id=AXLE, label="axle", x=plain["x"][cart], y=plain["y"][cart] + 0.1, width=0.08, height=0.08,
        angle=math.nan)  # fmt: skip
    row(columns, plain, pole, object_id=PIVOT, label="pivot of pole", x=hinge_x, y=hinge_y, width=math.nan, height=math.nan)
    row(columns, plain, cart, object_id=BYSTANDER, label="post", x=0.0, y=0.05, width=0.1, height=0.1, angle=math.nan)
    objects = dict(plain.meta.objects) | {PIVOT: ObjectMeta(label="pivot of pole", part_of=POLE)}
    return States.from_columns(
        {name: np.array(values) for name, values in columns.items()}, plain.meta.model_copy(update={"objects": objects})
    )


@pytest.fixture(scope="module")
def states() -> States:
    return jointed()


@pytest.fixture(scope="module")
def fit(states: States) -> Fit:
    return fitted(states, "cart-pole", inputs=PUSH, objects=["cart", "pole"], fixed={"length": 0.5})


def of(states: States, object_id: int, *names: str) -> np.ndarray:
    return np.stack([states[name][states["object_id"] == object_id] for name in names], axis=-1)


def test_an_axle_goes_along_with_its_cart_and_a_pivot_with_its_pole(states: States, fit: Fit) -> None:
    future = predict(states, fit, until=1.1, inputs=PUSH)
    assert future.object_ids == [CART, POLE, AXLE, PIVOT]
    np.testing.assert_allclose(of(future, AXLE, "x", "y") - of(future, CART, "x", "y"), [[0.0, 0.1]] * 16, atol=2e-3)
    hinge = of(future, CART, "x", "y") + np.array([0.0, 0.1])
    np.testing.assert_allclose(of(future, PIVOT, "x", "y"), hinge, atol=5e-3)
    np.testing.assert_allclose(of(future, PIVOT, "vx"), of(future, CART, "vx"), atol=0.02)
    assert future.meta.objects[PIVOT].part_of == POLE
    assert future.labels[AXLE] == "axle"
    assert (of(future, AXLE, "width") == 0.08).all()
    assert set(future["status"]) == {"predicted"}
    assert np.isfinite(of(future, AXLE, "x_px", "y_px", "sigma_x", "sigma_y")).all()


def test_what_goes_along_and_what_is_left_out_is_told(states: States, fit: Fit) -> None:
    warnings = predict(states, fit, until=1.1, inputs=PUSH).meta.warnings
    assert "axle goes along with cart, on which it keeps its place" in warnings
    assert any(line.startswith("left out post:") for line in warnings)


def test_who_names_objects_gets_these_and_their_points(states: States, fit: Fit) -> None:
    future = predict(states, fit, until=1.1, inputs=PUSH, objects=["cart", "pole"])
    assert future.object_ids == [CART, POLE, PIVOT]


def test_twice_the_pole_is_told_where_it_is_and_how_long(states: States, fit: Fit) -> None:
    future = predict(states, fit, until=1.1, inputs=PUSH, do={"length": "*=2"})
    np.testing.assert_allclose(of(future, POLE, "width", "height"), [[2.0, 0.08]] * 56, rtol=1e-9)
    np.testing.assert_allclose(of(future, CART, "width", "height"), [[0.4, 0.24]] * 56, rtol=1e-9)
    angle = of(future, POLE, "angle")[:, 0]
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    hinge = of(future, CART, "x", "y") + np.array([0.0, 0.1])
    reach = fit.estimates["overhang"].value
    np.testing.assert_allclose(of(future, POLE, "x", "y"), hinge + (1.0 - reach) * direction, atol=5e-3)
    np.testing.assert_allclose(of(future, PIVOT, "x", "y"), hinge, atol=8e-3)
    np.testing.assert_allclose(of(future, POLE, "area"), 2.0 * np.median(of(states, POLE, "area")))


def test_it_is_as_long_as_it_was_until_it_is_changed(states: States, fit: Fit) -> None:
    future = predict(states, fit, until=1.1, inputs=PUSH, do={"length": "*=2"}, at=0.5, from_start=True)
    width, time = of(future, POLE, "width", "time_s").T
    assert set(width[time < 0.499]) == {1.0}
    assert set(width[time > 0.499]) == {2.0}


@pytest.mark.parametrize("turned", [math.pi, -math.pi])
def test_angles_go_on_as_the_tables_do(states: States, fit: Fit, turned: float) -> None:
    """A rod that the table tells upside down stays so, and what is asked of its angle is meant as the table has it."""
    columns = dict(states.columns)
    columns["angle"] = np.where(np.isin(states["object_id"], [POLE, PIVOT]), states["angle"] + turned, states["angle"])
    other = States.from_columns(columns, states.meta)
    plain, upside = (predict(one, fit, until=1.1, inputs=PUSH) for one in (states, other))
    np.testing.assert_allclose(of(upside, POLE, "angle"), of(plain, POLE, "angle") + turned, atol=1e-6)
    np.testing.assert_allclose(of(upside, PIVOT, "x", "y"), of(plain, PIVOT, "x", "y"), atol=1e-6)
    changed, same = (
        predict(one, fit, until=1.1, inputs=PUSH, do={"pole.angle": math.pi / 2 + off}) for one, off in ((other, turned), (states, 0.0))
    )
    np.testing.assert_allclose(of(changed, POLE, "x", "y"), of(same, POLE, "x", "y"), atol=1e-6)
