"""Medians and sums over a stack of pictures, pixel by pixel: compiled loops.

Plates are handed in and out doubled, as whole numbers: the mean of the middle two of whole numbers may end in a half. A median is found bit
by bit, as the largest number below which no more values lie than its rank, for a block of neighbouring pixels at once: some passes over
what the processor's cache holds, where sorting short columns by the million is slow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "columns",
    "count_beyond",
    "doubled_medians",
    "doubled_medians_of",
    "longest_spells",
    "near_sums",
    "shifts",
    "squared_spreads",
    "squared_spreads_of",
    "swap_for_smaller_seams",
    "which_beyond",
]

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]
Ints = NDArray[np.int32]
Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]


VALUES = 1024  # in a block, of every frame
PIXELS = 512  # in a block, of three values each
NOT_HELD = 65535  # above every key
FARTHEST = 147  # half grey levels: three squares of it fit 16 bits


@njit(cache=True, nogil=True, error_model="numpy")
def _middle_two(keys: Any, most: int, bits: int, count: int, ranks: Any, low: Any, high: Any, work: Any) -> None:
    """The values of `keys` (S, n) whose ranks are `ranks[0]` and, same or next, `ranks[1]`, (n,) each: into `low` and `high`.

    `bits` tell all keys apart; `count` is how many of the n count; `work`, of the keys' kind, is used up. No more frames than a key holds.
    """
    one = 1
    for j in range(count):
        low[j] = 0
    for bit in range(bits - 1, -1, -1):
        for j in range(count):
            high[j] = low[j] | (one << bit)
            work[j] = 0
        for s in range(keys.shape[0]):
            for j in range(count):
                work[j] += keys[s, j] < high[j]
        for j in range(count):
            low[j] = high[j] if work[j] <= ranks[0, j] else low[j]
    for j in range(count):
        work[j] = 0
        high[j] = most
    for s in range(keys.shape[0]):
        for j in range(count):
            key = keys[s, j]
            work[j] += key <= low[j]
            high[j] = key if key > low[j] and key < high[j] else high[j]
    for j in range(count):
        high[j] = low[j] if work[j] > ranks[1, j] else high[j]


@njit(cache=True, nogil=True, error_model="numpy")
def doubled_medians(values: Bytes, out: Words) -> None:
    """Twice the median over the first axis of `values` (S, n) into `out` (n,); S < 256."""
    frames, size = values.shape
    keys = np.empty((frames, VALUES), np.uint8)
    least, most = np.empty(VALUES, np.uint8), np.empty(VALUES, np.uint8)
    low, high, work = np.empty(VALUES, np.uint8), np.empty(VALUES, np.uint8), np.empty(VALUES, np.uint8)
    ranks = np.empty((2, VALUES), np.uint8)
    ranks[0] = (frames - 1) // 2
    ranks[1] = frames // 2
    for start in range(0, size, VALUES):
        n = min(VALUES, size - start)
        for j in range(n):
            least[j] = 255
            most[j] = 0
        for s in range(frames):
            for j in range(n):
                value = values[s, start + j]
                least[j] = min(least[j], value)
                most[j] = max(most[j], value)
        widest = 0
        for j in range(n):
            widest = np.maximum(widest, np.int64(most[j]) - np.int64(least[j]))
        bits = 0
        while widest >> bits:
            bits += 1
        for s in range(frames):
            for j in range(n):
                keys[s, j] = values[s, start + j] - least[j]
        _middle_two(keys, 255, bits, n, ranks, low, high, work)
        for j in range(n):
            out[start + j] = 2 * np.uint16(least[j]) + low[j] + high[j]


@njit(cache=True, nogil=True, error_model="numpy")
def squared_spreads(values: Bytes, plate: Words, out: Words) -> None:
    """Middle two over the frames of the squared distance from a doubled plate (3 n,), summed over channels, into `out` (2, n).

    `values` (S, 3 n). A channel counts no farther than 73.5 grey levels.
    """
    frames, size = values.shape[0], values.shape[1] // 3
    keys = np.empty((frames, PIXELS), np.uint16)
    squares = np.empty(3 * PIXELS, np.uint16)
    low, high, work = np.empty(PIXELS, np.uint16), np.empty(PIXELS, np.uint16), np.empty(PIXELS, np.uint16)
    ranks = np.empty((2, PIXELS), np.uint16)
    ranks[0] = (frames - 1) // 2
    ranks[1] = frames // 2
    for start in range(0, size, PIXELS):
        n = min(PIXELS, size - start)
        most = 0
        for s in range(frames):
            for j in range(3 * n):
                away = np.minimum(np.abs(2 * np.int16(values[s, 3 * start + j]) - np.int16(plate[3 * start + j])), FARTHEST)
                squares[j] = away * away
            for j in range(n):
                key = squares[3 * j] + squares[3 * j + 1] + squares[3 * j + 2]
                keys[s, j] = key
                most = np.maximum(most, np.int64(key))
        bits = 0
        while most >> bits:
            bits += 1
        _middle_two(keys, NOT_HELD, bits, n, ranks, low, high, work)
        for j in range(n):
            out[0, start + j] = low[j]
            out[1, start + j] = high[j]


@njit(cache=True, nogil=True, error_model="numpy")
def count_beyond(values: Bytes, plate: Words, limits: Ints, out: Words) -> None:
    """How many frames lie beyond the limits, squared as `squared_spreads` has them, of a doubled plate (3 n,): into `out` (n,)."""
    frames, size = values.shape[0], values.shape[1] // 3
    squares, here, count = np.empty(3 * PIXELS, np.int32), np.empty(PIXELS, np.int32), np.empty(PIXELS, np.int32)
    behind = np.empty(3 * PIXELS, np.int16)
    for start in range(0, size, PIXELS):
        n = min(PIXELS, size - start)
        for j in range(n):
            here[j] = limits[start + j]
            count[j] = 0
        for j in range(3 * n):
            behind[j] = plate[3 * start + j]
        for s in range(frames):
            for j in range(3 * n):
                away = np.int32(2 * np.int16(values[s, 3 * start + j]) - behind[j])
                squares[j] = away * away
            for j in range(n):
                count[j] += np.int32(squares[3 * j] + squares[3 * j + 1] + squares[3 * j + 2] > here[j])
        for j in range(n):
            out[start + j] = count[j]


@njit(cache=True, nogil=True, error_model="numpy")
def columns(values: Bytes, chosen: NDArray[np.intp], out: Bytes) -> None:
    """The chosen pixels (p,) of `values` (S, 3 n) into `out` (S, 3 p)."""
    for s in range(values.shape[0]):
        for k in range(chosen.shape[0]):
            at = 3 * chosen[k]
            out[s, 3 * k] = values[s, at]
            out[s, 3 * k + 1] = values[s, at + 1]
            out[s, 3 * k + 2] = values[s, at + 2]


@njit(cache=True, nogil=True, error_model="numpy")
def which_beyond(values: Bytes, plate: Words, limits: Ints, out: Flags) -> None:
    """As `count_beyond`, which they are: into `out` (S, n)."""
    for s in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = np.int64(0)
            for c in range(3):
                away = 2 * np.int64(values[s, 3 * j + c]) - np.int64(plate[3 * j + c])
                total += away * away
            out[s, j] = total > limits[j]


@njit(cache=True, nogil=True, error_model="numpy")
def longest_spells(values: Bytes, held: Flags, limits: Ints, out: Flags) -> None:
    """Of the frames that are `held` (S, n) at a pixel of `values` (S, 3 n) the most in a row in which it doesn't change: into `out` (S, n).

    From one frame to the next it may by what the limits, (n,), as `squared_spreads` has them, let the noise of both differ.
    """
    frames, size = held.shape
    for j in range(size):
        first, last, begun = 0, 0, -1
        for s in range(frames + 1):
            goes_on = s < frames and held[s, j]
            if goes_on and begun >= 0:
                total = np.int64(0)
                for c in range(3):
                    step = 2 * (np.int64(values[s, 3 * j + c]) - np.int64(values[s - 1, 3 * j + c]))
                    total += step * step
                goes_on = total <= 2 * np.int64(limits[j])
            if goes_on:
                begun = s if begun < 0 else begun
                continue
            if begun >= 0 and s - begun > last - first:
                first, last = begun, s
            begun = s if s < frames and held[s, j] else -1
        for s in range(frames):
            out[s, j] = first <= s < last


@njit(cache=True, nogil=True, error_model="numpy")
def doubled_medians_of(values: Bytes, held: Flags, out: Words) -> None:
    """As `doubled_medians`, of the frames that are `held` (S, n) at a pixel; of no meaning where none is."""
    frames, size = held.shape
    keys = np.empty((frames, 3 * PIXELS), np.uint16)
    low, high, work = np.empty(3 * PIXELS, np.uint16), np.empty(3 * PIXELS, np.uint16), np.empty(3 * PIXELS, np.uint16)
    ranks = np.empty((2, 3 * PIXELS), np.uint16)
    for start in range(0, size, PIXELS):
        n = min(PIXELS, size - start)
        for j in range(n):
            _ranks_of(held[:, start + j], ranks, 3 * j, 3)
        for s in range(frames):
            for j in range(n):
                for c in range(3):
                    keys[s, 3 * j + c] = values[s, 3 * (start + j) + c] if held[s, start + j] else NOT_HELD
        _middle_two(keys, NOT_HELD, 8, 3 * n, ranks, low, high, work)
        for j in range(3 * n):
            out[3 * start + j] = low[j] + high[j]


@njit(cache=True, nogil=True, error_model="numpy")
def squared_spreads_of(values: Bytes, plate: Words, held: Flags, out: Words) -> None:
    """As `squared_spreads`, of the frames that are `held` (S, n) at a pixel; of no meaning where none is."""
    frames, size = held.shape
    keys = np.empty((frames, PIXELS), np.uint16)
    low, high, work = np.empty(PIXELS, np.uint16), np.empty(PIXELS, np.uint16), np.empty(PIXELS, np.uint16)
    ranks = np.empty((2, PIXELS), np.uint16)
    for start in range(0, size, PIXELS):
        n = min(PIXELS, size - start)
        for j in range(n):
            _ranks_of(held[:, start + j], ranks, j, 1)
        for s in range(frames):
            for j in range(n):
                total = np.int64(0)
                for c in range(3):
                    at = 3 * (start + j) + c
                    away = np.minimum(np.abs(2 * np.int64(values[s, at]) - np.int64(plate[at])), FARTHEST)
                    total += away * away
                keys[s, j] = total if held[s, start + j] else NOT_HELD
        _middle_two(keys, NOT_HELD, 16, n, ranks, low, high, work)
        for j in range(n):
            out[0, start + j] = low[j]
            out[1, start + j] = high[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _ranks_of(held: Flags, ranks: Words, at: int, times: int) -> None:
    count = 0
    for s in range(held.shape[0]):
        count += held[s]
    for j in range(at, at + times):
        ranks[0, j] = max(count - 1, 0) // 2
        ranks[1, j] = count // 2


@njit(cache=True, nogil=True, error_model="numpy")
def near_sums(values: Bytes, plate: Words, limits: Ints, rows: Any, count: Words, squares: Singles, smooth: Singles) -> None:
    """Of the frames `values` (S, H, 3 W) not beyond the limits (H, W) of a doubled plate (H, 3 W): how many, and sums over them.

    Of `rows`, first and beyond last: `squares` is of the squared differences, summed over channels, `smooth` of the same after smoothing
    the differences by a 3 × 3 binomial kernel, the picture mirrored about its outermost pixels; (H, W) each, of differences doubled and,
    where smooth, times 16.
    """
    frames, height, across = values.shape
    width = across // 3
    behind, down = np.empty(across, np.int16), np.empty(across + 6, np.int16)
    around, raw, soft = np.empty(across, np.int16), np.empty(across, np.int32), np.empty(across, np.int32)
    beyond = 3 if width > 1 else 0  # to the mirrored column
    for y in range(rows[0], rows[1]):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        if height > 1:
            above, below = (1, below) if y == 0 else (above, height - 2 if y == height - 1 else below)
        for j in range(across):
            behind[j] = plate[above, j] + 2 * plate[y, j] + plate[below, j]
        for x in range(width):
            count[y, x] = 0
            squares[y, x] = 0
            smooth[y, x] = 0
        for s in range(frames):
            for j in range(across):
                away = 2 * np.int16(values[s, y, j]) - np.int16(plate[y, j])
                raw[j] = np.int32(away) * np.int32(away)
                down[j + 3] = (
                    2 * (np.int16(values[s, above, j]) + 2 * np.int16(values[s, y, j]) + np.int16(values[s, below, j])) - behind[j]
                )
            for c in range(3):
                down[c] = down[3 + beyond + c]
                down[across + 3 + c] = down[across - beyond + c]
            for j in range(across):
                around[j] = down[j] + 2 * down[j + 3] + down[j + 6]
                soft[j] = np.int32(around[j]) * np.int32(around[j])
            for x in range(width):
                total = raw[3 * x] + raw[3 * x + 1] + raw[3 * x + 2]
                within = total <= limits[y, x]
                count[y, x] += within
                squares[y, x] += np.float32(total) if within else np.float32(0)
                smooth[y, x] += np.float32(soft[3 * x] + soft[3 * x + 1] + soft[3 * x + 2]) if within else np.float32(0)


@njit(cache=True, nogil=True, error_model="numpy")
def shifts(values: Bytes, plate: Words, out: Ints) -> None:
    """Twice the doubled differences' median over the pixels, of each frame of `values` (S, 3 n) from a doubled plate: into `out` (S, 3)."""
    size = values.shape[1] // 3
    for s in range(values.shape[0]):
        held = np.zeros((3, 1021), np.int64)
        for j in range(size):
            for c in range(3):
                held[c, 510 + 2 * np.int64(values[s, 3 * j + c]) - np.int64(plate[3 * j + c])] += 1
        for c in range(3):
            seen, low, high = 0, -1, -1
            for k in range(1021):
                seen += held[c, k]
                if low < 0 and seen > (size - 1) // 2:
                    low = k
                if high < 0 and seen > size // 2:
                    high = k
            out[s, c] = low + high - 2 * 510


