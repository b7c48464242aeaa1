"""The classical detector on a device finds what the plain one finds."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from kinescribe import extract_states
from kinescribe.errors import InputError
from kinescribe.evaluation import scenes
from kinescribe.perception import Detections
from kinescribe.perception.background import Background, FrameSample, FrameStack
from kinescribe.perception.classical import ClassicalDetector
from kinescribe.perception.classical.accelerated import AcceleratedClassicalDetector, _foreground, _ranks, _stack
from kinescribe.perception.classical.accelerated._foreground import DeviceForeground
from kinescribe.perception.classical.accelerated._pictures import close, smooth
from kinescribe.perception.classical.accelerated._pixels import Pixels, joined
from kinescribe.perception.classical.accelerated._soft_masks import weigh
from kinescribe.perception.classical.detector import Body
from kinescribe.perception.classical.foreground import ForegroundModel
from kinescribe.perception.grounded_sam.runtime import Runtime
from kinescribe.perception.grounded_sam.runtime.batching import MemoryFullError
from kinescribe.video import Frame, open_video

GPU = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"))
DEVICES = pytest.mark.parametrize("device", ["cpu", GPU])
SMALL: dict[str, Any] = {"width": 200, "height": 150, "frame_count": 26}
SCENES: dict[str, dict[str, Any]] = {
    "falling_ball": {"texture": 4.0, "flicker": 0.03, **SMALL},
    "swinging_rod": {"length": 70.0, **SMALL},
    "cart_and_pole": {"length": 50.0, "travel": 50.0, **SMALL},  # drawn on white, without noise
    "many_discs": {"n": 9, "texture": 2.0, "width": 240, "height": 180, "frame_count": 20},
    "pendulum_with_string": {"length": 80.0, "noise": 4.0, "texture": 2.0, **SMALL},
    "thrown_small_ball": {"width": 320, "height": 180},
    "low_contrast_ball": {"texture": 1.0, "flicker": 0.01, **SMALL},
    "static_objects_on_plain": {},
}


def on(device: str, batch_size: int = 8) -> Runtime:
    return Runtime.choose(device, batch_size=batch_size)


@functools.cache
def plainly(name: str) -> tuple[list[Frame], Background, list[Detections]]:
    scene = getattr(scenes, name)(**SCENES[name])
    video = open_video(scene.images(), times=scene.times)
    detector = ClassicalDetector()
    detector.prepare(video)
    assert detector.background is not None
    return list(video), detector.background, [detector.detect(frame) for frame in video]


def prepared(name: str, device: str, batch_size: int = 8) -> AcceleratedClassicalDetector:
    frames, _, _ = plainly(name)
    detector = AcceleratedClassicalDetector(runtime=on(device, batch_size))
    detector.prepare(frames)  # type: ignore[arg-type]
    return detector


def assert_same(found: list[Detections], expected: list[Detections]) -> None:
    assert [len(frame) for frame in found] == [len(frame) for frame in expected]
    assert sum(len(frame) for frame in expected) > 0
    for a, b in zip(found, expected, strict=True):
        assert (a.frame, a.time_s, a.shapes, a.phrases) == (b.frame, b.time_s, b.shapes, b.phrases)
        np.testing.assert_array_equal(a.boxes, b.boxes)
        np.testing.assert_array_equal(a.truncated, b.truncated)
        np.testing.assert_allclose(a.centroids, b.centroids, rtol=0, atol=1e-3)
        for field in ("areas", "covariances", "sizes", "angles", "angle_sigmas", "colors", "contrasts", "scores"):
            mine, theirs = getattr(a, field), getattr(b, field)
            np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5, err_msg=field)
        for mine, theirs in zip(a.masks, b.masks, strict=True):
            assert (mine.x, mine.y) == (theirs.x, theirs.y)
            np.testing.assert_array_equal(mine.pixels, theirs.pixels)


@DEVICES
@pytest.mark.parametrize("name", SCENES)
def test_background_and_detections_are_the_plain_path_s(name: str, device: str) -> None:
    frames, background, expected = plainly(name)
    detector = prepared(name, device)
    assert detector.background is not None
    np.testing.assert_allclose(detector.background.plate, background.plate, rtol=0, atol=1e-4)
    for field in ("sigma", "smooth_sigma", "confidence"):
        np.testing.assert_allclose(getattr(detector.background, field), getattr(background, field), rtol=1e-4)
    assert_same(detector.detect_batch(frames), expected)
    assert detector.runtime.warnings == []


@DEVICES
def test_a_frame_is_the_same_alone_and_in_any_batch(device: str) -> None:
    frames, _, expected = plainly("falling_ball")  # in which some frames are lit otherwise, and some not
    detector = prepared("falling_ball", device, batch_size=3)
    assert_same(detector.detect_batch(frames[::-1])[::-1], expected)
    assert_same([detector.detect(frame) for frame in frames], expected)
    assert detector.detect_batch([]) == []


def test_things_at_rest_that_are_asked_for() -> None:
    options: dict[str, Any] = {"frame_count": 20, "texture": 1.5}
    scene = scenes.falling_ball(**options)
    scene.scenery.append(scenes.resting_object(**options).bodies[0])
    video = open_video(scene.images(), times=scene.times)
    plain, fast = ClassicalDetector(), AcceleratedClassicalDetector(runtime=on("cpu"))
    for detector in (plain, fast):
        detector.prepare(video, ("green box",))
    found = fast.detect_batch(list(video))
    assert any("still" in frame.phrases for frame in found)
    assert_same(found, [plain.detect(frame) for frame in video])


def test_the_whole_pipeline_gives_the_same_states() -> None:
    frames, _, _ = plainly("falling_ball")
    images = np.stack([frame.image for frame in frames])
    plain, fast = (
        extract_states(images, frame_interval=1 / 30, detector=detector)
        for detector in (ClassicalDetector(), AcceleratedClassicalDetector(runtime=on("cpu")))
    )
    assert len(plain) == len(fast) > 10
    for column in ("frame", "object_id", "label"):
        np.testing.assert_array_equal(plain[column], fast[column])
    for column in ("x_px", "y_px"):
        np.testing.assert_allclose(plain[column], fast[column], rtol=0, atol=1e-3)


# its parts, against OpenCV and numpy


def random_picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    low, high = sorted(rng.integers(0, 257, 2))
    return np.asarray(rng.integers(low, max(high, low + 1), (height, width, 3)), np.uint8)


@DEVICES
def test_smoothing_equals_opencv_s_bit_for_bit(device: str) -> None:
    rng = np.random.default_rng(0)
    for height, width in [(1, 1), (1, 9), (9, 1), (2, 2), (3, 2), *rng.integers(1, 70, (60, 2)).tolist()]:
        image = random_picture(rng, height, width)
        planes = torch.from_numpy(image.transpose(2, 0, 1).copy()).to(device)
        found = smooth(planes).cpu().numpy().transpose(1, 2, 0)
        np.testing.assert_array_equal(found, cv2.GaussianBlur(image, (3, 3), 0))


@DEVICES
def test_closing_equals_opencv_s(device: str) -> None:
    rng = np.random.default_rng(1)
    for height, width in [(1, 1), (1, 9), (9, 1), (2, 2), *rng.integers(1, 50, (40, 2)).tolist()]:
        mask = rng.random((height, width)) < rng.random() * 0.6
        found = close(torch.from_numpy(mask).to(device)).cpu().numpy()
        expected = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        np.testing.assert_array_equal(found, expected > 0)


@DEVICES
@pytest.mark.parametrize("lit", [0.0, 0.5, -17.0])
def test_what_stands_out_is_the_same_pixel_for_pixel(lit: float, device: str) -> None:
    rng = np.random.default_rng(2)
    for shape in [(60, 81), (3, 5), (48, 9)]:
        plate = rng.uniform(0, 255, (*shape, 3)).astype(np.float32)
        sigma = rng.uniform(0.6, 8.0, shape).astype(np.float32)
        model = ForegroundModel(Background(plate, sigma, 0.4 * sigma, np.ones(shape, np.float32)))
        # about the thresholds nearly everywhere, in the dark and the glare too
        away = rng.normal(0, 1, (6, *shape, 3)) * sigma[..., None] * rng.uniform(0.5, 6, (6, 1, 1, 1))
        images = np.clip(plate + away + lit * np.arange(6)[:, None, None, None] / 3, 0, 255).round().astype(np.uint8)
        seen = DeviceForeground(model, on(device)).see(list(images), lambda _: [])
        for image, here in zip(images, seen, strict=True):
            expected = model.segment(image)
            np.testing.assert_array_equal(here.foreground.offset, expected.offset)
            np.testing.assert_array_equal(here.foreground.labels, expected.labels)
            np.testing.assert_array_equal(here.foreground.stats, expected.stats)
            np.testing.assert_array_equal(here.foreground.seeds, expected.seeds)


@DEVICES
def test_the_difference_in_windows(device: str) -> None:
    rng = np.random.default_rng(3)
    shape = (40, 57)
    plate = rng.uniform(0, 255, (*shape, 3)).astype(np.float32)
    sigma = np.ones(shape, np.float32)
    model = ForegroundModel(Background(plate, sigma, sigma, sigma))
    images = [random_picture(rng, *shape) for _ in range(3)]
    windows = [(1, (slice(0, 40), slice(0, 57))), (2, (slice(7, 8), slice(50, 57))), (3, (slice(30, 40), slice(0, 1)))]
    for image, seen in zip(images, DeviceForeground(model, on(device)).see(images, lambda _: list(windows)), strict=True):
        assert [(blob.label, blob.window) for blob in seen.blobs] == windows
        for blob in seen.blobs:
            delta = image[blob.window] - seen.foreground.offset - plate[blob.window]
            np.testing.assert_array_equal(blob.delta, delta)
            np.testing.assert_allclose(blob.difference, np.sqrt((delta**2).mean(-1)), rtol=1e-6)


@DEVICES
@pytest.mark.parametrize("count", [1, 2, 3, 8, 25])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_medians_are_numpy_s(count: int, kind: Any, device: str) -> None:
    rng = np.random.default_rng(count)
    values = rng.integers(0, 256, (count, 13, 7)).astype(kind)
    values[:, 0], values[:, 1] = 0, 255  # the ends of the range, and equal values
    if kind is np.float32:
        values *= rng.uniform(0, 2, values.shape).astype(np.float32)
    held = rng.random(values.shape) < 0.6
    there = torch.from_numpy(values).to(device)
    found, held_count = _ranks.medians(there)
    assert held_count == count
    np.testing.assert_array_equal(found.cpu().numpy(), np.median(values, axis=0))
    found, held_count = _ranks.medians(there, torch.from_numpy(held).to(device))
    np.testing.assert_array_equal(held_count.cpu().numpy(), held.sum(0))  # type: ignore[union-attr]
    some = held.any(0)
    expected = np.nanmedian(np.where(held, values, np.nan)[:, some], axis=0)
    np.testing.assert_allclose(found.cpu().numpy()[some], expected, rtol=1e-6)


@DEVICES
def test_quantiles_of_many_are_numpy_s(device: str) -> None:
    rng = np.random.default_rng(5)
    parts = [rng.normal(50, 20, size).astype(np.float32) for size in (1, 2, 3, 4, 5, 6, 11, 100, 501)]
    owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    order = rng.permutation(len(owners))
    share = np.where(np.arange(len(parts)) % 2, 0.8, 0.5).astype(np.float32)
    given = (np.concatenate(parts)[order], owners[order], share)
    found = _ranks.quantiles_by_owner(*(torch.from_numpy(values).to(device) for values in given)).cpu().numpy()
    np.testing.assert_allclose(found, [np.quantile(part, s) for part, s in zip(parts, share, strict=True)], rtol=1e-5)


@DEVICES
def test_windows_are_dilated_and_eroded_each_on_its_own(device: str) -> None:
    rng = np.random.default_rng(6)
    masks = [rng.random(size) < 0.5 for size in [(1, 1), (1, 6), (7, 1), (2, 2), (9, 14), (20, 3), (5, 5)]]
    masks.append(np.ones((4, 4), bool))
    pixels = Pixels([mask.shape for mask in masks], torch.device(device))
    row = torch.from_numpy(joined(masks)).to(device)
    kernel = np.ones((3, 3), np.uint8)
    for found, operation in ((pixels.dilate(row), cv2.dilate), (pixels.erode(row), cv2.erode)):
        for mask, here in zip(masks, pixels.split(found.cpu().numpy()), strict=True):
            np.testing.assert_array_equal(here, operation(mask.astype(np.uint8), kernel) > 0)


@DEVICES
def test_soft_masks_and_moments_are_those_of_each_body_on_its_own(device: str) -> None:
    rng = np.random.default_rng(7)
    bodies = []
    for size in [(1, 1), (1, 5), (2, 2), (3, 3), (4, 3), (30, 22), (9, 70), (120, 140)]:
        shape = (size[0] + int(rng.integers(2, 9)), size[1] + int(rng.integers(2, 9)))
        mask = np.zeros(shape, bool)
        y, x = (int(rng.integers(0, room - extent + 1)) for room, extent in zip(shape, size, strict=True))  # at the edge too
        mask[y : y + size[0], x : x + size[1]] = rng.random(size) < 0.9
        mask[y, x] = True
        delta = (rng.normal(0, 2, (*shape, 3)) + mask[..., None] * rng.uniform(20, 150, 3)).astype(np.float32)
        image = np.clip(delta + 90, 0, 255).astype(np.uint8)
        sigma = rng.uniform(0.6, 4, shape).astype(np.float32)
        difference = np.sqrt(np.einsum("hwc,hwc->hw", delta, delta) / 3)
        bodies.append(Body(image, delta, difference, sigma, mask, 300, 200))
    from kinescribe.perception.classical.accelerated.detector import _measured

    for body, weighed in zip(bodies, weigh(bodies, torch.device(device)), strict=True):
        found, expected = _measured(body, weighed), body.measured()
        assert found is not None
        assert expected is not None
        assert found.shape == expected.shape
        np.testing.assert_allclose(found.centroid, expected.centroid, rtol=0, atol=1e-4)
        for field in ("area", "covariance", "size", "angle", "angle_sigma", "color", "contrast"):
            np.testing.assert_allclose(getattr(found, field), getattr(expected, field), rtol=1e-4, atol=1e-9, err_msg=field)


@DEVICES
def test_a_body_that_differs_nowhere_is_none_and_leaves_the_others_as_they_are(device: str) -> None:
    from kinescribe.perception.classical.accelerated.detector import _measured

    mask = np.zeros((9, 30), bool)
    mask[4, 4:26] = True
    image, sigma = np.full((9, 30, 3), 90, np.uint8), np.ones((9, 30), np.float32)
    bodies = []
    for level in (0.0, 60.0):
        delta = (mask[..., None] * np.full(3, level)).astype(np.float32)
        bodies.append(Body(image, delta, np.sqrt((delta**2).mean(-1)), sigma, mask, 0, 0))
    bare, rod = (_measured(body, weighed) for body, weighed in zip(bodies, weigh(bodies, torch.device(device)), strict=True))
    assert bare is None
    assert bodies[0].measured() is None
    assert rod is not None
    assert rod.centroid == pytest.approx([14.5, 4.0])


@DEVICES
@pytest.mark.parametrize(("count", "height", "width"), [(1, 9, 11), (2, 1, 1), (5, 1, 8), (14, 33, 2), (23, 40, 30)])
def test_sums_over_the_sample_are_numpy_s(count: int, height: int, width: int, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stack, "STRIP_BYTES", 7 * count * width * 3 * _stack.VALUE_BYTES)  # seven rows at a time
    rng = np.random.default_rng(count)
    images = rng.integers(90, 120, (count, height, width, 3)).astype(np.uint8)
    sample = FrameSample(images, rng.random((count, height, width)) < 0.5, count)
    plain, there = FrameStack(sample), _stack.DeviceStack(sample, on(device))
    median = plain.median()
    np.testing.assert_array_equal(there.median(), median)
    np.testing.assert_allclose(there.spread(median), plain.spread(median), rtol=1e-6)
    np.testing.assert_allclose(there.spread(median, still=True), plain.spread(median, still=True), rtol=1e-6)
    reach = rng.uniform(0, 12, (height, width)).astype(np.float32)
    for stack in (plain, there):
        stack.forget_motion_within(median, reach)
    np.testing.assert_array_equal(there.median_of_still(median), plain.median_of_still(median))
    a, b = there.near(median, reach), plain.near(median, reach)
    np.testing.assert_array_equal(a.count, b.count)
    np.testing.assert_allclose(a.squares, b.squares, rtol=1e-5)
    np.testing.assert_allclose(a.smooth_squares, b.smooth_squares, rtol=1e-4, atol=1e-3)


# what may go wrong


def test_memory_that_runs_out_halves_the_batch_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    frames, background, expected = plainly("swinging_rod")
    enough = DeviceForeground.bits
    medians = _ranks.medians

    def bits(self: DeviceForeground, sent: torch.Tensor, offsets: Any) -> torch.Tensor:
        if len(sent) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return enough(self, sent, offsets)

    def few_rows(values: torch.Tensor, held: torch.Tensor | None = None) -> Any:
        if values.shape[1] > 40:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return medians(values, held)

    monkeypatch.setattr(DeviceForeground, "bits", bits)
    monkeypatch.setattr(_stack, "medians", few_rows)
    detector = prepared("swinging_rod", "cpu", batch_size=16)
    assert detector.background is not None
    np.testing.assert_allclose(detector.background.plate, background.plate, rtol=0, atol=1e-4)
    assert_same(detector.detect_batch(frames), expected)
    assert any("ran out at 16 pictures" in line and line.endswith("going on with 2") for line in detector.runtime.warnings)


def test_a_frame_that_is_too_much_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = prepared("static_objects_on_plain", "cpu")

    def bits(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(_foreground.DeviceForeground, "bits", bits)
    with pytest.raises(MemoryFullError, match="ran out at one picture"):
        detector.detect_batch(plainly("static_objects_on_plain")[0])


def test_frames_of_several_sizes() -> None:
    detector = prepared("static_objects_on_plain", "cpu")
    frame = plainly("static_objects_on_plain")[0][0]
    with pytest.raises(InputError, match="don't fit into one batch"):
        detector.detect_batch([frame, Frame(1, 0.1, frame.image[:-8])])


def test_it_must_be_prepared() -> None:
    with pytest.raises(RuntimeError, match=r"only after prepare"):
        AcceleratedClassicalDetector(runtime=on("cpu")).detect(plainly("static_objects_on_plain")[0][0])


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert AcceleratedClassicalDetector.missing() is None
    monkeypatch.setattr("kinescribe.perception.classical.accelerated.detector.find_spec", lambda _: None)
    line = AcceleratedClassicalDetector.missing()
    assert line is not None
    assert "pip install 'kinescribe[sam]'" in line


def test_neither_its_import_nor_the_plain_detector_needs_torch() -> None:
    code = """
import sys
import numpy as np
from kinescribe.perception.classical import ClassicalDetector
from kinescribe.perception.classical.accelerated import AcceleratedClassicalDetector
from kinescribe.video import open_video
video = open_video(np.random.default_rng(0).integers(0, 9, (12, 30, 40, 3), np.uint8), frame_interval=0.1)
detector = ClassicalDetector()
detector.prepare(video)
[detector.detect(frame) for frame in video]
AcceleratedClassicalDetector.missing()
sys.exit("torch was imported" if "torch" in sys.modules else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
