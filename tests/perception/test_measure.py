"""Where a body is, how large and how turned, with an honest standard error."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from kinescribe.evaluation.scenes.drawing import disc_coverage, paint, rectangle_coverage
from kinescribe.perception.classical.measure import Measurement, measure

SHAPE = (140, 160)
GROUND = 190.0
X0, Y0 = 300, 200  # where the crop lies in the picture


def seen(
    kind: str,
    place: tuple[float, float],
    size: tuple[float, float],
    angle: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
    color: tuple[float, float, float] = (40.0, 40.0, 40.0),
    alike: bool = False,
    touched: bool = False,
) -> Measurement:
    """Measure a drawn body under a mask of its outline.

    `alike`: the same noise in all channels, as codecs leave it; `touched`: the mask holds every pixel that smoothing by 3 × 3 spreads
    the body to, as the detector's does.
    """
    image = np.full((*SHAPE, 3), GROUND, np.float32)
    if kind == "disc":
        coverage = disc_coverage(place, size[0] / 2, *SHAPE)
    else:
        coverage = rectangle_coverage(place, size, angle, 0.0, *SHAPE)
    paint(image, coverage, color)
    mask = np.zeros(SHAPE, bool)
    mask[coverage[0], coverage[1]] = coverage[2] > (0.02 if touched else 0.3)
    if touched:
        mask = cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
    shape = (*SHAPE, 1) if alike else image.shape
    image += np.random.default_rng(seed).normal(0, noise, shape).astype(np.float32)
    pixels = np.clip(image.round(), 0, 255).astype(np.uint8)
    sigma = np.full(SHAPE, max(noise, 0.6), np.float32)
    found = measure(pixels, pixels.astype(np.float32) - GROUND, sigma, mask, X0, Y0)
    assert found is not None
    return found


BODIES = [("disc", (30.0, 30.0)), ("disc", (12.0, 12.0)), ("disc", (5.0, 5.0)), ("box", (40.0, 24.0)), ("rod", (70.0, 9.0))]


@pytest.mark.parametrize(("kind", "size"), BODIES)
@pytest.mark.parametrize(("noise", "bound"), [(0.0, 0.05), (3.0, 0.1)])
def test_centroid(kind: str, size: tuple[float, float], noise: float, bound: float) -> None:
    rng = np.random.default_rng(2)
    for seed in range(20):
        place = (80 + rng.uniform(-1, 1), 70 + rng.uniform(-1, 1))
        found = seen(kind, place, size, rng.uniform(-1.5, 1.5), noise, seed)
        # a small body's few rim pixels say less; all others keep the bound in every single frame
        assert np.hypot(*(found.centroid - [X0 + place[0], Y0 + place[1]])) < (bound if size[0] > 6 else 3 * bound)


@pytest.mark.parametrize("size", [(12.0, 8.0), (40.0, 24.0), (70.0, 9.0)])
@pytest.mark.parametrize("shift", [0.0, 0.15, 0.3, 0.5, 0.7, 0.85])
def test_pixels_that_a_straight_edge_cuts_count_by_their_share(size: tuple[float, float], shift: float) -> None:
    place = (80 + shift, 70 - shift)
    found = seen("box", place, size, touched=True)
    assert np.hypot(*(found.centroid - [X0 + place[0], Y0 + place[1]])) < 0.02
    assert found.area == pytest.approx(size[0] * size[1], abs=0.02 * 2 * sum(size))


@pytest.mark.parametrize(("kind", "size"), BODIES)
@pytest.mark.parametrize("noise", [3.0, 8.0])
@pytest.mark.parametrize("alike", [False, True])
def test_the_covariance_is_honest(kind: str, size: tuple[float, float], noise: float, alike: bool) -> None:
    rng = np.random.default_rng(3)
    errors, sigmas = [], []
    for seed in range(80):
        place = (80 + rng.uniform(-1, 1), 70 + rng.uniform(-1, 1))
        found = seen(kind, place, size, rng.uniform(-1.5, 1.5), noise, seed, alike=alike)
        errors.append(found.centroid - [X0 + place[0], Y0 + place[1]])
        sigmas.append(np.sqrt(np.diag(found.covariance)))
    error, sigma = np.sqrt(np.mean(np.square(errors))), np.sqrt(np.mean(np.square(sigmas)))
    assert error < 2 * sigma
    # a hundredth of a pixel is claimed at best; noise that differs between the channels averages out, which isn't counted on
    assert sigma < 0.01 + (2 if alike else 2 * math.sqrt(3)) * error


@pytest.mark.parametrize("degrees", [-80, -45, -10, 0, 20, 45, 70, 90])
@pytest.mark.parametrize(("kind", "size"), BODIES[3:])
def test_angle_is_clockwise_on_the_screen(kind: str, size: tuple[float, float], degrees: float) -> None:
    found = seen(kind, (80.2, 70.4), size, math.radians(degrees), 2.0)
    off = (found.angle - math.radians(degrees) + math.pi / 2) % math.pi - math.pi / 2
    assert abs(off) < 0.01
    assert abs(off) < 4 * found.angle_sigma
    assert -math.pi / 2 < found.angle <= math.pi / 2 + 1e-9


def test_a_disc_has_no_angle() -> None:
    found = seen("disc", (80.2, 70.4), (30, 30))
    assert math.isnan(found.angle)
    assert math.isnan(found.angle_sigma)


@pytest.mark.parametrize(("kind", "size"), [BODIES[0], BODIES[1], *BODIES[3:]])
def test_size_area_and_shape(kind: str, size: tuple[float, float]) -> None:
    found = seen(kind, (80.3, 70.1), size, 0.4, 1.0)
    assert found.shape == kind
    assert found.size == pytest.approx(size, rel=0.04, abs=0.4)
    truth = math.pi * size[0] ** 2 / 4 if kind == "disc" else size[0] * size[1]
    assert found.area == pytest.approx(truth, rel=0.04)


def test_color_is_the_body_s() -> None:
    red = seen("disc", (80, 70), (30, 30), color=(40.0, 40.0, 210.0))
    assert red.color == pytest.approx([44.5, 65.1, 44.1], abs=2.0)  # CIELAB of sRGB (210, 40, 40)
    black = seen("disc", (80, 70), (30, 30), color=(0.0, 0.0, 0.0))
    assert black.color == pytest.approx([0, 0, 0], abs=1)


def test_contrast_is_in_units_of_the_noise() -> None:
    found = seen("box", (80, 70), (40, 24), noise=3.0)
    assert found.contrast == pytest.approx(150 / 3, rel=0.1)


def ring(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.where(x * x + y * y > 7.5**2, GROUND - 150, GROUND)[..., None] * np.ones(3)


def stripes(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.choose((x + 2 * y) % 3, [GROUND, GROUND - 60, GROUND + 60])[..., None] * np.ones(3)


def colours_in_turn(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return GROUND - 150.0 * ((x + y)[..., None] % 3 == np.arange(3))


@pytest.mark.parametrize("look", [ring, stripes, colours_in_turn])
def test_a_disc_that_on_the_whole_looks_like_the_ground_is_located_by_its_moments(look: Callable[..., np.ndarray]) -> None:
    image = np.full((*SHAPE, 3), GROUND)
    rows, columns = np.indices(SHAPE) - np.array([70, 80])[:, None, None]
    mask = rows**2 + columns**2 <= 10**2
    image[mask] = look(rows[mask], columns[mask])
    delta = (image - GROUND).astype(np.float32)
    assert (np.median(delta[mask], axis=0) == 0).all()  # in no channel a step at the rim
    found = measure(image.round().astype(np.uint8), delta, np.full(SHAPE, 0.6, np.float32), mask, X0, Y0)
    assert found is not None
    assert found.shape == "disc"
    off = found.centroid - [X0 + 80, Y0 + 70]
    assert np.isfinite(found.covariance).all()
    assert np.linalg.eigvalsh(found.covariance).min() > 0
    assert (np.abs(off) < np.minimum(3 * np.sqrt(np.diag(found.covariance)), 0.5)).all()


def test_where_nothing_differs_there_is_nothing_to_measure() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[60:63, 50:90] = True
    ground = np.full((*SHAPE, 3), GROUND, np.uint8)
    assert measure(ground, np.zeros((*SHAPE, 3), np.float32), np.full(SHAPE, 0.6, np.float32), mask, X0, Y0) is None


def test_texture_inside_does_not_pull_the_centre() -> None:
    image = np.full((*SHAPE, 3), GROUND, np.float32)
    coverage = disc_coverage((80.3, 70.2), 18.0, *SHAPE)
    paint(image, coverage, (40.0, 40.0, 40.0))
    image[60:80, 82:90] = (90.0, 90.0, 90.0)
    mask = np.zeros(SHAPE, bool)
    mask[coverage[0], coverage[1]] = coverage[2] > 0.3
    pixels = image.round().astype(np.uint8)
    found = measure(pixels, pixels.astype(np.float32) - GROUND, np.full(SHAPE, 0.6, np.float32), mask, 0, 0)
    assert found is not None
    assert np.hypot(*(found.centroid - [80.3, 70.2])) < 0.05
