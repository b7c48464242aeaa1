"""What one body looks like, and where exactly it is: render, compare, shift.

A frame is explained as `rendered + (1 − alpha) · plate`, the body's own pixels laid over the background. Position and turn are
what makes the rendering fit best (Gauss-Newton on the pixels, after Lucas and Kanade 1981, with the outline's mixed pixels and the
known background in the model). Unlike a blob's centroid this holds when a part of the body looks like the background, touches
something else or leaves the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, sqrt
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.panes import Glazed

__all__ = ["Pose", "Sprite", "register", "registered_within"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

GRID_VARIANCE = 0.01**2  # px², what sampling on a grid leaves
NOISE_CORRELATION = 2.0  # as for centroids: neighbouring pixels' errors are not independent
_NOTHING_HIDES = np.zeros((0, 0), bool)
STEEP_PIXELS = 2000  # that a registration looks at: those with the steepest gradients say almost all about place and turn
OTHER_PIXELS = 1000  # and of the others a regular choice, to tell whether it's the body at all


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    """P pixels of a sprite.

    Attributes:
        table: (P, 15), as `compiled.registration.descend` takes them.
        farthest: of a coordinate from the anchor, px.
    """

    table: Float32
    farthest: float


@dataclass(frozen=True, eq=False)
class Sprite:
    """One body, cut out.

    Attributes:
        rendered: float32, shape (h, w, 3), BGR grey levels times alpha.
        alpha: float32, shape (h, w), in [0, 1]; zero along the border.
        anchor: (2,), x, y of the body's centroid in the sprite.
        turns: whether its look tells its turn.
        whole: for a part of a body, the body's alpha, shape (h, w): what of it isn't the part says nothing.
        turning: whether it was seen to turn while it was learned.
    """

    rendered: Float32
    alpha: Float32
    anchor: Float
    turns: bool = False
    whole: Float32 | None = None
    turning: bool = False

    @cached_property
    def pixels(self) -> _Pixels:
        """The pixels that position and turn are read from, with their gradients."""
        return _informative(self)

    def part(self, point: Float, keep: NDArray[np.bool_]) -> Sprite:
        """Those pixels of the sprite that `keep` (h, w) marks, anchored at another point (2,) of it, its look alone not telling a turn."""
        alpha = np.where(keep, self.alpha, 0).astype(np.float32)
        # what is cut away must not be taken for background: its pixels are left out, not made transparent
        return Sprite(self.rendered, alpha, np.asarray(point, np.float64), False, self.alpha)

    @cached_property
    def radius(self) -> float:
        """Of the disc of the same area, px."""
        return float(np.sqrt(max(float(self.alpha.sum()), 1.0) / np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where a sprite was found.

    Attributes:
        position: (2,), x, y of the body's centroid in the picture, px.
        turn: radians, clockwise on the screen against the sprite.
        covariance: (2, 2), of the position, px².
        turn_sigma: of the turn, radians; NaN where it isn't known.
        gain: 1 − (what the sprite leaves unexplained) / (what the background leaves unexplained); 1 is perfect, ≤ 0 no better than nothing.
        visible: share of the body inside the picture.
    """

    position: Float
    turn: float
    covariance: Float
    turn_sigma: float
    gain: float
    visible: float


