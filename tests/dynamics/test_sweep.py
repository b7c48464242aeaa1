from __future__ import annotations

import numpy as np
import pytest
from predicted import bouncing, bouncing_fit, bouncing_table

from kinescribe.dynamics.prediction import Predictor, Sweep, sweep
from kinescribe.errors import UsageError


@pytest.fixture(scope="module")
def ball() -> Predictor:
    states = bouncing_table()
    return Predictor.of(states, bouncing_fit(states))


def values(text: str) -> list[float]:
    return [change.value for change in Sweep.parse(text).changes]


def test_values_are_evenly_spaced_or_by_equal_factors():
    assert values("gravity=1:20:3") == pytest.approx([1.0, 10.5, 20.0])
    assert values("gravity=log:1:100:3") == pytest.approx([1.0, 10.0, 100.0])
    assert values("ball 1.mass*=2:0.5:2") == pytest.approx([2.0, 0.5])
    assert {change.operator for change in Sweep.parse("mass*=1:2:3").changes} == {"*="}


@pytest.mark.parametrize(
    "text", ["gravity", "gravity=1:2", "gravity=1:2:x", "gravity=1:2:1", "gravity=1:2:9999", "gravity=log:0:2:3", "g=a:b:3"]
)
def test_what_is_no_sweep_is_one_line(text: str):
    with pytest.raises(UsageError) as caught:
        Sweep.parse(text)
    assert "\n" not in str(caught.value)


def test_every_value_is_its_own_counterfactual(ball: Predictor):
    for change, result in sweep(ball, over="gravity=5:15:3", until=2.0, do="restitution=0.5"):
        true = bouncing(gravity=change.value, restitution=0.5).data[1, 0, :61, 0]
        assert np.abs(result.changed["y"] - true).max() < 0.02
        assert result.words == ("restitution=0.5", str(change))


def test_a_value_out_of_bounds_is_told_before_any_work(ball: Predictor):
    with pytest.raises(UsageError, match=r"restitution=1.2: restitution = 1.2 is outside its bounds"):
        next(sweep(ball, over="restitution=0.2:1.2:3", until=2.0))
