"""Which of several masks to keep, and what to clear out of one, with no compiled operator but OpenCV's.

transformers would fetch compiled code from the hub for this, and leave both out without a word where it can't.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["fill_specks", "kept_of_overlapping"]

FILLED, CLEARED = 0.1, -0.1  # logits


def kept_of_overlapping(masks: Any, scores: Any, most: float) -> Any:
    """Greedy non-maximum suppression: a mask goes that overlaps with a better one by more than `most`.

    Args:
        masks: logits, (n, h, w).
        scores: (n,).
        most: intersection over union.

    Returns:
        Positions of the masks that stay, in order, int64.
    """
    count = len(masks)
    if count < 2:
        return torch.arange(count, device=masks.device)
    flat = (masks > 0).flatten(1).float()
    common = flat @ flat.T
    area = flat.sum(1)
    overlap = (common / (area[:, None] + area[None] - common).clamp(min=1)).cpu().numpy()
    kept: list[int] = []
    for i in torch.argsort(scores, descending=True, stable=True).tolist():
        if not kept or overlap[i, kept].max() <= most:
            kept.append(i)
    return torch.tensor(sorted(kept), dtype=torch.int64, device=masks.device)


def fill_specks(masks: Any, most: int) -> Any:
    """Logits (n, h, w) whose holes and islands of up to `most` cells are gone, a copy where any is; 0 or fewer: as they are.

    An island stays if it has half of the mask or more: it may be all that is seen of a small thing.
    """
    if most <= 0 or len(masks) == 0:
        return masks
    inside = (masks > 0).cpu().numpy()
    holes = np.stack([_specks(~one, most) for one in inside])
    inside |= holes
    islands = np.stack([_specks(one, min(most, int(one.sum()) // 2)) for one in inside])
    if holes.any():
        masks = masks.masked_fill(torch.from_numpy(holes).to(masks.device), FILLED)
    if islands.any():
        masks = masks.masked_fill(torch.from_numpy(islands).to(masks.device), CLEARED)
    return masks


def _specks(mask: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """The connected parts, over corners too, of up to `most` cells."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] <= most
    small[0] = False  # all that isn't in the mask
    return np.asarray(small[labels])
