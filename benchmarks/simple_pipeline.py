"""What one builds in an afternoon: a background model, blobs, and SORT from the `trackers` package. The reference of the real clips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import Columns
from numpy.typing import NDArray

from kinescribe.evaluation import Truth, score_states

Image = NDArray[np.uint8]
MIN_AREA = 20  # px
MEDIAN_THRESHOLD = 25  # grey levels
MEDIAN_SAMPLES = 60  # frames that the temporal median is taken of


def run_simple(source: Path, frame_interval: float, truth: dict[str, Truth]) -> Columns:
    """The tracks of the better of two backgrounds, by the mean coverage of the clip's own truth, which is generous."""
    from kinescribe.video import open_video

    images = [frame.image for frame in open_video(source, frame_interval=frame_interval)]
    tables = [_track(masks(images)) for masks in (_mog2, _median)]

    def mean_coverage(table: Columns) -> float:
        score = score_states(table.frame, table.object_id, table.x, table.y, truth, len(images))
        return float(np.mean([each.coverage for each in score.objects.values()]))

    return max(tables, key=mean_coverage)


def _mog2(images: list[Image]) -> Iterator[Image]:
    import cv2

    model = cv2.createBackgroundSubtractorMOG2(detectShadows=False)
    for image in images:
        yield model.apply(image).astype(np.uint8)


def _median(images: list[Image]) -> Iterator[Image]:
    import cv2

    chosen = np.unique(np.linspace(0, len(images) - 1, MEDIAN_SAMPLES).round().astype(int))
    background = np.median(np.stack([images[i] for i in chosen]), axis=0).astype(np.uint8)
    for image in images:
        yield np.where(cv2.absdiff(image, background).max(axis=2) > MEDIAN_THRESHOLD, 255, 0).astype(np.uint8)


def _track(masks: Iterator[Image]) -> Columns:
    import cv2
    import supervision as sv
    from trackers import SORTTracker

    tracker = SORTTracker()
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    rows: list[list[float]] = []
    for index, mask in enumerate(masks):
        clean = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel)
        stats = cv2.connectedComponentsWithStats(clean)[2][1:]
        stats = stats[stats[:, cv2.CC_STAT_AREA] >= MIN_AREA].astype(float)
        boxes = np.concatenate([stats[:, :2], stats[:, :2] + stats[:, 2:4]], axis=1)
        tracked = tracker.update(sv.Detections(xyxy=boxes, confidence=np.ones(len(boxes)), class_id=np.zeros(len(boxes), int)))
        for box, i in zip(tracked.xyxy, tracked.tracker_id if tracked.tracker_id is not None else (), strict=True):
            if i >= 0:  # SORT gives −1 until a track has proved itself
                rows.append([index, int(i), *box.tolist()])
    table = np.array(rows, float).reshape(-1, 6)
    corner, size = table[:, 2:4], table[:, 4:6] - table[:, 2:4]
    centre = corner + (size - 1.0) / 2.0
    frames, ids = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return Columns(frames, ids, centre[:, 0], centre[:, 1], np.concatenate([corner, size], axis=1))
