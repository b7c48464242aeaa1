"""A plain body's coverage by its own colour and the ground's; `kinescribe.perception.classical.matting` tells how it is read off."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kinescribe.perception.classical.compiled.selection import middle

__all__ = ["fill_matte", "sure_inside", "take_steps"]

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
FULL = 0.9  # mean coverage about a pixel that the body covers wholly, noise that saturates included
LEAST_TOLD = 0.25  # of the difference in all channels, what the chosen sum of them must show
NEARBY_PX = 3  # on each side: a body's colour at its outline is that of its inside pixels within this box
AREA = (2 * NEARBY_PX + 1) ** 2
LEAST_SHARE = 1 / AREA  # of the box
LEAST_LOCAL = 0.3  # of the usual contrast: a part of the outline with less, or of the other sign, tells little by it
ODD, ASTRAY = 0.2, 0.3  # of the contrast: an inside pixel so far off the body's colour around it, one at the outline off the soft mask …
MOST_ODD = 0.02  # … is rare in a plain body


@njit(cache=True, nogil=True, error_model="numpy")
def take_steps(delta: Float32, inside: Mask, steps: Float32) -> int:
    """Fill the median of each channel of a difference (h, w, 3) where `inside` (h, w) holds, (3,); how many pixels these are."""
    height, width = inside.shape
    values, count = np.empty((3, height * width), np.float32), 0
    for y in range(height):
        for x in range(width):
            if inside[y, x]:
                values[0, count], values[1, count], values[2, count] = delta[y, x, 0], delta[y, x, 1], delta[y, x, 2]
                count += 1
    if count > 0:
        for channel in range(3):
            steps[channel] = middle(values[channel], count)
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def sure_inside(weights: Float32, least: int, inside: Mask) -> int:
    """Fill which pixels (h, w) a soft mask covers for certain, or, where these are fewer than `least`, those off the outline; how many."""
    height, width = weights.shape
    means, count = np.empty(weights.shape, np.float32), 0
    _box_sums(weights, 1, means)
    for y in range(height):
        for x in range(width):
            inside[y, x] = means[y, x] / np.float32(9) >= FULL
            count += inside[y, x]
    if count >= least:
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
    sigma = rms / snr * length
    noise = 3 * sigma / abs(typical)
    contrasts, clear = held, np.empty((height, width), np.bool_)
    for y in range(height):
        _local_contrasts(held[y], shares[y], body[y], along[y], weights[y], usual, typical, contrasts[y], clear[y], coverage[y])
    odd, at_rim, astray, near, ground, ground_squares = 0, 0, 0, 0, 0.0, 0.0
    middle_ground = usual - typical
    for y in range(height):
        for x in range(width):
            variance[y, x] = 0.0
            weight = weights[y, x]
            if weight <= 0:
                continue
            near += 1
            beside = body[y, x] - along[y, x] - middle_ground
            ground += beside
            ground_squares += beside * beside
            if clear[y, x]:
                variance[y, x] = (sigma / contrasts[y, x]) ** 2 * noise_factor
            if inside[y, x]:
                odd += abs(coverage[y, x] - 1) > max(ODD, noise)
            elif weight < 1:
                at_rim += 1
                astray += abs(min(along[y, x] / typical, 1.0) - weight) > max(ASTRAY, noise)
    if odd > MOST_ODD * count or astray > MOST_ODD * at_rim:
        return False, False
    for y in range(height):
        for x in range(width):
            shares[y, x] = inside[y, x]
    _box_sums(shares, 1, shares)  # mirrored, so that beyond the window everything counts as covered
    for y in range(height):
        for x in range(width):
            if shares[y, x] > 8.5:
                coverage[y, x], variance[y, x] = 1.0, 0.0
    mean = ground / near
    return True, ground_squares / near - mean * mean > sigma * sigma


@njit(cache=True, nogil=True, error_model="numpy")
def _local_contrasts(
    held: Float32, shares: Float32, body: Float32, along: Float32, weights: Float32, usual: float, typical: float,
    contrasts: Float32, clear: Mask, coverage: Float32,
) -> None:  # fmt: skip
    """Fill the contrast, whether it tells anything, and the coverage of a row's pixels; `contrasts` may be `held`."""
    # beyond the reach of any inside pixel, the body's usual colour stands for its own
    share, own, per_typical, full = np.float32(AREA * LEAST_SHARE), np.float32(usual), np.float32(1 / typical), np.float32(typical)
    for x in range(held.shape[0]):
        here = (held[x] + share * own) / (shares[x] + share) - body[x] + along[x]
        tells = here * per_typical > np.float32(LEAST_LOCAL)
        contrast = here if tells else full
        contrasts[x], clear[x] = contrast, tells
        coverage[x] = along[x] / contrast if tells else weights[x]


@njit(cache=True, nogil=True, error_model="numpy")
def _box_sums(values: Float32, reach: int, out: Float32) -> None:
    """Sums over a square about each pixel, so far to each side and mirrored at the borders; `out` may be `values`."""
    height, width = values.shape
    rows, padded = np.zeros((height, width), np.float32), np.empty(width + 2 * reach, np.float32)
    for y in range(height):
        for x in range(width):
            padded[reach + x] = values[y, x]
        for k in range(reach):
            padded[k], padded[width + reach + k] = values[y, _mirrored(k - reach, width)], values[y, _mirrored(width + k, width)]
        for k in range(2 * reach + 1):
            _add(padded[k : k + width], rows[y])
    for y in range(height):
        out[y] = 0.0
        for k in range(y - reach, y + reach + 1):
            _add(rows[_mirrored(k, height)], out[y])


@njit(cache=True, nogil=True, error_model="numpy")
def _add(values: Float32, out: Float32) -> None:
    for x in range(out.shape[0]):
        out[x] += values[x]


@njit(cache=True, nogil=True, error_model="numpy")
def _mirrored(k: int, size: int) -> int:
    """The place that stands for one beyond the border, which itself isn't doubled."""
    if size == 1:
        return 0
    while k < 0 or k >= size:
        k = -k if k < 0 else 2 * (size - 1) - k
    return k
