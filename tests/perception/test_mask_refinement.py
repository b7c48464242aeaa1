"""Learned masks that err in known ways, made sub-pixel, with honest covariances."""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from kinescribe.evaluation import scenes
from kinescribe.evaluation.scenes import Scene
from kinescribe.evaluation.scenes.drawing import textured
from kinescribe.perception import looking
from kinescribe.perception.background import Background
from kinescribe.perception.classical.foreground import ForegroundModel
from kinescribe.perception.classical.measure import median, median_color
from kinescribe.perception.detections import Detections, MaskCrop, SoftMask
from kinescribe.perception.refinement import _Difference, measure_masks, static_background
from kinescribe.video import open_video
from kinescribe.video.frame import Frame

BUILDERS = {
    "falling": lambda: scenes.falling_ball(texture=4.0),
    "small": lambda: scenes.thrown_small_ball(texture=4.0),
    "pucks": lambda: scenes.two_pucks_collision(texture=4.0),
    "bob": lambda: scenes.pendulum_with_string(texture=3.0, frame_count=45),
    "faint": lambda: scenes.low_contrast_ball(frame_count=40),
    "box": lambda: scenes.resting_object(share=0.1, texture=4.0),
    "rod": lambda: scenes.swinging_rod(texture=4.0, frame_count=60),
}


@functools.cache
def scene(name: str) -> Scene:
    return BUILDERS[name]()


@functools.cache
def frames(name: str) -> list[Frame]:
    return [Frame(k, time_s, image) for k, (image, time_s) in enumerate(scene(name).frames())]


@functools.cache
def background(name: str) -> Background:
    warnings: list[str] = []
    found = static_background(open_video(np.stack([f.image for f in frames(name)]), times=scene(name).times), warnings)
    assert found is not None
    assert warnings == []
    return found


def drawn(name: str, body: str, t: int) -> np.ndarray:
    """What is seen of a body, coverage of the whole picture."""
    here = scene(name)
    free, out = np.ones((here.height, here.width)), np.zeros((here.height, here.width))
    for one in reversed(here.bodies):
        motion = one.path(here.times[t : t + 1])
        rows, columns, alpha = one.coverage(motion.positions[0], float(motion.angles[0]), here.height, here.width)
        if one.name == body:
            out[rows, columns] = alpha * free[rows, columns]
            break
        free[rows, columns] *= 1 - alpha
    return out.astype(np.float32)


def cut(coverage: np.ndarray, score: float = 0.9) -> SoftMask:
    ys, xs = np.nonzero(coverage)
    if len(ys) == 0:
        return SoftMask(0, 0, np.zeros((0, 0), np.float32), score)
    window = np.s_[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    return SoftMask(int(xs.min()), int(ys.min()), coverage[window].astype(np.float32), score)


def signed_distance(coverage: np.ndarray) -> np.ndarray:
    """Px to the outline, positive inside."""
    inside = (coverage >= 0.5).astype(np.uint8)
    inward, outward = (cv2.distanceTransform(m, cv2.DIST_L2, 5) for m in (inside, 1 - inside))
    rim = (coverage > 0) & (coverage < 1)
    return np.where(rim, coverage - 0.5, np.where(inside > 0, inward - 0.5, 0.5 - outward))


def grown(coverage: np.ndarray, by: float) -> np.ndarray:
    return np.clip(0.5 + signed_distance(coverage) + by, 0, 1)


def shifted(coverage: np.ndarray, by: tuple[float, float]) -> np.ndarray:
    matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]], np.float32)
    return cv2.warpAffine(coverage, matrix, (coverage.shape[1], coverage.shape[0]))


