"""What is near is found, all of it, without comparing all with all."""

from __future__ import annotations

import tracemalloc

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.tracking.gating import near_pairs


def gathered(centres: np.ndarray, reach: np.ndarray, points: np.ndarray) -> list[tuple[int, int]]:
    return [pair for rows, columns in near_pairs(centres, reach, points) for pair in zip(rows.tolist(), columns.tolist(), strict=True)]


def near(centres: np.ndarray, reach: np.ndarray, points: np.ndarray) -> set[tuple[int, int]]:
    within = (np.abs(centres[:, None] - points[None]) <= reach[:, None, None]).all(-1)
    return set(zip(*(part.tolist() for part in np.nonzero(within)), strict=True))


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.integers(0, 150),
    st.integers(0, 150),
    st.sampled_from([0.0, 1.0, 900.0]),
    st.sampled_from([0.1, 8.0, 3000.0]),
)
def test_every_near_pair_is_there_once(seed: int, n: int, m: int, extent: float, widest: float) -> None:
    rng = np.random.default_rng(seed)
    centres, points = rng.uniform(-0.5, 1.5, (n, 2)) * extent, rng.uniform(0, 1, (m, 2)) * [extent, 0.3 * extent]
    reach = rng.uniform(0.05, 1, n) * np.where(rng.random(n) < 0.1, widest, 10.0)
    pairs = gathered(centres, reach, points)
    assert len(set(pairs)) == len(pairs)
    assert set(pairs) >= near(centres, reach, points)


def test_far_ones_are_left_out_and_memory_stays_small() -> None:
    rng = np.random.default_rng(0)
    count = 10_000
    points = rng.uniform(0, 6000, (count, 2))
    tracemalloc.start()
    pairs = sum(len(rows) for rows, _ in near_pairs(points, np.full(count, 30.0), points))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count <= pairs < 30 * count
    assert peak < 5000 * count


def test_where_all_are_near_all_they_come_in_parts() -> None:
    points = np.random.default_rng(0).uniform(0, 10, (1500, 2))
    sizes = [(len(rows), set(rows.tolist())) for rows, _ in near_pairs(points, np.full(1500, 20.0), points)]
    assert sum(size for size, _ in sizes) == 1500**2
    assert max(size for size, _ in sizes) <= 200_000
    assert sum(len(rows) for _, rows in sizes) == 1500  # all pairs of a centre together
