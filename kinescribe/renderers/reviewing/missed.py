"""What moves or stands in the video and no object of the table accounts for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.plate import MARGIN
from kinescribe.renderers.reviewing.drawn import Drawn

__all__ = ["MissedRegion", "MissedTracks", "missed_boxes", "owners"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
DIFFERENT = 5.0  # σ of the mean over 3 × 3 pixels
LEAST_LEVELS = 6.0  # grey levels: the same where the plate hardly has noise
LEAST_PIXELS = 12
LEAST_SIDE = 3  # px of a region's box: slivers are edges that are a little off
MOST_BOXES = 40  # in one frame
LEAST_FRAMES = 4  # that a region must last
GAP = 2  # frames that it may be gone between
ENDS_WITHIN = 3  # frames between an id's last row and the region that goes on


@dataclass(frozen=True, slots=True, eq=False)
class MissedRegion:
    """Pixels that belong together and that no object accounts for.

    Attributes:
        number: of the region, from 1.
        frames: (n,) in which it shows, increasing. times: (n,) of these in the video, s. boxes: (n, 4) x0, y0, x1, y1 px.
        residual: (n,) RMS difference there, grey levels.
        object_id: whose rows stop here though its pixels go on (or begin too late); None where it is nobody's.
        reason: in words.
    """

    number: int
    frames: NDArray[np.int64]
    times: Float
    boxes: Float
    residual: Float
    object_id: int | None = None
    reason: str = ""

    @property
    def weight(self) -> float:
        """How much it is: squared differences over its boxes and frames."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return float((sides.prod(axis=1) * self.residual**2).sum())


def missed_boxes(drawn: Drawn, picture: Float32, accounted: list[Float32]) -> list[tuple[Float32, float]]:
    """Boxes x0, y0, x1, y1 of a frame's connected regions that differ from the drawn one, and their RMS difference.

    Args:
        picture: (H, W, 3) the frame drawn again. accounted: boxes of what objects account for besides their sprites.
    """
    noise = drawn.ground.noise
    # the mean over a patch: what codecs leave is less even than white noise, so it counts as if it were one pixel
    left = cv2.blur(_beyond(drawn.image, picture), (3, 3))
    distance = np.sqrt(np.einsum("hwc,hwc->hw", left, left) / 3.0)
    differs = (distance > np.maximum(DIFFERENT * noise, LEAST_LEVELS)) & drawn.ground.known
    for box in [*(_box_of(drawn, i) for i in drawn.layers), *accounted]:
        mx, my = (MARGIN[0] * side + MARGIN[1] for side in (box[2] - box[0], box[3] - box[1]))
        left_, top = max(int(box[0] - mx), 0), max(int(box[1] - my), 0)
        differs[top : max(int(np.ceil(box[3] + my)), 0), left_ : max(int(np.ceil(box[2] + mx)), 0)] = False
    mask = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.asarray(mask, np.uint8), connectivity=8)
    found: list[tuple[Float32, float]] = []
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].min(axis=1)
    large = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= LEAST_PIXELS and sides[k] >= LEAST_SIDE]
    for k in sorted(large, key=lambda k: -int(stats[k, cv2.CC_STAT_AREA]))[:MOST_BOXES]:
        x, y, w, h = (int(v) for v in stats[k, :4])
        cut = (slice(y, y + h), slice(x, x + w))
        inside = labels[cut] == k
        rms = float(np.sqrt((distance[cut][inside] ** 2).mean()))
        found.append((np.array([x, y, x + w, y + h], np.float32), rms))
    return found


def _beyond(image: Float32, picture: Float32) -> Float32:
    """By how much a frame leaves the range of the drawn pixels about each of its own: a camera that trembles by a pixel stays in it."""
    around = np.ones((3, 3), np.uint8)
    high, low = cv2.dilate(picture, around), cv2.erode(picture, around)
    return np.asarray(np.maximum(image - high, 0.0) - np.maximum(low - image, 0.0), np.float32)


def _box_of(drawn: Drawn, object_id: int) -> Float32:
    layer = drawn.layers[object_id]
    ys, xs = np.nonzero(layer.alpha > 0.05)
    return np.array([layer.x + xs.min(), layer.y + ys.min(), layer.x + xs.max() + 1, layer.y + ys.max() + 1], np.float32)


@dataclass(slots=True)
class _Open:
    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    boxes: list[Float32] = field(default_factory=list)
    residual: list[float] = field(default_factory=list)

    def foretold(self, frame: int) -> Float:
        """Its centre, if it goes on as it went."""
        centres = [0.5 * (box[:2] + box[2:]) for box in self.boxes[-2:]]
        if len(centres) < 2:
            return np.asarray(centres[0], float)
        pace = (centres[1] - centres[0]) / (self.frames[-1] - self.frames[-2])
        return np.asarray(centres[1] + pace * (frame - self.frames[-1]), float)


