"""How a thing looks, against what is around it: a classifier of pixels that never forgets the first sight.

Kernel ridge regression on random Fourier features (Rahimi & Recht 2007): the normal equations of the prompted frames are kept for good,
those of later frames fade, and both together are solved anew for each frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.propagating.windows import Field, placed, signed_distance

__all__ = ["Look", "Sight"]

FEATURES = 128  # a block; the kernel is the sum of the three blocks'
COLOR = 9.0  # CIELAB, reach of the kernel
NEAR, WIDE = 0.15, 0.5  # reach in place, in sizes of the thing
FINE, COARSE = 2.0, 5.0  # px, surroundings that a pixel is seen with
FIRST = 0.7  # share of the prompted frames
FADE = 0.15  # a frame
RIDGE = 0.003
STRIDE = 2
MOST_SAMPLES = 5000  # a frame
SEED = 0  # of the random features, the same for all
AWAY = 0.6  # sizes of the thing: what is farther counts less
AWAY_WEIGHT = 0.3
IGNORED = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """Scores of a window's pixels, about −1 for the surroundings and 1 for the thing.

    Attributes:
        now: from all that is known, (rows, columns).
        first: from the prompted frames alone, (rows, columns).
    """

    now: Field
    first: Field


class Look:
    """The classifier of one thing."""

    def __init__(self) -> None:
        random = np.random.default_rng(SEED)  # the same features for all
        blocks = (
            [COLOR] * 3 + [IGNORED] * 8 + [NEAR] * 2,
            [1.5 * COLOR] * 9 + [COLOR] * 2 + [IGNORED] * 2,
            [1.5 * COLOR] * 9 + [COLOR] * 2 + [WIDE] * 2,
        )
        self._directions = np.concatenate([_directions(random, np.array(reach)) for reach in blocks], axis=1)
        size = 2 * self._directions.shape[1] + 1
        self._first = (np.zeros((size, size)), np.zeros(size))
        self._recent = (np.zeros((size, size)), np.zeros(size))
        self._weights = np.zeros((size, 2), np.float32)
        self._prompts = 0

    def learn(self, colors: Field, coverage: Field, trust: Field | None = None) -> None:
        """From CIELAB (rows, columns, 3), a mask and how much each pixel of it is trusted; None: a prompt, trusted for good."""
        _, _, size = placed(coverage)
        inside = coverage[::STRIDE, ::STRIDE] >= 0.5
        depth = np.abs(signed_distance(coverage))[::STRIDE, ::STRIDE]
        weight = np.ones(inside.shape, np.float32) if trust is None else trust[::STRIDE, ::STRIDE] * np.clip(depth / 2, 0.1, 1)
        weight = np.where(~inside & (depth > AWAY * size), AWAY_WEIGHT, 1).astype(np.float32) * weight
        used = np.flatnonzero(weight.ravel() > 0.02)
        used = used[:: -(-len(used) // MOST_SAMPLES)] if len(used) else used
        label, weight = np.where(inside, 1, -1).ravel()[used], weight.ravel()[used]
        for side in (1, -1):
            total = float(weight[label == side].sum())
            if total > 0:
                weight[label == side] *= 0.5 / total
        features = self._features(_described(colors, coverage).reshape(-1, 13)[used])
        normal = ((features * weight[:, None]).T @ features).astype(np.float64), (features.T @ (weight * label)).astype(np.float64)
        if trust is None:
            self._prompts += 1
            self._first = _mixed(self._first, normal, 1 / self._prompts)
            self._recent = normal
            self._weights[:, 1] = _solved(self._first)
        else:
            self._recent = _mixed(self._recent, normal, FADE)
        self._weights[:, 0] = _solved(_mixed(self._recent, self._first, FIRST))

    def see(self, colors: Field, coverage: Field) -> Sight:
        """Scores for a window of CIELAB colours (rows, columns, 3); `coverage` is about where the thing lies in it."""
        described = _described(colors, coverage)
        scores = (self._features(described.reshape(-1, 13)) @ self._weights).reshape(*described.shape[:2], 2)
        # a pixel of the coarse grid stands for the first of each STRIDE, not for their middle
        spread = np.array([[1 / STRIDE, 0, 0], [0, 1 / STRIDE, 0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        fine = cv2.warpAffine(scores, spread, (colors.shape[1], colors.shape[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return Sight(np.ascontiguousarray(fine[..., 0]), np.ascontiguousarray(fine[..., 1]))

    def _features(self, described: Field) -> Field:
        angles = described @ self._directions
        return np.concatenate([np.cos(angles), np.sin(angles), np.ones((len(angles), 1), np.float32)], axis=1)


def _directions(random: np.random.Generator, reach: NDArray[np.float64]) -> Field:
    """Random frequencies of a Gaussian kernel, (len(reach), FEATURES / 2), orthogonal in groups (Yu et al. 2016)."""
    used = np.flatnonzero(reach < IGNORED)
    groups = []
    for _ in range(-(-FEATURES // (2 * len(used)))):
        turned, _ = np.linalg.qr(random.standard_normal((len(used), len(used))))
        groups.append(turned * np.linalg.norm(random.standard_normal((len(used), len(used))), axis=0))
    out = np.zeros((len(reach), FEATURES // 2), np.float32)
    out[used] = np.concatenate(groups, axis=1)[:, : FEATURES // 2] / reach[used, None]
    return out


def _described(colors: Field, coverage: Field) -> Field:
    """Per pixel: colour, its mean nearby and farther, its unrest nearby and farther, place in sizes of the thing; (…, …, 13)."""
    row, column, size = placed(coverage)
    means = [cv2.GaussianBlur(colors, (0, 0), sigma)[::STRIDE, ::STRIDE] for sigma in (FINE, COARSE)]
    squared = colors[..., 0] ** 2
    unrest = [
        np.sqrt(np.maximum(cv2.GaussianBlur(squared, (0, 0), sigma)[::STRIDE, ::STRIDE] - mean[..., 0] ** 2, 0))
        for sigma, mean in zip((FINE, COARSE), means, strict=True)
    ]
    y, x = np.mgrid[: colors.shape[0] : STRIDE, : colors.shape[1] : STRIDE].astype(np.float32)
    place = [(x - column) / size, (y - row) / size]
    return np.concatenate([colors[::STRIDE, ::STRIDE], *means, np.stack([*unrest, *place], axis=-1)], axis=-1).astype(np.float32)


Normal = tuple[NDArray[np.float64], NDArray[np.float64]]


def _mixed(one: Normal, other: Normal, share: float) -> Normal:
    return (1 - share) * one[0] + share * other[0], (1 - share) * one[1] + share * other[1]


def _solved(normal: Normal) -> Field:
    matrix, right = normal
    return np.linalg.solve(matrix + RIDGE * np.eye(len(right)), right).astype(np.float32)
