"""Masks as COCO's compressed run lengths, which data-set tools read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop

__all__ = ["decode_counts", "encode_mask"]


def encode_mask(crop: MaskCrop, height: int, width: int) -> dict[str, object]:
    """A mask in a picture of height × width as `{"size": [h, w], "counts": text}`; what lies outside the picture is cut."""
    full = np.zeros((height, width), np.uint8)
    y0, x0 = max(crop.y, 0), max(crop.x, 0)
    y1, x1 = min(crop.y + crop.shape[0], height), min(crop.x + crop.shape[1], width)
    if y1 > y0 and x1 > x0:
        full[y0:y1, x0:x1] = crop.pixels[y0 - crop.y : y1 - crop.y, x0 - crop.x : x1 - crop.x]
    flat = full.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    if flat.size and flat[0]:  # the first run is of zeros
        runs.insert(0, 0)
    return {"size": [height, width], "counts": _encode(runs)}


def _encode(runs: list[int]) -> str:
    """Five bits a character from '0' on, lowest first, bit 5 for more to come; from the third run on, differences to the last but one."""
    out = []
    for i, run in enumerate(runs):
        value = run - runs[i - 2] if i > 2 else run
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != -1 if bits & 0x10 else value != 0
            out.append(chr((bits | 0x20 if more else bits) + 48))
    return "".join(out)


def decode_counts(size: tuple[int, int], counts: str) -> NDArray[np.bool_]:
    """The mask, (height, width), of compressed run lengths.

    Raises:
        ValueError: where they don't fill the picture exactly.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"run lengths hold {character!r}, which stands for none")
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    height, width = size
    if sum(runs) != height * width or min(runs, default=0) < 0:
        raise ValueError(f"run lengths fill {sum(runs)} pixels of {height} × {width}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T
