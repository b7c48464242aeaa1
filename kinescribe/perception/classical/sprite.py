"""What one body looks like, and where exactly it is: render, compare, shift.

A frame is explained as `rendered + (1 − alpha) · plate`, the body's own pixels laid over the background. Position and turn are
what makes the rendering fit best (Gauss-Newton on the pixels, after Lucas and Kanade 1981, with the outline's mixed pixels and the
known background in the model). Unlike a blob's centroid this holds when a part of the body looks like the background, touches
something else or leaves the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Pose", "Sprite", "register"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

NOISE_CORRELATION = 2.0  # as for centroids: neighbouring pixels' errors are not independent
CONVERGED_PX = 0.01
HOPELESS_AFTER = 3  # steps: a body that explains less than the empty background by then isn't there
LEAST_VISIBLE = 0.35  # share of the body's pixels that must lie in the picture
STEEP_PIXELS = 2000  # that a registration looks at: those with the steepest gradients say almost all about place and turn
OTHER_PIXELS = 1000  # and of the others a regular choice, to tell whether it's the body at all


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    """P pixels of a sprite.

    Attributes:
        at: (P, 2), x, y against the anchor.
        rendered: (P, 3). alpha: (P,).
        rendered_dx, rendered_dy: (P, 3), gradients. alpha_dx, alpha_dy: (P,).
        shares: (P,), how many of the sprite's pixels each stands for.
    """

    at: Float32
    rendered: Float32
    alpha: Float32
    rendered_dx: Float32
    rendered_dy: Float32
    alpha_dx: Float32
    alpha_dy: Float32
    shares: Float32


@dataclass(frozen=True, eq=False)
class Sprite:
    """One body, cut out.

    Attributes:
        rendered: float32, shape (h, w, 3), BGR grey levels times alpha.
        alpha: float32, shape (h, w), in [0, 1]; zero along the border.
        anchor: (2,), x, y of the body's centroid in the sprite.
        turns: whether its look tells its turn.
        whole: for a part of a body, the body's alpha, shape (h, w): what of it isn't the part says nothing.
    """

    rendered: Float32
    alpha: Float32
    anchor: Float
    turns: bool = False
    whole: Float32 | None = None

    @cached_property
    def pixels(self) -> _Pixels:
        """The pixels that position and turn are read from, with their gradients."""
        return _informative(self)

    def part(self, point: Float, keep: NDArray[np.bool_]) -> Sprite:
        """Those pixels of the sprite that `keep` (h, w) marks, anchored at another point (2,) of it, its look alone not telling a turn."""
        alpha = np.where(keep, self.alpha, 0).astype(np.float32)
        # what is cut away must not be taken for background: its pixels are left out, not made transparent
        return Sprite(self.rendered, alpha, np.asarray(point, np.float64), False, self.alpha)

    @property
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
    return _Pixels(at, sprite.rendered[ys, xs], alpha[ys, xs], gx[ys, xs], gy[ys, xs], ax[ys, xs], ay[ys, xs], shares)


def _look_up(picture: NDArray[np.uint8] | Float32, points: Float32) -> Float32:
    """The picture's values at points (P, 2), bilinear, shape (P, 3)."""
    out = cv2.remap(picture, points[:, None, 0], points[:, None, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out.reshape(len(points), 3).astype(np.float32)


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
    p = sprite.pixels
    position, first_turn = np.asarray(start, np.float64).copy(), turn
    farthest = 2.0 + 0.5 * sprite.radius
    reach = float(np.abs(p.at).max()) + farthest + 3
    # a crop: remap's cost and float conversion grow with the picture
    x0, y0 = (np.maximum(np.floor(position - reach), 0)).astype(int).tolist()
    x1, y1 = (np.ceil(position + reach) + 1).astype(int).tolist()
    view = image[y0:y1, x0:x1].astype(np.float32)
    behind = np.ascontiguousarray(plate[y0:y1, x0:x1])
    if min(view.shape[:2]) < 3:
        return None
    origin = np.array([x0, y0], np.float32)
    limit = np.array([view.shape[1] - 1, view.shape[0] - 1], np.float32)
    open_view = None if hidden is None else ~hidden[y0:y1, x0:x1]
    fit: _Fit | None = None
    for done in range(iterations):
        fit = _linearise(sprite, view, behind, offset, (position - origin).astype(np.float32), turn, limit, open_view)
        if fit is None or (done == HOPELESS_AFTER and fit.unexplained > fit.without):
            return None
        try:
            move = np.linalg.solve(fit.normal, fit.gradient)
        except np.linalg.LinAlgError:
            return None
        length = float(np.hypot(*move[:2]))
        if length > 1.5:
            move = move * (1.5 / length)
        position = position + move[:2]
        if sprite.turns:
            turn += float(np.clip(move[2], -0.2, 0.2))
            length += abs(float(move[2])) * sprite.radius
        if np.hypot(*(position - start)) > farthest or abs(turn - first_turn) > 0.6:
            return None
        if length < CONVERGED_PX:
            break
    fit = _linearise(sprite, view, behind, offset, (position - origin).astype(np.float32), turn, limit, open_view)
    return None if fit is None else _judge(sprite, fit, position, turn)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    normal: Float
    gradient: Float
    unexplained: float
    without: float
    weight: float
    visible: float


def _linearise(
    sprite: Sprite,
    view: Float32,
    behind: Float32,
    offset: Float32,
    position: Float32,
    turn: float,
    limit: Float32,
    open_view: NDArray[np.bool_] | None,
) -> _Fit | None:
    """The least-squares problem about one pose; None where too little of the body is in the picture."""
    p = sprite.pixels
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    away = np.stack([c * p.at[:, 0] - s * p.at[:, 1], s * p.at[:, 0] + c * p.at[:, 1]], axis=1)
    points = position + away
    inside = ((points >= 0) & (points <= limit)).all(1)
    if open_view is not None:
        columns, rows = np.clip(np.round(points), 0, limit).astype(int).T
        inside &= open_view[rows, columns]
    visible = float((p.alpha * p.shares)[inside].sum() / max(float((p.alpha * p.shares).sum()), 1e-6))
    if visible < LEAST_VISIBLE:
        return None
    seen, plate = _look_up(view, points) - offset, _look_up(behind, points)
    residual = seen - p.rendered - (1 - p.alpha)[:, None] * plate
    # moving the body by +d changes the picture by −∇(rendered − alpha · plate) · d, gradients turned with the body
    bx = p.rendered_dx - p.alpha_dx[:, None] * plate
    by = p.rendered_dy - p.alpha_dy[:, None] * plate
    moves = [-(c * bx - s * by), -(s * bx + c * by)]
    if sprite.turns:
        moves.append(moves[1] * away[:, :1] - moves[0] * away[:, 1:])
    jacobian = np.stack([move.ravel() for move in moves], axis=1)
    # robust: what stands before the body, or is something else, must not pull
    energy = np.einsum("pc,pc->p", residual, residual) / 3
    scale = 1.5 * float(np.sqrt(np.median(energy[inside]))) + 1.0
    weights = (inside / (1 + energy / (2.5 * scale) ** 2)).astype(np.float32)
    weighted = jacobian * np.repeat(weights, 3)[:, None]
    normal = (weighted.T @ jacobian).astype(np.float64)
    normal[np.diag_indices_from(normal)] *= 1 + 1e-6
    gradient = (weighted.T @ residual.ravel()).astype(np.float64)
    counted = np.minimum(p.alpha * 2, 1) * p.shares * inside
    unexplained = float(counted @ energy)
    away_from_plate = seen - plate
    without = float(counted @ np.einsum("pc,pc->p", away_from_plate, away_from_plate)) / 3
    return _Fit(normal, gradient, unexplained, without, float(counted.sum()), visible)


def _judge(sprite: Sprite, fit: _Fit, position: Float, turn: float) -> Pose | None:
    try:
        covariance = np.linalg.inv(fit.normal) * (fit.unexplained / max(fit.weight, 1.0)) * NOISE_CORRELATION
    except np.linalg.LinAlgError:
        return None
    turn_sigma = float(np.sqrt(covariance[2, 2])) if sprite.turns else np.nan
    gain = 1 - fit.unexplained / max(fit.without, 1e-9)
    return Pose(position, turn, covariance[:2, :2] + 0.01**2 * np.eye(2), turn_sigma, gain, min(fit.visible, 1.0))
