"""What is sorted and summed over a sample of frames, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.lighting import Light, Lighting, points
from kinescribe.perception.sampling import FrameSample

__all__ = ["FrameStack", "Near", "as_doubled", "as_limits", "least_still", "pieces"]

Image = NDArray[np.uint8]
Float32 = NDArray[np.float32]

MOST_VOTES = 255
PIECE = 1 << 14  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Those frames that agree with a plate, pixel by pixel.

    Attributes:
        count: (H, W), how many.
        squares: float32, (H, W), sum of their squared differences from the plate, mean over channels.
        smooth_squares: the same after smoothing the differences by a 3 × 3 binomial kernel.
    """

    count: NDArray[np.int64]
    squares: Float32
    smooth_squares: Float32


class FrameStack:
    """What the estimate sorts and sums over all sampled frames, exposure levelled; the one part of it that takes long.

    Attributes:
        images: uint8, shape (S, H, W, 3), BGR.

    Raises:
        ValueError: more than 255 frames.
    """

    def __init__(self, sample: FrameSample) -> None:
        if len(sample.images) > MOST_VOTES:
            raise ValueError(f"{len(sample.images)} frames were sampled; a background is made of {MOST_VOTES} at most")
        self.images = np.ascontiguousarray(level_exposure(sample.images))
        self._moving = sample.moving
        self._changes = np.ones(self.images.shape[1:3], bool)  # where motion counts
        self._known: tuple[Float32, Float32] | None = None  # a plate, and the spread about it
        self._counted: tuple[NDArray[np.uint16], NDArray[np.int32], NDArray[np.uint16]] | None = (
            None  # what `beyond` was last asked and found
        )

    @property
    def _values(self) -> Image:
        """(S, H × W × 3)."""
        return self.images.reshape(len(self.images), -1)

    def median(self) -> Float32:
        """(H, W, 3)."""
        from kinescribe.perception import compiled_stack  # numba takes its time to come in

        out = np.empty(self.images[0].size, np.uint16)
        compiled_stack.doubled_medians(self._values, out)
        return (out * np.float32(0.5)).reshape(self.images.shape[1:])

    def spread(self, plate: Float32, *, still: bool = False) -> Float32:
        """Median over the frames of the distance from the plate, (H, W); `still`: of frames that don't move there, 255 without any.

        A channel counts no farther than 73.5 grey levels. The plate's values are whole or halves.
        """
        from kinescribe.perception import compiled_stack

        doubled = as_doubled(plate)
        if not still:
            out = np.empty((2, plate[..., 0].size), np.uint16)
            compiled_stack.squared_spreads(self._values, doubled, out)
            self._known = plate, _mean_distance(out).reshape(plate.shape[:2])
            return self._known[1]
        known, spread = self._known or (plate, self.spread(plate))
        spread = spread.ravel().copy()
        affected = np.flatnonzero(self._affected() | (plate != known).any(-1))
        for chosen in pieces(affected):
            values, held = self.columns(chosen), self._still(chosen)
            middle = np.empty((2, len(chosen)), np.uint16)
            compiled_stack.squared_spreads_of(values, doubled.reshape(-1, 3)[chosen].ravel(), held, middle)
            spread[chosen] = np.where(held.any(0), _mean_distance(middle), np.float32(255))
        return spread.reshape(plate.shape[:2])

    def forget_motion_within(self, plate: Float32, reach: Float32) -> None:
        """Take as still each pixel that is never further than `reach`, (H, W), from the plate."""
        self._changes &= self.beyond(plate, reach) > 0

    def median_of_still(self, median: Float32) -> Float32:
        """Median of the frames that don't move at a pixel, (H, W, 3); `median` where these are too few."""
        from kinescribe.perception import compiled_stack

        plate = median.reshape(-1, 3).copy()
        for chosen in pieces(np.flatnonzero(self._affected())):
            values, still = self.columns(chosen), self._still(chosen)
            found = np.empty(3 * len(chosen), np.uint16)
            compiled_stack.doubled_medians_of(values, still, found)
            enough = still.sum(0) >= least_still(len(self.images))
            plate[chosen[enough]] = found.reshape(-1, 3)[enough] * np.float32(0.5)
        return plate.reshape(median.shape)

    def beyond(self, plate: Float32, reach: Float32) -> NDArray[np.uint16]:
        """How many frames are further than `reach`, (H, W), from the plate, (H, W)."""
        from kinescribe.perception import compiled_stack

        doubled, limits = as_doubled(plate), as_limits(reach)
        if self._counted is None:
            out = np.empty(reach.size, np.uint16)
            compiled_stack.count_beyond(self._values, doubled, limits, out)
        else:  # plates of one picture are the same almost everywhere
            old_plate, old_limits, out = self._counted
            changed = (doubled != old_plate).reshape(-1, 3).any(1) | (limits != old_limits)
            for chosen in pieces(np.flatnonzero(changed)):
                count = np.empty(len(chosen), np.uint16)
                compiled_stack.count_beyond(self.columns(chosen), doubled.reshape(-1, 3)[chosen].ravel(), limits[chosen], count)
                out[chosen] = count
        self._counted = doubled, limits, out
        return out.reshape(reach.shape)

    def near(self, plate: Float32, reach: Float32) -> Near:
        """What lies within `reach`, (H, W), of the plate."""
        from kinescribe.perception import compiled_stack

        height, width = reach.shape
        count, squares, smooth = np.empty((height, width), np.uint16), *np.empty((2, height, width), np.float32)
        values = self.images.reshape(-1, height, 3 * width)
        doubled = as_doubled(plate).reshape(height, 3 * width)
        compiled_stack.near_sums(values, doubled, as_limits(reach).reshape(height, width), (0, height), count, squares, smooth)
        squares /= 12  # of doubled differences, summed over channels
        smooth /= 12 * 16**2
        return Near(count.astype(np.int64), squares, smooth)

    def columns(self, chosen: NDArray[np.intp]) -> Image:
        """All frames' values at the chosen pixels (p,), counted row by row: (S, 3 p)."""
        from kinescribe.perception import compiled_stack

        out = np.empty((len(self.images), 3 * len(chosen)), np.uint8)
        compiled_stack.columns(self._values, chosen, out)
        return out

    def _affected(self) -> NDArray[np.bool_]:
        return self._moving.any(0) & self._changes

    def _still(self, chosen: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which frames don't move at the chosen pixels, (S, p)."""
        moves = self._moving.reshape(len(self.images), -1)[:, chosen] & self._changes.ravel()[chosen]
        return np.ascontiguousarray(~moves)


def as_doubled(plate: Float32) -> NDArray[np.uint16]:
    """A plate of whole and half grey levels, doubled: (H × W × 3,)."""
    return (plate * 2).round().astype(np.uint16).ravel()


def as_limits(reach: Float32) -> NDArray[np.int32]:
    """The largest sum over channels of squared doubled differences whose RMS is within `reach`, (H × W,)."""
    return np.floor(12 * reach.astype(np.float64) ** 2).clip(0, 2**30).astype(np.int32).ravel()


def _mean_distance(middle: NDArray[np.uint16]) -> Float32:
    """Mean of two RMS distances, from the sums of doubled squares (2, n)."""
    return np.asarray(np.sqrt(middle * np.float32(1 / 12)).mean(0), np.float32)


def pieces(chosen: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Some pixels at a time, so that copies stay small."""
    yield from (chosen[start : start + PIECE] for start in range(0, len(chosen), PIECE))


def least_still(frame_count: int) -> int:
    """How many of the sampled frames must be still at a pixel for their median to count."""
    return max(3, frame_count // 20)


def level_exposure(stack: Image) -> Image:
    """In one light: without flicker, auto-exposure, lamps that come and go; the stack itself where there is nothing of these."""
    from kinescribe.perception import compiled_stack

    sub = np.ascontiguousarray(stack[:, ::4, ::4]).reshape(len(stack), -1)
    middle, found = np.empty(sub.shape[1], np.uint16), np.empty((len(stack), 3), np.int32)
    compiled_stack.doubled_medians(sub, middle)
    compiled_stack.shifts(sub, middle, found)
    offsets = found / 4
    lights = _lights(stack, offsets)
    changed = [light is not None or np.abs(offset).max() >= 1.0 for light, offset in zip(lights, offsets, strict=True)]
    if not any(changed):
        return stack
    stack = stack.copy()
    for image, offset, light in zip(stack, offsets, lights, strict=True):
        if light is not None:
            image[...] = light.level(image)
        elif np.abs(offset).max() >= 1.0:
            image[...] = np.clip(image - offset, 0, 255).round().astype(np.uint8)
    return stack


def _lights(stack: Image, offsets: NDArray[np.float64]) -> list[Light | None]:
    """Of each frame, beside what the frames have in common."""
    shape = stack.shape[1:3]
    at = points(shape)
    seen = stack[:, at[0], at[1]]
    plate = np.median(seen, axis=0)
    noise = 1.48 * float(np.median(np.abs(seen - plate - offsets[:, None, None]))) if seen.size else 0.0
    lighting = Lighting(plate, shape, noise)
    return [lighting.of(image) for image in stack]
