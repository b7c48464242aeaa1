"""How far a video has come, stage by stage."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from kinescribe.video.frame import Frame
    from kinescribe.video.source import Video

__all__ = ["Progress", "Stages"]

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int | None], None]
"""Called with the stage's name, the frames done, and all frames or None where unknown."""


class Stages:
    """The stages that a video goes through.

    Args:
        video: whose frames are counted.
        progress: who is told; None for nobody.
    """

    def __init__(self, video: Video, progress: Progress | None) -> None:
        self.video, self._progress = video, progress
        self._under_way: dict[str, tuple[float, int]] = {}

    def watch(self, stage: str) -> Video:
        """The video, for a stage that is through with a frame when it takes the next one."""
        return cast("Video", _Watched(self.video, lambda: self._begin(stage), lambda done: self.done(stage, done), lambda: self.end(stage)))

    def end(self, *stages: str) -> None:
        """Log how long these stages took; without any, all that are under way."""
        for stage in stages or list(self._under_way):
            began, frames = self._under_way.pop(stage, (time.perf_counter(), 0))
            seconds = round(time.perf_counter() - began, 4)
            log.debug("stage %s is done", stage, extra={"fields": {"stage": stage, "frames": frames, "seconds": seconds}})

    def _begin(self, stage: str) -> None:
        self._under_way[stage] = time.perf_counter(), 0

    def done(self, stage: str, frames: int) -> None:
        """So many frames are through this stage: for stages whose frames are read long before they are finished."""
        self._under_way[stage] = self._under_way.get(stage, (time.perf_counter(), 0))[0], frames
        if self._progress is not None:
            self._progress(stage, frames, self.video.info.frame_count)


class _Watched:
    """A video that tells how far it has been read."""

    def __init__(self, video: Video, begin: Callable[[], None], tell: Callable[[int], None], end: Callable[[], None]) -> None:
        self._video, self._begin, self._tell, self._end = video, begin, tell, end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._video, name)

    def glimpses(self, count: int) -> Iterator[tuple[Frame, Frame]] | None:
        """As the video's own, if it has them."""
        given = getattr(self._video, "glimpses", None)
        pairs = None if given is None else given(count)
        return None if pairs is None else self._glimpsed(pairs)

    def _glimpsed(self, pairs: Iterator[tuple[Frame, Frame]]) -> Iterator[tuple[Frame, Frame]]:
        self._begin()
        for frame, successor in pairs:
            yield frame, successor
            self._tell(successor.index + 1)
        self._end()

    def told(self, indices: Iterable[int]) -> Iterator[int]:
        """The indices of all frames, telling how far this has come, for who need not read them all."""
        self._begin()
        for index in indices:
            yield index
            self._tell(index + 1)
        self._end()

    def __iter__(self) -> Iterator[Frame]:
        self._begin()
        for frame in self._video:
            yield frame
            self._tell(frame.index + 1)
        self._end()
