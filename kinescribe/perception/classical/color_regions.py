"""A blob cut by colour: the few even colours that it shows, and the region of each, with what lies hidden behind the others."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.blobs import split_at_necks

__all__ = ["REACH", "body_regions", "color_labels", "palette", "spread_labels", "to_lab"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

REACH = 12.0  # ΔE: pixels so near to a colour have it
APART = 24.0  # ΔE: colours nearer than this are shades of one
FLAT = 8.0  # ΔE in a pixel's 3 × 3 neighbourhood: an even surface
LEAST_FLAT_PX, LEAST_FLAT_SHARE = 16, 0.01  # of such pixels, and of the blob's: what counts as a colour of it
LEAST_EXPLAINED = 0.6  # of a blob's pixels have one of its colours; less is texture
MOST_COLORS = 6
SPECK_PX = 4  # fewer of a colour together are mixed pixels of an outline
WHOLE_HULL = 0.93  # of the hull about two pieces that lies on the blob, where one body joins them behind another
LEAST_BODY_PX = 12
CELL_CODE = np.array([10_000, 100, 1], np.int32)  # a number a cell of colour space


def to_lab(image: NDArray[np.uint8]) -> Float32:
    """CIELAB of a picture (h, w, 3) BGR, single noisy pixels taken out."""
    calm = cv2.medianBlur(np.ascontiguousarray(image), 3)
    return np.asarray(cv2.cvtColor(calm.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)


def palette(lab: Float32, blob: NDArray[np.bool_]) -> Float:
    """The even colours of a blob, (K, 3), the most frequent first; none where it is textured or shaded.

    Args:
        lab: (h, w, 3). blob: bool, (h, w).
    """
    square = np.ones((3, 3), np.uint8)
    inside = cv2.erode(blob.view(np.uint8), square).view(bool)
    uneven = np.linalg.norm(cv2.dilate(lab, square) - cv2.erode(lab, square), axis=-1)
    flat = lab[inside & (uneven < FLAT)]
    least = max(LEAST_FLAT_PX, LEAST_FLAT_SHARE * float(blob.sum()))
    colors: list[Float] = []
    while len(flat) >= least and len(colors) < MOST_COLORS:
        cells = np.floor(flat / REACH).astype(np.int32)
        _, first, counts = np.unique(cells @ CELL_CODE, return_index=True, return_counts=True)
        color = (cells[first[counts.argmax()]] + 0.5) * REACH
        for _ in range(3):  # a cell's edge may cut the colour's noise in two: look around it
            near = np.linalg.norm(flat - color, axis=1) < REACH
            color = np.median(flat[near], axis=0) if near.any() else color
        if near.sum() < least:
            break
        if all(np.linalg.norm(color - other) >= APART for other in colors):
            colors.append(np.asarray(color, np.float64))
        flat = flat[np.linalg.norm(flat - color, axis=1) >= APART]
    if not colors or not inside.any():
        return np.zeros((0, 3))
    found = np.stack(colors)
    nearest = _distances(lab[inside], found).min(axis=1)
    return found if (nearest < REACH).mean() >= LEAST_EXPLAINED else np.zeros((0, 3))


def color_labels(lab: Float32, where: NDArray[np.bool_], colors: Float, owners: NDArray[np.int64]) -> NDArray[np.int32]:
    """For each pixel of `where`, (h, w), 1 + the owner of the colour that it has; 0 elsewhere and where it has none of them.

    Args:
        colors: (K, 3). owners: (K,), −1 for colours that are nobody's.
    """
    out = np.zeros(where.shape, np.int32)
    distance = _distances(lab[where], colors)
    best = distance.argmin(axis=1)
    out[where] = np.where(distance[np.arange(len(best)), best] < REACH, owners[best] + 1, 0)
    for owner in np.unique(out[out > 0]):
        count, pieces, stats, _ = cv2.connectedComponentsWithStats((out == owner).view(np.uint8), connectivity=8)
        small = np.flatnonzero(stats[:count, cv2.CC_STAT_AREA] < SPECK_PX)
        if len(small):
            out[np.isin(pieces, small[small > 0])] = 0
    return out


def _distances(lab: NDArray[np.float32], colors: Float) -> Float:
    return np.asarray(np.linalg.norm(lab[:, None].astype(np.float64) - colors[None], axis=2), np.float64)


def spread_labels(labels: NDArray[np.int32], blob: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Each pixel of the blob takes the nearest label."""
    _, index = cv2.distanceTransformWithLabels((labels == 0).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    lookup = np.zeros(int(index.max()) + 1, np.int32)
    lookup[index[labels > 0]] = labels[labels > 0]
    return np.where(blob, lookup[index], 0).astype(np.int32)


def body_regions(
    labels: NDArray[np.int32], filled: NDArray[np.int32], pins: NDArray[np.int64] | None = None
) -> list[tuple[int, NDArray[np.bool_]]]:
    """The bodies of a blob, each with its label and its whole mask.

    What another body hides counts: pieces are joined where the blob fills the hull about them, and what of another body lies within
    the hull of one is taken to be in front of it.

    Args:
        labels: (h, w), of the pixels that surely have one, 0 elsewhere. filled: (h, w), of all the blob's pixels.
        pins: labels of what goes through whatever it touches: a pin at the end of a rod hides that end.
    """
    out = []
    blob = filled > 0
    pinned = np.isin(labels, pins) if pins is not None else np.zeros(blob.shape, bool)
    for label in np.unique(labels[labels > 0]).tolist():
        region = filled == label
        pieces = [piece for piece in split_at_necks(region) if piece.sum() >= LEAST_BODY_PX]
        while pieces:
            body, rest = pieces[0], []
            for piece in pieces[1:]:
                both = body | piece
                hull = _hull(both)
                if (hull & blob).sum() >= WHOLE_HULL * hull.sum():
                    body = both
                else:
                    rest.append(piece)
            # the rim of a mask lies a pixel beyond the body's own
            solid = body & (labels == label)
            if pins is None or label not in pins:
                solid |= _touching(pinned, body)
            out.append((label, body | (_hull(solid) & blob) if solid.any() else body))
            pieces = rest
    return out


def _touching(others: NDArray[np.bool_], body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected pieces of `others` that touch a body."""
    if not others.any():
        return others
    _, pieces = cv2.connectedComponents(others.view(np.uint8), connectivity=8)
    beside = cv2.dilate(body.astype(np.uint8), np.ones((5, 5), np.uint8)).view(bool)
    return others & np.isin(pieces, np.unique(pieces[beside & others]))


def _hull(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The convex hull of a mask's pixels."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    out = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(out, cv2.convexHull(np.concatenate(outlines)), 1)
    return out.astype(bool)
