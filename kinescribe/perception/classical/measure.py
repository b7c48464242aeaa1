"""Where a body is, how large and how turned, to a fraction of a pixel and with its standard error."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.blobs import fill_holes
from kinescribe.perception.classical.matting import LEAST_CONTRAST, LEAST_INSIDE_PX, NOISE_CORRELATION, Matte, matte, telling
from kinescribe.perception.classical.outline import Circle, fit_circle

__all__ = [
    "Measurement",
    "Moments",
    "classify_shape",
    "describe",
    "measure",
    "measure_coverage",
    "median",
    "median_color",
    "outline_variance",
    "soft_mask",
]

Float = NDArray[np.float64]
BRIGHT_SHARE = 0.8  # a body with too few pixels inside is as bright as the pixel that this share of all is no brighter than
GRID_VARIANCE = 0.01**2  # px², what sampling on a grid does to soft outlines
LEAST_CIRCLE_RADIUS = 3.5  # px; below, a disc's rim is all of it
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


def median(values: NDArray[np.float32]) -> float:
    """The median of (n,) numbers, at least one and none of them NaN; `numpy.median` looks for both middle ones, and is much slower."""
    middle = len(values) // 2
    parted = np.partition(values, middle)
    return float(parted[middle] if len(values) % 2 else (parted[:middle].max() + parted[middle]) / 2)


def median_color(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Float:
    """The median of each channel of a picture (h, w, 3) under a mask that isn't empty, (3,)."""
    from kinescribe.perception.classical.compiled.selection import channel_medians  # numba takes its time to come in

    out = np.empty(3)
    channel_medians(np.ascontiguousarray(image), mask, out)
    return out


def soft_mask(difference: NDArray[np.float32], mask: NDArray[np.bool_]) -> tuple[NDArray[np.float32], float]:
    """How much of each pixel the body covers, in [0, 1], and the body's contrast in grey levels.

    At the outline a pixel's difference from the background over that of the inside is the covered share; inside, texture must
    not pull the centroid about, so the weight saturates there. `difference`: (h, w), RMS over channels, `mask`: the body.
    A mask that was found by smoothed differences reaches a pixel beyond the outline, whose own pixels are then its second ring.
    """
    from kinescribe.perception.classical.compiled.coverage import soften  # numba takes its time to come in

    weights = np.empty(mask.shape, np.float32)
    contrast = soften(np.ascontiguousarray(difference, np.float32), mask, LEAST_INSIDE_PX, BRIGHT_SHARE, weights)
    return weights, max(contrast, LEAST_CONTRAST)


def measure(
    image: NDArray[np.uint8],
    delta: NDArray[np.float32],
    sigma: NDArray[np.float32],
    mask: NDArray[np.bool_],
    x0: int,
    y0: int,
    *,
    difference: NDArray[np.float32] | None = None,
    whole: bool = True,
) -> Measurement | None:
    """Measure the body under `mask`; all arrays are the same crop, whose top left pixel is (x0, y0) in the picture.

    None where nothing of it differs from the background, so that no pixel says where it is.

    `delta`, (h, w, 3), is image − background, `sigma`, (h, w), its noise as RMS over channels, both in grey levels; leave a margin of
    three pixels about the mask, for its outline lies half outside. `difference`, (h, w): delta's RMS over channels, where it is known
    already. `whole`: whether it is all of a body, not a part cut off from others,
    beside which there is no ground to see.
    """
    if difference is None:
        difference = np.sqrt(np.einsum("hwc,hwc->hw", delta, delta) / 3)
    weights, contrast = soft_mask(difference, fill_holes(mask))
    if not weights.any():
        return None
    variance = outline_variance(weights, sigma, contrast)
    snr = contrast / median(sigma[mask])
    return measure_coverage(image, weights, variance, x0, y0, contrast=snr, delta=delta, whole=whole)


def outline_variance(weights: NDArray[np.float32], sigma: NDArray[np.float32], contrast: float) -> Float:
    """Variance of a soft mask's weights, (h, w): only the outline's are noisy."""
    return np.where((weights > 0) & (weights < 1), (sigma / contrast) ** 2, 0.0) * NOISE_CORRELATION


def measure_coverage(
    image: NDArray[np.uint8],
    weights: NDArray[np.float32],
    variance: Float,
    x0: int,
    y0: int,
    *,
    contrast: float,
    delta: NDArray[np.float32] | None = None,
    whole: bool = True,
) -> Measurement:
    """Measure a body from how much of each pixel it covers; all arrays are the same crop, whose top left pixel is (x0, y0) in the picture.

    Args:
        image: (h, w, 3).
        weights: (h, w), coverage in [0, 1], somewhere above 0.
        variance: (h, w), of the coverage; for errors that neighbouring pixels share, times how many of them do.
        contrast: handed on, in units of the noise.
        delta: (h, w, 3), image − background: a disc is then located by its rim in it.
    """
    return describe(image, weights, Moments.of(weights, variance), x0, y0, contrast=contrast, delta=delta, whole=whole)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over the pixels of a crop, of the coverage w and of its variance v, with dx, dy from the centroid, px.

    Attributes:
        total: Σ w, the area.
        centroid: (2,), x, y in the crop.
        second: (3,), Σ w·(dx², dx·dy, dy²) / total.
        noise_second: (3,), Σ v·(dx², dx·dy, dy²) / total².
        noise_fourth: (3,), Σ v·(dx⁴ + dy⁴, dx²·dy², dx·dy³ − dx³·dy) / total².
    """

    total: float
    centroid: Float
    second: Float
    noise_second: Float
    noise_fourth: Float

    @classmethod
    def of(cls, weights: NDArray[np.float32], variance: Float) -> Moments:
        """The moments of a coverage, (h, w), somewhere above 0, and of its variance, (h, w)."""
        from kinescribe.perception.classical.compiled.moments import SUMS, sum_moments  # numba takes its time to come in

        out = np.empty(SUMS)
        sum_moments(np.ascontiguousarray(weights, np.float32), np.ascontiguousarray(variance, np.float64), out)
        return cls(float(out[0]), out[1:3], out[3:6], out[6:9], out[9:12])

    @property
    def covariance(self) -> Float:
        """(2, 2), of the centroid, px²."""
        vxx, vxy, vyy = self.noise_second
        return np.array([[vxx + GRID_VARIANCE, vxy], [vxy, vyy + GRID_VARIANCE]])

    def axes(self) -> tuple[float, float, float]:
        """Second moments along the major and the minor axis, px², and the major axis' angle."""
        mxx, mxy, myy = self.second
        mean, half = (mxx + myy) / 2, np.hypot((mxx - myy) / 2, mxy)
        return float(mean + half), float(max(mean - half, 1 / 48)), float(0.5 * np.arctan2(2 * mxy, mxx - myy))

    def twist(self, angle: float) -> float:
        """Σ v·(along·across)² / total², along and across an axis of this angle: how noise turns it."""
        c, s = np.cos(angle), np.sin(angle)
        product, squares = c * s, c * c - s * s
        quartic, both, odd = self.noise_fourth
        return float(max(product**2 * (quartic - 2 * both) + squares**2 * both + 2 * product * squares * odd, 0.0))