def coarse(coverage: np.ndarray, cell: int = 4) -> np.ndarray:
    """Hard-edged on a grid of `cell` px, as if drawn at a quarter of the resolution."""
    size = (coverage.shape[1] // cell, coverage.shape[0] // cell)
    low = cv2.resize((coverage >= 0.5).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return cv2.resize((low >= 0.5).astype(np.float32), (coverage.shape[1], coverage.shape[0]), interpolation=cv2.INTER_NEAREST)


def spoiled(coverage: np.ndarray, kind: str, rng: np.random.Generator) -> SoftMask:
    if kind.startswith("grown"):
        return cut(grown(coverage, float(kind[5:])))
    if kind.startswith("shifted"):
        turn, by = rng.uniform(0, 2 * math.pi), float(kind[7:])
        return cut(shifted(coverage, (by * math.cos(turn), by * math.sin(turn))))
    if kind == "coarse":
        return cut(coarse(coverage))
    raise ValueError(kind)


def wavering(coverage: np.ndarray, rng: np.random.Generator) -> SoftMask:
    """An outline that errs by half a pixel, alike over some eight; the mask as a whole is half a pixel off, and too large or small."""
    jitter = gaussian_filter(rng.standard_normal(coverage.shape), 8 / (2 * math.sqrt(math.pi)))
    moved = signed_distance(coverage) + 0.5 * jitter / jitter.std() + rng.uniform(-1, 1)
    return cut(shifted(np.clip(0.5 + moved, 0, 1).astype(np.float32), tuple(rng.normal(0, 0.5, 2))))


def measured(name: str, t: int, masks: dict[str, SoftMask], *, behind: bool = True) -> Detections:
    plate = background(name) if behind else None
    return measure_masks(frames(name)[t], list(masks.values()), np.full(len(masks), 0.8), list(masks), plate)


def whole(name: str) -> list[int]:
    """Frames in which all bodies are in full sight."""
    return [int(t) for t in np.flatnonzero(np.all([truth.visible_fraction > 0.999 for truth in scene(name).truth.values()], axis=0))]


@pytest.mark.parametrize("kind", ["grown1", "grown2", "grown-1", "grown-2", "shifted1", "shifted2", "coarse"])
@pytest.mark.parametrize("name", ["falling", "pucks", "bob", "box"])
def test_with_a_background_a_tenth_of_a_pixel(name: str, kind: str) -> None:
    rng = np.random.default_rng(1)
    off, inside = [], []
    for t in whole(name)[:: max(len(whole(name)) // 10, 1)]:
        bodies = scene(name).truth
        found = measured(name, t, {body: spoiled(drawn(name, body, t), kind, rng) for body in bodies})
        error = found.centroids - [truth.positions[t] for truth in bodies.values()]
        off.append(np.hypot(*error.T))
        inside.append(np.abs(error) <= 2 * np.sqrt(np.diagonal(found.covariances, axis1=1, axis2=2)))
    assert np.percentile(np.concatenate(off), 90) < 0.1
    assert np.mean(np.concatenate(inside)) >= 0.93


@pytest.mark.parametrize(("name", "bound"), [("small", 0.1), ("faint", 0.15)])
@pytest.mark.parametrize("kind", ["grown1", "shifted1"])
def test_small_and_faint_things_too(name: str, bound: float, kind: str) -> None:
    rng = np.random.default_rng(2)
    (body, truth), off = next(iter(scene(name).truth.items())), []
    for t in whole(name)[::3]:
        found = measured(name, t, {body: spoiled(drawn(name, body, t), kind, rng)})
        off.append(np.hypot(*(found.centroids[0] - truth.positions[t])))
    assert np.percentile(off, 90) < bound


def coverage_of_two_sigmas(names: list[str], *, behind: bool) -> tuple[float, float, np.ndarray]:
    """Share of errors along an axis within two σ; within one; and all errors."""
    rng = np.random.default_rng(3)
    ratios, errors = [], []
    for name in names:
        bodies = scene(name).truth
        for t in whole(name)[:: max(len(whole(name)) // 25, 1)]:
            found = measured(name, t, {body: wavering(drawn(name, body, t), rng) for body in bodies}, behind=behind)
            error = found.centroids - [truth.positions[t] for truth in bodies.values()]
            ratios.append(np.abs(error) / np.sqrt(np.diagonal(found.covariances, axis1=1, axis2=2)))
            errors.append(np.hypot(*error.T))
    ratio = np.concatenate(ratios)
    return float(np.mean(ratio <= 2)), float(np.mean(ratio <= 1)), np.concatenate(errors)


def test_the_covariance_is_honest_without_a_background() -> None:
    two, one, errors = coverage_of_two_sigmas(["falling", "pucks", "bob", "box", "rod"], behind=False)
    assert 0.92 <= two <= 0.99
    assert 0.6 <= one <= 0.85
    assert np.median(errors) > 0.3  # the masks were spoiled


def test_the_covariance_is_honest_with_a_background() -> None:
    two, _, errors = coverage_of_two_sigmas(["falling", "pucks", "bob", "box"], behind=True)
    assert two >= 0.93
    assert np.median(errors) < 0.03


def test_touching_things_are_measured_on_their_own() -> None:
    rng = np.random.default_rng(4)
    red, blue = scene("pucks").truth.values()
    gap = np.hypot(*(red.positions - blue.positions).T) - 32
    close = np.flatnonzero(gap < 6)
    assert len(close) >= 2
    errors = []
    for t in close:
        for kind in ("grown1", "grown-1", "shifted1", "shifted1", "shifted1", "coarse"):
            masks = {body: spoiled(drawn("pucks", body, int(t)), kind, rng) for body in scene("pucks").truth}
            found = measured("pucks", int(t), masks)
            error = np.hypot(*(found.centroids - [red.positions[t], blue.positions[t]]).T)
            errors.append(error)
            sigma = np.sqrt(np.trace(found.covariances, axis1=1, axis2=2))
            assert (error < 4 * sigma + 0.05).all()
    assert np.mean(errors) < 0.15
    assert np.max(errors) < 0.5


def test_what_has_hardly_moved_is_measured_by_its_mask() -> None:
    here = scenes.slow_cart(frame_count=40)
    images = here.images()
    plate = static_background(open_video(images, times=here.times), [])
    truth = here.truth["black cart"]
    (body,) = (one for one in here.bodies if one.name == "black cart")
    for t in range(0, 40, 5):
        rows, columns, alpha = body.coverage(truth.positions[t], 0.0, here.height, here.width)
        mask = np.zeros((here.height, here.width), np.float32)
        mask[rows, columns] = alpha
        found = measure_masks(Frame(t, here.times[t], images[t]), [cut(grown(mask, 1.0))], np.array([1.0]), ["cart"], plate)
        error = np.abs(found.centroids[0] - truth.positions[t])
        assert (error <= 2.5 * np.sqrt(np.diag(found.covariances[0]))).all()
        assert error.max() < 1.0


def test_a_mask_of_something_that_the_background_does_not_show() -> None:
    """A still thing is in the plate: its mask says where it is, as without a background."""
    mask = cut(np.clip(15.5 - np.hypot(*(np.mgrid[0:240, 0:320] - np.array([100.3, 60.7])[:, None, None])), 0, 1))
    found = measured("falling", 5, {"sticker": mask})
    np.testing.assert_allclose(found.centroids[0], [60.7, 100.3], atol=0.05)
    alone = measured("falling", 5, {"sticker": mask}, behind=False)
    np.testing.assert_array_equal(found.covariances, alone.covariances)
    assert found.covariances[0, 0, 0] > 0.3**2


def test_fields() -> None:
    t = whole("falling")[4]
    for behind in (True, False):
        found = measured("falling", t, {"red ball": cut(drawn("falling", "red ball", t))}, behind=behind)
        assert found.frame == t
        assert found.time_s == pytest.approx(scene("falling").times[t])
        assert found.phrases == ["red ball"]
        assert found.shapes == ["disc"]
        assert math.isnan(found.angles[0])
        np.testing.assert_array_equal(found.scores, [0.8])
        np.testing.assert_allclose(found.sizes[0], [22, 22], atol=0.6)
        np.testing.assert_allclose(found.areas[0], math.pi * 121, rtol=0.05)
        np.testing.assert_allclose(found.colors[0], [44, 63, 40], atol=6)  # CIELAB of the red that it is drawn in
        assert found.contrasts[0] > 10
        assert not found.truncated[0]
        x0, y0, x1, y1 = found.boxes[0]
        assert (x1 - x0, y1 - y0) == (found.masks[0].pixels.shape[1], found.masks[0].pixels.shape[0])


@pytest.mark.parametrize("behind", [True, False])
def test_the_angle_of_a_rod(behind: bool) -> None:
    truth = scene("rod").truth["brown rod"]
    assert truth.angles is not None
    for t in range(0, 60, 7):
        found = measured("rod", t, {"rod": cut(drawn("rod", "brown rod", t))}, behind=behind)
        off = (found.angles[0] - truth.angles[t] + math.pi / 2) % math.pi - math.pi / 2
        assert abs(off) < 0.02
        assert found.shapes == ["rod"]
        assert found.angle_sigmas[0] < 0.1


def test_a_thing_at_the_picture_s_edge_is_truncated() -> None:
    ys, xs = np.mgrid[0:240, 0:320]
    mask = cut(np.clip(15.5 - np.hypot(xs + 3, ys - 100), 0, 1))
    for behind in (True, False):
        assert measured("falling", 0, {"thing": mask}, behind=behind).truncated.tolist() == [True]


def test_empty_masks_are_left_out_and_order_is_kept() -> None:
    t = whole("pucks")[0]
    first, second = (cut(drawn("pucks", body, t)) for body in scene("pucks").truth)
    empty = SoftMask(0, 0, np.zeros((0, 0), np.float32))
    found = measure_masks(frames("pucks")[t], [empty, second, empty, first], np.array([0.1, 0.2, 0.3, 0.4]), list("abcd"), None)
    assert found.phrases == ["b", "d"]
    np.testing.assert_array_equal(found.scores, [0.2, 0.4])
    assert found.centroids[0, 0] > found.centroids[1, 0]
    for plate in (None, background("pucks")):
        assert len(measure_masks(frames("pucks")[t], [], np.zeros(0), [], plate)) == 0
        assert len(measure_masks(frames("pucks")[t], [empty], np.ones(1), ["a"], plate)) == 0


@pytest.mark.parametrize("pixels", [np.ones((1, 1), bool), np.ones((1, 9), bool), np.ones((240, 320), bool)])
@pytest.mark.parametrize("behind", [True, False])
def test_masks_of_any_size_give_finite_numbers(pixels: np.ndarray, behind: bool) -> None:
    place = (0, 0) if pixels.size > 100 else (311, 100)
    found = measured("falling", 3, {"thing": SoftMask.of(MaskCrop(*place, pixels), 1.0)}, behind=behind)
    assert len(found) == 1
    for values in (found.centroids, found.covariances, found.areas, found.sizes, found.colors, found.contrasts):
        assert np.isfinite(values).all()
    assert np.linalg.eigvalsh(found.covariances[0]).min() > 0


def moving(kind: str) -> np.ndarray:
    """A ball that crosses a room that the camera does not hold still."""
    rng = np.random.default_rng(6)
    room = textured(400, 520, (150.0, 160.0, 170.0), 5.0, 3)
    cv2.rectangle(room, (100, 150), (220, 260), (60, 60, 80), -1)
    cv2.rectangle(room, (300, 60), (420, 330), (90, 160, 120), -1)
    out = []
    for t in range(30):
        pan, zoom = (1.5 * t if kind == "pan" else 0.0), (1 + 0.006 * t if kind == "zoom" else 1.0)
        shake = rng.normal(0, 1.5, 2) if kind == "shake" else np.zeros(2)
        matrix = np.array([[zoom, 0, -60 - pan + shake[0]], [0, zoom, -70 + shake[1]]], np.float32)
        image = cv2.warpAffine(room, matrix, (320, 240), borderMode=cv2.BORDER_REFLECT)
        cv2.circle(image, (30 + 8 * t, 120), 12, (40, 40, 200), -1, cv2.LINE_AA)
        out.append(np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8))
    return np.stack(out)


@pytest.mark.parametrize("kind", ["pan", "zoom", "shake"])
def test_a_moving_camera_has_no_background_and_a_reason(kind: str) -> None:
    warnings: list[str] = []
    assert static_background(open_video(moving(kind), frame_interval=1 / 30), warnings) is None
    assert len(warnings) == 1
    assert "camera" in warnings[0]
    assert "\n" not in warnings[0]


def test_a_still_camera_has_one() -> None:
    warnings: list[str] = []
    assert static_background(open_video(moving("still"), frame_interval=1 / 30), warnings) is not None
    assert warnings == []


def test_too_few_frames_are_no_background() -> None:
    warnings: list[str] = []
    assert static_background(open_video(moving("still")[:5], frame_interval=1 / 30), warnings) is None
    assert "5 frames" in warnings[0]


def test_what_stands_out_in_a_window_is_that_of_the_whole_picture() -> None:
    """Blobs that meet beyond the window are one; others that reach into it are not."""
    rng = np.random.default_rng(9)
    height, width = 120, 160
    plate = np.full((height, width, 3), 120, np.float32)
    noise = np.full((height, width), 1.0, np.float32)
    behind = Background(plate, noise, noise, noise)
    connected_beyond = 0
    for _trial in range(60):
        image = plate.astype(np.uint8)
        for _ in range(7):
            start, stop = (tuple(int(v) for v in rng.integers(0, [width, height])) for _ in range(2))
            cv2.line(image, start, stop, (20, 200, 60), int(rng.integers(1, 6)))
        image += np.uint8(rng.choice([0, 3]))  # the camera's exposure
        rows, columns = (slice(int(a), int(a + rng.integers(20, 50))) for a in rng.integers(0, [height - 50, width - 50]))
        solid = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
        solid[6:14, 5:13] = True
        labels = ForegroundModel(behind).segment(image).labels[rows, columns]
        expected = np.isin(labels, np.setdiff1d(labels[solid], [0]))
        found = _Difference(image, behind)._standing_out((rows, columns), solid)
        np.testing.assert_array_equal(found, expected)
        _, here = cv2.connectedComponents((labels > 0).astype(np.uint8), connectivity=8)
        connected_beyond += len(np.unique(here[expected])) > len(np.setdiff1d(here[solid], [0]))
    assert connected_beyond >= 5


@pytest.mark.parametrize("count", [1, 2, 3, 10, 101])
def test_medians_are_numpy_s(count: int) -> None:
    rng = np.random.default_rng(count)
    values = rng.normal(0, 3, count).astype(np.float32)
    assert median(values) == pytest.approx(float(np.median(values)), abs=1e-7)
    image = rng.integers(0, 256, (12, 15, 3)).astype(np.uint8)
    mask = rng.permutation(180).reshape(12, 15) < count
    np.testing.assert_array_equal(median_color(image, mask), np.median(image[mask], axis=0))


def test_frames_measured_at_once_are_those_measured_one_after_the_other() -> None:
    threads, taken, most = set(), 0, 0

    def shown() -> Iterator[int]:
        nonlocal taken
        for t in range(40):
            taken += 1
            yield t

    def measure(t: int) -> Detections:
        threads.add(threading.get_ident())
        time.sleep(0.002 * (t % 3))  # a later frame is done before an earlier one
        return measured("pucks", t, {body: cut(drawn("pucks", body, t)) for body in scene("pucks").truth})

    found = []
    for detections in looking._side_by_side(shown(), measure, 3):
        found.append(detections)
        most = max(most, taken - len(found))
    assert threading.get_ident() not in threads
    assert len(threads) == 3
    assert most <= 4
    assert [one.frame for one in found] == list(range(40))
    for t, one in enumerate(found):
        np.testing.assert_array_equal(one.centroids, measure(t).centroids)


def test_an_error_in_measuring_reaches_the_caller_after_the_results_before_it() -> None:
    before = threading.active_count()

    def measure(t: int) -> int:
        if t == 5:
            raise RuntimeError("frame 5")
        return t

    found: list[int] = []
    with pytest.raises(RuntimeError, match="frame 5"):
        found.extend(looking._side_by_side(range(50), measure, 2))
    assert found == [0, 1, 2, 3, 4]
    stopped = looking._side_by_side(range(50), measure, 2)
    assert next(stopped) == 0
    del stopped
    assert threading.active_count() == before
