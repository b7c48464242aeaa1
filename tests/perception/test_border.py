"""What plug-ins hand over: nonsense ends the run with the plug-in and the frame; what sticks out of the picture is cut and told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scripted import ScriptedDetector, ScriptedPropagator, ScriptedSegmenter

from kinescribe import extract_states
from kinescribe.errors import InputError
from kinescribe.evaluation import scenes
from kinescribe.evaluation.scenes import Scene
from kinescribe.perception import Detections, MaskCrop, SoftMask
from kinescribe.perception.border import Border, Place
from kinescribe.perception.classical import ClassicalDetector
from kinescribe.perception.grounded_sam.boxes import detections_of_boxes
from kinescribe.video import Frame

AT = Place(7, 64, 48)
FRAME = Frame(7, 0.1, np.zeros((48, 64, 3), np.uint8))


class Mine:
    """A plug-in."""


def border() -> Border:
    return Border(Mine(), [])


def soft(**changes: Any) -> SoftMask:
    return replace(SoftMask(10, 10, np.full((6, 8), 0.9, np.float32)), **changes)


def found() -> Detections:
    return detections_of_boxes(FRAME, np.array([[10.0, 10.0, 20.0, 20.0], [30.0, 5.0, 44.0, 12.0]]), np.array([0.8, 0.7]), ["a", "b"])


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (np.ones((48, 64)), "a ndarray as a mask, instead of kinescribe.perception.SoftMask"),
        (None, "a NoneType as a mask"),
        (soft(coverage=np.ones(5, np.float32)), r"a mask of shape \(5,\)"),
        (soft(coverage=np.ones((2, 2, 1), np.float32)), r"shape \(2, 2, 1\)"),
        (soft(coverage=np.full((4, 4), 255, np.uint8)), "type uint8"),
        (soft(coverage=np.full((4, 4), 255.0, np.float32)), "values from 255 to 255"),
        (soft(coverage=np.full((4, 4), -3.0, np.float32)), "values from -3"),
        (soft(coverage=np.array([[0.9, np.nan]], np.float32)), "a mask with NaN or infinity"),
        (soft(x=1.5), "a mask at 1.5, 10"),
        (soft(score=np.nan), "a mask with the score nan"),
    ],
)
def test_soft_masks_that_make_no_sense_are_refused(mask: Any, says: str):
    with pytest.raises(InputError, match=f"^Mine gave .*{says}.*frame 7") as caught:
        border().masks([mask], AT, 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("corner", "kept"), [((-3, 10), (0, 10, 5, 6)), ((60, 44), (60, 44, 4, 4)), ((-2, -1), (0, 0, 6, 5)), ((10, 10), (10, 10, 8, 6))]
)
def test_masks_over_the_edge_are_cut_and_told_once(corner: tuple[int, int], kept: tuple[int, int, int, int]):
    warnings: list[str] = []
    edge = Border(Mine(), warnings)
    for _ in range(3):
        (mask,) = edge.masks([soft(x=corner[0], y=corner[1])], AT, 1)
        assert (mask.x, mask.y, *mask.coverage.shape[::-1]) == kept
    over = kept[2:] != (8, 6)
    assert len(warnings) == over
    assert all("Mine" in line and "first in frame 7" in line for line in warnings)


def test_a_mask_wholly_outside_is_empty_and_told():
    warnings: list[str] = []
    (mask,) = Border(Mine(), warnings).masks([soft(x=900)], AT, 1)
    assert mask.empty
    assert len(warnings) == 1


def test_bool_is_a_coverage_too_and_nothing_is_nothing():
    (mask,) = border().masks([soft(coverage=np.ones((2, 3), bool))], AT, 1)
    assert mask.coverage.dtype == np.float32
    empty = SoftMask(0, 0, np.zeros((0, 0), np.float32))
    assert border().masks([empty], AT, 1)[0] is empty


def test_number_and_ids_of_masks_are_checked():
    with pytest.raises(InputError, match="1 masks, where 2 boxes need one mask each"):
        border().masks([soft()], AT, 2)
    with pytest.raises(InputError, match="a mask for the id 5, which nobody asked"):
        border().followed({5: soft()}, AT, {1: None})
    with pytest.raises(InputError, match="a list instead of masks by id"):
        border().followed([soft()], AT, {})
    with pytest.raises(InputError, match="type float64, where 2 whole numbers"):
        border().ids([1.0, 2.0], found())
    with pytest.raises(InputError, match=r"ids of shape \(1,\)"):
        border().ids([1], found())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"frame": 3}, "detections of frame 3"),
        ({"boxes": np.full((2, 4), np.nan)}, "'boxes' with NaN"),
        ({"centroids": np.zeros((1, 2))}, r"'centroids' of shape \(1, 2\), where 2 boxes need \(2, 2\)"),
        ({"boxes": np.array([[10.0, 10, 20, 20], [1e6, 5, 1e6 + 14, 12]])}, "a box outside the picture of 64×48 px"),
        ({"boxes": np.array([[10.0, 10, 20, 20], [30, -40, 44, -30]])}, "a box outside the picture"),
        ({"centroids": np.array([[15.0, 15.0], [1e6, 8.0]])}, r"a centroid outside the picture of 64×48 px \(1e\+06, 8\)"),
        ({"scores": np.array([0.5, 1.7])}, "a score of 1.7"),
        ({"covariances": np.zeros((2, 2, 2))}, "a covariance without a variance above 0"),
        ({"phrases": ["a"]}, "1 phrases for 2 boxes"),
        ({"masks": [np.ones((3, 3), bool)] * 2}, "a ndarray as a mask, instead of kinescribe.perception.MaskCrop"),
        ({"masks": [MaskCrop(1, 1, np.ones((3, 3)))] * 2}, "type float64; pixels are"),
        ({"masks": [MaskCrop(500, 1, np.ones((3, 3), bool))] * 2}, "a mask without a pixel in the picture"),
    ],
)
def test_detections_that_make_no_sense_are_refused(changes: dict[str, Any], says: str):
    with pytest.raises(InputError, match=f"^Mine gave .*{says}"):
        border().detections(replace(found(), **changes), AT)


def test_nonsense_of_our_own_is_told_as_a_defect_of_ours():
    spoiled_covariances = replace(found(), covariances=np.full((2, 2, 2), np.nan))
    with pytest.raises(RuntimeError, match=r"^kinescribe's own ClassicalDetector gave 'covariances' with NaN or infinity \(frame 7\)$"):
        Border(ClassicalDetector(), []).detections(spoiled_covariances, AT)
    with pytest.raises(InputError, match=r"^Mine gave 'covariances' .*mend the plug-in"):
        border().detections(spoiled_covariances, AT)


def test_detections_that_make_sense_pass_untouched():
    good = found()
    assert border().detections(good, AT) is good
    with pytest.raises(InputError, match=r"a list instead of kinescribe\.perception\.Detections"):
        border().detections([], AT)


@pytest.fixture(scope="module")
def pucks() -> Scene:
    return scenes.two_pucks_collision()


def extract(scene: Scene, **parts: Any) -> Any:
    parts = {"detector": ScriptedDetector(scene), "segmenter": ScriptedSegmenter(scene), "propagator": ScriptedPropagator(scene)} | parts
    return extract_states(scene.images(), times=scene.times, objects=", ".join(scene.truth), verifier="none", ends=False, **parts)


def spoiled(frame: Frame, mask: SoftMask) -> SoftMask:
    return replace(mask, coverage=np.full_like(mask.coverage, np.nan)) if frame.index == 10 else mask


def test_every_door_is_watched(pucks: Scene):
    class Cutter(ScriptedSegmenter):
        def segment(self, frame: Any, boxes: Any) -> Any:
            return [spoiled(frame, mask) for mask in super().segment(frame, boxes)]

    class Carrier(ScriptedPropagator):
        def step(self, frame: Any) -> Any:
            return {number: spoiled(frame, mask) for number, mask in super().step(frame).items()}

    class Finder(ScriptedDetector):
        def detect(self, frame: Any) -> Any:
            once = super().detect(frame)
            return replace(once, boxes=once.boxes * np.nan) if frame.index == 10 else once

    class Tracker:
        def track(self, video: Any, phrases: Any) -> Any:
            for frame in video:
                yield Detections(frame.index + (frame.index == 10), frame.time_s), np.zeros(0, int)

    for parts in ({"segmenter": Cutter(pucks)}, {"propagator": Carrier(pucks)}, {"detector": Finder(pucks)}):
        (part,) = parts.values()
        with pytest.raises(InputError, match=rf"^{type(part).__name__} gave .*\(frame 10\)"):
            extract(pucks, detect_every=5, **parts)
    alone = {"detector": None, "segmenter": None, "propagator": None, "concept_tracker": Tracker()}
    with pytest.raises(InputError, match=r"^Tracker gave detections of frame 11 \(frame 10\)"):
        extract(pucks, **alone)


@pytest.mark.parametrize("box", [(-4.0, 10.0, 6.0, 20.0), (60.0, 40.0, 70.0, 52.0)])
def test_what_lies_half_in_the_picture_is_in_it(box: tuple[float, ...]):
    good = detections_of_boxes(FRAME, np.array([[10.0, 10.0, 20.0, 20.0]]), np.array([0.8]), ["a"])
    corners = np.array([box])
    half = replace(good, boxes=corners, centroids=(corners[:, :2] + corners[:, 2:]) / 2 + np.sign(corners[:, :2] - 30) * 3)
    assert border().detections(half, AT) is half


def test_a_part_that_raises_is_named_with_the_frame(pucks: Scene):
    class Broken:
        def __init__(self, part: Any, method: str, frame: int = 10) -> None:
            self._part, self._method, self._frame = part, method, frame

        def __getattr__(self, name: str) -> Any:
            value = getattr(self._part, name)
            return self._fail if name == self._method else value

        def _fail(self, *given: Any, **_: Any) -> Any:
            if given and isinstance(given[0], Frame) and given[0].index != self._frame:
                return getattr(self._part, self._method)(*given)
            raise RuntimeError("out of\nideas")

    class Ahead(ScriptedPropagator):
        def encode_ahead(self, frames: Any) -> None:
            """Is told what comes next."""

    class Follower:
        def track(self, video: Any, phrases: Any) -> Any:
            for frame in video:
                if frame.index == 10:
                    raise RuntimeError("out of\nideas")
                yield Detections(frame.index, frame.time_s), np.zeros(0, int)

    sees_one_once = ScriptedDetector(pucks, hidden={next(iter(pucks.truth)): range(1, pucks.frame_count)})
    named = "failed on frame 10: RuntimeError: out of ideas; mend the plug-in"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"detector": Broken(ScriptedDetector(pucks), "prepare")}, "failed while it prepared: RuntimeError: out of ideas"),
        ({"detector": Broken(ScriptedDetector(pucks), "detect")}, named),
        ({"segmenter": Broken(ScriptedSegmenter(pucks), "segment")}, named),
        ({"propagator": Broken(ScriptedPropagator(pucks), "step")}, named),
        ({"propagator": Broken(ScriptedPropagator(pucks), "prompt", 0)}, named.replace("10", "0")),
        ({"propagator": Broken(ScriptedPropagator(pucks), "reset")}, "failed while it was reset: RuntimeError: out of ideas"),
        ({"propagator": Broken(Ahead(pucks), "encode_ahead")}, named.replace("frame 10", "frames 0 to 39")),
        ({"propagator": Broken(ScriptedPropagator(pucks), "drop"), "detector": sees_one_once}, named),
        ({"detector": None, "segmenter": None, "propagator": None, "concept_tracker": Follower()}, named),
    ]
    for parts, says in cases:
        with pytest.raises(InputError, match=rf"^(Broken|Follower) {says}") as caught:
            extract(pucks, detect_every=None if "concept_tracker" in parts else 5, **parts)
        assert isinstance(caught.value.__cause__, RuntimeError)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("every", [1, 5])
def test_boxes_without_a_segmenter_know_their_place_as_well_as_boxes_do(pucks: Scene, every: int):
    states = extract(pucks, segmenter="none", detect_every=every)
    assert any("as large as their boxes" in line for line in states.meta.warnings)
    c = states.columns
    for name, truth in pucks.truth.items():
        rows = (c["label"] == name) & (c["status"] == "observed")
        off = np.hypot(c["x_px"][rows] - truth.positions[c["frame"][rows], 0], c["y_px"][rows] - truth.positions[c["frame"][rows], 1])
        assert np.median(off) < 3 * np.median(c["sigma_x"][rows])
        assert np.median(c["sigma_x"][rows]) > 0.1
