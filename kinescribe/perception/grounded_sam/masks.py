"""From a model's mask logits to masks that know how much of each pixel a thing covers.

Models judge a picture at a quarter of their input's resolution or so. Upsampling is linear, so that any window of the upsampled
picture can be had without the rest of it: two small matrix products a mask, on the device, and only the window comes to the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import SoftMask

if TYPE_CHECKING:
    import torch

__all__ = ["EMPTY", "cleaned", "coverage_of", "cut_logits", "masks_from_logits"]

Float32 = NDArray[np.float32]
Window = tuple[int, int, int, int]

EMPTY = SoftMask(0, 0, np.zeros((0, 0), np.float32), 0.0)
"""A thing that isn't seen."""

RIM = 2  # px about a mask: the outer half of its soft outline, and the neighbours that a gradient needs
SURROUNDINGS = 0.5  # of the box's longer side: how far beyond its box a thing may reach
SMALL_ISLAND = 0.1  # of the largest part's area …
FAR_ISLAND = 0.25  # … and that far from it, in units of the root of its area: a stray patch; an arm behind a post is nearer or larger
SPECK = 0.005  # of the largest part's area: a speck, wherever it lies
PINHOLE = 0.01  # of the mask's area; a ring's hole is larger
PINHOLE_PX = 4


def masks_from_logits(
    logits: torch.Tensor,
    size: tuple[int, int],
    scores: Sequence[float] | NDArray[np.floating[Any]],
    *,
    boxes: NDArray[np.float64] | None = None,
    square: tuple[int, tuple[int, int]] | None = None,
) -> list[SoftMask]:
    """Masks in a picture from a model's logits, positive inside.

    Args:
        logits: (N, h, w), on any device.
        size: height and width of the picture, px.
        scores: (N,), the model's confidence; clipped to [0, 1].
        boxes: (N, 4), x0, y0, x1, y1; what lies further from its box than half the box's longer side is cut off. None: nothing is.
        square: the side of the model's square input and the height and width of the part of it that the picture fills, px,
            for models that pad the picture to the right and below; None where the logits span the picture.

    Returns:
        N masks; `EMPTY` where nothing is left.
    """
    cuts = cut_logits(logits, size, boxes=boxes, square=square)
    return [_soft_mask(*cut, float(np.clip(score, 0.0, 1.0))) for cut, score in zip(cuts, scores, strict=True)]


def cut_logits(
    logits: torch.Tensor,
    size: tuple[int, int],
    *,
    boxes: NDArray[np.float64] | None = None,
    square: tuple[int, tuple[int, int]] | None = None,
) -> list[tuple[int, int, Float32]]:
    """The window of the upsampled logits that holds each mask and a rim about it: x, y of its top left pixel, and its logits.

    The values are those of upsampling the whole (bilinear, to the model's input and from there to the picture where `square` is
    given) and cutting afterwards. See `masks_from_logits` for the arguments. Windows of (0, 0) where no pixel is positive.
    """
    import torch

    if len(logits) == 0:
        return []
    # the products must not be rounded to the precision of a surrounding autocast: the outline is where they cancel
    with torch.inference_mode(), torch.autocast(logits.device.type, enabled=False):
        values = logits.float()
        (height, width), (low_height, low_width) = size, values.shape[1:]
        side, used = (None, (None, None)) if square is None else square
        rows = _upsampling(low_height, side, used[0], height).to(values.device)
        columns = _upsampling(low_width, side, used[1], width).to(values.device)
        # a pixel is positive only where one of the values that it lies between is
        positive = (values > 0).float()
        touched_rows = (positive.amax(2) @ rows.T > 0).cpu().numpy()
        touched_columns = (positive.amax(1) @ columns.T > 0).cpu().numpy()
        windows = [
            _window(touched_rows[i], touched_columns[i], None if boxes is None else boxes[i], (height / low_height, width / low_width))
            for i in range(len(values))
        ]
        pieces = [
            rows[y0:y1] @ value @ columns[x0:x1].T for value, (x0, y0, x1, y1) in zip(values, windows, strict=True) if x1 > x0 and y1 > y0
        ]
        flat = torch.cat([piece.flatten() for piece in pieces]).cpu().numpy() if pieces else np.zeros(0, np.float32)
    out, start = [], 0
    for x0, y0, x1, y1 in windows:
        count = (x1 - x0) * (y1 - y0)
        out.append((x0, y0, flat[start : start + count].reshape(y1 - y0, x1 - x0)))
        start += count
    return out


