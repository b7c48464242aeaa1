"""The pixels of many windows of different sizes, one window after the other in one row of memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Pixels", "joined"]


class Pixels:
    """P pixels of N windows, row by row.

    Attributes:
        owner: int64, (P,), which window each is of.
        x, y: int64, (P,), where in it.
    """

    def __init__(self, sizes: Sequence[tuple[int, int]], device: torch.device) -> None:
        self.sizes = list(sizes)  # height, width
        both = torch.tensor(self.sizes, dtype=torch.int64).reshape(-1, 2)
        counts = both.prod(1)
        self.count = int(counts.sum())
        table = torch.stack([both[:, 0], both[:, 1], counts.cumsum(0) - counts], dim=1).to(device)
        self.owner = torch.repeat_interleave(torch.arange(len(both), device=device), counts.to(device), output_size=self.count)
        self._height, self._width, start = table[self.owner].unbind(1)
        place = torch.arange(self.count, device=device) - start
        self.y = place // self._width
        self.x = place - self.y * self._width

    def split(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """(P, …) → a view of (h, w, …) for each window."""
        out, start = [], 0
        for height, width in self.sizes:
            out.append(values[start : start + height * width].reshape(height, width, *values.shape[1:]))
            start += height * width
        return out

    def dilate(self, masks: Tensor) -> Tensor:
        """bool, (P,): each window's mask dilated by 3 × 3; what is outside the window has no say."""
        across = masks | (masks.roll(1) & (self.x > 0)) | (masks.roll(-1) & (self.x < self._width - 1))
        here = torch.arange(self.count, device=masks.device)
        up, down = self.y > 0, self.y < self._height - 1
        above = across[torch.where(up, here - self._width, here)]
        below = across[torch.where(down, here + self._width, here)]
        return across | above | below

    def erode(self, masks: Tensor) -> Tensor:
        """The same, eroded."""
        return ~self.dilate(~masks)


def joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Crops of different sizes as one row."""
    return np.concatenate([part.reshape(-1) for part in parts])
