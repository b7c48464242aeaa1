"""How far a video has come, stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from kinescribe.video.frame import Frame
    from kinescribe.video.source import Video

__all__ = ["Progress", "Stages"]

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

    def watch(self, stage: str) -> Video:
        """The video, for a stage that is through with a frame when it takes the next one."""
        return cast("Video", _Watched(self.video, lambda done: self.done(stage, done)))

    def done(self, stage: str, frames: int) -> None:
        """So many frames are through this stage: for stages whose frames are read long before they are finished."""
        if self._progress is not None:
            self._progress(stage, frames, self.video.info.frame_count)


class _Watched:
    """A video that tells how far it has been read."""

    def __init__(self, video: Video, tell: Callable[[int], None]) -> None:
        self._video, self._tell = video, tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._video, name)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._video:
            yield frame
            self._tell(frame.index + 1)
