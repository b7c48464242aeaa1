"""A thing and what is behind it as two layers, each with a smooth motion of its own.

Dense flow blurs across outlines and is wild where one thing uncovers another. The flow of pixels that surely belong to a layer is
therefore carried on smoothly beyond them, and each pixel is asked whose motion explains it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.propagating.behind import Behind
from kinescribe.perception.classical.propagating.camera import dense_flow
from kinescribe.perception.classical.propagating.windows import Field, Image, signed_distance

__all__ = ["Layers", "carried", "layers_of", "motion_evidence"]

HOME = 1.5  # px, by which flow there and back may miss
CORE = 2  # px, distance from the outline of pixels whose flow is believed
SMOOTH = 0.15  # sizes of the thing, over which its motion is even
LEAST_SMOOTH = 3.0  # px
BEHIND = 2.0  # px, by which the surroundings may move unlike the camera
UNLIKE = 1.0  # px, by which parts of a thing may move unlike the rest, and …
UNLIKE_SHARE = 0.15  # … of the largest motion
INVERSIONS = 4
ROBUST_ROUNDS = 6

BLUR = 1.5  # px, over which residuals are compared
NOISE = 3.0  # CIELAB
CLEAREST = 3.0
SPREAD = 0.05
STRONGEST = 2.5  # log-odds that motion may speak for
NEARBY = 0.5  # sizes of the thing, within which the surroundings calibrate it
NEW = 1.5  # log-odds against what was covered before


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """Displacements (rows, columns, 2) in working px: forward at the earlier frame's pixels, backward at the later's.

    Attributes:
        thing, thing_back: the thing's, carried on beyond it.
        rest, rest_back: that of what is behind it.
    """

    thing: Field
    thing_back: Field
    rest: Field
    rest_back: Field


def carried(field: Field, motion: Field, outside: float | None = None) -> Field:
    """The field at each pixel displaced by `motion`; beyond its border `outside`, or the border's value."""
    rows, columns = field.shape[:2]
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    mode = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    moved = cv2.remap(field, x + motion[..., 0], y + motion[..., 1], cv2.INTER_LINEAR, borderMode=mode, borderValue=outside or 0.0)
    return np.asarray(moved, np.float32)


def layers_of(before: Image, now: Image, mask: Field, camera: NDArray[np.float64]) -> Layers:
    """Both layers' motions between two grey windows.

    `mask` is the thing's in the earlier one; `camera` a homography between them, (3, 3), working px.
    """
    there, back = dense_flow(before, now), dense_flow(now, before)
    miss = carried(back, there) + there
    sure = np.exp(-(miss * miss).sum(-1) / (2 * HOME**2)).astype(np.float32)
    still = _displacement(camera, mask.shape)
    inside = mask >= 0.5
    size = float(np.sqrt(inside.sum()))
    reach = max(LEAST_SMOOTH, SMOOTH * size)
    kernel = np.ones((2 * CORE + 1, 2 * CORE + 1), np.uint8)
    core = cv2.erode(mask, kernel)
    weight = (core if core.sum() >= 10 else mask) * sure + np.float32(1e-4) * mask
    rough = _affine(there, weight)
    allowed = UNLIKE + UNLIKE_SHARE * float(np.abs(rough[inside]).max() if inside.any() else 0)
    weight = weight * np.exp(-((there - rough) ** 2).sum(-1) / (2 * allowed**2))
    thing = _smooth(there, weight, (reach, 3 * reach, 9 * reach))
    behind = (1 - cv2.dilate(mask, kernel)) * sure * np.exp(-((there - still) ** 2).sum(-1) / (2 * BEHIND**2))
    rest = _smooth(there - still, behind, (reach,)) + still
    return Layers(thing, _inverse(thing), rest, _inverse(rest))


