"""Pictures of two videos on one size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import InputError, UsageError
from kinescribe.video import Frame, VideoInfo

__all__ = ["Framing"]


class Framing:
    """Cuts the row or column off that H.264 adds to a picture with an odd side; any other difference of size is an error.

    Attributes:
        width, height: that are compared, pixels.
        notes: a line where something is cut off.
    """

    def __init__(self, real: VideoInfo, predicted: VideoInfo) -> None:
        """Compare the sizes.

        Raises:
            UsageError: they differ by more than that.
        """
        sizes = (real.width, real.height), (predicted.width, predicted.height)
        self._stored = sizes
        self.width, self.height = (_common(one, other) for one, other in zip(*sizes, strict=True))
        if not self.width or not self.height:
            raise UsageError(
                f"'{real.name}' has {real.width} x {real.height} pixels and '{predicted.name}' {predicted.width} x {predicted.height}: "
                "scale or cut one of them to the size of the other"
            )
        self.notes = [self._note(*infos) for infos in ((real, predicted), (predicted, real)) if self._cut(infos[0])]

    def pictures(self, real: Frame, predicted: Frame) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Both pictures, uint8, shape (height, width, 3). Raises InputError where a frame has another size than its video."""
        for frame, (width, height) in zip((real, predicted), self._stored, strict=True):
            if frame.image.shape != (height, width, 3):
                found = f"{frame.image.shape[1]} x {frame.image.shape[0]}"
                raise InputError(f"frame {frame.index} has {found} pixels, the first one {width} x {height}: give videos of one size")
        one, other = (np.ascontiguousarray(frame.image[: self.height, : self.width]) for frame in (real, predicted))
        return one, other

    def _cut(self, info: VideoInfo) -> str:
        """What is left out of a video's pictures, in words."""
        lines = (("column", info.width - self.width), ("row", info.height - self.height))
        return " and ".join(name for name, more in lines if more)

    def _note(self, info: VideoInfo, other: VideoInfo) -> str:
        sizes = f"it has {info.width} x {info.height} pixels, '{other.name}' {other.width} x {other.height}"
        return f"'{info.name}': its last {self._cut(info)} is left out, as an encoder adds to odd sides: {sizes}"


def _common(one: int, other: int) -> int:
    """The side that both have; an even one may be an odd one with a line added. 0 where they differ."""
    small, large = sorted((one, other))
    return small if small == large or (large == small + 1 and small % 2) else 0
