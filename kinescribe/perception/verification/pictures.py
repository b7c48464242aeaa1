"""Pictures to ask about: one thing cut out and outlined, or the whole frame with numbered outlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.evidence import View

__all__ = ["crop_picture", "marked_picture"]

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]

LEAST, MOST = 448, 1024  # px, longer side of what is shown; vision encoders see smaller pictures coarsely and shrink larger ones
LARGEST_ZOOM = 12.0
MARGIN, LEAST_MARGIN = 0.6, 12  # around the thing: share of its longer side, px of the frame
DIM = 0.4  # what is left of the brightness around the thing
PALETTE = ((255, 0, 255), (0, 255, 255), (255, 255, 0), (0, 255, 0), (0, 128, 255), (255, 64, 64))  # BGR, all far from one another
NEARLY = 0.6  # of the best colour's distance
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def crop_picture(view: View) -> Image:
    """The thing with a margin, outlined, the rest dimmed; enlarged where it is small. uint8, (h, w, 3) BGR, longer side ≤ 1024 px."""
    height, width = view.image.shape[:2]
    rows, columns = view.mask.shape
    margin = max(LEAST_MARGIN, round(MARGIN * max(rows, columns)))
    x0, y0 = max(view.mask.x - margin, 0), max(view.mask.y - margin, 0)
    x1, y1 = min(view.mask.x + columns + margin, width), min(view.mask.y + rows + margin, height)
    scale = _scale(x1 - x0, y1 - y0)
    picture = _resized(view.image[y0:y1, x0:x1], scale)
    mask = _drawn(view.mask, x0, y0, scale, picture.shape[:2])
    # close by, all stays bright: the mask may be a little too small
    near = cv2.dilate(mask.astype(np.uint8), _disc(max(4, round(2 * scale)))) > 0
    picture[~near] = (DIM * picture[~near]).astype(np.uint8)
    _outline(picture, mask, _color(picture, mask))
    return picture


def marked_picture(image: Image, marks: Mapping[int, MaskCrop]) -> Image:
    """The whole frame with each mask outlined and its number beside it. uint8, (h, w, 3) BGR, longer side 448 to 1024 px."""
    height, width = image.shape[:2]
    scale = _scale(width, height)
    picture = _resized(image, scale)
    masks = {number: _drawn(mask, 0, 0, scale, picture.shape[:2]) for number, mask in marks.items()}
    colors: dict[int, tuple[int, int, int]] = {}
    for number, mask in masks.items():
        colors[number] = _color(picture, mask, list(colors.values()))
    for number, mask in masks.items():
        _outline(picture, mask, colors[number])
    taken = np.zeros(picture.shape[:2], np.uint8)
    for mask in masks.values():
        taken[cv2.dilate(mask.astype(np.uint8), _disc(4)) > 0] = 1
    for number, mask in masks.items():
        _number(picture, number, mask, taken, colors[number])
    return picture


def _scale(width: int, height: int) -> float:
    longer = max(width, height)
    return float(min(LARGEST_ZOOM, LEAST / longer) if longer < LEAST else min(1.0, MOST / longer))


def _resized(image: Image, scale: float) -> Image:
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.array(cv2.resize(np.ascontiguousarray(image), size, interpolation=how), np.uint8)


def _drawn(mask: MaskCrop, x0: int, y0: int, scale: float, shape: Sequence[int]) -> NDArray[np.bool_]:
    """The mask at the picture's scale, its edges smooth."""
    rows, columns = mask.shape
    out = np.zeros((shape[0], shape[1]), bool)
    if not mask.pixels.any():
        return out
    padded = np.pad(mask.pixels, 1).astype(np.float32)
    moved = np.array([[scale, 0, scale * (mask.x - 1 - x0 + 0.5) - 0.5], [0, scale, scale * (mask.y - 1 - y0 + 0.5) - 0.5]])
    smooth = cv2.warpAffine(padded, moved, (shape[1], shape[0]), flags=cv2.INTER_LINEAR)
    out = smooth >= 0.5
    if not out.any():  # smaller than a pixel of the picture
        row, column = round((mask.y - y0 + rows / 2) * scale), round((mask.x - x0 + columns / 2) * scale)
        out[min(max(row, 0), shape[0] - 1), min(max(column, 0), shape[1] - 1)] = True
    return np.asarray(out, bool)


