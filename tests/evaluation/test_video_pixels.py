import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import metrics

from kinescribe.errors import UsageError
from kinescribe.evaluation import pixel_errors, psnr

RNG = np.random.default_rng(3)
REAL = RNG.integers(0, 256, (4, 9, 7, 3), np.uint8)
OTHER = RNG.integers(0, 256, (4, 9, 7, 3), np.uint8)


def test_errors_by_hand():
    real = np.zeros((2, 2, 2, 3), np.uint8)
    predicted = real.copy()
    predicted[0, 0, 0] = (51, 102, 0)  # 0.2 and 0.4 on one pixel of four
    found = pixel_errors(real, predicted)
    assert found.mae_by_frame == pytest.approx([0.6 / 12, 0.0])
    assert found.mse_by_frame == pytest.approx([0.2 / 12, 0.0])
    assert found.mae == pytest.approx(0.6 / 24)
    assert found.mse == pytest.approx(0.2 / 24)
    assert found.psnr == pytest.approx(10 * math.log10(24 / 0.2))
    assert found.psnr_by_frame.tolist() == [pytest.approx(10 * math.log10(12 / 0.2)), math.inf]


def test_pooled_psnr_is_that_of_the_pooled_error_and_no_mean_of_ratios():
    found = pixel_errors(REAL, np.concatenate([OTHER[:1], REAL[1:] // 2 * 2]))
    assert found.psnr == pytest.approx(psnr(found.mse))
    assert found.psnr != pytest.approx(found.psnr_by_frame.mean(), abs=1)


def test_errors_are_those_of_scikit_image():
    found = pixel_errors(REAL, OTHER)
    assert found.mse == pytest.approx(metrics.mean_squared_error(REAL / 255, OTHER / 255), rel=1e-12)
    assert found.psnr == pytest.approx(metrics.peak_signal_noise_ratio(REAL, OTHER), rel=1e-12)
    assert found.psnr_by_frame[2] == pytest.approx(metrics.peak_signal_noise_ratio(REAL[2], OTHER[2]), rel=1e-12)
    assert found.mae == pytest.approx(np.abs(REAL / 255 - OTHER / 255).mean(), rel=1e-12)


def test_bytes_and_floats_give_the_same():
    whole, mixed, parts = pixel_errors(REAL, OTHER), pixel_errors(REAL, OTHER / 255), pixel_errors(REAL / 255, OTHER / 255)
    for found in (mixed, parts):
        assert found.mae_by_frame == pytest.approx(whole.mae_by_frame, rel=1e-12)
        assert found.mse_by_frame == pytest.approx(whole.mse_by_frame, rel=1e-12)


def test_grey_videos_and_lists_of_pictures():
    assert pixel_errors(REAL[..., 0], OTHER[..., 0]).mse == pytest.approx(((REAL[..., 0] / 255 - OTHER[..., 0] / 255) ** 2).mean())
    assert pixel_errors(list(REAL), list(OTHER)).mse == pixel_errors(REAL, OTHER).mse


def test_a_large_picture_does_not_overflow():
    black, white = np.zeros((1, 1000, 1200, 3), np.uint8), np.full((1, 1000, 1200, 3), 255, np.uint8)
    found = pixel_errors(black, white)
    assert (found.mae, found.mse, found.psnr) == (pytest.approx(1), pytest.approx(1), pytest.approx(0))


@given(st.floats(1e-12, 1))
def test_psnr_gives_the_error_back(mse):
    assert 10 ** (-psnr(mse) / 10) == pytest.approx(mse)


HOLE = REAL / 255
HOLE[1, 2, 3, 0] = np.nan


@pytest.mark.parametrize(
    ("real", "predicted", "line"),
    [
        (REAL[:0], OTHER[:0], "the real video has no frames"),
        (REAL, OTHER[:3], "4 real frames and 3 predicted ones"),
        (REAL, OTHER[:, :, :6], r"frame 0 is \(9, 7, 3\) in the real video and \(9, 6, 3\) in the predicted one"),
        (REAL, HOLE, "predicted frame 1 has 1 values that are not finite"),
        (REAL, OTHER / 1.0, "predicted frame 0 has values from [0-9]+ to 2[0-9]+: give floats from 0 to 1"),
        (REAL.astype(int), OTHER, "real frame 0 has values of type int64"),
        (REAL[0], OTHER[0], "one picture is frames"),
        (REAL, OTHER[..., :2], r"predicted frame 0 has shape \(9, 7, 2\)"),
        ([REAL[0], REAL[1, :5]], OTHER[:2], r"frame 1 is \(5, 7, 3\) in the real video"),
        ([REAL[0], REAL[1, :5]], [OTHER[0], OTHER[1, :5]], r"frame 1 has shape \(5, 7, 3\), frame 0 \(9, 7, 3\)"),
    ],
)
def test_what_can_not_be_compared_is_named(real, predicted, line):
    with pytest.raises(UsageError, match=line) as raised:
        pixel_errors(real, predicted)
    assert "\n" not in str(raised.value)
