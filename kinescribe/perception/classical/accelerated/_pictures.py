"""OpenCV's arithmetic on pictures, bit for bit, on any device."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["close", "mean_square", "rms", "smooth", "smooth_across", "smooth_down"]


def smooth(images: Tensor) -> Tensor:
    """uint8 (…, H, W) → int16: `cv2.GaussianBlur(…, (3, 3), 0)`, whose fixed-point sums of sixteenths are rounded half up."""
    wide = images.to(torch.int16)
    padded = torch.cat([_second(wide, -2), wide, _last_but_one(wide, -2)], dim=-2)
    return (smooth_across(smooth_down(padded, -2), -1) + 8) >> 4


def smooth_down(padded: Tensor, dim: int) -> Tensor:
    """Four times the mean with weights 1, 2, 1 along `dim`, of which the first and the last value are left out."""
    count = padded.shape[dim] - 2
    before, here, after = (padded.narrow(dim, start, count) for start in range(3))
    return before + 2 * here + after


def smooth_across(values: Tensor, dim: int) -> Tensor:
    """Four times the mean with weights 1, 2, 1 along `dim`, mirrored about the first and the last value."""
    return smooth_down(torch.cat([_second(values, dim), values, _last_but_one(values, dim)], dim=dim), dim)


def _second(values: Tensor, dim: int) -> Tensor:
    return values.narrow(dim, min(1, values.shape[dim] - 1), 1)


def _last_but_one(values: Tensor, dim: int) -> Tensor:
    return values.narrow(dim, max(values.shape[dim] - 2, 0), 1)


def close(masks: Tensor) -> Tensor:
    """Masks, bool (…, H, W), dilated, then eroded by 3 × 3; what is outside the picture has no say."""
    grown = _with_neighbours(_with_neighbours(masks, -1), -2)
    return ~_with_neighbours(_with_neighbours(~grown, -1), -2)


def _with_neighbours(masks: Tensor, dim: int) -> Tensor:
    out = masks.clone()
    count = masks.shape[dim] - 1
    out.narrow(dim, 1, count).logical_or_(masks.narrow(dim, 0, count))
    out.narrow(dim, 0, count).logical_or_(masks.narrow(dim, 1, count))
    return out


def rms(difference: Tensor) -> Tensor:
    """Root mean square over the last axis' blue, green and red, float32, added in this order, as numpy does it."""
    return mean_square(difference).sqrt_()


def mean_square(difference: Tensor) -> Tensor:
    """The same without the root."""
    b, g, r = (channel * channel for channel in difference.unbind(-1))
    total = b + g + r
    # by a tensor: CUDA multiplies by a number's reciprocal instead, which rounds otherwise
    return total / total.new_full((), 3.0)
