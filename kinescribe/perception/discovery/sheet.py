"""One picture that tells a clip: frames spread over it, with their numbers, and a map of where anything moves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import NothingFoundError
from kinescribe.video.frame import Frame

__all__ = ["ContactSheet", "Sampled", "contact_sheet", "spread"]

Image = NDArray[np.uint8]

MOST_KEPT = 48  # frames in memory
MOST_TILES = 8  # beside the map
LONGEST_SHEET = 1536  # px
LEAST_STRIP = 18  # px, height of the strip with a tile's number
GAP = 6  # px between tiles
PAPER, INK = 255, 0
NOISE_SIGMAS = 4.0  # below this a difference is noise
LEAST_CHANGE = 6.0  # grey levels; compression makes such differences


@dataclass(frozen=True, slots=True, eq=False)
class ContactSheet:
    """A picture of a clip.

    Attributes:
        image: uint8, shape (H, W, 3), BGR; tiles in rows, each under a strip with "frame N".
        frames: indices of the frames shown, in order.
        has_motion: whether a last tile, in grey, shows where the clip changes; there is none where nothing does.
    """

    image: Image
    frames: list[int]
    has_motion: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Frames evenly spread over a clip, at the size of a tile.

    Attributes:
        indices: in the clip, ascending.
        images: uint8, shape (S, h, w, 3), BGR.
    """

    indices: list[int]
    images: Image


def contact_sheet(frames: Iterable[Frame]) -> ContactSheet:
    """Read a clip once and lay it out: of each eighth of it the frame that differs most from the clip's median.

    Raises:
        NothingFoundError: without frames.
    """
    sampled = spread(frames)
    change = _change(sampled.images)
    chosen = _telling(change)
    tiles = [(f"frame {sampled.indices[i]}", sampled.images[i]) for i in chosen]
    moving = change.max(axis=0)
    has_motion = bool(len(chosen) > 1 and (moving > 0).any())
    if has_motion:
        tiles.append(("where it moves", _map(moving)))
    return ContactSheet(_laid_out(tiles), [sampled.indices[i] for i in chosen], has_motion)


def spread(frames: Iterable[Frame]) -> Sampled:
    """At most `MOST_KEPT` frames, every n-th of a clip of any length. Raises `NothingFoundError` without frames."""
    kept: list[tuple[int, Image]] = []
    every = 1
    for number, frame in enumerate(frames):
        if number % every == 0:
            kept.append((frame.index, _tile(frame.image)))
        if len(kept) >= MOST_KEPT:
            kept, every = kept[::2], every * 2
    if not kept:
        raise NothingFoundError("the video has no frames that could be shown")
    return Sampled([index for index, _ in kept], np.stack([image for _, image in kept]))


def _tile(image: Image) -> Image:
    """Small enough for three in a row; enlarged where it is tiny, for the strip's words need room."""
    height, width = image.shape[:2]
    side = LONGEST_SHEET // 3 - GAP
    scale = side / max(height, width)
    if 1 <= scale < 2:
        return np.ascontiguousarray(image)
    size = (max(round(width * min(scale, 4)), 1), max(round(height * min(scale, 4)), 1))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.uint8)


def _change(images: Image) -> NDArray[np.float32]:
    """How far each pixel of each frame lies above the noise around the clip's median, grey levels, shape (S, h, w); 0 within it."""
    median = np.median(images, axis=0).round().astype(np.uint8)
    difference = np.stack([cv2.absdiff(image, median).max(axis=2) for image in images])
    noise = max(NOISE_SIGMAS * 1.48 * float(np.median(difference[:, ::2, ::2])), LEAST_CHANGE)
    return np.asarray(np.maximum(difference - np.float32(noise), 0), np.float32)


def _telling(change: NDArray[np.float32]) -> list[int]:
    """Of each of `MOST_TILES` stretches the frame with the most change, the first where all are alike."""
    amount = change.mean(axis=(1, 2))
    edges = np.linspace(0, len(amount), min(MOST_TILES, len(amount)) + 1).round().astype(int)
    return [int(start + np.argmax(amount[start:end])) for start, end in pairwise(edges)]


def _map(moving: NDArray[np.float32]) -> Image:
    """In grey, so that it lends no colour to the things: black where nothing changes, the whiter the more it does."""
    top = float(np.quantile(moving[moving > 0], 0.9))
    grey = (np.clip(moving / top, 0, 1) * 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


def _laid_out(tiles: list[tuple[str, Image]]) -> Image:
    """Tiles in rows, as near to a square as they go, each under its strip."""
    height, width = tiles[0][1].shape[:2]
    columns = _columns(len(tiles), height + LEAST_STRIP, width)
    rows = math.ceil(len(tiles) / columns)
    strip = max(LEAST_STRIP, width // 16)
    across, down = width + GAP, height + strip + GAP
    sheet = np.full((rows * down - GAP, columns * across - GAP, 3), PAPER, np.uint8)
    for (words, tile), (row, column) in zip(tiles, _places(rows, columns), strict=False):
        y, x = row * down, column * across
        sheet[y + strip : y + strip + height, x : x + width] = tile
        _write(sheet[y : y + strip, x : x + width], words)
    return sheet


def _columns(count: int, height: int, width: int) -> int:
    """How many tiles a row holds, so that the sheet is nearest to a square with the fewest empty places."""

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * width / (rows * height))) + 0.4 * (rows * columns - count)

    return min(range(1, count + 1), key=cost)


def _places(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    return ((row, column) for row in range(rows) for column in range(columns))


def _write(strip: Image, words: str) -> None:
    """Black words into a strip, as large as its height and length allow."""
    font = cv2.FONT_HERSHEY_SIMPLEX
    (length, height), _ = cv2.getTextSize(words, font, 1.0, 1)
    scale = min(0.6 * strip.shape[0] / height, 0.95 * strip.shape[1] / length)
    cv2.putText(strip, words, (2, round(strip.shape[0] * 0.78)), font, scale, (INK, INK, INK), 1, cv2.LINE_AA)
