"""How near foretold pictures are, against cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kinescribe.foretelling.measuring import Meter


def test_errors_are_pooled_over_frames():
    """Ten levels off everywhere in one frame, none in the other: a mean squared error of (10 / 255)² / 2."""
    real, off = np.full((16, 16, 3), 100, np.uint8), np.full((16, 16, 3), 110, np.uint8)
    last = np.full((16, 16, 3), 151, np.uint8)
    meter = Meter()
    meter.add(real, off, last)
    meter.add(real, real, last)
    found = meter.result()
    assert found is not None
    assert (found.frames, found.ssim_frames) == (2, 2)
    assert found.mae == pytest.approx(5 / 255)
    assert found.mse == pytest.approx((10 / 255) ** 2 / 2)
    assert found.psnr == pytest.approx(-10 * math.log10((10 / 255) ** 2 / 2))
    assert found.psnr_of_last_frame == pytest.approx(-20 * math.log10(51 / 255))
    assert 0.9 < found.ssim < 1.0


def test_nothing_to_compare_and_nothing_to_look_through():
    assert Meter().result() is None
    tiny, meter = np.zeros((4, 4, 3), np.uint8), Meter()
    meter.add(tiny, tiny, tiny)
    found = meter.result()
    assert found is not None
    assert math.isnan(found.ssim)
    assert found.psnr == math.inf


def test_of_large_pictures_some_are_looked_at_for_similarity():
    large, meter = np.zeros((1000, 1000, 3), np.uint8), Meter()
    for _ in range(4):
        meter.add(large, large, large)
    found = meter.result()
    assert found is not None
    assert (found.frames, found.ssim_frames, found.ssim) == (4, 2, 1.0)
