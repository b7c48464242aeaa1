"""Resizing as Pillow does it, to the last bit, on any device: what models were trained on decides what they should see."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

__all__ = ["pillow_resize"]

FRACTION_BITS = 22  # of the fixed-point weights: 32, less the 8 of a pixel and 2 of head room


def pillow_resize(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Antialiased bilinear resizing: first along rows, then along columns, each in fixed point and rounded to whole grey levels.

    Args:
        images: uint8, (B, C, H, W).
        size: height and width to reach.

    Returns:
        int32, (B, C, *size), in 0..255.
    """
    import torch

    out = images.to(torch.int32)
    for axis, wanted in ((3, size[1]), (2, size[0])):
        if out.shape[axis] != wanted:
            out = _along(out, axis, wanted)
    return out


def _along(images: torch.Tensor, axis: int, wanted: int) -> torch.Tensor:
    import torch

    first, weights = _taps(images.shape[axis], wanted)
    shape = [1] * 4
    shape[axis] = wanted
    total = None
    for tap in range(weights.shape[1]):
        place = np.minimum(first + tap, images.shape[axis] - 1)  # weights beyond the edge are zero
        index = torch.from_numpy(place).to(images.device)
        weight = torch.from_numpy(np.ascontiguousarray(weights[:, tap])).to(images.device).reshape(shape)
        part = images.index_select(axis, index) * weight
        total = part + (1 << (FRACTION_BITS - 1)) if total is None else total.add_(part)
    assert total is not None
    return (total >> FRACTION_BITS).clamp_(0, 255)


@lru_cache(maxsize=32)
def _taps(length: int, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """First source pixel of each of the `wanted` pixels, (wanted,), and the fixed-point weights from there on, (wanted, taps).

    A triangle as wide as the scale, at least two pixels, sampled at the source pixels' centres and normalised to a sum of one.
    """
    scale = length / wanted
    support = max(scale, 1.0)
    centres = (np.arange(wanted) + 0.5) * scale
    first = np.maximum((centres - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centres + support + 0.5).astype(np.int64), length)
    taps = np.arange(int((last - first).max()))
    position = first[:, None] + taps
    weights = np.maximum(1.0 - np.abs((position - centres[:, None] + 0.5) / support), 0.0)
    weights[position >= last[:, None]] = 0.0
    weights /= weights.sum(1, keepdims=True)
    return first, (weights * (1 << FRACTION_BITS) + 0.5).astype(np.int32)
