"""What speaks for a mask besides motion, and what it is worth."""

from __future__ import annotations

import cv2
import numpy as np

from kinescribe.perception.classical.propagating.edges import edge_coverage
from kinescribe.perception.classical.propagating.look import Sight
from kinescribe.perception.classical.propagating.windows import Field, Image, Window, box_of, signed_distance

__all__ = ["drop_foreign", "fine_coverage", "midway_score", "place_evidence", "trust_in"]

LEAST_TRUST = 0.5
HALF_WRONG = 0.5  # error along the outline at which the look says nothing
OUTLINE = 6.0  # px, that the outline is judged over
NEARBY = 8.0  # px, over which scores inside and outside are averaged
MOST_MIDWAY = 0.4  # score, that may part the one from the other
PLACE_WEIGHT = 1.5  # log-odds far inside the place that is expected, and far outside it
PLACE_WIDTH, PLACE_SHARE = 1.5, 0.06  # px, and share of the size: over which the expected outline is uncertain
FAR, FAR_WEIGHT = 0.25, 6.0  # sizes of the thing, beyond which nothing of it is expected
FOREIGN = -0.2  # score of the first look below which a piece is not believed
SPECK = 0.0005  # of the window
AROUND = 12  # px, that refining an outline looks at beyond it


def trust_in(sight: Sight, membership: Field) -> float:
    """How far the look alone would have found this mask, in [LEAST_TRUST, 1], judged along its outline."""
    soft = cv2.GaussianBlur(membership, (0, 0), OUTLINE)
    weight = 4 * soft * (1 - soft) + 0.01
    wrong = np.clip(np.abs(np.clip(sight.now, -1, 1) - (2 * membership - 1)) / 2, 0, 1)
    return float(np.clip(1 - (wrong * weight).sum() / weight.sum() / HALF_WRONG, LEAST_TRUST, 1))


def midway_score(scores: Field, membership: Field) -> Field:
    """What lies midway between the scores inside and outside, nearby."""
    bounded = np.clip(scores, -1, 1)

    def mean(weight: Field, usual: float) -> Field:
        total = cv2.GaussianBlur(bounded * weight, (0, 0), NEARBY) + 1e-3 * usual
        return np.asarray(total / (cv2.GaussianBlur(weight, (0, 0), NEARBY) + 1e-3), np.float32)

    midway = (mean(membership, 1.0) + mean(1 - membership, -1.0)) / 2
    return np.asarray(np.clip(midway, -MOST_MIDWAY, MOST_MIDWAY), np.float32)


def place_evidence(mask: Field, size: float, trust: float) -> Field:
    """Log-odds of the place alone, the less sure the better the look tells; nothing is expected far from the mask."""
    distance = signed_distance(mask)
    width = PLACE_WIDTH + PLACE_SHARE * size * trust
    near = np.clip(distance / width * 2, -PLACE_WEIGHT, PLACE_WEIGHT)
    return np.asarray(near - FAR_WEIGHT * np.clip(-distance / size - FAR, 0, 1), np.float32)


def drop_foreign(membership: Field, first: Field, without_look: Field) -> None:
    """Take out pieces that the first look does not know and that neither motion nor place speaks for; and specks."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((membership >= 0.5).astype(np.uint8), connectivity=8)
    for k in range(1, count):
        x, y, w, h, area = stats[k]
        part = (slice(y, y + h), slice(x, x + w))
        piece = labels[part] == k
        foreign = first[part][piece].mean() < FOREIGN and without_look[part][piece].mean() < PLACE_WEIGHT
        if foreign or area < SPECK * membership.size:
            membership[part][piece] = 0


def fine_coverage(image: Image, window: Window, membership: Field) -> Field:
    """The mask's coverage in full resolution, (height, width) of the window; 0 outside the picture."""
    fine = window.finest()
    rough = window.grown(membership, fine.size)
    box = box_of(rough)
    if box is not None:
        part = tuple(slice(max(low - AROUND, 0), high + AROUND) for low, high in ((box[1], box[3]), (box[0], box[2])))
        rough[part] = edge_coverage(fine.colors(image, part), rough[part])
    coverage = fine.grown(rough)
    coverage[max(image.shape[0] - window.y, 0) :] = 0
    coverage[:, max(image.shape[1] - window.x, 0) :] = 0
    return coverage
