import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kinescribe.perception.grounded_sam.boxes import box_iou, classwise_nms, clip_boxes, detections_of_boxes, fills_picture
from kinescribe.video.frame import Frame


@st.composite
def box_sets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = draw(st.integers(0, 25))
    corner = draw(arrays(np.float64, (count, 2), elements=st.floats(0, 40)))
    sides = draw(arrays(np.float64, (count, 2), elements=st.floats(1, 30)))
    scores = draw(arrays(np.float64, count, elements=st.floats(0, 1)))
    classes = draw(arrays(np.int64, count, elements=st.integers(0, 3)))
    return np.hstack([corner, corner + sides]), scores, classes


def test_overlap_of_known_boxes() -> None:
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [2, 2, 2, 8.0]])
    np.testing.assert_allclose(box_iou([0, 0, 10, 10], others), [1, 1 / 3, 0, 0])


def test_better_box_of_the_same_class_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [40, 40, 50, 50]])
    assert classwise_nms(boxes, [0.5, 0.9, 0.4, 0.6], [0, 0, 1, 0], 0.7).tolist() == [1, 3, 2]
    assert classwise_nms(boxes, [0.5, 0.9, 0.4, 0.6], [0, 0, 1, 0], 0.9).tolist() == [1, 3, 0, 2]


@given(box_sets(), st.floats(0, 1))
def test_what_stays_and_what_goes(found: tuple, iou: float) -> None:
    boxes, scores, classes = found
    kept = classwise_nms(boxes, scores, classes, iou)
    assert np.all(np.diff(scores[kept]) <= 0)
    assert len(set(kept.tolist())) == len(kept)
    for i in kept:  # no two that stay overlap too much
        rivals = [j for j in kept if j != i and classes[j] == classes[i]]
        assert np.all(box_iou(boxes[i], boxes[rivals]) <= iou)
    for i in set(range(len(boxes))) - set(kept.tolist()):  # what went had a better one of its class beside it
        better = [j for j in kept if classes[j] == classes[i] and scores[j] >= scores[i]]
        assert box_iou(boxes[i], boxes[better]).max(initial=-1) > iou


@given(box_sets(), st.floats(0, 1))
def test_classes_are_strangers(found: tuple, iou: float) -> None:
    boxes, scores, classes = found
    together = set(classwise_nms(boxes, scores, classes, iou).tolist())
    apart: set[int] = set()
    for kind in range(4):
        own = np.flatnonzero(classes == kind)
        apart |= {int(own[i]) for i in classwise_nms(boxes[own], scores[own], classes[own], iou)}
    assert together == apart


def test_no_more_than_asked_for_the_best() -> None:
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 1000, (500, 2))
    scores = rng.uniform(size=500)
    kept = classwise_nms(np.hstack([corner, corner + 1]), scores, np.arange(500) % 3, 0.7)
    assert len(kept) == 300
    assert scores[kept].min() >= np.sort(scores)[::-1][320]


@given(arrays(np.float64, (6, 4), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_clipped_boxes_lie_in_the_picture(boxes: np.ndarray) -> None:
    clipped, shown = clip_boxes(boxes, (64, 48))
    assert np.isfinite(clipped).all()
    assert (clipped >= 0).all()
    assert (clipped[:, 2:] <= [64, 48]).all()
    assert np.isfinite(boxes[shown]).all()
    assert (clipped[shown, 2:] - clipped[shown, :2] >= 1).all()


def test_clipping_keeps_what_is_inside() -> None:
    clipped, shown = clip_boxes([[-5, 10.5, 20, 30], [1, 2, 3, 4], [70, 1, 80, 5], [np.nan, 1, 5, 5], [4, 4, 2, 8]], (64, 48))
    assert shown.tolist() == [True, True, False, False, False]
    np.testing.assert_allclose(clipped[:2], [[0, 10.5, 20, 30], [1, 2, 3, 4]])


def test_boxes_as_large_as_the_picture() -> None:
    assert fills_picture(np.array([[0, 0, 63, 47], [0, 0, 64, 40], [1, 1, 60, 48.0]]), (64, 48)).tolist() == [True, False, False]


def test_detections_of_whole_boxes() -> None:
    image = np.full((48, 64, 3), 200, np.uint8)
    image[10:20, 30:50] = (40, 40, 220)
    found = detections_of_boxes(Frame(7, 0.25, image), [[30, 10, 50, 20], [0.2, 5.6, 8, 47.9]], [0.9, 0.4], ["red cart", "pole"])
    assert (found.frame, found.time_s, found.phrases) == (7, 0.25, ["red cart", "pole"])
    np.testing.assert_allclose(found.centroids[0], [39.5, 14.5])  # the mean of the pixel centres 30..49 and 10..19
    rows, columns = np.nonzero(found.masks[0].full(48, 64))
    np.testing.assert_allclose(found.centroids[0], [columns.mean(), rows.mean()])
    assert found.masks[0].full(48, 64)[10:20, 30:50].all()
    assert found.areas.tolist() == [200, pytest.approx(7.8 * 42.3)]
    np.testing.assert_allclose(found.sizes, [[20, 10], [42.3, 7.8]])
    red = cv2.cvtColor(np.float32([[[40, 40, 220]]]) / 255, cv2.COLOR_BGR2LAB).reshape(3)
    np.testing.assert_allclose(found.colors[0], red, atol=1e-3)
    assert found.truncated.tolist() == [False, True]
    assert np.isnan(found.angles).all()
    assert len(found.take([1])) == 1


def test_nothing_found_is_no_detections() -> None:
    assert len(detections_of_boxes(Frame(0, 0.0, np.zeros((4, 4, 3), np.uint8)), np.zeros((0, 4)), [], [])) == 0


@given(st.tuples(st.floats(0, 63), st.floats(0, 47)), st.tuples(st.floats(0, 20), st.floats(0, 20)))
def test_masks_match_their_boxes(corner: tuple[float, float], sides: tuple[float, float]) -> None:
    box = np.array([*corner, min(corner[0] + sides[0], 64), min(corner[1] + sides[1], 48)])
    found = detections_of_boxes(Frame(0, 0.0, np.zeros((48, 64, 3), np.uint8)), [box], [0.5], ["x"])
    mask = found.masks[0]
    h, w = mask.pixels.shape
    assert h >= 1
    assert w >= 1
    assert 0 <= mask.x <= mask.x + w <= 64
    assert 0 <= mask.y <= mask.y + h <= 48
    assert abs(mask.x + (w - 1) / 2 - found.centroids[0, 0]) <= 1
    eigenvalues = np.linalg.eigvalsh(found.covariances[0])
    assert eigenvalues.min() >= 0.25
