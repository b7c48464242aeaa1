"""A video to look at: boxes, ids and trails of a states table over the clip, with the marks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from common import Columns
from numpy.typing import NDArray

from kinescribe.evaluation import ClipScore, Truth

TRAIL = 25  # frames
GROW_TO = 640  # small pictures are enlarged, so that labels can be read
WHITE = (255, 255, 255)


def write_overlay(source: Path, frame_interval: float, target: Path, columns: Columns, score: ClipScore, truth: dict[str, Truth]) -> None:
    """Draws every frame of `source` into `target`: best ids thick, others thin, marks as white crosses, held until the next one."""
    from kinescribe.video import VideoWriter, open_video

    best = {each.object_id for each in score.objects.values()}
    with VideoWriter(target) as writer:
        for frame in open_video(source, frame_interval=frame_interval):
            grow = max(1, round(GROW_TO / frame.image.shape[1]))
            image = np.repeat(np.repeat(frame.image, grow, axis=0), grow, axis=1)
            for i in np.unique(columns.object_id).tolist():
                _draw_object(image, grow, columns, i, frame.index, 2 if i in best else 1)
            _draw_marks(image, grow, truth.values(), frame.index)
            cv2.putText(image, str(frame.index), (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, WHITE, 1, cv2.LINE_AA)
            writer.write(image, frame.time_s)


def _draw_object(image: NDArray[np.uint8], grow: int, columns: Columns, object_id: int, frame: int, thick: int) -> None:
    color = tuple(int(c) for c in np.random.default_rng(object_id).integers(80, 256, 3))
    own = (columns.object_id == object_id) & np.isfinite(columns.x + columns.y)
    recent = own & (columns.frame <= frame) & (columns.frame > frame - TRAIL)
    trail = np.stack([columns.x[recent], columns.y[recent]], axis=1)
    cv2.polylines(image, [_grown(trail, grow)], False, color, thick, cv2.LINE_AA)
    for row in np.flatnonzero(own & (columns.frame == frame)):
        x, y = (int(c) for c in _grown(np.array([columns.x[row], columns.y[row]]), grow))
        cv2.circle(image, (x, y), 3, color, -1, cv2.LINE_AA)
        if np.isfinite(columns.box[row]).all():
            left, top, width, height = (round(float(side) * grow) for side in columns.box[row])
            cv2.rectangle(image, (left, top), (left + width, top + height), color, thick)
        cv2.putText(image, str(object_id), (x + 6, y - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, thick, cv2.LINE_AA)


def _draw_marks(image: NDArray[np.uint8], grow: int, truth: Iterable[Truth], frame: int) -> None:
    for marks in truth:
        past = marks.positions[marks.frames <= frame]
        if len(past):
            x, y = (int(c) for c in _grown(past[-1], grow))
            cv2.drawMarker(image, (x, y), WHITE, cv2.MARKER_CROSS, 12, 1, cv2.LINE_AA)


def _grown(points: NDArray[np.float64], grow: int) -> NDArray[np.int32]:
    return np.rint((points + 0.5) * grow - 0.5).astype(np.int32)
