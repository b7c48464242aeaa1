import cv2
import numpy as np
import pytest
from skimage import metrics

from kinescribe.errors import UsageError
from kinescribe.evaluation import structural_similarity

RNG = np.random.default_rng(5)


def smooth(height, width):
    """A picture with structure, and one that is near it."""
    picture = cv2.GaussianBlur(RNG.integers(0, 256, (height, width, 3), np.uint8), (0, 0), 2)
    noise = RNG.normal(0, 6, picture.shape)
    return picture, np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("size", [(48, 61), (11, 11), (30, 12)])
def test_equals_scikit_image(gaussian, sample, size):
    real, predicted = smooth(*size)
    ours = structural_similarity(real[None], predicted[None], gaussian_weights=gaussian, use_sample_covariance=sample)
    theirs = metrics.structural_similarity(
        real, predicted, channel_axis=-1, gaussian_weights=gaussian, use_sample_covariance=sample, data_range=255
    )
    assert ours.tolist() == [pytest.approx(theirs, abs=1e-6)]


def test_defaults_are_those_of_scikit_image_also_on_grey_floats():
    real, predicted = (picture[..., 1] / 255 for picture in smooth(33, 40))
    theirs = metrics.structural_similarity(real, predicted, data_range=1)
    assert structural_similarity(real[None], predicted[None]).tolist() == [pytest.approx(theirs, abs=1e-6)]


def test_colours_count_alike():
    real, predicted = smooth(20, 20)
    ours = structural_similarity(real[None], predicted[None])
    apart = [structural_similarity(real[None, ..., c].copy(), predicted[None, ..., c].copy())[0] for c in range(3)]
    assert ours[0] == pytest.approx(np.mean(apart))


def test_equal_frames_are_one_and_every_frame_has_its_own():
    real, predicted = smooth(20, 24)
    found = structural_similarity(np.stack([real, real]), np.stack([real, predicted]))
    assert found.shape == (2,)
    assert found[0] == pytest.approx(1, abs=1e-12)
    assert found[1] < 0.99


def test_two_plain_pictures_by_hand():
    black, grey = np.zeros((1, 8, 8, 3)), np.full((1, 8, 8, 3), 0.5)
    assert structural_similarity(black, grey)[0] == pytest.approx(0.01**2 / (0.25 + 0.01**2))


@pytest.mark.parametrize(("gaussian", "side"), [(False, 7), (True, 11)])
def test_a_picture_smaller_than_a_window_is_refused(gaussian, side):
    picture = np.zeros((1, side - 1, 40, 3), np.uint8)
    with pytest.raises(UsageError, match=f"windows of {side} x {side} pixels; pictures of 40 x {side - 1}"):
        structural_similarity(picture, picture, gaussian_weights=gaussian)
