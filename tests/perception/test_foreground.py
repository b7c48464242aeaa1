"""Which pixels differ from the background, by the noise that was measured there."""

import cv2
import numpy as np
import pytest

from kinescribe.evaluation.scenes.drawing import disc_coverage, paint
from kinescribe.perception.background import Background
from kinescribe.perception.classical.foreground import Foreground, ForegroundModel

SHAPE = (120, 160)


def level(grey: float = 130.0, sigma: float = 2.0) -> Background:
    plate = np.full((*SHAPE, 3), grey, np.float32)
    return behind(plate, np.full(SHAPE, sigma, np.float32))


def behind(plate: np.ndarray, sigma: np.ndarray) -> Background:
    """White noise: a 3 × 3 binomial kernel leaves 3/8 of it."""
    return Background(plate=plate, sigma=sigma, smooth_sigma=0.375 * sigma, confidence=np.ones(SHAPE, np.float32))


def picture(contrast: float, noise: float, seed: int = 0, radius: float = 12.0) -> np.ndarray:
    image = np.full((*SHAPE, 3), 130.0, np.float32)
    if contrast:
        paint(image, disc_coverage((80.3, 60.6), radius, *SHAPE), (130.0 - contrast,) * 3)
    image += np.random.default_rng(seed).normal(0, noise, image.shape).astype(np.float32)
    return np.clip(image.round(), 0, 255).astype(np.uint8)


def overlap(found: Foreground, radius: float = 12.0) -> float:
    """Intersection over union of the seeded blobs with the drawn disc."""
    disc = np.zeros(SHAPE, bool)
    rows, columns, alpha = disc_coverage((80.3, 60.6), radius, *SHAPE)
    disc[rows, columns] = alpha > 0.5
    seen = np.isin(found.labels, found.seeds)
    return float((disc & seen).sum() / (disc | seen).sum())


@pytest.mark.parametrize("contrast", [-80.0, -25.0, 25.0, 80.0])
def test_a_disc_is_one_blob_of_its_own_extent(contrast: float) -> None:
    found = ForegroundModel(level()).segment(picture(contrast, 2.0))
    assert len(found.seeds) == 1
    assert overlap(found) > 0.8


def test_noise_alone_is_nothing() -> None:
    model = ForegroundModel(level())
    assert sum(len(model.segment(picture(0, 2.0, seed)).seeds) for seed in range(30)) == 0


def test_the_threshold_follows_the_noise() -> None:
    quiet, loud = ForegroundModel(level(sigma=1.0)), ForegroundModel(level(sigma=10.0))
    assert len(quiet.segment(picture(20, 1.0)).seeds) == 1
    assert sum(len(loud.segment(picture(0, 10.0, seed)).seeds) for seed in range(5)) == 0
    assert len(loud.segment(picture(110, 10.0)).seeds) == 1


def test_the_threshold_is_each_pixel_s_own() -> None:
    sigma = np.full(SHAPE, 1.0, np.float32)
    sigma[:, 80:] = 30.0
    model = ForegroundModel(behind(level().plate, sigma))
    image = picture(0, 1.0)
    image[40:60, 30:50] += 25
    image[40:60, 110:130] += 25
    found = model.segment(image)
    assert len(found.seeds) == 1
    assert found.stats[found.seeds[0], 0] < 60


@pytest.mark.parametrize("lift", [-14, 14])
def test_a_change_of_exposure_is_taken_out(lift: int) -> None:
    image = np.clip(picture(60, 2.0).astype(int) + lift, 0, 255).astype(np.uint8)
    found = ForegroundModel(level()).segment(image)
    np.testing.assert_allclose(found.offset, lift, atol=1.0)
    assert len(found.seeds) == 1
    assert overlap(found) > 0.8


def test_faint_large_bodies_are_seen() -> None:
    # 450 pixels, each five σ from the ground: no chance of the noise
    found = ForegroundModel(level(sigma=2.5)).segment(picture(12, 2.5))
    assert len(found.seeds) == 1
    assert overlap(found) > 0.7


def test_one_hot_pixel_is_no_blob() -> None:
    image = picture(0, 2.0)
    image[50, 50] = 255
    assert len(ForegroundModel(level()).segment(image).seeds) <= 1
    assert len(ForegroundModel(level()).segment(picture(0, 0.0)).seeds) == 0


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 40), (40, 2), (3, 3), (120, 160)])
def test_a_change_of_brightness_is_known_in_pictures_of_any_size(height: int, width: int) -> None:
    one = np.ones((height, width), np.float32)
    model = ForegroundModel(Background(np.full((height, width, 3), 130, np.float32), one, one, one))
    assert model.exposure_offset(np.full((height, width, 3), 137, np.uint8)).tolist() == [7.0, 7.0, 7.0]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (7, 1), (2, 3), (33, 64), (77, 131), (60, 256)])
@pytest.mark.parametrize("offset", [(0.0, 0.0, 0.0), (3.0, -5.25, 2.0)])
def test_what_stands_out_is_what_the_definition_says(height: int, width: int, offset: tuple[float, float, float]) -> None:
    """Smoothed by OpenCV, put into the plate's light, and compared with the plate channel by channel."""
    rng = np.random.default_rng(height * width)
    plate = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3)).astype(np.uint8), (0, 0), 2).reshape(height, width, 3)
    image = np.clip(plate + rng.normal(0, 4, plate.shape), 0, 255).astype(np.uint8)
    image[height // 3 : height // 2 + 1, width // 3 : width // 2 + 1] = (250, 10, 128)
    smooth_sigma = rng.uniform(0.2, 4.0, (height, width)).astype(np.float32)
    model = ForegroundModel(Background(plate.astype(np.float32), smooth_sigma, smooth_sigma, np.ones((height, width), np.float32)))
    smooth = np.clip(cv2.GaussianBlur(image, (3, 3), 0).reshape(image.shape) - np.asarray(offset, np.float32), 0, 255).round()
    furthest = np.abs(smooth - model.smooth_plate.reshape(image.shape)).max(axis=2)
    weak = cv2.morphologyEx((furthest > model.low).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    extent, strong = model.masks(image, np.asarray(offset, np.float32))
    assert np.array_equal(extent, weak)
    assert np.array_equal(strong, furthest > model.high)
    window = np.s_[height // 4 : height // 2 + 1, width // 4 : width // 2 + 1]
    part = ForegroundModel(Background(plate[window].astype(np.float32), *[smooth_sigma[window]] * 3))
    whole = model.within(window)
    part.smooth_plate, part.reach = whole.smooth_plate, whole.reach  # a part smoothed by itself mirrors its own edges
    for found, expected in zip(
        whole.masks(image[window], np.zeros(3, np.float32)), part.masks(image[window], np.zeros(3, np.float32)), strict=True
    ):
        assert np.array_equal(found, expected)
