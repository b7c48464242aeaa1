"""A drawn cart with a pole and an axle before a still line, whose truth is known: what the tests of touching parts look at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

WIDTH, HEIGHT = 320, 220
WHITE, BLACK, BROWN, BLUE = (255, 255, 255), (0, 0, 0), (101, 152, 202), (203, 132, 129)
CART, POLE, AXLE = (50.0, 30.0), (80.0, 10.0), 5.0  # sides, sides, radius, px
CART_Y, PIVOT_Y = 150.0, 143.0
SHIFT = 4  # fractional bits of OpenCV's coordinates


@dataclass(frozen=True)
class JointedScene:
    """T frames: pictures (T, H, W, 3), centres of cart and pole and the pivots, (T, 2), px, and the pole's angles to the vertical, (T,)."""

    images: np.ndarray
    cart: np.ndarray
    pole: np.ndarray
    pivot: np.ndarray
    angles: np.ndarray

    @property
    def times(self) -> np.ndarray:
        return np.arange(len(self.images)) * 0.02


def _box(centre: np.ndarray, along: np.ndarray, length: float, breadth: float) -> np.ndarray:
    across = np.array([-along[1], along[0]])
    corners = [centre + a * length / 2 * along + b * breadth / 2 * across for a, b in ((-1, -1), (-1, 1), (1, 1), (1, -1))]
    return np.round(np.array(corners) * (1 << SHIFT)).astype(np.int32)


def jointed_scene(angles: np.ndarray, positions: np.ndarray, *, axle: bool = True, noise: float = 0.0) -> JointedScene:
    """Draw a cart at these positions (T,), px, whose pole leans by these angles (T,), radians, clockwise from upright."""
    images, cart, pole, pivot = [], [], [], []
    rng = np.random.default_rng(0)
    for angle, x in zip(angles, positions, strict=True):
        image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
        cv2.line(image, (0, 150), (WIDTH - 1, 150), BLACK, 1)
        foot, up = np.array([x, PIVOT_Y]), np.array([np.sin(angle), -np.cos(angle)])
        middle = foot + (POLE[0] / 2 - AXLE) * up
        centre = np.array([x, CART_Y])
        cv2.fillPoly(image, [_box(centre, np.array([1.0, 0.0]), *CART)], BLACK, cv2.LINE_AA, SHIFT)
        cv2.fillPoly(image, [_box(middle, up, *POLE)], BROWN, cv2.LINE_AA, SHIFT)
        if axle:
            place = (round(foot[0] * (1 << SHIFT)), round(foot[1] * (1 << SHIFT)))
            cv2.circle(image, place, int(AXLE * (1 << SHIFT)), BLUE, cv2.FILLED, cv2.LINE_AA, SHIFT)
        if noise:
            image = np.clip(image + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)
        images.append(image)
        cart.append(centre)
        pole.append(middle)
        pivot.append(foot)
    return JointedScene(np.stack(images), np.array(cart), np.array(pole), np.array(pivot), np.asarray(angles, float))


def swinging(frames: int = 40, **options: float | bool) -> JointedScene:
    """The pole swings to both sides while the cart runs to and fro."""
    k = np.arange(frames)
    return jointed_scene(0.6 * np.sin(k / 6), 150 + 40 * np.sin(k / 11), **options)


def toppling(frames: int = 48) -> JointedScene:
    """The pole falls to one side and hides a corner of the cart, which runs away from it."""
    k = np.arange(frames)
    return jointed_scene(0.05 + 2.0 * (k / (frames - 1)) ** 2, 110 + 1.7 * k)


def stiff(frames: int = 40) -> JointedScene:
    """The pole never moves against the cart."""
    k = np.arange(frames)
    return jointed_scene(np.full(frames, 0.3), 150 + 40 * np.sin(k / 11))
