"""A plain body's coverage by its own colour and the ground's; `kinescribe.perception.classical.matting` tells how it is read off."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kinescribe.perception.classical.compiled.selection import middle

__all__ = ["fill_matte", "take_steps"]

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
LEAST_INSIDE_PX = 4  # with fewer pixels that are covered for certain, those off the outline stand for them
FULL = 0.9  # mean coverage about a pixel that the body covers wholly, noise that saturates included
LEAST_TOLD = 0.25  # of the difference in all channels, what the chosen sum of them must show
NEARBY_PX = 3  # on each side: a body's colour at its outline is that of its inside pixels within this box
LEAST_SHARE = 1 / 49  # of the box
LEAST_LOCAL = 0.3  # of the usual contrast: a part of the outline with less, or of the other sign, tells little by it
ODD, ASTRAY = 0.2, 0.3  # of the contrast: an inside pixel so far off the body's colour around it, one at the outline off the soft mask …
MOST_ODD = 0.02  # … is rare in a plain body


@njit(cache=True, nogil=True, error_model="numpy")
def take_steps(delta: Float32, inside: Mask, steps: Float32) -> int:
    """Fill the median of each channel of a difference (h, w, 3) where `inside` (h, w) holds, (3,); how many pixels these are."""
    height, width = inside.shape
    values, count = np.empty(height * width, np.float32), 0
    for channel in range(3):
        count = 0
        for y in range(height):
            for x in range(width):
                if inside[y, x]:
                    values[count] = delta[y, x, channel]
                    count += 1
        if count > 0:
            steps[channel] = middle(values, count)
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def sure_inside(weights: Float32, inside: Mask) -> int:
    """Fill which pixels (h, w) a soft mask covers for certain; how many these are."""
    height, width = weights.shape
    means, count = np.empty(weights.shape, np.float32), 0
    _box_sums(weights, 1, means)
    for y in range(height):
        for x in range(width):
            inside[y, x] = means[y, x] / np.float32(9) >= FULL
            count += inside[y, x]
    if count >= LEAST_INSIDE_PX:
        return count
    count = 0
    for y in range(height):
        for x in range(width):
            whole = True
            for row in range(max(y - 1, 0), min(y + 2, height)):  # beyond the window everything counts as covered
                for column in range(max(x - 1, 0), min(x + 2, width)):
                    whole &= weights[row, column] >= 0.5
            inside[y, x] = whole
            count += whole
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def fill_matte(
    image: NDArray[np.uint8], delta: Float32, weights: Float32, inside: Mask, direction: Float32, snr: float, noise_factor: float,
    coverage: Float32, variance: NDArray[np.float64],
) -> tuple[bool, bool]:  # fmt: skip
    """Fill a coverage and its variance, (h, w) each; whether this is a plain body, without which they mean nothing, and whether the ground
    differs there by more than a frame's noise.

    Args:
        image, delta: (h, w, 3), and its difference from the background.
        weights, inside: (h, w), a soft mask, and what it covers for certain, at least a pixel.
        direction: (3,), the sum of the channels that tells the body best.
        snr: its contrast in units of the noise. noise_factor: of the variance.
    """
    height, width = weights.shape
    along, body, held, shares = np.empty((4, height, width), np.float32)
    values, count, squares = np.empty(height * width, np.float32), 0, 0.0
    for y in range(height):
        for x in range(width):
            told, light = np.float32(0), np.float32(0)
            for channel in range(3):
                told += delta[y, x, channel] * direction[channel]
                light += np.float32(image[y, x, channel]) * direction[channel]
            along[y, x], body[y, x] = told, min(max(np.rint(light), 0.0), 255.0)
            if inside[y, x]:
                values[count] = told
                count += 1
                for channel in range(3):
                    squares += delta[y, x, channel] ** 2
    length = np.sqrt(direction[0] ** 2 + direction[1] ** 2 + direction[2] ** 2)
    rms = np.sqrt(squares / (3 * count))
    typical = middle(values, count)
    if not abs(typical) >= LEAST_TOLD * length * rms:
        return False, False
    count = 0
    for y in range(height):
        for x in range(width):
            held[y, x] = body[y, x] if inside[y, x] else 0.0
            shares[y, x] = inside[y, x]
            if inside[y, x]:
                values[count] = body[y, x]
                count += 1
    usual = middle(values, count)
    _box_sums(held, NEARBY_PX, held)
    _box_sums(shares, NEARBY_PX, shares)
    area = (2 * NEARBY_PX + 1) ** 2
    sigma = rms / snr * length
    noise = 3 * sigma / abs(typical)
    odd, at_rim, astray, near, ground, ground_squares = 0, 0, 0, 0, 0.0, 0.0
    middle_ground = usual - typical
    for y in range(height):
        for x in range(width):
            # beyond the reach of any inside pixel, the body's usual colour stands for its own
            own = (held[y, x] / area + LEAST_SHARE * usual) / (shares[y, x] / area + LEAST_SHARE)
            contrast = (own - body[y, x] + along[y, x]) / typical
            clear = contrast > LEAST_LOCAL
            contrast = contrast * typical if clear else typical
            found = along[y, x] / contrast if clear else float(weights[y, x])
            if inside[y, x]:
                odd += abs(found - 1) > max(ODD, noise)
            elif 0 < weights[y, x] < 1:
                at_rim += 1
                astray += abs(min(along[y, x] / typical, 1.0) - weights[y, x]) > max(ASTRAY, noise)
            variance[y, x] = 0.0
            if weights[y, x] > 0:
                near += 1
                beside = body[y, x] - along[y, x] - middle_ground
                ground += beside
                ground_squares += beside * beside
                if clear:
                    variance[y, x] = (sigma / contrast) ** 2 * noise_factor
            coverage[y, x] = found
    if odd > MOST_ODD * count or astray > MOST_ODD * at_rim:
        return False, False
    for y in range(height):
        for x in range(width):
            deep = inside[y, x]
            if deep:
                for row in range(max(y - 1, 0), min(y + 2, height)):
                    for column in range(max(x - 1, 0), min(x + 2, width)):
                        deep &= inside[row, column]
            if deep:
                coverage[y, x], variance[y, x] = 1.0, 0.0
    mean = ground / near
    return True, ground_squares / near - mean * mean > sigma * sigma


@njit(cache=True, nogil=True, error_model="numpy")
def _box_sums(values: Float32, reach: int, out: Float32) -> None:
    """Sums over a square about each pixel, so far to each side and mirrored at the borders; `out` may be `values`."""
    height, width = values.shape
    rows = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            total = np.float32(0)
            if reach <= x < width - reach:
                for k in range(x - reach, x + reach + 1):
                    total += values[y, k]
            else:
                for k in range(x - reach, x + reach + 1):
                    total += values[y, _mirrored(k, width)]
            rows[y, x] = total
    for y in range(height):
        for x in range(width):
            out[y, x] = 0.0
        for k in range(y - reach, y + reach + 1):
            row = _mirrored(k, height)
            for x in range(width):
                out[y, x] += rows[row, x]


@njit(cache=True, nogil=True, error_model="numpy")
def _mirrored(k: int, size: int) -> int:
    """The place that stands for one beyond the border, which itself isn't doubled."""
    if size == 1:
        return 0
    while k < 0 or k >= size:
        k = -k if k < 0 else 2 * (size - 1) - k
    return k