def describe(
    image: NDArray[np.uint8],
    weights: NDArray[np.float32],
    moments: Moments,
    x0: int,
    y0: int,
    *,
    contrast: float,
    delta: NDArray[np.float32] | None = None,
    whole: bool = True,
) -> Measurement:
    """What a coverage's moments, its shape and its colours tell; arguments as of `measure_coverage`."""
    shape, size = classify_shape(weights, *moments.axes())
    total = moments.total
    # an outline without a form is rarely that of one plain thing
    told = None if delta is None or not whole or shape == "blob" else matte(image, delta, weights, contrast)
    own = moments if told is None else Moments.of(np.where(told.near, told.coverage, 0.0).astype(np.float32), told.variance)
    circle = _round_outline(delta, weights, told, own.centroid, total) if shape == "disc" and delta is not None else None
    # nor is a disc's without a circle, where two bodies touch
    if shape != "disc" or circle is not None or total < np.pi * LEAST_CIRCLE_RADIUS**2:
        moments = own
    cx, cy = (float(v) for v in moments.centroid)
    covariance = moments.covariance
    major, minor, angle = moments.axes()
    angle_sigma = float(np.sqrt(moments.twist(angle) + (0.02 * minor) ** 2) / max(major - minor, 1e-6))
    if circle is not None:
        cx, cy = (float(v) for v in circle.centre)
        covariance = circle.covariance * NOISE_CORRELATION + GRID_VARIANCE * np.eye(2)
        size = np.full(2, 2 * circle.radius)
    if (size[0] < ROUND_ASPECT * size[1] and shape != "box") or angle_sigma > 0.5:
        angle, angle_sigma = np.nan, np.nan
    solid = weights >= min(1.0, float(weights.max()))
    colour = median_color(image, solid).astype(np.uint8)
    lab = cv2.cvtColor(colour.reshape(1, 1, 3).astype(np.float32) / 255, cv2.COLOR_BGR2LAB).reshape(3).astype(np.float64)
    return Measurement(np.array([x0 + cx, y0 + cy]), covariance, total, size, float(angle), angle_sigma, lab, contrast, shape)


def _round_outline(
    delta: NDArray[np.float32], weights: NDArray[np.float32], told: Matte | None, centre: Float, area: float
) -> Circle | None:
    """The circle through a disc's rim; None where there is none."""
    radius = float(np.sqrt(area / np.pi))
    if radius < LEAST_CIRCLE_RADIUS:
        return None
    # on even ground, codecs have blurred the body's colour at its rim, of which the fit knows better as the edge's width
    if told is not None and told.uneven:
        return fit_circle(told.coverage, centre, radius)
    inside = weights >= 1.0
    direction = telling(delta, inside)
    if direction is None:
        return None
    along = delta @ direction
    return fit_circle(along / median(along[inside]), centre, radius)


def classify_shape(weights: NDArray[np.float32], major: float, minor: float, angle: float) -> tuple[str, Float]:
    """Shape word and oriented size of a soft mask from its central second moments (px²).

    An ellipse has semi-axes 2·√λ, a rectangle sides √(12·λ).
    """
    solid = (weights >= 0.5).astype(np.uint8)
    outlines, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)  # they span the same hull as all pixels
    count = cv2.countNonZero(solid)
    ellipse = 4 * np.sqrt([major, minor])
    box = np.sqrt(12 * np.array([major, minor]))
    aspect = float(np.sqrt(major / minor))
    if count < 9:
        return ("disc" if aspect < 1.6 else "blob"), ellipse
    (_, _), (w, h), _ = cv2.minAreaRect(np.concatenate(outlines))
    fill = count / ((w + 1) * (h + 1))
    if fill < 0.6:
        return "blob", box
    if aspect >= ROD_ASPECT:
        return "rod", box
    roundness = count / (4 * np.pi * np.sqrt(major * minor))
    if aspect < ROUND_ASPECT and fill < BOX_FILL and roundness > 0.9:
        return "disc", ellipse
    if fill >= BOX_FILL and count >= 30:
        return "box", box
    small = count < SMALL_PX  # a few pixels of a blurred ball aren't round
    return ("disc" if small and aspect < SMALL_ROUND_ASPECT else "blob"), ellipse if small else box
