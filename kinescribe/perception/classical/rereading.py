"""The frames for the second look: of most the parts that the first look kept, and the whole of those that more is needed of."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.foreground import ForegroundModel
from kinescribe.perception.classical.panes import Panes
from kinescribe.perception.staged import staged
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.video.source import Video

__all__ = ["Rereading"]

Seen = tuple[Frame, NDArray[np.float32]]
"""A frame in the background's light, and its brightness offset."""

WORTH = 0.6  # of all frames: where more are needed in whole, all are read
RUN = 60  # frames that are read in whole from one on of which more was needed than was thought
MOST_RUNS = 2  # begun so, for each is read from the key frame before it; then all that follow are read


class Rereading:
    """One pass over the video's frames, in order.

    Args:
        model: of the background.
        panes: what the first look kept, of the very frames that the video has; None for nothing.
        whole: indices of the frames that are needed in whole.
    """

    def __init__(self, video: Video, model: ForegroundModel, panes: Panes | None, whole: Iterable[int]) -> None:
        self._video, self._model, self._panes = video, model, panes
        self._indices = [] if panes is None else panes.indices
        self._wanted = set(whole)
        self._reading: Generator[Frame] | None = None
        self._now, self._runs = -1, 0

    def __iter__(self) -> Generator[Seen]:
        if self._panes is None or len(self._wanted) > WORTH * len(self._indices):
            # a reading thread also has memory of its own for the pictures, which otherwise leave holes between what is kept of each frame
            with closing(staged(self._video)) as frames:
                for frame in frames:
                    yield self._levelled(frame)
            return
        told = getattr(self._video, "told", iter)  # who watches the video is told how far this has come
        try:
            self._read(self._indices)
            for index in told(self._indices):
                self._now = index
                seen = self._next() if index in self._wanted else self._panes.frame(index)
                if seen is None:
                    return
                yield seen
        finally:
            self._close()

    def whole(self) -> Seen | None:
        """The frame that was given last, in whole: more of it is needed than was kept. None where it can't be read any more."""
        self._runs += 1
        following = [index for index in self._indices if index >= self._now]
        self._wanted.update(following if self._runs > MOST_RUNS else following[:RUN])
        self._read(following)
        return self._next()

    def _read(self, indices: list[int]) -> None:
        self._close()
        wanted = [index for index in indices if index in self._wanted]
        self._reading = staged(self._video.sample(wanted)) if wanted else None

    def _next(self) -> Seen | None:
        frame = None if self._reading is None else next(self._reading, None)
        return None if frame is None or frame.index != self._now else self._levelled(frame)

    def _levelled(self, frame: Frame) -> Seen:
        level: NDArray[Any] = self._model.level(frame.image)
        return replace(frame, image=level), self._model.exposure_offset(level)

    def _close(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None
