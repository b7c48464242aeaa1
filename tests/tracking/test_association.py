"""Who is who: the assignment is the best there is, and looks count for what they are worth."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.tracking.association import appearance_cost, assign

LIMIT = 10.0


def best_saving(cost: np.ndarray, limit: float) -> float:
    """The least sum of (cost − limit) over all sets of pairs, by trying them all."""
    n, m = cost.shape
    best = 0.0
    for size in range(1, min(n, m) + 1):
        for rows in combinations(range(n), size):
            for columns in permutations(range(m), size):
                best = min(best, sum(cost[i, j] - limit for i, j in zip(rows, columns, strict=True)))
    return best


entries = st.one_of(st.floats(0.0, 20.0, allow_nan=False), st.just(float("inf")))
matrices = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda shape: st.lists(entries, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]).map(
        lambda values: np.array(values).reshape(shape)
    )
)


@settings(deadline=None)
@given(matrices)
def test_equals_brute_force(cost: np.ndarray) -> None:
    rows, columns = assign(cost, LIMIT)
    assert len(set(rows.tolist())) == len(rows) == len(columns) == len(set(columns.tolist()))
    assert (cost[rows, columns] <= LIMIT).all()
    assert float((cost[rows, columns] - LIMIT).sum()) == pytest.approx(best_saving(cost, LIMIT), abs=1e-9)


def test_components_are_solved_apart_and_nothing_is_lost() -> None:
    rng = np.random.default_rng(0)
    order = rng.permutation(60)
    cost = np.full((60, 60), np.inf)
    cost[np.arange(60), order] = rng.uniform(0, 9, 60)
    rows, columns = assign(cost, LIMIT)
    assert dict(zip(rows.tolist(), columns.tolist(), strict=True)) == dict(enumerate(order.tolist()))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_pair(shape: tuple[int, int]) -> None:
    rows, columns = assign(np.zeros(shape), LIMIT)
    assert len(rows) == len(columns) == 0


def test_the_sum_counts_not_the_nearest() -> None:
    # greedily 0-0 at 1 would leave 1-1 at 9; crosswise it's 2 + 2
    rows, columns = assign(np.array([[1.0, 2.0], [2.0, 9.0]]), LIMIT)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {(0, 1), (1, 0)}


def test_appearance_is_nil_for_the_same_and_grows_with_the_difference() -> None:
    red, orange, blue = np.array([[50.0, 65.0, 45.0]]), np.array([[60.0, 50.0, 55.0]]), np.array([[40.0, 10.0, -50.0]])
    area = np.array([300.0])
    same = appearance_cost(red, area, red, area)
    assert same == pytest.approx(0.0)
    near, far = appearance_cost(red, area, orange, area), appearance_cost(red, area, blue, area)
    assert 0 < near < far
    assert appearance_cost(red, area, red, 1.2 * area) < appearance_cost(red, area, red, 4 * area)
    assert appearance_cost(red, area, blue, 4 * area) == pytest.approx(appearance_cost(blue, 4 * area, red, area))


def test_one_bad_look_is_bounded() -> None:
    extreme = appearance_cost(np.zeros((1, 3)), np.array([1.0]), np.full((1, 3), 100.0), np.array([1e6]))
    bad = appearance_cost(np.zeros((1, 3)), np.array([1.0]), np.full((1, 3), 60.0), np.array([1e4]))
    assert extreme == pytest.approx(bad)