def motion_evidence(before: Field, now: Field, mask: Field, layers: Layers, behind: Behind) -> Field:
    """Log-odds that a pixel of `now` belongs to the thing, from whose motion explains its colour better, (rows, columns).

    Weighed by how well the same comparison tells the thing from its surroundings in the earlier frame, where the mask is known
    (a linear discriminant); where both move alike it says nothing. `behind` is what the surroundings look like in the later frame.
    """
    own, other = _residual(before, carried(now, layers.thing)), _residual(before, carried(now, layers.rest))
    known = _contrast(own, other)
    inside = mask >= 0.5
    nearby = ~inside & (signed_distance(mask) > -NEARBY * np.sqrt(inside.sum()))
    if inside.sum() < 10 or nearby.sum() < 10:
        return np.zeros_like(mask)
    high, low = float(known[inside].mean()), float(known[nearby].mean())
    slope = max(0.0, high - low) / (float(known[inside].var() + known[nearby].var()) / 2 + SPREAD)
    own = _residual(now, carried(before, layers.thing_back))
    covered = carried(mask, layers.rest_back, 0) > 0.5
    remembered = covered & (behind.known > 0.5)
    uncovered = covered & (carried(mask, layers.thing_back, 0) < 0.5)
    other, memory = _residual(now, carried(before, layers.rest_back)), _residual(now, behind.colors)
    # a piece of the mask that stands still with the surroundings is no part of the thing, whatever is remembered behind it
    other = np.where(remembered, np.where(uncovered, memory, np.minimum(memory, other)), other)
    evidence = np.clip(slope * (_contrast(own, other) - (high + low) / 2), -STRONGEST, STRONGEST)
    # What the thing uncovers and was never seen before has no past in either layer.
    new = uncovered & ~remembered
    return np.asarray(np.where(new, np.minimum(evidence, -NEW * min(1.0, slope * (high - low))), evidence), np.float32)


def _residual(one: Field, other: Field) -> Field:
    return _blurred(np.sqrt(((one - other) ** 2).sum(-1)))


def _contrast(own: Field, other: Field) -> Field:
    """How much better the one residual is than the other."""
    return np.clip((other - own) / (np.minimum(own, other) + NOISE), -CLEAREST, CLEAREST)


def _blurred(field: Field) -> Field:
    return np.asarray(cv2.GaussianBlur(field, (0, 0), BLUR), np.float32)


def _displacement(homography: NDArray[np.float64], shape: tuple[int, ...]) -> Field:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    moved = np.stack([x, y, np.ones_like(x)], axis=-1) @ homography.T
    return np.asarray(moved[..., :2] / moved[..., 2:] - np.stack([x, y], axis=-1), np.float32)


def _affine(flow: Field, weight: Field) -> Field:
    """The affine motion that most of the weight follows, everywhere."""
    rows, columns = np.nonzero(weight > 0.01)
    every = max(1, len(rows) // 2000)
    rows, columns = rows[::every], columns[::every]
    if len(rows) < 12:
        total = max(float(weight.sum()), 1e-6)
        return np.broadcast_to(((flow * weight[..., None]).sum((0, 1)) / total).astype(np.float32), flow.shape)
    scale = float(max(flow.shape[:2]))
    design = np.stack([columns / scale, rows / scale, np.ones(len(rows))], axis=1)
    target, base = flow[rows, columns].astype(np.float64), weight[rows, columns].astype(np.float64)
    steady = base
    offset = np.median(target, axis=0)
    miss = np.hypot(*(target - offset).T)
    for _ in range(ROBUST_ROUNDS):
        width = max(1.5 * float(np.median(miss)), 0.5)
        steady = base / (1 + (miss / width) ** 2) ** 2
        part = design * steady[:, None]
        solution = np.linalg.solve(part.T @ design + 1e-3 * steady.sum() * np.diag([1, 1, 0.0]), part.T @ (target - offset))
        miss = np.hypot(*(target - offset - design @ solution).T)
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    everywhere = np.stack([x / scale, y / scale, np.ones_like(x)], axis=-1) @ solution + offset
    return np.asarray(everywhere, np.float32)


def _smooth(flow: Field, weight: Field, reaches: tuple[float, ...]) -> Field:
    """Weighted mean of the flow nearby; where nothing nearby has weight, of what is farther."""
    rows, columns = weight.shape
    total = np.zeros((rows, columns, 2), np.float32)
    mass = np.zeros((rows, columns), np.float32)
    share = 1.0
    for reach in reaches:
        shrink = min(1.0, 2 / reach)
        size = max(round(columns * shrink), 2), max(round(rows * shrink), 2)
        near = cv2.GaussianBlur(cv2.resize(weight.astype(np.float32), size, interpolation=cv2.INTER_AREA), (0, 0), 2)
        sums = cv2.resize((flow * weight[..., None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        total += np.float32(share) * cv2.resize(cv2.GaussianBlur(sums, (0, 0), 2), (columns, rows))
        mass += np.float32(share) * cv2.resize(near, (columns, rows))
        share *= 0.02
    return total / (mass[..., None] + np.float32(1e-6))


def _inverse(motion: Field) -> Field:
    """The displacement that undoes `motion`, by fixed-point steps."""
    back = -motion
    for _ in range(INVERSIONS):
        back = -carried(motion, back)
    return back