@njit(cache=True, nogil=True, error_model="numpy")
def swap_for_smaller_seams(
    plate: Any, second: Any, pixels: NDArray[np.intp], starts: NDArray[np.intp], labels: Ints, smallest: int, share: float
) -> None:
    """Swap in, in `plate` (H, W, 3), the second values (P, 3) of those regions whose seam then is below a share of what it was.

    `pixels` (P,), counted row by row, are sorted by region, from `starts[k]` to `starts[k + 1]`; `labels` (H, W) holds each one's k + 1. A
    seam is the mean step in colour, RMS over channels, across a region's outline, from two pixels apart: edges of real pictures are soft.
    """
    height, width = labels.shape
    for k in range(starts.shape[0] - 1):
        if starts[k + 1] - starts[k] < smallest:
            continue
        now, then, count = 0.0, 0.0, 0
        for i in range(starts[k], starts[k + 1]):
            y, x = pixels[i] // width, pixels[i] % width
            for dy, dx in ((0, 2), (0, -2), (2, 0), (-2, 0)):
                v, u = y + dy, x + dx
                if v < 0 or u < 0 or v >= height or u >= width or labels[v, u] == k + 1:
                    continue
                a, b = 0.0, 0.0
                for c in range(3):
                    a += (plate[y, x, c] - plate[v, u, c]) ** 2
                    b += (second[i, c] - plate[v, u, c]) ** 2
                now += np.sqrt(a / 3)
                then += np.sqrt(b / 3)
                count += 1
        if count and then < share * now:
            for i in range(starts[k], starts[k + 1]):
                for c in range(3):  # one by one: a whole row takes two seconds to compile
                    plate[pixels[i] // width, pixels[i] % width, c] = second[i, c]
