"""Videos in memory as pairs of pictures that can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError

__all__ = ["Picture", "Pictures", "bytes_of", "checked", "pairs", "unit"]

Picture = NDArray[Any]
"""uint8, or floats in [0, 1]; shape (H, W, 3), BGR, or (H, W), grey."""
Pictures = NDArray[Any] | Sequence[Picture]
"""A video in memory: shape (T, H, W, 3) or (T, H, W), or T pictures."""


def pairs(real: Pictures, predicted: Pictures) -> Iterator[tuple[Picture, Picture]]:
    """Frame i of both, for all i, checked; both uint8, or both float64.

    Raises:
        UsageError: no frame, unequal lengths or sizes, values that are not finite, or floats outside [0, 1].
    """
    for name, video in (("real", real), ("predicted", predicted)):
        _check_video(name, video)
    if len(real) != len(predicted):
        raise UsageError(f"{len(real)} real frames and {len(predicted)} predicted ones: give as many, or let compare_videos match times")
    shape = np.shape(real[0])
    for index, (one, other) in enumerate(zip(real, predicted, strict=True)):
        first, second = checked(one, f"real frame {index}"), checked(other, f"predicted frame {index}")
        if first.shape != second.shape:
            raise UsageError(f"frame {index} is {first.shape} in the real video and {second.shape} in the predicted one: scale one of them")
        if first.shape != shape:
            raise UsageError(f"frame {index} has shape {first.shape}, frame 0 {shape}: give frames of one size")
        yield (first, second) if first.dtype == second.dtype else (unit(first), unit(second))


def checked(image: Any, name: str) -> Picture:
    """A picture that is uint8, or finite float64 in [0, 1]. Raises UsageError, with `name` in its line, for anything else."""
    picture = np.asarray(image)
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3) or 0 in picture.shape:
        raise UsageError(f"{name} has shape {picture.shape}: give (H, W, 3) BGR or (H, W) grey")
    if picture.dtype == np.uint8:
        return np.ascontiguousarray(picture)
    if picture.dtype.kind != "f":
        raise UsageError(f"{name} has values of type {picture.dtype}: give uint8, or floats from 0 to 1")
    lost = int(picture.size - np.isfinite(picture).sum())
    if lost:
        raise UsageError(f"{name} has {lost} values that are not finite: a pixel without a value can't be compared")
    low, high = float(picture.min()), float(picture.max())
    if low < 0 or high > 1:
        raise UsageError(f"{name} has values from {low:g} to {high:g}: give floats from 0 to 1, or uint8")
    return np.ascontiguousarray(picture, np.float64)


def unit(picture: Picture) -> NDArray[np.float64]:
    """The picture in [0, 1], float64."""
    return picture / 255.0 if picture.dtype == np.uint8 else np.asarray(picture, np.float64)


def bytes_of(picture: Picture) -> NDArray[np.uint8]:
    """The picture as uint8, for measures that are defined on whole grey levels."""
    return picture if picture.dtype == np.uint8 else np.rint(picture * 255.0).astype(np.uint8)


def _check_video(name: str, video: Pictures) -> None:
    if len(video) == 0:
        raise UsageError(f"the {name} video has no frames: give at least one")
    if isinstance(video, np.ndarray) and (video.ndim not in (3, 4) or (video.ndim == 3 and video.shape[-1] in (3, 4))):
        raise UsageError(f"the {name} video has shape {video.shape}: give (T, H, W, 3) or (T, H, W); one picture is frames[None]")
