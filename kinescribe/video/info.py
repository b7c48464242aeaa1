"""What every source of frames offers: a description and, time after time, its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from ..errors import UsageError
from .frame import Frame
from .limits import MAX_PIXELS

__all__ = ["MAX_PIXELS", "Video", "VideoInfo", "wanted_indices"]


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before its frames are read.

    Attributes:
        path: the file or folder; None for arrays.
        name: what messages and provenance call it.
        width, height: of the frames as they come out, rotation applied, pixels.
        frame_count: exact for folders and arrays, what the container says or lets guess for files; None where it says nothing.
        duration_s: from the first frame's start to the last one's end, seconds, as far as known.
        kind: where the frames come from.
        codec: the decoder's name, an image suffix, or None for arrays.
        pixel_aspect: width over height of a pixel as it should be shown. Frames are left as stored, so with any value
            but 1 a length along x and the same length along y differ in pixels.
        rotation_deg: counter-clockwise turn that was applied to the stored picture: 0, 90, 180 or 270.
        mirrored: whether the stored picture was mirrored left to right before that turn.
    """

    path: Path | None
    name: str
    width: int
    height: int
    frame_count: int | None
    duration_s: float | None
    kind: Literal["file", "images", "array"]
    codec: str | None = None
    pixel_aspect: float = 1.0
    rotation_deg: int = 0
    mirrored: bool = False
    hasher: Callable[[], str | None] = field(default=lambda: None, repr=False, compare=False)

    @cached_property
    def sha256(self) -> str | None:
        """SHA-256 of the content, hexadecimal, computed when first asked for; None where the source can't be hashed."""
        return self.hasher()


@runtime_checkable
class Video(Protocol):
    """A source of frames that streams, and starts from frame 0 with every new iteration."""

    @property
    def info(self) -> VideoInfo:
        """What is known beforehand."""
        ...

    @property
    def partial(self) -> str | None:
        """None, or, after an iteration that broke off midway, one line that says where and why."""
        ...

    @property
    def warnings(self) -> list[str]:
        """Lines on what a user should know of the time stamps and pixels; may grow while frames are read."""
        ...

    def __iter__(self) -> Iterator[Frame]: ...

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """The frames with these indices, in ascending order, each once.

        A video that breaks off before the last of them sets `partial` and ends there.

        Raises:
            UsageError: an index is negative, or beyond the end of a whole video.
        """
        ...


def wanted_indices(indices: Sequence[int], name: str, count: int | None = None) -> list[int]:
    """The indices sorted, each once, checked against [0, count) where the count is known for sure.

    Raises:
        UsageError: an index outside.
    """
    wanted = sorted({int(index) for index in indices})
    if wanted and wanted[0] < 0:
        raise UsageError(f"frame {wanted[0]} of '{name}' was asked for; frames count from 0")
    if wanted and count is not None and wanted[-1] >= count:
        raise UsageError(f"frame {wanted[-1]} of '{name}' was asked for, but its last one is {count - 1}")
    return wanted
