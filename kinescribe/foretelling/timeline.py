"""The instants that the foretold video shows, each with what the camera saw then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.foretelling.beginning import SAME_S
from kinescribe.video import Frame, Video

__all__ = ["Moment", "Plan", "moments"]

Picture = NDArray[np.uint8]
MOST_FRAMES = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Which instants are shown.

    Attributes:
        shown_from_s: the first instant. begins_s: from here on it is foretold. until_s: the last one.
        interval_s: between frames after the end of the video.
        foretold: times in place of the video's own, where another frame rate was asked for.
    """

    shown_from_s: float
    begins_s: float
    until_s: float
    interval_s: float
    foretold: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One instant.

    Attributes:
        time_s: in the video's time.
        real: what the camera saw then; the last picture after its end. uint8 (H, W, 3).
        filmed: that picture is of this very instant.
        over: the video had ended.
        foretold: the law tells where objects are.
        last_seen: the last picture before anything is foretold, shown or not, uint8 (H, W, 3); None where there is none.
    """

    time_s: float
    real: Picture
    filmed: bool
    over: bool
    foretold: bool
    last_seen: Picture | None


def moments(video: Video, plan: Plan) -> Iterator[Moment]:
    """All of them, while the video streams: as it was seen, then foretold.

    Without a frame rate what is foretold has the video's own time stamps as far as they go.
    """
    waiting = None if plan.foretold is None else iter([*plan.foretold])
    coming = None if waiting is None else next(waiting, None)
    held: Frame | None = None
    last_seen: Picture | None = None
    ended = True
    for frame in video:
        time = frame.time_s
        if time > plan.until_s + SAME_S:
            ended = False
            break
        if time < plan.begins_s - SAME_S:
            last_seen = frame.image
        if waiting is None:
            if time >= plan.shown_from_s - SAME_S:
                yield Moment(time, frame.image, True, False, time >= plan.begins_s - SAME_S, last_seen)
        else:
            while coming is not None and held is not None and coming < time - SAME_S:
                yield _held(coming, held, last_seen, over=False)
                coming = next(waiting, None)
            if plan.shown_from_s - SAME_S <= time < plan.begins_s - SAME_S:
                yield Moment(time, frame.image, True, False, False, last_seen)
        held = frame
    if held is None:
        return
    if waiting is not None:
        while coming is not None:
            yield _held(coming, held, last_seen, over=ended and coming > held.time_s + plan.interval_s)
            coming = next(waiting, None)
        return
    for k in range(1, MOST_FRAMES):
        time = held.time_s + k * plan.interval_s
        if time > plan.until_s + SAME_S:
            return
        yield _held(time, held, last_seen, over=ended)


def _held(time: float, frame: Frame, last_seen: Picture | None, *, over: bool) -> Moment:
    return Moment(time, frame.image, abs(time - frame.time_s) <= SAME_S, over, True, last_seen)
