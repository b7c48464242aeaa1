"""Which pixels stand out and how they hang together: compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["components", "exceed", "subtract"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]
Floats = NDArray[np.float32]
WORD = 64  # pixels that are looked at together, for most of them hold nothing


@njit(cache=True, nogil=True, error_model="numpy")
def exceed(
    image: Bytes, levels: Bytes, plate: Bytes, reach: tuple[Bytes, Bytes], low: Bytes, high: Bytes, weak: Bytes, strong: Bytes
) -> None:
    """Set `weak` and `strong` (H, W), 0 all over, to 1 where the smoothed picture is further from the plate than `low`, `high`.

    Smoothed by a 3 × 3 binomial kernel, mirrored at the borders, as OpenCV does it.

    Args:
        image: (H, 3W), the channels of a pixel side by side, as in `plate`, which is smooth already.
        levels: (256, 3), what each level of a smoothed channel stands for, or (0, 3) for itself.
        reach: plate - low and plate + low, (H, 3W) each, within 0 … 255.
        low, high: (H, W), low ≤ high.
    """
    height, width = low.shape
    size = 3 * width
    sums, smooth = np.empty(size + 6, np.uint16), np.empty(size, np.uint8)
    words = np.zeros((size + 7) // 8 + WORD, np.uint64)  # whether a byte is out of reach, looked at eight at a time
    out = words.view(np.uint8)
    beside = min(1, width - 1)
    for y in range(height):
        _column_sums(image[abs(y - 1) if height > 1 else 0], image[y], image[y + 1 if y + 1 < height else max(height - 2, 0)], sums)
        for c in range(3):
            sums[c], sums[size + 3 + c] = sums[3 + 3 * beside + c], sums[3 + 3 * (width - 1 - beside) + c]
        _smoothed(sums, smooth)
        if levels.shape[0] > 0:
            for x in range(width):
                for c in range(3):
                    smooth[3 * x + c] = levels[smooth[3 * x + c], c]
        _out_of_reach(smooth, reach[0][y], reach[1][y], out)
        for x0 in range(0, width, WORD):
            found = np.uint64(0)
            for k in range(3 * x0 // 8, 3 * (x0 + WORD) // 8):
                found |= words[k]
            if found == 0:
                continue
            for x in range(x0, min(x0 + WORD, width)):
                furthest = 0
                for j in range(3 * x, 3 * x + 3):
                    furthest = max(furthest, int(abs(np.int64(smooth[j]) - np.int64(plate[y, j]))))
                weak[y, x] = furthest > low[y, x]
                strong[y, x] = furthest > high[y, x]


@njit(cache=True, nogil=True, error_model="numpy")
def subtract(image: Bytes, offset: Floats, plate: Floats, delta: Floats, difference: Floats) -> None:
    """Fill a picture's difference from a plate, all (h, w, 3), a brightness offset (3,) taken out, and its RMS over channels, (h, w)."""
    height, width = difference.shape
    third = np.float32(1 / 3)
    for y in range(height):
        for x in range(width):
            squares = np.float32(0)
            for c in range(3):
                away = (np.float32(image[y, x, c]) - offset[c]) - plate[y, x, c]
                delta[y, x, c] = away
                squares += away * away
            difference[y, x] = np.sqrt(squares * third)


# One simple loop each, in the narrowest type, so that the compiler makes vectors of it.


@njit(cache=True, nogil=True, error_model="numpy")
def _column_sums(above: Bytes, here: Bytes, below: Bytes, sums: NDArray[np.uint16]) -> None:
    for j in range(here.shape[0]):
        sums[j + 3] = np.uint16(above[j]) + np.uint16(here[j]) + np.uint16(here[j]) + np.uint16(below[j])


@njit(cache=True, nogil=True, error_model="numpy")
def _smoothed(sums: NDArray[np.uint16], smooth: Bytes) -> None:
    for j in range(smooth.shape[0]):
        smooth[j] = (
            np.uint16(sums[j]) + np.uint16(sums[j + 3]) + np.uint16(sums[j + 3]) + np.uint16(sums[j + 6]) + np.uint16(8)
        ) >> np.uint16(4)


@njit(cache=True, nogil=True, error_model="numpy")
def _out_of_reach(smooth: Bytes, least: Bytes, most: Bytes, out: Bytes) -> None:
    for j in range(smooth.shape[0]):
        out[j] = (smooth[j] < least[j]) | (smooth[j] > most[j])


