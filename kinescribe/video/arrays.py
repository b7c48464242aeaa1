"""Arrays, and lists of pictures, as a video."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UsageError
from .frame import Frame
from .info import VideoInfo, wanted_indices
from .timing import checked_interval, checked_times

__all__ = ["ArrayVideo"]


class ArrayVideo:
    """Pictures in memory, or in anything that is indexed like a list (an HDF5 data set).

    Attributes:
        info: size and count; the name is "array".
        partial: always None.
        warnings: always empty.
    """

    def __init__(
        self, frames: Sequence[Any] | NDArray[np.uint8], *, times: ArrayLike | None = None, frame_interval: float | None = None
    ) -> None:
        """Check shapes and times.

        Args:
            frames: uint8, shape (T, H, W, 3) BGR, (T, H, W) grey, or a sequence of T such pictures or of `Frame`s.
            times: shape (T,), seconds, strictly increasing; `Frame`s bring their own.
            frame_interval: seconds; instead of times.

        Raises:
            UsageError: another shape or type, pictures of different sizes, or no times.
        """
        if len(frames) == 0:
            raise UsageError("an array without frames: give at least one")
        if isinstance(frames, np.ndarray) and (frames.ndim not in (3, 4) or (frames.ndim == 3 and frames.shape[-1] in (3, 4))):
            raise UsageError(f"an array of shape {frames.shape}: give (T, H, W, 3) BGR or (T, H, W) grey; one picture is frames[None]")
        self._frames = frames
        count = len(frames)
        if times is not None and frame_interval is not None:
            raise UsageError("both times and a frame interval were given: give one of them")
        if frame_interval is not None:
            self._times = np.arange(count) * checked_interval(frame_interval)
        elif times is not None:
            self._times = checked_times(times, count)
        elif all(isinstance(frame, Frame) for frame in (frames[0], frames[-1])):
            self._times = checked_times([frame.time_s for frame in frames], count)
        else:
            raise UsageError("an array carries no time stamps: give times=, seconds for every frame, or frame_interval=")
        self.partial: str | None = None
        self.warnings: list[str] = []
        self._size: tuple[int, ...] | None = None
        self._size = self._pixels(0).shape
        span = float(self._times[-1] - self._times[0])
        self.info = VideoInfo(
            path=None,
            name="array",
            width=self._size[1],
            height=self._size[0],
            frame_count=count,
            duration_s=span * count / (count - 1) if count > 1 else None,
            kind="array",
            hasher=self._sha256,
        )

    def __iter__(self) -> Iterator[Frame]:
        return self._read(range(len(self._frames)))

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """The frames with these indices, ascending, each once.

        Raises:
            UsageError: an index outside.
        """
        return self._read(wanted_indices(indices, self.info.name, len(self._frames)))

    def _read(self, indices: Sequence[int]) -> Iterator[Frame]:
        for index in indices:
            yield Frame(index, float(self._times[index]), self._pixels(index))

    def _pixels(self, index: int) -> NDArray[np.uint8]:
        """Frame `index` as BGR, contiguous; a view of the caller's array where it is that already."""
        item = self._frames[index]
        image = np.asarray(item.image if isinstance(item, Frame) else item)
        if image.dtype != np.uint8:
            way = "(frames * 255).round().astype(np.uint8)" if image.dtype.kind in "fb" else "(frames >> 8).astype(np.uint8)"
            raise UsageError(f"frame {index} has values of type {image.dtype}: give uint8, for instance {way}")
        if image.ndim == 3 and image.shape[2] == 1:
            image = image[:, :, 0]
        if image.ndim == 2:
            image = np.repeat(image[:, :, None], 3, axis=2)
        if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise UsageError(f"frame {index} has shape {image.shape}: give (H, W, 3) BGR or (H, W) grey")
        if self._size is not None and image.shape != self._size:
            raise UsageError(f"frame {index} has shape {image.shape}, frame 0 {self._size}: give frames of one size")
        return np.ascontiguousarray(image)

    def _sha256(self) -> str:
        digest = hashlib.sha256(repr((len(self._frames), self._size)).encode())
        for index in range(len(self._frames)):
            digest.update(self._pixels(index).data)
        return digest.hexdigest()
