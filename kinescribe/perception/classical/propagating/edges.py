"""How much of each pixel on an outline a thing covers."""

from __future__ import annotations

import cv2
import numpy as np

from kinescribe.perception.classical.propagating.windows import Field, signed_distance

__all__ = ["edge_coverage"]

BAND = 2.0  # px, on either side of the outline
CLEAR = 2.0  # px, from the outline to pixels that are wholly one or the other
REACH = 2.5  # px, over which their colours are averaged
CONTRAST = 10.0  # CIELAB, below which colour doesn't tell


def edge_coverage(colors: Field, membership: Field) -> Field:
    """Coverage in [0, 1] from CIELAB colours (h, w, 3) and a membership in [0, 1]: along the outline each pixel's colour is a mixture.

    The share is the colour's place between the mean colours just inside and just outside; where these are alike the membership stays.
    """
    distance = signed_distance(membership)
    band = np.abs(distance) < BAND
    if not band.any() or not (distance > 0).any():
        return membership
    deep = max(min(CLEAR, float(distance.max()) - 0.5), 0.5)  # a small thing has no pixel far from its outline
    inside, outside = (distance >= deep).astype(np.float32), (distance <= -CLEAR).astype(np.float32)
    own, own_weight = _mean(colors, inside)
    other, other_weight = _mean(colors, outside)
    span = own - other
    length = (span * span).sum(-1)
    share = np.clip(((colors - other) * span).sum(-1) / np.maximum(length, 1e-3), 0, 1)
    told = band & (length > CONTRAST**2) & (np.minimum(own_weight, other_weight) > 0.005)
    # the outline may move by a pixel and a half; what is farther is texture
    share = np.clip(share, np.clip(distance - 1, 0, 1), np.clip(distance + 2, 0, 1))
    return np.where(told, share, membership).astype(np.float32)


def _mean(colors: Field, weight: Field) -> tuple[Field, Field]:
    mass = cv2.GaussianBlur(weight, (0, 0), REACH)
    total = cv2.GaussianBlur(colors * weight[..., None], (0, 0), REACH)
    return (total / np.maximum(mass, 1e-6)[..., None]).astype(np.float32), np.asarray(mass, np.float32)
