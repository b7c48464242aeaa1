"""One thing that is followed from detection to detection: what it is called, how it looks, and how far the detector stands by it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop
from kinescribe.video.frame import Frame

__all__ = ["FollowedThing", "Look", "look_of"]

RECENT = 6  # detections
LEAST_CHANCES, LEAST_SHARE = 3, 0.34  # of the detections in which a thing was in view, the share that must confirm it
WELL_CONFIRMED = 3  # detections, from which on what was once there is not said never to have been
SAME_COLOR = 18.0  # CIELAB distance
LEAST_SIZE, MOST_SIZE = 0.4, 2.5  # of the area it had
LONGEST_STEPS, FARTHEST = 10, 12.0  # frames for which its speed counts; its own sizes, that it may get away from sight


class Look(NamedTuple):
    """Centre (2,), px, area, px², and mean CIELAB colour (3,) of a mask."""

    centre: NDArray[np.float64]
    area: float
    color: NDArray[np.float64]


def look_of(frame: Frame, mask: MaskCrop) -> Look:
    """How a thing looks under its mask, which isn't empty."""
    rows, columns = np.nonzero(mask.pixels)
    h, w = mask.shape
    crop = frame.image[mask.y : mask.y + h, mask.x : mask.x + w]
    mean = crop[mask.pixels].mean(0).astype(np.float32).reshape(1, 1, 3) / 255
    color = cv2.cvtColor(mean, cv2.COLOR_BGR2LAB).reshape(3).astype(np.float64)
    return Look(np.array([mask.x + columns.mean(), mask.y + rows.mean()]), float(len(rows)), color)


@dataclass(slots=True)
class FollowedThing:
    """One followed thing.

    Attributes:
        number: its id.
        votes: sum of the scores of each name that it was given.
        chances, confirmed: detections that had it in view, and those of them that saw it.
        recent: of the last chances, whether each saw it.
        confirmed_in: frame of the last that did.
        score: that one's.
        seen: frame in which it was last in view by itself; −1 before.
        look, step: how it looked there, and how far it moved a frame, px.
        carried: whether a propagator has it.
    """

    number: int
    votes: dict[str, float] = field(default_factory=dict)
    chances: int = 0
    confirmed: int = 0
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=RECENT))
    confirmed_in: int = -1
    score: float = 0.0
    seen: int = -1
    look: Look | None = None
    step: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    carried: bool = False

    @property
    def unconfirmed(self) -> bool:
        """Whether the detector no longer stands by it."""
        return len(self.recent) >= LEAST_CHANCES and sum(self.recent) < LEAST_SHARE * len(self.recent)

    @property
    def believed(self) -> bool:
        """Whether it was there at all, if perhaps not to the end."""
        return self.confirmed >= WELL_CONFIRMED or self.chances < LEAST_CHANCES or self.confirmed >= LEAST_SHARE * self.chances

    def confirm(self, frame: int, score: float, votes: dict[str, float]) -> None:
        """A detection saw it."""
        self.chances += 1
        self.confirmed += 1
        self.recent.append(True)
        self.confirmed_in, self.score = frame, score
        for name, worth in votes.items():
            self.votes[name] = self.votes.get(name, 0.0) + worth

    def miss(self) -> None:
        """A detection should have seen it and didn't."""
        self.chances += 1
        self.recent.append(False)

    def see(self, frame: int, look: Look) -> None:
        """It is in view by itself."""
        if self.look is not None:
            if frame - self.seen <= LONGEST_STEPS:
                self.step = (look.centre - self.look.centre) / max(frame - self.seen, 1)
            look = look._replace(color=0.9 * self.look.color + 0.1 * look.color)
        self.look, self.seen = look, frame

    def unlike(self, look: Look, phrase: str, frame: int) -> float | None:
        """How little something resembles this thing where and how it may be by now, 0 to 2; None where it can't be this thing."""
        if self.look is None or phrase not in self.votes:
            return None
        away, size = max(frame - self.seen, 1), float(np.sqrt(look.area))
        distance = float(np.hypot(*(look.centre - self.look.centre - self.step * min(away, LONGEST_STEPS))))
        reach = min(3 * size + (0.5 * size + float(np.hypot(*self.step))) * away, FARTHEST * size + float(np.hypot(*self.step)) * away)
        difference = float(np.linalg.norm(look.color - self.look.color))
        if distance > reach or difference > SAME_COLOR or not LEAST_SIZE <= look.area / self.look.area <= MOST_SIZE:
            return None
        return distance / reach + difference / SAME_COLOR