class MissedTracks:
    """Regions joined from frame to frame; those that last are kept."""

    def __init__(self, step: int = 1) -> None:
        """Args: step: by how much the number grows from one frame that is looked at to the next."""
        self._step = step
        self._open: list[_Open] = []
        self._done: list[_Open] = []

    def add(self, frame: int, time_s: float, found: list[tuple[Float32, float]]) -> None:
        """The regions of the next frame: each goes to the open one nearest to it."""
        still: list[_Open] = []
        for one in self._open:
            (still if frame - one.frames[-1] <= (GAP + 1) * self._step else self._done).append(one)
        self._open = still
        self._done = [one for one in self._done if len(one.frames) >= LEAST_FRAMES]
        pairs = []
        for k, (box, _) in enumerate(found):
            centre = 0.5 * (box[:2] + box[2:])
            for one in self._open:
                last = one.boxes[-1]
                overlap = (box[:2] < last[2:]).all() and (last[:2] < box[2:]).all()
                size = float(max((box[2:] - box[:2]).max(), (last[2:] - last[:2]).max()))
                away = float(np.hypot(*(centre - one.foretold(frame))))
                reach = 3.0 * size + 10.0 if len(one.frames) < 2 else size + 5.0
                if overlap or away < reach:
                    pairs.append((away, k, one))
        taken: set[int] = set()
        used: set[int] = set()
        for _, k, one in sorted(pairs, key=lambda pair: pair[0]):
            if k not in taken and id(one) not in used:
                taken.add(k)
                used.add(id(one))
                self._extend(one, frame, time_s, found[k])
        for k, region in enumerate(found):
            if k not in taken:
                self._open.append(one := _Open())
                self._extend(one, frame, time_s, region)

    @staticmethod
    def _extend(one: _Open, frame: int, time_s: float, region: tuple[Float32, float]) -> None:
        one.frames.append(frame)
        one.times.append(time_s)
        one.boxes.append(region[0])
        one.residual.append(region[1])

    def finish(self) -> list[MissedRegion]:
        """All regions that lasted, by their first frame."""
        lasting = [one for one in [*self._done, *self._open] if len(one.frames) >= LEAST_FRAMES]
        lasting.sort(key=lambda one: (one.frames[0], -len(one.frames)))
        return [
            MissedRegion(k, np.array(one.frames, np.int64), np.array(one.times), np.array(one.boxes, float), np.array(one.residual))
            for k, one in enumerate(lasting, start=1)
        ]


def owners(
    regions: list[MissedRegion], ends: Mapping[int, tuple[tuple[int, Float], tuple[int, Float]]], step: int = 1
) -> list[MissedRegion]:
    """The regions with a reason, and with the object whose pixels they are.

    Args:
        ends: by object the first and the last row: frame and box x0, y0, x1, y1.
        step: from one frame that was looked at to the next.
    """
    out = []
    for region in regions:
        owner: int | None = None
        reason = ""
        centres = 0.5 * (region.boxes[:, :2] + region.boxes[:, 2:])
        size = float(np.median((region.boxes[:, 2:] - region.boxes[:, :2]).max(axis=1)))
        for object_id, ((first, first_box), (last, last_box)) in ends.items():
            if 0 < region.frames[0] - last <= ENDS_WITHIN * step and _goes_on(region.boxes[0], last_box, size):
                owner, reason = object_id, f"the rows of object {object_id} stop in frame {last}, its pixels go on"
            elif 0 < first - region.frames[-1] <= ENDS_WITHIN * step and _goes_on(region.boxes[-1], first_box, size):
                owner, reason = object_id, f"the rows of object {object_id} begin in frame {first}, its pixels were there before"
        if owner is None:
            moved = float(np.hypot(*np.ptp(centres, axis=0)))
            reason = "something moves here that has no id" if moved > max(0.5 * size, 3.0) else "something here is in no row of the table"
        out.append(replace(region, object_id=owner, reason=reason))
    return out


def _goes_on(box: Float, other: Float, size: float) -> bool:
    """Whether a region may be what an object was: as large, and near to where it was."""
    gap = np.maximum(np.maximum(box[:2] - other[2:], other[:2] - box[2:]), 0.0)
    own = float((other[2:] - other[:2]).max())
    return bool(np.hypot(*gap) < max(size, own) + 5.0 and 0.4 < size / max(own, 1e-6) < 2.5)