def _informative(sprite: Sprite) -> _Pixels:
    alpha = sprite.alpha if sprite.whole is None else sprite.whole
    gx, gy, ax, ay = (
        np.asarray(cv2.Sobel(layer, cv2.CV_32F, int(axis == 0), int(axis == 1), ksize=3, scale=1 / 8), np.float32)
        for layer in (sprite.rendered, alpha)
        for axis in (0, 1)
    )
    touched = cv2.dilate((sprite.alpha > 0.02).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    if sprite.whole is not None:
        touched &= (sprite.alpha > 0) | (sprite.whole <= 0.02)
    # an outline's step against the plate isn't known yet; alpha's own gradient times a typical contrast stands for it
    energy = (gx**2 + gy**2).sum(-1) + 50.0**2 * (ax**2 + ay**2)
    ys, xs = np.nonzero(touched)
    shares = np.ones(len(ys), np.float32)
    if len(ys) > STEEP_PIXELS + OTHER_PIXELS:
        order = np.argsort(-energy[ys, xs], kind="stable")
        rest = np.sort(order[STEEP_PIXELS:])
        regular = rest[np.linspace(0, len(rest) - 1, OTHER_PIXELS).astype(int)]
        chosen = np.concatenate([order[:STEEP_PIXELS], regular])
        shares = np.ones(len(chosen), np.float32)
        shares[STEEP_PIXELS:] = len(rest) / OTHER_PIXELS
        ys, xs = ys[chosen], xs[chosen]
    at = np.stack([xs - sprite.anchor[0], ys - sprite.anchor[1]], axis=1).astype(np.float32)
    slopes = np.concatenate([gx[ys, xs], gy[ys, xs], ax[ys, xs, None], ay[ys, xs, None]], axis=1)
    table = np.concatenate([at, sprite.rendered[ys, xs], alpha[ys, xs, None], slopes, shares[:, None]], axis=1, dtype=np.float32)
    return _Pixels(np.ascontiguousarray(table), float(np.abs(at).max(initial=0)))


def _farthest(sprite: Sprite) -> float:
    """How far from where it is expected a sprite may be found, px."""
    return 2.0 + 0.5 * sprite.radius


def registered_within(sprite: Sprite) -> float:
    """How far on each side of the expected place the picture has a say in where a sprite is, px."""
    return sprite.pixels.farthest + _farthest(sprite) + 3


def register(
    sprite: Sprite,
    image: NDArray[np.uint8],
    plate: Float32,
    offset: Float32,
    start: Float,
    turn: float = 0.0,
    iterations: int = 10,
    hidden: NDArray[np.bool_] | None = None,
) -> Pose | None:
    """Find the sprite near `start`; None where it left the picture or ran away.

    Args:
        image: uint8, (H, W, 3). plate: float32, (H, W, 3). offset: (3,), the frame's brightness offset against the plate.
        start: (2,) expected position, to about a pixel or two. turn: expected turn, radians.
        hidden: (H, W), where something is known to be in front of the body; its pixels say nothing.
    """
    from kinescribe.perception.classical.compiled.registration import RESULTS, descend  # numba takes its time to come in

    p = sprite.pixels
    reach = registered_within(sprite)
    x, y = float(start[0]), float(start[1])
    height, width = image.shape[:2]
    x0, y0 = max(floor(x - reach), 0), max(floor(y - reach), 0)
    x1, y1 = min(ceil(x + reach) + 1, width), min(ceil(y + reach) + 1, height)
    if min(x1 - x0, y1 - y0) < 3 or not len(p.table):
        return None
    view, in_view = _around(image, x0, y0, x1, y1)
    behind, in_plate = _around(plate, x0, y0, x1, y1)
    clear = _NOTHING_HIDES if hidden is None else ~hidden[y0:y1, x0:x1]
    out = np.empty(RESULTS)
    if not descend(
        p.table, sprite.turns, sprite.radius, view, in_view, behind, in_plate, (y1 - y0, x1 - x0), offset, clear,
        x - x0, y - y0, float(turn), _farthest(sprite), iterations, out,
    ):  # fmt: skip
        return None
    unexplained, without, weight, visible, xx, xy, yy, turns = out[3:].tolist()
    variance = unexplained / max(weight, 1.0) * NOISE_CORRELATION
    covariance = np.array([[xx * variance + GRID_VARIANCE, xy * variance], [xy * variance, yy * variance + GRID_VARIANCE]])
    turn_sigma = sqrt(max(turns * variance, 0.0)) if sprite.turns else np.nan
    position = np.array([x0 + out[0], y0 + out[1]])
    return Pose(position, float(out[2]), covariance, turn_sigma, 1 - unexplained / max(without, 1e-9), min(visible, 1.0))


def _around(picture: NDArray[Any], x0: int, y0: int, x1: int, y1: int) -> tuple[NDArray[Any], tuple[int, int]]:
    """An array that holds a part of the picture, as the compiled loops take it, and the row and column at which the part begins in it."""
    if isinstance(picture, Glazed):
        return picture.around((x0, y0, x1, y1))
    if picture.flags.c_contiguous and picture.flags.writeable:
        return picture, (y0, x0)
    return picture[y0:y1, x0:x1].copy(), (0, 0)
