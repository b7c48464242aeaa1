"""Does the camera move? Points all over the picture that move as one tell, where things alone would leave the scenery at rest."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.video.frame import Frame

__all__ = ["Steadiness"]

Image = NDArray[np.uint8]
Float32 = NDArray[np.float32]

PAIRS = 10  # or up to twice as many
APART = 10  # frames, or more: a slow pan shows between these, a tremble from one frame to the next
LONG_SIDE = 640  # px; larger pictures are made smaller
COLUMNS, ROWS = 8, 6  # cells of the picture, of each of which its clearest point is followed
LEAST_SLOPE = 1.5  # grey levels a pixel, in the weaker direction: what is fainter is noise, or an edge that can slide along itself
LEAST_POINTS = 10
LEAST_SPREAD = 0.6  # of the picture, along both axes, between the outer tenths of the points
INLIER_PX, INLIER_SHARE = 0.5, 0.1  # of the motion, on top: what is nearer moves farther
LEAST_AGREEING = 0.5  # of the points
LEAST_MOTION_PX = 0.35  # what is followed in light that wavers wanders by 0.25
MOST_RESTING = 0.2  # of the points
OFTEN = 0.3  # of the pairs of frames that show enough
LEAST_PAIRS = 3
WINDOW = (15, 15)
BLOCK = 7
LEVELS = 3
SMALLEST = 48  # px


class Steadiness:
    """Looks at some pairs of frames of a video: one and the next, and one and another some frames later.

    A bounded number of small grey pictures is held, however long the video is.
    """

    def __init__(self) -> None:
        self._every, self._count = 1, 0
        self._pairs: list[tuple[Image, Image]] = []
        self._held: Image | None = None

    def note(self, frame: Frame) -> None:
        """See the next frame; most are let go at once."""
        place = self._count % self._every
        self._count += 1
        if self._held is not None:
            self._pairs.append((self._held, _small(frame.image)))
            self._held = None
            if len(self._pairs) > 2 * PAIRS:
                self._pairs = self._pairs[::2]
                self._every *= 2
                place = (self._count - 1) % self._every
        if place == 0:
            self._held = self._pairs[-1][1] if self._pairs and self._every == 1 else _small(frame.image)

    def motion(self) -> float | None:
        """By how many pixels of the small pictures the scenery moves, in the median of the pairs in which it does; None where it rests."""
        moved: list[float] = []
        shown, ahead = 0, max(1, round(APART / self._every))
        for k, (image, successor) in enumerate(self._pairs):
            points = _points(image)
            later = self._pairs[k + ahead][0] if k + ahead < len(self._pairs) else image
            found = [one for one in (_common_motion(image, other, points) for other in (successor, later)) if one is not None]
            shown += bool(found)
            if found and max(found) > LEAST_MOTION_PX:
                moved.append(max(found))
        return float(np.median(moved)) if len(moved) >= max(LEAST_PAIRS, OFTEN * shown) else None

    def tell(self, name: str, warnings: list[str]) -> None:
        """Add a line to `warnings` where the camera moves; `name`: of the video."""
        if self.motion() is not None:
            warnings.append(
                f"'{name}': the camera seems to move: things at rest become objects, and its motion is in all positions and velocities; "
                "film from a tripod, or steady the video first, as ffmpeg's vidstabdetect and vidstabtransform do"
            )


def _small(image: Image) -> Image:
    """Grey, (h, w)."""
    height, width = image.shape[:2]
    shrink = -(-max(height, width) // LONG_SIDE)
    if shrink > 1:
        image = np.asarray(cv2.resize(image, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _points(grey: Image) -> Float32:
    """The clearest point of each cell that has one, (n, 2)."""
    height, width = grey.shape
    if min(height, width) < SMALLEST:
        return np.zeros((0, 2), np.float32)
    weaker = cv2.cornerMinEigenVal(cv2.GaussianBlur(grey, (3, 3), 0).astype(np.float32), BLOCK, ksize=3)
    clear = np.sqrt(np.maximum(weaker, 0)) / 2  # OpenCV's sums over a block come to twice the slope
    out = []
    for rows in np.array_split(np.arange(height), ROWS):
        for columns in np.array_split(np.arange(width), COLUMNS):
            cell = clear[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            y, x = divmod(int(cell.argmax()), cell.shape[1])
            if cell[y, x] >= LEAST_SLOPE:
                out.append((columns[0] + x, rows[0] + y))
    return np.array(out, np.float32).reshape(-1, 2)


def _common_motion(image: Image, other: Image, points: Float32) -> float | None:
    """By how much the points move as one, px; 0 where they don't; None where too few or too close ones are seen in both pictures."""
    height, width = image.shape
    if len(points) < LEAST_POINTS:
        return None
    low, high = np.percentile(points, [10, 90], axis=0)
    if (high - low < LEAST_SPREAD * np.array([width, height])).any():
        return None
    gain = float(np.median(image[::4, ::4] / np.maximum(other[::4, ::4], 1.0)))  # points are followed by their brightness
    other = np.asarray(cv2.convertScaleAbs(other, alpha=gain), np.uint8)
    moved, status, _ = cv2.calcOpticalFlowPyrLK(image, other, points, None, winSize=WINDOW, maxLevel=LEVELS)  # type: ignore[call-overload]
    steps = np.linalg.norm(moved - points, axis=1)
    if (status == 0).mean() > 1 - LEAST_AGREEING or (steps < LEAST_MOTION_PX).mean() > MOST_RESTING:
        return 0.0
    limit = INLIER_PX + INLIER_SHARE * float(np.median(steps))
    _, agreeing = cv2.estimateAffinePartial2D(points, moved, method=cv2.RANSAC, ransacReprojThreshold=limit)
    if agreeing is None or agreeing.mean() < LEAST_AGREEING:
        return 0.0
    return float(np.median(steps[agreeing.ravel() > 0]))
