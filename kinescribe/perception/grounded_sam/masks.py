"""From a model's mask logits to masks that know how much of each pixel a thing covers.

Models judge a picture at a quarter of their input's resolution or so. Upsampling is linear, so that any window of the upsampled
picture can be had without the rest of it, by two small matrix products on the device. On a GPU the windows of many masks are made
together, each filled up to the size of the largest, and only their coverage comes to the CPU, as 16-bit numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import SoftMask
from kinescribe.perception.grounded_sam._coverage_cleaning import cleaned

if TYPE_CHECKING:
    import torch

__all__ = ["EMPTY", "cleaned", "coverage_of", "cut_logits", "masks_from_logits"]

Float32 = NDArray[np.float32]
Index = NDArray[np.intp]
Made = Callable[["torch.Tensor", Index, Index], NDArray[Any]]
"""What to bring to the CPU, (n, H, W), of n windows' logits (n, H + 2, W + 2), given their rows (n, H + 2) and columns (n, W + 2)."""

EMPTY = SoftMask(0, 0, np.zeros((0, 0), np.float32), 0.0)
"""A thing that isn't seen."""

RIM = 2  # px about a mask: the outer half of its soft outline, and the neighbours that a gradient needs
SURROUNDINGS = 0.5  # of the box's longer side: how far beyond its box a thing may reach
AT_ONCE_PX = {"cuda": 1 << 21}  # of several windows, each filled up to the largest: tens of MB; elsewhere they are made one by one
WHOLE = 32766  # what full coverage is as a 16-bit number; even, so that half is one too


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
    crops = _cut(logits, size, boxes, square, _brought_coverage)
    return [_soft_mask(*crop, float(np.clip(score, 0.0, 1.0))) for crop, score in zip(crops, scores, strict=True)]


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
    return _cut(logits, size, boxes, square, lambda padded, ys, xs: padded[:, 1:-1, 1:-1].cpu().numpy())


def coverage_of(logits: Float32) -> Float32:
    """The share of each pixel that lies inside the outline where the logits are zero, (h, w) to (h, w), in [0, 1].

    A logit over the length of its gradient is the distance to the outline in pixels, to first order, however steep the model draws its
    edges; half a pixel more than that distance is the share of the pixel that is inside.
    """
    import torch

    ys, xs = (_bordered(np.zeros(1, np.intp), np.array([length])) for length in logits.shape)
    return np.asarray(_coverage(torch.from_numpy(logits[ys[0][:, None], xs[0]])[None], ys, xs)[0].numpy())


def _soft_mask(x: int, y: int, coverage: Float32, score: float) -> SoftMask:
    if coverage.size == 0:
        return EMPTY
    out = cleaned(coverage)
    left, top, width, height = cv2.boundingRect((out > 0).view(np.uint8))
    if width == 0:
        return EMPTY
    return SoftMask(x + left, y + top, out[top : top + height, left : left + width].copy(), score)


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """How one axis of a picture is upsampled.

    Attributes:
        weights: (size, low), of each of the `low` values in each pixel.
        first, stop: (size,), the range of the values that a pixel is made of.
    """

    weights: torch.Tensor
    first: Index
    stop: Index

    def pixels_of(self, values: NDArray[np.bool_]) -> tuple[Index, Index]:
        """First pixel, and the one after the last, that any of the chosen values has a part in; `values`: (N, low), some chosen in each."""
        last = values.shape[1] - 1 - values[:, ::-1].argmax(1)
        return np.searchsorted(self.stop, values.argmax(1), side="right"), np.searchsorted(self.first, last, side="right")


def _cut(
    logits: torch.Tensor,
    size: tuple[int, int],
    boxes: NDArray[np.float64] | None,
    square: tuple[int, tuple[int, int]] | None,
    made: Made,
) -> list[tuple[int, int, NDArray[Any]]]:
    """x, y of each mask's window, and what is made of its logits; see `cut_logits`."""
    import torch

    if len(logits) == 0:
        return []
    # the products must not be rounded to the precision of a surrounding autocast: the outline is where they cancel
    with torch.inference_mode(), torch.autocast(logits.device.type, enabled=False):
        values = logits.float()
        side, used = (None, (None, None)) if square is None else square
        rows = _axis(values.shape[1], side, used[0], size[0], values.device)
        columns = _axis(values.shape[2], side, used[1], size[1], values.device)
        windows = _windows(values > 0, rows, columns, boxes)
        out: list[tuple[int, int, NDArray[Any]]] = [(0, 0, np.zeros((0, 0), np.float32))] * len(windows)
        for group in _groups(windows, AT_ONCE_PX.get(values.device.type, 0)):
            x0, y0, x1, y1 = windows[group].T
            ys, xs = _bordered(y0, y1), _bordered(x0, x1)
            pieces = made(_upsampled(values, group, rows, ys, columns, xs), ys, xs)
            for piece, i in zip(pieces, group, strict=True):
                left, top, right, bottom = windows[i].tolist()
                out[i] = (left, top, piece[: bottom - top, : right - left])
    return out


