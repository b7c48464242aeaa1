"""Medians of many numbers by bins, held against numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.perception.classical.compiled.selection import channel_medians, middle

DRAWN = {
    "noise": lambda rng, n: rng.normal(0, 30, n),
    "whole numbers": lambda rng, n: rng.integers(-3, 4, n),
    "outliers": lambda rng, n: np.where(rng.random(n) < 0.01, 1e6, rng.normal(0, 1, n)),
    "all alike": lambda rng, n: np.full(n, 7.25),
    "too near for bins": lambda rng, n: rng.integers(0, 5, n) * 1e-44,
    "too far for bins": lambda rng, n: rng.choice([-3e38, 0.0, 3e38], n),
    "two values": lambda rng, n: np.where(rng.random(n) < 0.5, 1.0, 1.0 + 1e-6),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_the_median_is_numpy_s(kind: str):
    rng = np.random.default_rng(3)
    for count in (1, 2, 3, 50, 128, 129, 130, 400, 5001):
        values = DRAWN[kind](rng, count).astype(np.float32)
        beyond = np.concatenate([values, np.full(3, 1e9, np.float32)])  # isn't looked at
        assert middle(beyond, count) == pytest.approx(float(np.median(values.astype(np.float64))), rel=1e-12)


def test_what_is_no_number_does_no_harm():
    values = np.random.default_rng(5).normal(0, 1, 500).astype(np.float32)
    values[::7] = np.nan
    values[3::50] = np.inf
    middle(values, 500)


@pytest.mark.parametrize("levels", [(0, 256), (100, 103), (255, 256)])
def test_the_median_of_each_channel_is_numpy_s(levels: tuple[int, int]):
    rng = np.random.default_rng(4)
    for height, width in ((1, 1), (1, 2), (7, 5), (30, 41)):
        image = rng.integers(*levels, (height, width, 3)).astype(np.uint8)
        mask = rng.random((height, width)) < 0.5
        mask[0, 0] = True
        out = np.empty(3)
        channel_medians(image, mask, out)
        assert out.tolist() == np.median(image[mask], axis=0).tolist()
