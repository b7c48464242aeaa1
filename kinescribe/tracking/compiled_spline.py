"""Banded matrices of `kinescribe.tracking.motion_spline`, built, factored and solved for many intensities at once: compiled loops.

What depends on the times alone is told anew in each call: it takes less than to hand it over.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["profile_intensities", "score_shocks"]

Float = NDArray[np.float64]
Ints = NDArray[np.int64]

HIGHEST = 4  # order of a B-spline
GAUSS = np.zeros((HIGHEST + 1, 2, HIGHEST))  # nodes and weights on −1 to 1 that integrate the product of two B-splines of an order exactly
for _order in range(1, HIGHEST + 1):
    GAUSS[_order, :, :_order] = np.polynomial.legendre.leggauss(_order)
PARTS = (0.0, 0.25, 0.5, 0.75)  # where between two observations a break is looked for, in parts of the gap
JERK = 3  # order of the motion between breaks


@njit(cache=True, nogil=True, error_model="numpy")
def profile_intensities(
    times: Float, starts: Ints, order: int, columns: Float, variances: Float, correlations: Float, intensities: Float
) -> tuple[Float, Float, Float, float]:
    """The likelihood's parts for G intensities; with M = intensity · G + D R Dᵀ and X = D Y of N rows they are

    - (G,), log |M|, ∞ where rounding leaves M indefinite;
    - (G, C, C), Xᵀ M⁻¹ X, 0 there;
    - (G, N), the first column whitened: L⁻¹ x with M = L Lᵀ;
    - the volume: Σ log |D's last coefficients| less, for each arc, that of its first times' Vandermonde determinant.

    Args:
        times: (n,), strictly increasing.
        starts: sorted, where among them new arcs begin.
        order: 2, 3 or 4.
        columns: (n, C), Y, C ≥ 1.
        variances: (n,), of the measurements; correlations: (L,), of their errors at 0 to L − 1 observations apart.
        intensities: (G,).
    """
    edges = _edges(starts, times.shape[0])
    count, wide, lags = _rows(edges, order), columns.shape[1], order + correlations.shape[0]
    differences, gram = np.zeros((count, order + 1)), np.zeros((count, order))
    volume = _spline(times, edges, order, differences, gram)
    noise = np.zeros((count, lags))
    _noise(edges, order, differences, variances, correlations, noise)
    design = np.zeros((count, wide))
    _apply(edges, order, differences, columns, design)
    logs, products = np.full(intensities.shape[0], np.inf), np.zeros((intensities.shape[0], wide, wide))
    whitened = np.zeros((intensities.shape[0], count))
    factor, solved = np.empty((count, lags)), np.empty((count, wide))
    for g in range(intensities.shape[0]):
        logarithm = _factored(noise, gram, intensities[g], factor)
        if not np.isfinite(logarithm):
            continue
        logs[g] = logarithm
        for i in range(count):
            for a in range(wide):
                solved[i, a] = design[i, a]
        _forward(factor, solved)
        for i in range(count):
            inverse = 1.0 / factor[i, 0]
            whitened[g, i] = solved[i, 0] * np.sqrt(inverse)
            for a in range(wide):
                scaled = solved[i, a] * inverse
                for b in range(a + 1):
                    products[g, a, b] += scaled * solved[i, b]
        for a in range(wide):
            for b in range(a):
                products[g, b, a] = products[g, a, b]
    return logs, products, whitened, volume


@njit(cache=True, nogil=True, error_model="numpy")
def score_shocks(
    times: Float, starts: Ints, values: Float, variances: Float, intensities: Float, scales: Float, moments: Float, gains: Float
) -> None:
    """Gain in log-likelihood by a break at each of n observations, of D coordinates under white jerk.

    Args:
        times, starts: as above.
        values: (n, D).
        variances: (D, n).
        intensities, scales: (D,), of the white jerk and of the variances.
        moments: (2, n), filled in part: the best time of a jump in the gap after an observation, and of a turn.
        gains: (3, n), filled: by a jump, by a turn, by leaving the observation out; −∞ where arcs are too short for a break.
    """
    count, axes = values.shape
    edges, order = _edges(starts, count), int(JERK)  # as a mere constant it would have the loops below compiled anew for itself
    rows = _rows(edges, order)
    differences, gram = np.zeros((rows, JERK + 1)), np.zeros((rows, JERK))
    _spline(times, edges, order, differences, gram)
    white = np.ones(1)
    noise, factor, band = np.zeros((rows, JERK + 1)), np.empty((rows, JERK + 1)), np.zeros((axes, rows, JERK + 1))
    design, solved, weights = np.zeros((rows, axes)), np.zeros((rows, 1)), np.zeros((axes, rows))
    _apply(edges, order, differences, values, design)
    for k in range(count):
        gains[0, k], gains[1, k], gains[2, k] = -np.inf, -np.inf, 0.0
    for axis in range(axes):
        _noise(edges, order, differences, variances[axis], white, noise)
        for i in range(rows):
            solved[i, 0] = design[i, axis]
        _factored(noise, gram, intensities[axis], factor)
        _forward(factor, solved)
        for i in range(rows - 1, -1, -1):
            total = solved[i, 0] / factor[i, 0]
            for k in range(1, min(JERK + 1, rows - i)):
                total -= factor[i, k] * weights[axis, i + k]
            weights[axis, i] = total
        _invert(factor, band[axis])
    first = 0
    for arc in range(edges.shape[0] - 1):
        begin, end = edges[arc], edges[arc + 1]
        shift = first - begin  # from an observation to the row that begins with it
        for k in range(begin + 2, end - 3):
            for part in PARTS:
                moment = times[k] + part * (times[k + 1] - times[k])
                for kind in range(2):
                    gain = _hinge_gain(times, differences, weights, band, scales, k, shift, moment, kind + 1)
                    if gain > gains[kind, k]:
                        gains[kind, k], moments[kind, k] = gain, moment
        for k in range(begin, end):
            low, high = max(begin, k - JERK), min(k, end - JERK - 1)  # the differences that the observation is part of
            for axis in range(axes):
                pull, information = 0.0, 0.0
                for i in range(low, high + 1):
                    own = differences[i + shift, k - i]
                    pull += own * weights[axis, i + shift]
                    information += own * own * band[axis, i + shift, 0]
                    for lag in range(1, high - i + 1):
                        information += 2.0 * own * differences[i + lag + shift, k - i - lag] * band[axis, i + shift, lag]
                if information > 0.0:
                    gains[2, k] += pull * pull / information / (2.0 * scales[axis])
        first += max(end - begin - JERK, 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _hinge_gain(
    times: Float, differences: Float, weights: Float, band: Float, scales: Float, k: int, shift: int, moment: float, power: int
) -> float:
    """Gain by adding b (t − moment)₊^power, the moment in the gap after the observation k: only three differences know of it."""
    column = np.zeros(JERK)
    for r in range(JERK):
        i = k - 2 + r
        for j in range(JERK + 1):
            late = times[i + j] - moment
            if late > 0.0:
                column[r] += differences[i + shift, j] * (late if power == 1 else late * late)
    gain, i = 0.0, k - 2 + shift
    for axis in range(scales.shape[0]):
        pull, information = 0.0, 0.0
        for r in range(JERK):
            pull += column[r] * weights[axis, i + r]
            information += column[r] * column[r] * band[axis, i + r, 0]
            for lag in range(1, JERK - r):
                information += 2.0 * column[r] * column[r + lag] * band[axis, i + r, lag]
        gain += pull * pull / max(information, 1e-300) / (2.0 * scales[axis])
    return gain


@njit(cache=True, nogil=True, error_model="numpy")
def _edges(starts: Ints, count: int) -> Ints:
    """Where arcs begin, and where the last one ends."""
    edges = np.zeros(starts.shape[0] + 2, np.int64)
    for k in range(starts.shape[0]):
        edges[k + 1] = min(max(starts[k], edges[k]), count)  # whatever the starts are, nothing beyond the observations is read
    edges[-1] = count
    return edges


@njit(cache=True, nogil=True, error_model="numpy")
def _rows(edges: Ints, order: int) -> int:
    """How many differences there are within arcs."""
    total = 0
    for arc in range(edges.shape[0] - 1):
        total += max(edges[arc + 1] - edges[arc] - order, 0)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _spline(times: Float, edges: Ints, order: int, differences: Float, gram: Float) -> float:
    """Fill D, (N, order + 1), and G, (N, order), elements (i + lag, i), both 0 before; the logarithm of the volume.

    Between two times no more than `order` B-splines differ from 0. They are told at Gauss's nodes by the recursion of Cox and de Boor;
    those that reach beyond the arc are left out, so that it doesn't matter where the knots beyond its ends are put.
    """
    factorial = 1.0
    for k in range(2, order):
        factorial *= k
    volume, first = 0.0, 0
    knots, inverses = np.empty(2 * HIGHEST), np.empty((HIGHEST, HIGHEST))
    values = np.empty(HIGHEST)
    for arc in range(edges.shape[0] - 1):
        begin, end = edges[arc], edges[arc + 1]
        if end - begin <= order:
            continue
        for i in range(begin, end - order):
            row = first + i - begin
            for j in range(order + 1):
                product = 1.0
                for k in range(order + 1):
                    if k != j:
                        product *= times[i + j] - times[i + k]
                differences[row, j] = factorial * (times[i + order] - times[i]) / product
            volume += np.log(abs(differences[row, order]))
        for j in range(order):
            for k in range(j):
                volume -= np.log(times[begin + j] - times[begin + k])
        for j in range(begin, end - 1):
            for k in range(2 * order):
                i = j - order + 1 + k
                knots[k] = times[begin] + (i - begin) if i < begin else (times[end - 1] + (i - end + 1) if i >= end else times[i])
            for degree in range(1, order):
                for k in range(degree):
                    inverses[degree, k] = 1.0 / (knots[order + k] - knots[order - degree + k])
            half = (times[j + 1] - times[j]) / 2.0
            for node in range(order):
                at = times[j] + half * (GAUSS[order, 0, node] + 1.0)
                weight = GAUSS[order, 1, node] * half
                values[0] = 1.0
                for degree in range(1, order):  # entry k belongs to the B-spline that starts degree − k knots left of the interval
                    last = 0.0
                    for k in range(degree):
                        share = values[k] * inverses[degree, k]
                        values[k] = last + (knots[order + k] - at) * share
                        last = (at - knots[order - degree + k]) * share
                    values[degree] = last
                for k in range(max(order - 1 - (j - begin), 0), order):
                    start = j - order + 1 + k
                    for lag in range(min(order - k, end - order - start)):
                        gram[first + start - begin, lag] += values[k] * values[k + lag] * weight
        first += end - begin - order
    return volume


@njit(cache=True, nogil=True, error_model="numpy")
def _noise(edges: Ints, order: int, differences: Float, variances: Float, correlations: Float, out: Float) -> None:
    """Fill D R Dᵀ, (N, order + L), elements (i + lag, i) within arcs; the others stay as they are."""
    reach = correlations.shape[0]
    lags = order + reach
    shared, first = np.empty(lags), 0
    for arc in range(edges.shape[0] - 1):
        begin, rows = edges[arc], max(edges[arc + 1] - edges[arc] - order, 0)
        for i in range(rows):
            for k in range(lags):
                shared[k] = 0.0
            for j in range(order + 1):
                weighted = differences[first + i, j] * np.sqrt(variances[begin + i + j])
                for k in range(max(j - reach + 1, 0), j + reach):
                    shared[k] += weighted * correlations[abs(k - j)]
            for lag in range(min(lags, rows - i)):
                total = 0.0
                for j in range(min(order + 1, lags - lag)):
                    total += shared[lag + j] * differences[first + i + lag, j] * np.sqrt(variances[begin + i + lag + j])
                out[first + i, lag] = total
        first += rows


@njit(cache=True, nogil=True, error_model="numpy")
def _apply(edges: Ints, order: int, differences: Float, columns: Float, out: Float) -> None:
    """Fill D Y, (N, C), for columns (n, C)."""
    first = 0
    for arc in range(edges.shape[0] - 1):
        begin, rows = edges[arc], max(edges[arc + 1] - edges[arc] - order, 0)
        for i in range(rows):
            for c in range(columns.shape[1]):
                total = 0.0
                for j in range(order + 1):
                    total += differences[first + i, j] * columns[begin + i + j, c]
                out[first + i, c] = total
        first += rows


@njit(cache=True, nogil=True, error_model="numpy")
def _factored(noise: Float, gram: Float, intensity: float, factor: Float) -> float:
    """Fill L and the pivots (in L's diagonal, which is 1) of M = L diag(pivots) Lᵀ, (N, lags), elements (i + lag, i); log |M|, or ∞."""
    count, lags = factor.shape
    for i in range(count):
        for k in range(lags):
            factor[i, k] = noise[i, k]
        for k in range(gram.shape[1]):
            factor[i, k] += intensity * gram[i, k]
    total, product = 0.0, 1.0
    for i in range(count):
        pivot = factor[i, 0]
        if not (pivot > 0.0 and pivot < np.inf):
            return np.inf
        product *= pivot
        if not 1e-100 < product < 1e100:  # a logarithm takes longer than all the rest of a row
            total += np.log(product)
            product = 1.0
        inverse = 1.0 / pivot
        for m in range(1, min(lags, count - i)):
            share = factor[i, m] * inverse
            for k in range(m, lags):
                factor[i + m, k - m] -= share * factor[i, k]
            factor[i, m] = share
    return float(total + np.log(product))


@njit(cache=True, nogil=True, error_model="numpy")
def _forward(factor: Float, columns: Float) -> None:
    """Solve L X = columns, (N, C), in place."""
    count, lags = factor.shape
    for i in range(count):
        for m in range(1, min(lags, count - i)):
            share = factor[i, m]
            for c in range(columns.shape[1]):
                columns[i + m, c] -= share * columns[i, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _invert(factor: Float, band: Float) -> None:
    """Fill the elements (i + lag, i) of M⁻¹ within the factor's own band, (N, lags), from the last on: they need none outside it.

    K. Takahashi, J. Fagan, M.-S. Chen, Proc. 8th PICA Conf., 1973.
    """
    count, lags = factor.shape
    for i in range(count - 1, -1, -1):
        last = min(lags, count - i)
        for k in range(1, last):
            total = 0.0
            for m in range(1, last):
                total -= factor[i, m] * band[i + min(m, k), abs(m - k)]
            band[i, k] = total
        total = 1.0 / factor[i, 0]
        for m in range(1, last):
            total -= factor[i, m] * band[i, m]
        band[i, 0] = total
