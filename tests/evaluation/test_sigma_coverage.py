import numpy as np
import pytest

from kinescribe.errors import UsageError
from kinescribe.evaluation import normal_coverage, sigma_coverage


def test_counts_what_lies_within_k_sigma():
    errors = np.array([[0.0, -1.0], [2.5, np.nan], [4.0, 1.0]])
    sigmas = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, np.nan]])
    assert sigma_coverage(errors, sigmas, k=(1, 2, 3)) == {1.0: 0.5, 2.0: 0.5, 3.0: 0.75}


def test_normal_errors_are_covered_as_a_normal_distribution_says():
    rng = np.random.default_rng(0)
    sigmas = rng.uniform(0.1, 3.0, 20000)
    for k, fraction in sigma_coverage(rng.normal(0, sigmas), sigmas).items():
        assert fraction == pytest.approx(normal_coverage(k), abs=0.01)
    assert normal_coverage(2.0) == pytest.approx(0.9545, abs=1e-4)


def test_nothing_known_is_nan_and_nonsense_is_refused():
    assert np.isnan(sigma_coverage([np.nan], [1.0])[2.0])
    with pytest.raises(UsageError, match="can't be negative: -1"):
        sigma_coverage([0.0], [-1.0])
    with pytest.raises(UsageError, match="one shape"):
        sigma_coverage([0.0, 1.0], [1.0])
