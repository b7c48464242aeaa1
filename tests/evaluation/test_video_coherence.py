import math

import numpy as np
import pytest

from kinescribe.errors import UsageError
from kinescribe.evaluation import temporal_coherence_ratio

RNG = np.random.default_rng(8)


def ramp(steps):
    """Plain frames whose brightness goes by these steps."""
    return (np.cumsum([10, *steps])[:, None, None, None] * np.ones((4, 5, 3))).astype(np.uint8)


def test_by_hand():
    assert temporal_coherence_ratio(ramp([10, -4, 6]), ramp([5, 5, -20])) == pytest.approx((5 + 5 + 20) / (10 + 4 + 6))


def test_against_the_definition():
    real, predicted = (RNG.integers(0, 256, (6, 8, 9, 3), np.uint8) for _ in range(2))
    expected = np.abs(np.diff(predicted / 255, axis=0)).mean() / np.abs(np.diff(real / 255, axis=0)).mean()
    assert temporal_coherence_ratio(real, predicted) == pytest.approx(expected)
    assert temporal_coherence_ratio(real / 255, predicted / 255) == pytest.approx(expected)


def test_noise_moves_too():
    real = ramp([2] * 5)
    assert temporal_coherence_ratio(real, RNG.integers(0, 256, real.shape, np.uint8)) > 10


def test_a_frozen_prediction_has_none_and_the_same_video_one():
    real = ramp([3, 5])
    assert temporal_coherence_ratio(real, real[:1].repeat(3, axis=0)) == 0
    assert temporal_coherence_ratio(real, real) == 1


def test_without_motion_in_the_real_video_there_is_no_ratio():
    assert math.isnan(temporal_coherence_ratio(ramp([0, 0]), ramp([1, 1])))
    assert math.isnan(temporal_coherence_ratio(ramp([]), ramp([])))


def test_unequal_lengths_are_refused():
    with pytest.raises(UsageError, match="3 real frames and 2 predicted"):
        temporal_coherence_ratio(ramp([1, 1]), ramp([1]))
