"""Light that changes: a frame's brightness against the plate's, as a gain that bends over the picture and an offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Light", "Lighting", "points"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Image = NDArray[np.uint8]

LINES = 48  # of points along the picture's shorter side
TILES = 4  # along either side
LEAST_LIFT = 2.5  # grey levels that a tile's middle is off; less is left in
MANY_TILES = 5  # must be off
PASSES = 12  # of the robust fit
DARKEST, BRIGHTEST = 4, 250  # beyond, a sensor tells no brightness
WEAKEST, STRONGEST = 0.3, 3.0  # gains
LEFT_OFF = 0.5  # of these tiles, by what stands there
LEAST_MEAN_LIFT = 2.0  # grey levels, over the picture; leaves that tremble and codecs that drift make less
CLOSER = 0.85  # of the plate's distance from a frame, as its points have it in the middle
FEWEST_POINTS = 9  # in a tile
LEVEL = 100.0  # grey levels: of the plate, as good as
STIFFNESS = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """What a frame's light is to the plate's: frame = gain · plate + offset.

    Attributes:
        gains: float32, (3, 6), of each channel: times 1, x, y, x², x y, y², x and y from −1 to 1 over the picture.
        offsets: float32, (3,), grey levels.
    """

    gains: Float32
    offsets: Float32

    def level(self, image: Image) -> Image:
        """The picture, (H, W, 3), as it would be in the plate's light."""
        from kinescribe.perception import compiled_light  # numba takes its time to come in

        out = np.empty_like(image, order="C")
        compiled_light.level(np.ascontiguousarray(image), self.gains, self.offsets, out)
        return out


class Lighting:
    """Finds the light of frames that a plate is behind. Bodies before it are told from it by not following the rest."""

    def __init__(self, plate: NDArray[Any], shape: tuple[int, int], noise: float) -> None:
        """`plate`: its pixels at the `points` of a picture of that shape, (H, W); `noise`: of a frame's, one σ, grey levels."""
        height, width = shape
        self._shape, self._points = (height, width), points(shape)
        self._plate = plate.reshape(-1, 3).astype(np.float64)
        self._noise = noise
        down, across = np.meshgrid(_places(height, self._points[0]), _places(width, self._points[1]), indexing="ij")
        rows, columns = across.shape
        x, y = across.ravel(), down.ravel()
        self._bends = np.stack([np.ones_like(x), x, y, x**2, x * y, y**2], axis=1)  # (n, 6)
        tile = np.add.outer(np.arange(rows) * TILES // max(rows, 1) * TILES, np.arange(columns) * TILES // max(columns, 1)).ravel()
        self._order = np.argsort(tile, kind="stable")
        self._starts = np.searchsorted(tile[self._order], np.arange(TILES**2 + 1))
        self._doubled = (2 * self._plate).round().astype(np.int16)
        fewest = int(np.diff(self._starts).min())
        self._limit = max(LEAST_LIFT, 5 * noise / max(fewest, 1) ** 0.5)
        self._enough = fewest >= FEWEST_POINTS

    def of(self, image: Image) -> Light | None:
        """The light of a frame, (H, W, 3); None where it is the plate's, or tells nothing, as that of another size."""
        if not self._enough or image.shape[:2] != self._shape:
            return None
        there = image[self._points].reshape(-1, 3)
        off = self._tiles_off(2 * there.astype(np.int16) - self._doubled)
        if off < MANY_TILES:
            return None
        seen = there.astype(np.float64)
        fits = [self._fit(seen[:, c], self._plate[:, c]) for c in range(3)]
        fitted = np.stack([values for _, values in fits], axis=1)
        left = self._tiles_off((2 * (seen - fitted)).clip(-510, 510).round().astype(np.int16))
        closer = np.median(np.abs(seen - fitted)) <= CLOSER * np.median(np.abs(seen - self._plate))
        if left > LEFT_OFF * off or not closer or np.abs(fitted - self._plate).mean() < LEAST_MEAN_LIFT:
            return None
        gains = np.stack([found[:6] for found, _ in fits])
        fields = self._bends @ gains.T
        if fields.min() < WEAKEST or fields.max() > STRONGEST:
            return None
        return Light(gains.astype(np.float32), np.array([found[6] for found, _ in fits], np.float32))

    def _tiles_off(self, doubled: NDArray[np.int16]) -> int:
        """How many tiles are off in the middle in some channel, from doubled differences (n, 3)."""
        from kinescribe.perception import compiled_light  # numba takes its time to come in

        out = np.empty((len(self._starts) - 1, 3), np.int32)
        compiled_light.tile_medians(doubled, self._order, self._starts, out)
        return int((np.abs(out) > 4 * self._limit).any(1).sum())

    def _fit(self, seen: Float, plate: Float) -> tuple[Float, Float]:
        """Gains and offset (7,) of a channel, and the plate in that light, (n,): by weights that bodies lose."""
        columns = np.concatenate([self._bends * plate[:, None], np.full((len(plate), 1), LEVEL)], axis=1)
        usable = (seen >= DARKEST) & (seen <= BRIGHTEST) & (plate >= DARKEST) & (plate <= BRIGHTEST)
        found = np.zeros(7)
        found[6] = np.median(seen - plate) / LEVEL
        least = max(self._noise, 0.5)
        for k in range(PASSES):
            away = np.abs(seen - plate - columns @ found)
            if k < PASSES // 2:
                weight = 1 / np.maximum(away, least)
            else:  # what follows the rest counts, what doesn't doesn't
                reach = 4.7 * max(1.48 * float(np.median(away[usable])) if usable.any() else 0.0, least)
                weight = np.clip(1 - (away / reach) ** 2, 0, None) ** 2
            weighted = columns * (weight * usable)[:, None]
            normal = weighted.T @ columns
            # where the plate is too even to tell gain from offset, the least of both
            normal[np.diag_indices(7)] += STIFFNESS * LEVEL**2 * max(float((weight * usable).sum()), 1e-9)
            found = np.linalg.solve(normal, weighted.T @ (seen - plate))
        lift = columns @ found
        found[0] += 1
        found[6] *= LEVEL
        return found, plate + lift


def points(shape: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of a picture, (H, W), whose crossings light is told from."""
    step = max(1, min(shape) // LINES)
    return slice(step // 2, None, step), slice(step // 2, None, step)


def _places(side: int, points: slice) -> Float:
    """Of points along a side, from −1 to 1."""
    return 2 * np.arange(side)[points] / max(side - 1, 1) - 1.0