@njit(cache=True, nogil=True, error_model="numpy")
def components(extent: Bytes, strong: Bytes, labels: Ints) -> tuple[Ints, NDArray[np.int64]]:
    """Pixels of `extent` that hang together, corners included, each with its number in `labels` (H, W), which is 0 everywhere.

    The numbers are OpenCV's, by the first block of two by two pixels that a component has.

    Returns:
        x, y, width, height, area of each component, (n + 1, 5), the first of all that is none, in the box of the whole picture; how much
        of `strong` each holds, (n + 1,).
    """
    height, width = extent.shape
    runs = _runs(extent)
    count = runs.shape[0]
    parent = np.arange(count)
    above, end_above, start = 0, 0, 0
    while start < count:
        y, end = runs[start, 0], start
        while end < count and runs[end, 0] == y:
            end += 1
        if above < end_above and runs[above, 0] == y - 1:
            k = above
            for i in range(start, end):
                while k < end_above and runs[k, 2] < runs[i, 1]:
                    k += 1
                m = k
                while m < end_above and runs[m, 1] <= runs[i, 2]:
                    a, b = _root(parent, i), _root(parent, m)
                    parent[max(a, b)] = min(a, b)
                    m += 1
        above, end_above, start = start, end, end
    first = np.empty(count, np.int64)
    for i in range(count):
        first[i] = height * width
    for i in range(count):
        parent[i] = _root(parent, i)
        first[parent[i]] = min(first[parent[i]], (runs[i, 0] // 2) * width + runs[i, 1] // 2)
    roots = np.empty(count, np.int64)
    found = 0
    for i in range(count):
        if parent[i] == i:
            roots[found] = i
            found += 1
    for k in range(1, found):  # almost in order already
        root, m = roots[k], k
        while m > 0 and first[roots[m - 1]] > first[root]:
            roots[m] = roots[m - 1]
            m -= 1
        roots[m] = root
    number = np.zeros(count, np.int32)
    for k in range(found):
        number[roots[k]] = k + 1
    stats, seeds = np.zeros((found + 1, 5), np.int32), np.zeros(found + 1, np.int64)
    for k in range(1, found + 1):
        stats[k, 0], stats[k, 1] = width, height
    for i in range(count):
        y, x0, x1 = runs[i, 0], runs[i, 1], runs[i, 2]
        k = number[parent[i]]
        stats[k, 0], stats[k, 1] = min(stats[k, 0], x0), min(stats[k, 1], y)
        stats[k, 2], stats[k, 3] = max(stats[k, 2], x1), max(stats[k, 3], y + 1)
        stats[k, 4] += x1 - x0
        for x in range(x0, x1):
            labels[y, x] = k
            seeds[k] += strong[y, x]
    covered = 0
    for k in range(1, found + 1):
        stats[k, 2] -= stats[k, 0]
        stats[k, 3] -= stats[k, 1]
        covered += stats[k, 4]
    stats[0, 2], stats[0, 3], stats[0, 4] = width, height, height * width - covered
    return stats, seeds


@njit(cache=True, nogil=True, error_model="numpy")
def _runs(extent: Bytes) -> Ints:
    """Pixels in a row that are set: row, first column, the one beyond the last, (n, 3), in order."""
    height, width = extent.shape
    runs, count = np.empty((256, 3), np.int32), 0
    words = np.zeros((width + 7) // 8, np.uint64)
    row = words.view(np.uint8)
    for y in range(height):
        row[:width] = extent[y]
        x = 0
        while x < width:
            if x % WORD == 0 and x + WORD <= width:
                held = np.uint64(0)
                for j in range(x // 8, (x + WORD) // 8):
                    held |= words[j]
                if held == 0:
                    x += WORD
                    continue
            if extent[y, x] == 0:
                x += 1
                continue
            start = x
            while x < width and extent[y, x] != 0:
                x += 1
            if count == runs.shape[0]:
                more = np.empty((2 * count, 3), np.int32)
                for k in range(count):
                    more[k, 0], more[k, 1], more[k, 2] = runs[k, 0], runs[k, 1], runs[k, 2]
                runs = more
            runs[count, 0], runs[count, 1], runs[count, 2] = y, start, x
            count += 1
    return runs[:count]


@njit(cache=True, nogil=True, error_model="numpy")
def _root(parent: NDArray[np.int64], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i