def coverage_of(logits: Float32) -> Float32:
    """The share of each pixel that lies inside the outline where the logits are zero, (h, w) to (h, w), in [0, 1].

    A logit over the length of its gradient is the distance to the outline in pixels, to first order, however steep the model draws its
    edges; half a pixel more than that distance is the share of the pixel that is inside.
    """
    if min(logits.shape) < 2:
        return (logits > 0).astype(np.float32)
    down, right = np.gradient(logits.astype(np.float64))
    slope = np.hypot(down, right)
    distance = np.divide(logits, slope, out=np.where(logits > 0, 1.0, -1.0), where=slope > 1e-9)
    return np.clip(0.5 + distance, 0.0, 1.0).astype(np.float32)


def cleaned(coverage: Float32) -> Float32:
    """The mask without stray patches and pinholes, (h, w), a copy.

    The largest connected part stays. Another part goes where it has less than a tenth of that part's area and is further from it than
    a quarter of the root of that area, and in any case where it has less than 0.5 % of it. Holes of up to 1 % of the mask's area, or
    4 px, are filled. What is covered without half-covered pixels beside it goes too.
    """
    solid = coverage >= 0.5
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8), connectivity=8)
    if count < 2:
        return np.zeros_like(coverage)
    areas = stats[1:, cv2.CC_STAT_AREA]
    main = int(areas.argmax()) + 1
    kept = labels == main
    if count > 2:
        away = cv2.distanceTransform((~kept).astype(np.uint8), cv2.DIST_L2, 5)
        largest = float(areas.max())
        for k in range(1, count):
            area = float(areas[k - 1])
            if k == main or area < SPECK * largest:
                continue
            if area >= SMALL_ISLAND * largest or float(away[labels == k].min()) <= FAR_ISLAND * np.sqrt(largest):
                kept |= labels == k
    near = cv2.dilate(kept.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & (kept | ~solid)
    out = np.where(near, coverage, np.float32(0))
    pinholes = _pinholes(kept)
    if pinholes.any():
        rim = cv2.dilate(pinholes.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        outside = cv2.dilate((~(kept | pinholes)).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        out[pinholes | (rim & ~outside)] = 1.0
    return out


def _pinholes(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(~solid, 1, constant_values=True).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(padded, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] <= max(PINHOLE_PX, PINHOLE * float(solid.sum()))
    small[[0, labels[0, 0]]] = False
    return np.asarray(small[labels[1:-1, 1:-1]] if count > 2 else np.zeros_like(solid))


def _soft_mask(x: int, y: int, logits: Float32, score: float) -> SoftMask:
    if logits.size == 0:
        return EMPTY
    coverage = cleaned(coverage_of(logits))
    rows, columns = np.flatnonzero(coverage.any(1)), np.flatnonzero(coverage.any(0))
    if len(rows) == 0:
        return EMPTY
    crop = coverage[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    return SoftMask(x + int(columns[0]), y + int(rows[0]), crop, score)


def _window(rows: NDArray[np.bool_], columns: NDArray[np.bool_], box: NDArray[np.float64] | None, cell: tuple[float, float]) -> Window:
    """x0, y0, x1, y1 of the pixels that may be positive, the rim included, and cut to the surroundings of the box."""
    ys, xs = np.flatnonzero(rows), np.flatnonzero(columns)
    if len(ys) == 0 or len(xs) == 0:
        return (0, 0, 0, 0)
    x0, y0, x1, y1 = int(xs[0]) - RIM, int(ys[0]) - RIM, int(xs[-1]) + 1 + RIM, int(ys[-1]) + 1 + RIM
    if box is not None:
        reach = SURROUNDINGS * max(box[2] - box[0], box[3] - box[1])
        across, down = reach + 2 * cell[1], reach + 2 * cell[0]
        x0, x1 = max(x0, int(np.floor(box[0] - across))), min(x1, int(np.ceil(box[2] + across)))
        y0, y1 = max(y0, int(np.floor(box[1] - down))), min(y1, int(np.ceil(box[3] + down)))
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, len(columns)), min(y1, len(rows))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else (0, 0, 0, 0)


@lru_cache(maxsize=32)
def _upsampling(low: int, side: int | None, used: int | None, size: int) -> torch.Tensor:
    """(size, low) weights of each of `low` values in each of `size` pixels, through a square of `side` of which `used` are the picture."""
    import torch
    from torch.nn.functional import interpolate

    weights = torch.eye(low)[None]
    if side is not None:
        weights = interpolate(weights, size=side, mode="linear", align_corners=False)[..., :used]
    weights = interpolate(weights, size=size, mode="linear", align_corners=False)
    return weights[0].T.contiguous()
