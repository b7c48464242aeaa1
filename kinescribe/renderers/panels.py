"""Two pictures of one moment in one: beside each other, or one on either side of a line."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.renderers.captions import GROUND, Caption, in_corner, strip_above

__all__ = ["beside", "wiped"]

Picture = NDArray[np.uint8]
GAP = 0.008  # between two panels, of their width
LINE = (245, 245, 245)
LINE_EDGE = (40, 40, 40)


def beside(left: Picture, right: Picture, captions: tuple[Caption, Caption] | None = None) -> Picture:
    """Both beside each other, with a strip of words above each.

    Args:
        left, right: uint8, (H, W, 3), of one size.
        captions: of both; None for no strips.

    Raises:
        UsageError: pictures of two sizes.
    """
    height, width = _size_of_both(left, right)
    gap = max(2, 2 * round(GAP * width / 2))
    between = np.empty((height, gap, 3), np.uint8)
    between[:] = GROUND
    both = np.hstack([left, between, right])
    if captions is None:
        return both
    head = np.empty((strip_above(width, height, captions[0]).shape[0], gap, 3), np.uint8)
    head[:] = GROUND
    strips = [strip_above(width, height, caption) for caption in captions]
    return np.vstack([np.hstack([strips[0], head, strips[1]]), both])


def wiped(left: Picture, right: Picture, share: float, captions: tuple[Caption, Caption] | None = None) -> Picture:
    """One picture: `left` up to a standing line, `right` from there on.

    Args:
        left, right: uint8, (H, W, 3), of one size.
        share: of the width that `left` has, in [0, 1].
        captions: one in each upper corner, where its side has room for it.

    Raises:
        UsageError: pictures of two sizes, or a share beyond [0, 1].
    """
    height, width = _size_of_both(left, right)
    if not 0.0 <= share <= 1.0:
        raise UsageError(f"share {share:g} of a wipe: it must be from 0 (all of the right picture) to 1")
    x = round(share * width)
    sides = [left, right]
    if captions is not None:
        for k, (caption, room) in enumerate(zip(captions, (x, width - x), strict=True)):
            written = sides[k].copy()
            if in_corner(written, caption, right=bool(k)) <= room:
                sides[k] = written
    out = np.hstack([sides[0][:, :x], sides[1][:, x:]])
    thick = max(1, round(height / 240))
    if 0 < x < width:
        cv2.line(out, (x, 0), (x, height - 1), LINE_EDGE, thick + 2)
        cv2.line(out, (x, 0), (x, height - 1), LINE, thick)
    return out


def _size_of_both(left: Picture, right: Picture) -> tuple[int, int]:
    if left.shape != right.shape:
        sizes = " and ".join(f"{one.shape[1]}×{one.shape[0]}" for one in (left, right))
        raise UsageError(f"two panels need pictures of one size, not {sizes}")
    height, width = left.shape[:2]
    return height, width