def _groups(windows: Index, most: int) -> list[list[int]]:
    """Positions of the windows that aren't empty, together as long as they have up to `most` px, each filled up to the largest."""
    out: list[list[int]] = []
    sizes = windows[:, 2:] - windows[:, :2]
    order = np.argsort(sizes.max(1), kind="stable")
    for i in order[sizes[order].min(1) > 0].tolist():
        if out and (len(out[-1]) + 1) * int(np.prod(sizes[[*out[-1], i]].max(0))) <= most:
            out[-1].append(i)
        else:
            out.append([i])
    return out


def _bordered(starts: Index, stops: Index) -> Index:
    """The pixels of n ranges, and one more on either side, (n, longest + 2): beyond a range its ends are repeated."""
    longest = int((stops - starts).max())
    return np.asarray(np.clip(starts[:, None] + np.arange(-1, longest + 1), starts[:, None], stops[:, None] - 1))


def _upsampled(values: torch.Tensor, which: list[int], rows: _Axis, ys: Index, columns: _Axis, xs: Index) -> torch.Tensor:
    """The logits of some masks at their rows (n, H) and columns (n, W) of the picture, (n, H, W)."""
    import torch

    top, bottom = int(rows.first[ys].min()), int(rows.stop[ys].max())
    left, right = int(columns.first[xs].min()), int(columns.stop[xs].max())
    down = rows.weights[:, top:bottom][torch.from_numpy(ys).to(values.device)]
    across = columns.weights[:, left:right][torch.from_numpy(xs).to(values.device)]
    low = values[:, top:bottom, left:right][torch.tensor(which, device=values.device)]
    return down @ low @ across.mT


def _coverage(padded: torch.Tensor, ys: Index, xs: Index) -> torch.Tensor:
    """See `coverage_of`: of n windows (n, H + 2, W + 2), whose rows and columns are given as by `_bordered`, (n, H, W)."""
    import torch

    def per_px(pixels: Index) -> torch.Tensor:
        """One over the pixels from the one before to the one after; 0 where there is only one."""
        spans = pixels[:, 2:] - pixels[:, :-2]
        return torch.from_numpy(np.where(spans > 0, 1 / np.maximum(spans, 1), 0).astype(np.float32)).to(padded.device)

    middle = padded[:, 1:-1, 1:-1]
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) * per_px(ys)[:, :, None]
    right = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) * per_px(xs)[:, None]
    slope = torch.hypot(down, right)
    flat = slope <= 1e-9
    thin = (ys[:, 0] == ys[:, -1]) | (xs[:, 0] == xs[:, -1])  # windows of a single row or column have no gradient
    if thin.any():
        flat |= torch.from_numpy(thin).to(padded.device)[:, None, None]
    distance = torch.where(flat, torch.where(middle > 0, 1.0, -1.0), middle / slope)
    return (distance + 0.5).clamp_(0, 1)


def _brought_coverage(padded: torch.Tensor, ys: Index, xs: Index) -> Float32:
    """The coverage, on the CPU."""
    import torch

    coverage = _coverage(padded, ys, xs)
    if coverage.device.type == "cpu":
        return np.asarray(coverage.numpy())
    return np.asarray((coverage * WHOLE).round().to(torch.int16).cpu().numpy() / np.float32(WHOLE))


def _windows(positive: torch.Tensor, rows: _Axis, columns: _Axis, boxes: NDArray[np.float64] | None) -> Index:
    """x0, y0, x1, y1 of the pixels that may be positive, the rim included, cut to the surroundings of the boxes, (N, 4); zeros for none."""
    import torch

    low = positive.shape[1]
    touched = torch.cat([positive.any(2), positive.any(1)], 1).cpu().numpy()
    (y0, y1), (x0, x1) = rows.pixels_of(touched[:, :low]), columns.pixels_of(touched[:, low:])
    start, stop = np.stack([x0, y0], 1) - RIM, np.stack([x1, y1], 1) + RIM
    size = np.array([len(columns.first), len(rows.first)])
    if boxes is not None:
        longer = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True)
        reach = SURROUNDINGS * longer + 2 * size / [touched.shape[1] - low, low]
        start = np.maximum(start, np.floor(boxes[:, :2] - reach).astype(np.intp))
        stop = np.minimum(stop, np.ceil(boxes[:, 2:] + reach).astype(np.intp))
    start, stop = np.maximum(start, 0), np.minimum(stop, size)
    seen = (stop > start).all(1) & touched.any(1)
    return np.where(seen[:, None], np.hstack([start, stop]), 0)


@lru_cache(maxsize=32)
def _axis(low: int, side: int | None, used: int | None, size: int, device: torch.device) -> _Axis:
    """From `low` values to `size` pixels, through a square of `side` of which `used` are the picture."""
    import torch
    from torch.nn.functional import interpolate

    weights = torch.eye(low)[None]
    if side is not None:
        weights = interpolate(weights, size=side, mode="linear", align_corners=False)[..., :used]
    weights = interpolate(weights, size=size, mode="linear", align_corners=False)[0].T.contiguous()
    needed = (weights != 0).numpy()
    return _Axis(weights.to(device), needed.argmax(1), low - needed[:, ::-1].argmax(1))
