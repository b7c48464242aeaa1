"""Who is who: the assignment is the best there is, and looks count for what they are worth."""

from __future__ import annotations

import tracemalloc
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from kinescribe.tracking.association import assign_pairs, look_cost

LIMIT = 10.0


def assign(cost: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """The best pairings of a full matrix."""
    rows, columns = np.nonzero(np.isfinite(cost))
    return assign_pairs(rows, columns, cost[rows, columns], limit)


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


@pytest.mark.parametrize(("count", "share"), [(40, 0.5), (150, 0.02), (150, 0.1), (300, 0.05)])
def test_large_clusters_are_solved_as_well_as_the_full_matrix(count: int, share: float) -> None:
    rng = np.random.default_rng(count)
    cost = np.where(rng.random((count, count - 7)) < share, rng.uniform(0, 1.2 * LIMIT, (count, count - 7)), np.inf)
    rows, columns = assign(cost, LIMIT)
    assert len(set(rows.tolist())) == len(rows) == len(set(columns.tolist()))
    saved = np.minimum(cost - LIMIT, 0.0)
    assert (saved[rows, columns] < 0).all()
    assert float(saved[rows, columns].sum()) == pytest.approx(float(saved[linear_sum_assignment(saved)].sum()))


@pytest.mark.parametrize("costs", [[3.0, 3.0, 3.0, 3.0], [0.0, 0.0, 0.0, 0.0], [3.0, 3.0, 3.0, 12.0]])
def test_ties_give_each_one_partner(costs: list[float]) -> None:
    rows, columns = assign_pairs(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array(costs), LIMIT)
    assert rows.tolist() == [0, 1]
    assert sorted(columns.tolist()) == [0, 1]


def test_a_chain_of_ten_thousand_takes_no_square_of_memory() -> None:
    # each may be one of two, its neighbour's other choice among them: one cluster, which as a matrix would have 800 MB
    count = 10_000
    rng = np.random.default_rng(0)
    rows, columns = np.repeat(np.arange(count), 2), np.repeat(np.arange(count), 2) + np.tile([0, 1], count)
    tracemalloc.start()
    i, j = assign_pairs(rows, columns, rng.uniform(4.0, 4.1, 2 * count), LIMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(i.tolist())) == len(set(j.tolist())) == count
    assert peak < 1000 * count  # bytes


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
    same = look_cost(red, area, red, area)
    assert same == pytest.approx(0.0)
    near, far = look_cost(red, area, orange, area), look_cost(red, area, blue, area)
    assert 0 < near < far
    assert look_cost(red, area, red, 1.2 * area) < look_cost(red, area, red, 4 * area)
    assert look_cost(red, area, blue, 4 * area) == pytest.approx(look_cost(blue, 4 * area, red, area))


def test_one_bad_look_is_bounded() -> None:
    extreme = look_cost(np.zeros((1, 3)), np.array([1.0]), np.full((1, 3), 100.0), np.array([1e6]))
    bad = look_cost(np.zeros((1, 3)), np.array([1.0]), np.full((1, 3), 60.0), np.array([1e4]))
    assert extreme == pytest.approx(bad)