def _disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def _color(picture: Image, mask: NDArray[np.bool_], used: Sequence[tuple[int, int, int]] = ()) -> tuple[int, int, int]:
    """Of the palette the colour that is farthest from what it will be drawn on, by CIELAB distance to the nearest tenth of the pixels.

    Of those that are nearly as far the least used one is taken, so that outlines that meet differ.
    """
    ring = cv2.dilate(mask.astype(np.uint8), _disc(6)) > 0
    around = picture[ring]
    around = around[:: max(1, len(around) // 2000)]
    lab = cv2.cvtColor(around[None], cv2.COLOR_BGR2LAB)[0].astype(float)
    shades = cv2.cvtColor(np.array([PALETTE], np.uint8), cv2.COLOR_BGR2LAB)[0].astype(float)
    distances = np.linalg.norm(lab[None] - shades[:, None], axis=2)
    far = np.percentile(distances, 10, axis=1)
    good = [color for color, distance in zip(PALETTE, far, strict=True) if distance >= NEARLY * far.max()]
    return min(good, key=lambda color: (list(used).count(color), -far[PALETTE.index(color)]))


def _outline(picture: Image, mask: NDArray[np.bool_], color: tuple[int, int, int]) -> None:
    """A line of colour between two of black, just outside the mask, so that it covers nothing of the thing and shows on any background."""
    solid = mask.astype(np.uint8)
    edges = [cv2.dilate(solid, _disc(radius)) > 0 for radius in (1, 4, 5)]
    picture[edges[2] & ~mask] = BLACK
    picture[edges[1] & ~edges[0]] = color


def _number(picture: Image, number: int, mask: NDArray[np.bool_], taken: NDArray[np.uint8], color: tuple[int, int, int]) -> None:
    """A plate with the number, near the mask, on no mask and no other plate where there is room; a line leads to it from farther off."""
    height, width = mask.shape
    text, size, thick = str(number), 0.8, 2
    (w, h), _ = cv2.getTextSize(text, FONT, size, thick)
    w, h = w + 12, h + 12
    ys, xs = np.nonzero(mask)
    if len(xs) == 0 or w > width or h > height:
        return
    x, y = _place((int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1), w, h, taken)
    taken[y : y + h, x : x + w] = 1
    nearest = int(((xs - (x + w / 2)) ** 2 + (ys - (y + h / 2)) ** 2).argmin())
    tip = (int(xs[nearest]), int(ys[nearest]))
    middle = (x + w // 2, y + h // 2)
    line = np.zeros((height, width), np.uint8)
    cv2.line(line, middle, tip, 1, 2)
    path = (line > 0) & ~mask
    halo = (cv2.dilate(path.astype(np.uint8), _disc(1)) > 0) & ~mask
    picture[halo] = BLACK
    picture[path] = color
    cv2.rectangle(picture, (x, y), (x + w - 1, y + h - 1), BLACK, -1)
    cv2.rectangle(picture, (x + 1, y + 1), (x + w - 2, y + h - 2), color, 2)
    cv2.putText(picture, text, (x + 6, y + h - 7), FONT, size, WHITE, thick, cv2.LINE_AA)


def _place(box: Box, w: int, h: int, taken: NDArray[np.uint8]) -> tuple[int, int]:
    """Top left corner of a plate of w × h px: the nearest to the box that is free, else that which covers least."""
    height, width = taken.shape
    covered = np.pad(np.cumsum(np.cumsum(taken.astype(np.int64), 0), 1), ((1, 0), (1, 0)))
    best, lowest = (0, 0), np.inf
    x0, y0, x1, y1 = box
    for gap in (6, 16, 30, 50, 80, 120, 180):
        for x, y in _around(x0 - gap, y0 - gap, x1 + gap, y1 + gap, w, h):
            x, y = min(max(x, 0), width - w), min(max(y, 0), height - h)
            hidden = covered[y + h, x + w] - covered[y, x + w] - covered[y + h, x] + covered[y, x]
            cost = 1000.0 * hidden + gap
            if cost < lowest:
                best, lowest = (x, y), cost
        if lowest < 1000:
            break
    return best


def _around(x0: int, y0: int, x1: int, y1: int, w: int, h: int) -> list[tuple[int, int]]:
    """Places outside a box: its corners, the middles of its sides, and between."""
    out = [(x0 - w, y0 - h), (x1, y0 - h), (x0 - w, y1), (x1, y1)]
    for share in (0.5, 0.0, 1.0, 0.25, 0.75):
        x, y = round(x0 + share * (x1 - x0 - w)), round(y0 + share * (y1 - y0 - h))
        out += [(x, y0 - h), (x, y1), (x0 - w, y), (x1, y)]
    return out
