"""Where a body is, how large and how turned, to a fraction of a pixel and with its standard error."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.blobs import fill_holes
from kinescribe.perception.classical.outline import Circle, fit_circle

__all__ = ["Measurement", "classify_shape", "measure", "soft_mask"]

Float = NDArray[np.float64]
NOISE_CORRELATION = 2.0  # neighbouring pixels' noise is correlated by demosaicing and codecs: variance of sums grows by about this
GRID_VARIANCE = 0.01**2  # px², what sampling on a grid does to soft outlines
LEAST_CIRCLE_RADIUS = 3.5  # px; below, a disc's rim is all of it
LEAST_LUMA = 0.25  # of the contrast: codecs and sensors sample colour at half the resolution of brightness
LUMA = np.array([0.114, 0.587, 0.299], np.float32)
ROUND_ASPECT = 1.25
ROD_ASPECT = 4.5  # a cart or a truck is a box, a pole is not
SMALL_PX, SMALL_ROUND_ASPECT = 150, 1.5
BOX_FILL = 0.87  # a disc fills 0.785 of its smallest rectangle, a box all of it


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """One body in one frame; lengths in pixels, angle clockwise on the screen. See `Detections` for the meaning of the fields."""

    centroid: Float
    covariance: Float
    area: float
    size: Float
    angle: float
    angle_sigma: float
    color: Float
    contrast: float
    shape: str


def soft_mask(difference: NDArray[np.float32], mask: NDArray[np.bool_]) -> tuple[NDArray[np.float32], float]:
    """How much of each pixel the body covers, in [0, 1], and the body's contrast in grey levels.

    At the outline a pixel's difference from the background over that of the inside is the covered share; inside, texture must
    not pull the centroid about, so the weight saturates there. `difference`: (h, w), RMS over channels, `mask`: the body.
    """
    inside = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    core = difference[inside] if inside.sum() >= 4 else difference[mask]
    contrast = float(np.median(core)) if inside.sum() >= 4 else float(np.percentile(core, 80))
    rim = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    weights = np.where(rim, np.minimum(difference / max(contrast, 1e-6), 1.0), 0.0).astype(np.float32)
    weights[inside] = 1.0
    return weights, max(contrast, 1e-3)


def measure(
    image: NDArray[np.uint8], delta: NDArray[np.float32], sigma: NDArray[np.float32], mask: NDArray[np.bool_], x0: int, y0: int
) -> Measurement:
    """Measure the body under `mask`; all arrays are the same crop, whose top left pixel is (x0, y0) in the picture.

    `delta`, (h, w, 3), is image − background, `sigma`, (h, w), its noise as RMS over channels, both in grey levels; leave a margin of
    three pixels about the mask, for its outline lies half outside.
    """
    difference = np.sqrt(np.einsum("hwc,hwc->hw", delta, delta) / 3)
    weights, contrast = soft_mask(difference, fill_holes(mask))
    total = float(weights.sum())
    h, w = weights.shape
    xs, ys = np.arange(w, dtype=np.float64), np.arange(h, dtype=np.float64)
    cx = float(weights.sum(0) @ xs) / total
    cy = float(weights.sum(1) @ ys) / total
    dx, dy = xs[None, :] - cx, ys[:, None] - cy
    mxx, myy = float((weights * dx * dx).sum()) / total, float((weights * dy * dy).sum()) / total
    mxy = float((weights * dx * dy).sum()) / total
    # only the outline's weights are noisy
    relative = np.where((weights > 0) & (weights < 1), (sigma / contrast) ** 2, 0.0) * NOISE_CORRELATION
    vxx = float((relative * dx * dx).sum()) / total**2
    vyy = float((relative * dy * dy).sum()) / total**2
    vxy = float((relative * dx * dy).sum()) / total**2
    covariance = np.array([[vxx + GRID_VARIANCE, vxy], [vxy, vyy + GRID_VARIANCE]])

    mean, half = (mxx + myy) / 2, np.hypot((mxx - myy) / 2, mxy)
    major, minor = mean + half, max(mean - half, 1 / 48)
    angle = 0.5 * np.arctan2(2 * mxy, mxx - myy)
    shape, size = classify_shape(weights, major, minor, angle)
    along = dx * np.cos(angle) + dy * np.sin(angle)
    across = -dx * np.sin(angle) + dy * np.cos(angle)
    spread = float((relative * (along * across) ** 2).sum()) / total**2
    angle_sigma = float(np.sqrt(spread + (0.02 * minor) ** 2) / max(major - minor, 1e-6))
    circle = _round_outline(delta, weights, np.array([cx, cy]), total) if shape == "disc" else None
    if circle is not None:
        cx, cy = (float(v) for v in circle.centre)
        covariance = circle.covariance * NOISE_CORRELATION + GRID_VARIANCE * np.eye(2)
        size = np.full(2, 2 * circle.radius)
    if (size[0] < ROUND_ASPECT * size[1] and shape != "box") or angle_sigma > 0.5:
        angle, angle_sigma = np.nan, np.nan
    solid = weights >= 1.0
    colour = np.median(image[solid if solid.any() else mask].reshape(-1, 3), axis=0).astype(np.uint8)
    lab = cv2.cvtColor(colour.reshape(1, 1, 3).astype(np.float32) / 255, cv2.COLOR_BGR2LAB).reshape(3).astype(np.float64)
    snr = contrast / float(np.median(sigma[mask]))
    return Measurement(np.array([x0 + cx, y0 + cy]), covariance, total, size, float(angle), angle_sigma, lab, snr, shape)


def _round_outline(delta: NDArray[np.float32], weights: NDArray[np.float32], centre: Float, area: float) -> Circle | None:
    """The circle through a disc's rim, from brightness alone where that shows the body."""
    radius = float(np.sqrt(area / np.pi))
    if radius < LEAST_CIRCLE_RADIUS:
        return None
    contrast = np.median(delta[weights >= 1.0], axis=0)
    direction = LUMA if abs(contrast @ LUMA) >= LEAST_LUMA * np.abs(contrast).max() else contrast / np.abs(contrast).max()
    coverage = (delta @ direction) / float(contrast @ direction)
    return fit_circle(coverage.astype(np.float32), centre, radius)


def classify_shape(weights: NDArray[np.float32], major: float, minor: float, angle: float) -> tuple[str, Float]:
    """Shape word and oriented size of a soft mask from its central second moments (px²).

    An ellipse has semi-axes 2·√λ, a rectangle sides √(12·λ).
    """
    solid = (weights >= 0.5).astype(np.uint8)
    points = cv2.findNonZero(solid)
    ellipse = 4 * np.sqrt([major, minor])
    box = np.sqrt(12 * np.array([major, minor]))
    aspect = float(np.sqrt(major / minor))
    if points is None or len(points) < 9:
        return ("disc" if aspect < 1.6 else "blob"), ellipse
    (_, _), (w, h), _ = cv2.minAreaRect(points)
    fill = float(solid.sum()) / ((w + 1) * (h + 1))
    if fill < 0.6:
        return "blob", box
    if aspect >= ROD_ASPECT:
        return "rod", box
    roundness = float(solid.sum()) / (4 * np.pi * np.sqrt(major * minor))
    if aspect < ROUND_ASPECT and fill < BOX_FILL and roundness > 0.9:
        return "disc", ellipse
    if fill >= BOX_FILL and len(points) >= 30:
        return "box", box
    small = len(points) < SMALL_PX  # a few pixels of a blurred ball aren't round
    return ("disc" if small and aspect < SMALL_ROUND_ASPECT else "blob"), ellipse if small else box
