"""States and bodies: components in their places, copies that leave the original alone."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.dynamics import Bodies, State
from kinescribe.dynamics.state import COMPONENTS


def test_components_lie_where_their_names_say():
    bodies = Bodies.make(2)
    state = State.of(bodies, **{name: [k, k + 0.5] for k, name in enumerate(COMPONENTS)})
    for k, name in enumerate(COMPONENTS):
        np.testing.assert_array_equal(getattr(state, name), [[k, k + 0.5]])


def test_clips_come_from_the_longest_component():
    state = State.of(Bodies.make(2), x=np.zeros((3, 2)), y=1.0, vx=[1.0, 2.0])
    assert state.data.shape == (6, 3, 2)
    np.testing.assert_array_equal(state.vx, [[1.0, 2.0]] * 3)


def test_replacing_leaves_the_original_alone():
    state = State.of(Bodies.make(2), x=1.0)
    other = state.replace(x=5.0, vy=np.array([[1.0, 2.0]]))
    assert (state.x == 1).all()
    assert (other.x == 5).all()
    assert (state.vy == 0).all()
    np.testing.assert_array_equal(other.vy, [[1.0, 2.0]])
    with pytest.raises(ValueError):
        state.replace(z=1.0)


def test_replacing_keeps_gradients_of_tensors():
    torch = pytest.importorskip("torch")
    data = torch.zeros((6, 1, 2), dtype=torch.float64, requires_grad=True)
    State(data, Bodies.make(2)).replace(x=3.0).data.sum().backward()
    np.testing.assert_array_equal(data.grad[0].numpy(), 0.0)
    np.testing.assert_array_equal(data.grad[1:].numpy(), 1.0)


def test_bodies_are_kept_by_index_with_all_that_belongs_to_them():
    bodies = Bodies.make(3, radius=np.array([0.1, 0.2, 0.3]), names=("a", "b", "c"), static=(2,))
    kept = bodies.keeping([2, 0])
    assert kept.names == ("c", "a")
    assert kept.object_ids == (3, 1)
    np.testing.assert_array_equal(kept.radius, [0.3, 0.1])
    np.testing.assert_array_equal(kept.static, [True, False])
    np.testing.assert_array_equal(kept.width, [0.6, 0.2])
