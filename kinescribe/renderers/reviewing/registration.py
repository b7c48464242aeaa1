"""Where an object's sprite fits the frame best: a step at a time to a fraction of a pixel, and a search where it is far off.

Least squares of the picture against plate and sprite over place and angle, with Huber weights (after Lucas & Kanade 1981; Baker & Matthews
2004): pixels that something else covers don't pull.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.poses import Pose
from kinescribe.renderers.reviewing.drawn import Drawn, Window, in_window
from kinescribe.renderers.scene import SceneObject

__all__ = ["Fit", "refine", "search"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Boolean = NDArray[np.bool_]
STEPS = 14
PLAIN_STEPS = 4  # by all pixels alike, before those that fit worst count less: where a sprite is off they are the ones that tell
SETTLED_PX = 0.02
HUBER = 1.345
TAKEN_FOR_SHIFT = 0.15  # correlation that what a sprite lacks may have with its slopes
ALIKE_PX2 = 9.0  # neighbouring pixels err alike, after codecs and where a sprite isn't quite right: a patch of 3 × 3 tells as much as one


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Where a sprite fits.

    Attributes:
        pose: there.
        shift: (3,) dx, dy in px and the turn in radians against the pose that it began with; the turn is 0 for what has no angle.
        sigma: (3,) one standard deviation; infinite where it can't be told.
        settled: whether the steps came to an end within reach.
    """

    pose: Pose
    shift: Float
    sigma: Float
    settled: bool


def refine(
    drawn: Drawn, thing: SceneObject, pose: Pose, start: Pose, window: Window, behind: Float32, usable: Boolean, reach: float
) -> Fit:
    """Fit a sprite to the frame near `start`; shifts are told against `pose`.

    Args:
        behind: (h, w, 3) the window without the object. usable: (h, w) pixels that tell. reach: px that it may go from `start`.
    """
    image = drawn.image[window.cut]
    # what the video draws at whole pixels would not move by a fraction of one
    thing = replace(thing, edges="soft")
    turns = thing.turns and np.isfinite(pose.angle) and thing.shape != "disc" and thing.size[0] > 1.2 * thing.size[1]
    free = 3 if turns else 2
    now, settled = start, False
    normal = np.zeros((free, free))
    spread = np.inf
    for round_ in range(STEPS):
        color, alpha = in_window(drawn.at(thing, now), window)
        left = image - (behind * (1.0 - alpha[..., None]) + color)
        slopes = _slopes(color, alpha, behind, now, window, free)
        mine = slopes[:, usable].reshape(free, -1).astype(np.float64)
        rest = left[usable].reshape(-1).astype(np.float64)
        if not rest.size:
            break
        spread = max(float(np.median(np.abs(rest))) / 0.6745, 0.3)
        weight = np.ones_like(rest)
        if round_ >= PLAIN_STEPS:
            weight = np.minimum(1.0, HUBER * spread / np.maximum(np.abs(rest), 1e-9))
        normal = (mine * weight) @ mine.T
        # a plain disc has no angle, whatever the table says: a tiny ridge keeps such systems solvable
        ridge = 1e-6 * np.trace(normal) / free + 1e-9
        step = np.linalg.solve(normal + ridge * np.eye(free), (mine * weight) @ rest)
        length = float(np.hypot(step[0], step[1]))
        step *= min(1.0, 2.0 / max(length, 1e-9))
        turn = float(np.clip(step[2], -0.2, 0.2)) if free == 3 else 0.0
        now = replace(now, x=now.x + float(step[0]), y=now.y + float(step[1]), angle=now.angle + turn)
        if np.hypot(now.x - start.x, now.y - start.y) > reach:
            break
        if length < SETTLED_PX and abs(turn) < 1e-3:
            settled = True
            break
    sigma = np.full(3, np.inf)
    if settled:
        rms = max(spread, float(np.sqrt(np.mean(np.minimum(rest**2, (3.0 * spread) ** 2)))))
        inverse = np.linalg.inv(normal + 1e-9 * np.eye(free))
        # what isn't noise is a look that the sprite doesn't have; part of it may look like a shift, however many pixels there are
        noise = float(np.median(drawn.ground.noise[window.cut][usable]))
        unlike = max(rms**2 - noise**2, 0.0) * (TAKEN_FOR_SHIFT**2 * rest.size)
        sigma[:free] = np.sqrt(np.diag(inverse) * (rms**2 * ALIKE_PX2 + unlike))
    shift = np.array([now.x - pose.x, now.y - pose.y, now.angle - pose.angle if free == 3 else 0.0])
    return Fit(now, shift, sigma, settled)


def search(drawn: Drawn, thing: SceneObject, pose: Pose, reach: int, behind: Callable[[Window], Float32]) -> Pose | None:
    """The whole-pixel place within `reach` px at which plate and sprite leave least; None where the sprite is not whole in the picture.

    What a sprite (colour C, premultiplied, and alpha) changes in Σ |image − drawn|², with J = image − behind and B = behind, is
    Σ 2 J·(αB − C) + |αB − C|²: correlations of pictures of J and B with pictures of C and α.
    """
    width, height = drawn.size
    layer = drawn.at(thing, pose)
    if layer is None:
        return None
    h, w = layer.alpha.shape
    window = Window(max(layer.x - reach, 0), max(layer.y - reach, 0), min(layer.x + w + reach, width), min(layer.y + h + reach, height))
    back = behind(window)
    over = drawn.image[window.cut] - back
    alpha, color = layer.alpha, layer.color
    change = 2.0 * _correlated((over * back).sum(axis=-1), alpha) + _correlated((back**2).sum(axis=-1), alpha**2) + float((color**2).sum())
    for c in range(3):
        change -= 2.0 * _correlated(over[..., c], color[..., c]) + 2.0 * _correlated(back[..., c], alpha * color[..., c])
    y, x = np.unravel_index(int(change.argmin()), change.shape)
    dx, dy = window.x0 + int(x) - layer.x, window.y0 + int(y) - layer.y
    return replace(pose, x=pose.x + dx, y=pose.y + dy)


def _correlated(picture: Float32, template: Float32) -> Float:
    found = cv2.matchTemplate(np.ascontiguousarray(picture, np.float32), np.ascontiguousarray(template, np.float32), cv2.TM_CCORR)
    return np.asarray(found, np.float64)


def _slopes(color: Float32, alpha: Float32, behind: Float32, pose: Pose, window: Window, free: int) -> Float32:
    """(free, h, w, 3) how the drawn window changes with x, y and angle of the object."""
    out = np.zeros((free, *color.shape), np.float32)
    if min(alpha.shape) < 3:
        return out
    for axis, k in ((1, 0), (0, 1)):
        out[k] = behind * np.gradient(alpha, axis=axis)[..., None] - np.gradient(color, axis=axis)
    if free == 3:
        h, w = alpha.shape
        y, x = np.mgrid[window.y0 : window.y0 + h, window.x0 : window.x0 + w].astype(np.float32)
        out[2] = (x - pose.x)[..., None] * out[1] - (y - pose.y)[..., None] * out[0]
    return out
