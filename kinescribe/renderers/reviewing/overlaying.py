"""The video with what is not explained: heat where it differs from the drawn frame, flagged objects outlined, missed regions boxed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.colors import color_of, text_color_of
from kinescribe.renderers.reviewing.drawn import COVERS, Drawn, draw
from kinescribe.renderers.reviewing.ground import free_of, levelled

if TYPE_CHECKING:
    from kinescribe.renderers.reviewing.missed import MissedRegion
    from kinescribe.renderers.reviewing.result import Review
    from kinescribe.video import Video

__all__ = ["draw_review"]

Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]
GREY = 0.55  # of the picture's own contrast that stays beneath the heat
COLD, HOT = 3.0, 16.0  # σ from which on heat shows, and at which it is full
MISSED = (110, 0, 214)
CALM = (190, 190, 190)
ALL_DIFFERS = "the picture differs as a whole"


def draw_review(review: Review, video: Any, path: Path, progress: Callable[[str, int, int | None], None] | None = None) -> None:
    """Write the overlay as MP4. Raises `UsageError` where it can't be written, `InputError` for a video that can't be read."""
    from kinescribe.renderers.reviewing.reviewer import Frames, opened
    from kinescribe.video import VideoWriter

    source: Video = opened(video, review.states)
    frames = Frames.of(review.states)
    missed: dict[int, list[tuple[MissedRegion, NDArray[np.float64]]]] = defaultdict(list)
    for region in review.missed:
        for index, box in zip(region.frames.tolist(), region.boxes, strict=True):
            missed[index].append((region, box))
    changed = set(review.changed.tolist())
    interval = review.states.meta.time.interval_s if review.states.meta.time is not None else None
    pen = _Pen(source.info.height)
    nothing = np.zeros((0, 4), np.float32)
    with VideoWriter(path, frame_rate_hint=1.0 / interval if interval else None) as writer:
        for frame in source:
            free = free_of(review.ground.noise.shape, frames.boxes.get(frame.index, nothing)) & review.ground.known
            image = levelled(frame.image, review.ground.plate, free)
            drawn = draw(image, review.scene, review.ground, frames.poses.get(frame.index, {}))
            picture = _heated(frame.image, drawn)
            _objects(picture, review, drawn, frames.rows, frame.index, pen)
            for region, box in missed[frame.index]:
                words = "no id" if region.object_id is None else f"{region.object_id} goes on"
                pen.box(picture, box, MISSED, words)
            if frame.index in changed:
                pen.write(picture, ALL_DIFFERS, (4, 4), MISSED)
            writer.write(picture, frame.time_s)
            if progress is not None:
                progress("overlay", frame.index + 1, source.info.frame_count)


def _heated(image: Picture, drawn: Drawn) -> Picture:
    """The frame in paler grey, and over it in warm colours how many σ it differs from the drawn one."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(np.float32)
    pale = GREY * image.astype(np.float32) * 0.5 + GREY * grey * 0.5 + (1.0 - GREY) * 128.0
    left = drawn.image - drawn.picture()
    sigmas = cv2.blur(np.sqrt(np.einsum("hwc,hwc->hw", left, left) / 3.0), (3, 3)) / drawn.ground.noise
    share = np.clip((sigmas - COLD) / (HOT - COLD), 0.0, 1.0) * drawn.ground.known
    level: Picture = (255.0 * share).astype(np.uint8)
    heat = cv2.applyColorMap(level, cv2.COLORMAP_HOT).astype(np.float32)
    opacity = np.sqrt(share)[..., None]
    out: Picture = np.clip(pale * (1.0 - opacity) + heat * opacity, 0, 255).astype(np.uint8)
    return out


def _objects(picture: Picture, review: Review, drawn: Drawn, rows: dict[tuple[int, int], int], frame: int, pen: _Pen) -> None:
    """Outlines: thin grey where all is well, in the object's colour and with the reason where not."""
    flagged, labels = review.flagged, []
    for i in drawn.poses:
        k = rows[frame, i]
        color = _bgr(color_of(i))
        if i in drawn.layers:
            layer = drawn.layers[i]
            covered = (layer.alpha > max(COVERS, 0.5 * float(layer.alpha.max()))).astype(np.uint8)
            outlines, _ = cv2.findContours(covered, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(layer.x, layer.y))
            cv2.drawContours(picture, outlines, -1, color if flagged[k] else CALM, pen.line if flagged[k] else 1, cv2.LINE_AA)
        if flagged[k]:
            box = review.boxes[k]
            if not np.isfinite(box).all():
                continue
            if i not in drawn.layers:
                pen.box(picture, box, color, "")
            labels.append((f"{i} {review.verdict[k]}: {_brief(str(review.reason[k]))}", box, color))
            dx, dy = review.drift[k]
            if np.isfinite(dx) and np.hypot(dx, dy) > 1.0:
                a = (drawn.poses[i].x, drawn.poses[i].y)
                cv2.arrowedLine(picture, _at(*a), _at(a[0] + dx, a[1] + dy), color, pen.line, cv2.LINE_AA, tipLength=0.3)
    for words, box, color in labels:
        pen.write(picture, words, (box[0], box[1] - pen.tall - 3), color)


def _brief(reason: str) -> str:
    """ASCII, as OpenCV's letters are: what they can't write stands in the table."""
    return reason.replace("°", " deg").encode("ascii", "replace").decode()


def _bgr(color: str) -> tuple[int, int, int]:
    return int(color[5:7], 16), int(color[3:5], 16), int(color[1:3], 16)


def _at(x: float, y: float) -> tuple[int, int]:
    return round(float(x)), round(float(y))


class _Pen:
    """Lines and letters for a picture of some height."""

    def __init__(self, height: int) -> None:
        self.line = max(1, round(height / 300))
        self._scale = float(np.clip(0.24 + height / 1500, 0.35, 1.4))
        self._thick = max(1, round(self._scale))
        (_, letters), base = cv2.getTextSize("Ag", cv2.FONT_HERSHEY_SIMPLEX, self._scale, self._thick)
        self.tall = letters + base + 4

    def box(self, picture: Picture, box: Any, color: tuple[int, int, int], words: str) -> None:
        """A box a little outside of x0, y0, x1, y1, with words above it."""
        x0, y0, x1, y1 = (float(v) for v in box)
        cv2.rectangle(picture, _at(x0 - 3, y0 - 3), _at(x1 + 2, y1 + 2), color, self.line, cv2.LINE_AA)
        if words:
            self.write(picture, words, (x0 - 3, y0 - self.tall - 4), color)

    def write(self, picture: Picture, words: str, corner: tuple[float, float], color: tuple[int, int, int]) -> None:
        """Words on a plate of a colour, moved into the picture."""
        height, width = picture.shape[:2]
        (wide, letters), base = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, self._scale, self._thick)
        x = int(np.clip(corner[0], 0, max(width - wide - 5, 0)))
        y = int(np.clip(corner[1], 0, max(height - self.tall, 0)))
        cv2.rectangle(picture, (x, y), (x + wide + 4, y + letters + base + 3), color, cv2.FILLED)
        ink = text_color_of(f"#{color[2]:02x}{color[1]:02x}{color[0]:02x}")
        shade = (0, 0, 0) if ink == "#000000" else (255, 255, 255)
        cv2.putText(picture, words, (x + 2, y + letters + 2), cv2.FONT_HERSHEY_SIMPLEX, self._scale, shade, self._thick, cv2.LINE_AA)
