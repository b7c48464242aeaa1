"""The likelihood of a motion whose second or third derivative is white noise, from banded matrices.

If the m-th derivative of f is white noise of intensity q, the m-th divided differences of f at the observed times, times a constant, are
∫ Bᵢ f⁽ᵐ⁾ dt with Bᵢ the B-splines on these times. They know nothing of the polynomial that starts the motion (an exactly diffuse start),
and their covariance q G + D R Dᵀ is banded: G the B-splines' Gram matrix, D the differences, R the measurement variances
(G. Wahba, J. R. Stat. Soc. B 40, 1978; C. H. Reinsch, Numer. Math. 10, 1967). One likelihood so costs O(n), whatever the time steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import factorial

import numpy as np
from numpy.typing import NDArray

__all__ = ["MotionSpline", "Solution", "SplineBasis", "segment_slices"]

Float = NDArray[np.float64]

WHITE: Float = np.ones(1)


def segment_slices(starts: NDArray[np.intp], count: int) -> list[slice]:
    """The slices between the given sorted inner starts, over `count` observations."""
    edges = [0, *(int(s) for s in starts), count]
    return [slice(a, b) for a, b in pairwise(edges)]


def _differences(times: Float, order: int) -> Float:
    """Coefficients of ∫ Bᵢ f⁽ᵐ⁾ dt on f at the times i to i + m, shape (n − m, m + 1)."""
    count = len(times) - order
    windows = times[np.arange(count)[:, None] + np.arange(order + 1)]
    gaps = windows[:, :, None] - windows[:, None, :]
    gaps[:, np.arange(order + 1), np.arange(order + 1)] = 1.0
    return np.asarray(factorial(order - 1) * (windows[:, -1] - windows[:, 0])[:, None] / gaps.prod(axis=2), np.float64)


@lru_cache
def _gauss(points: int) -> tuple[Float, Float]:
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return nodes, weights


def _gram(times: Float, order: int) -> Float:
    """∫ Bᵢ Bⱼ dt of the B-splines of that order on the times, lower banded storage (order, n − order)."""
    count = len(times) - order
    pad = np.arange(1, order + 1, dtype=np.float64)
    knots = np.concatenate([times[0] - pad[::-1], times, times[-1] + pad])
    left = np.arange(len(times) - 1) + order
    nodes, weights = _gauss(order)
    width = knots[left + 1] - knots[left]
    at = knots[left][:, None] + width[:, None] * (nodes + 1) / 2
    values = np.ones((1, *at.shape))
    for degree in range(1, order):  # Cox–de Boor: entry j belongs to the B-spline that starts degree − j knots left of the interval
        higher = np.zeros((degree + 1, *at.shape))
        for j in range(degree):
            start = left - degree + 1 + j
            share = values[j] / (knots[start + degree] - knots[start])[:, None]
            higher[j + 1] += (at - knots[start][:, None]) * share
            higher[j] += (knots[start + degree][:, None] - at) * share
        values = higher
    out = np.zeros((order, count))
    for j in range(order):
        first = left - (order - 1) + j - order
        for lag in range(order - j):
            inside = (first >= 0) & (first + lag < count)
            products = (values[j] * values[j + lag] * weights).sum(axis=1) * width / 2
            np.add.at(out[lag], first[inside], products[inside])
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """M = ρ G + D R Dᵀ, factored, with M⁻¹ z.

    Attributes:
        factor: lower banded Cholesky factor.
        weights: M⁻¹ z, (N,).
        whitened: L⁻¹ z, (N,): independent with variance s² under the model.
        log_determinant: log |M|.
    """

    factor: Float
    weights: Float
    whitened: Float
    log_determinant: float

    @property
    def energy(self) -> float:
        """zᵀ M⁻¹ z."""
        return float(self.whitened @ self.whitened)

    def whiten(self, columns: Float) -> Float:
        """L⁻¹ X for columns (N, C)."""
        from scipy.linalg.lapack import dtbtrs

        if not len(columns):
            return columns
        whitened, _ = dtbtrs(self.factor, columns, uplo="L")
        return np.asarray(whitened, np.float64)

    def inverse_band(self, lags: int, step: int = 128, overlap: int = 128) -> Float:
        """Elements (i + lag, i) of M⁻¹, shape (lags + 1, N).

        The last rows of the factor alone give the lower right corner of M⁻¹ exactly, so that a long matrix is done in windows; what lies
        `overlap` rows below a window is left out, for M⁻¹ decays off its diagonal.
        """
        from scipy.linalg.lapack import dpbtrs

        count = self.factor.shape[1]
        out = np.zeros((lags + 1, count))
        for start in range(0, count, step):
            stop = min(start + step + overlap, count)
            stop = count if count - stop < step // 2 else stop
            inverse, _ = dpbtrs(self.factor[:, start:stop], np.eye(stop - start), lower=1)
            for lag in range(min(lags + 1, stop - start)):
                diagonal = np.diagonal(inverse, -lag)[:step]
                out[lag, start : start + len(diagonal)] = diagonal
        return out


class SplineBasis:
    """What the likelihood of a motion needs of the times alone; all coordinates share it.

    Attributes:
        times: (n,), of the observations, strictly increasing.
        starts: where among them a new, independent arc begins.
        order: 2, white acceleration; 3, white jerk; 4, white snap.
        rows: (N,), the first observation of each difference; differences across two arcs are left out.
        differences: (N, order + 1), the coefficients D.
        gram: (order, N), lower banded storage.
    """

    def __init__(self, times: Float, order: int, starts: NDArray[np.intp]) -> None:
        self.times, self.order, self.starts = times, order, starts
        rows = np.arange(max(len(times) - order, 0))
        self.rows = rows[np.searchsorted(starts, rows, side="right") == np.searchsorted(starts, rows + order, side="right")]
        if not len(self.rows):
            self.differences, self.gram = np.zeros((0, order + 1)), np.zeros((order, 0))
            return
        self.differences = _differences(times, order)[self.rows]
        self.gram = self.banded(_gram(times, order)[:, self.rows])

    def banded(self, diagonals: Float) -> Float:
        """Zero what pairs rows of different arcs, which lie nearer one another than they were; (lags, N) in lower storage."""
        out = np.zeros_like(diagonals)
        for lag in range(min(len(out), len(self.rows))):
            count = len(self.rows) - lag
            out[lag, :count] = diagonals[lag, :count] * (self.rows[lag:] == self.rows[:count] + lag)
        return out

    def noise(self, variances: Float, correlations: Float = WHITE) -> Float:
        """D R Dᵀ for measurement variances (n,) and correlations (L,) at 0 to L − 1 observations apart, shape (order + L, N)."""
        size, reach = self.order + 1, len(correlations)
        weighted = self.differences * np.sqrt(variances)[self.rows[:, None] + np.arange(size)]
        out = np.zeros((self.order + reach, len(self.rows)))
        for lag in range(min(len(out), len(self.rows))):
            count = len(self.rows) - lag
            apart = np.abs(np.arange(size)[:, None] - np.arange(size) - lag)
            shared = np.where(apart < reach, correlations[np.minimum(apart, reach - 1)], 0.0)
            out[lag, :count] = ((weighted[:count] @ shared) * weighted[lag:]).sum(axis=1)
        return self.banded(out)

    def apply(self, values: Float) -> Float:
        """D y for values (n,) or (n, C)."""
        return np.asarray(np.einsum("ij,ij...->i...", self.differences, values[self.rows[:, None] + np.arange(self.order + 1)]), np.float64)


class MotionSpline:
    """The likelihood of one coordinate under one motion model, as a function of the process noise.

    Attributes:
        basis: of the observations' times.
        values: (N,), z = D y.
    """

    def __init__(self, basis: SplineBasis, values: Float, variances: Float, correlations: Float = WHITE) -> None:
        """Values and measurement variances (n,), and their errors' correlations (L,), 1 first, at 0 to L − 1 observations apart."""
        self.basis = basis
        self.values = basis.apply(values)
        self._noise = basis.noise(variances, correlations)

    def __len__(self) -> int:
        return len(self.values)

    def solve(self, intensity: float) -> Solution | None:
        """M = intensity · G + D R Dᵀ, factored; None where rounding leaves it indefinite, as wildly unequal steps or variances do."""
        from scipy.linalg.lapack import dpbtrf, dpbtrs, dtbtrs

        if not len(self):
            return Solution(self._noise, self.values, self.values, 0.0)
        matrix = self._noise.copy()
        matrix[: self.basis.order] += intensity * self.basis.gram
        factor, failed = dpbtrf(matrix, lower=1)
        if failed:
            return None
        weights, _ = dpbtrs(factor, self.values[:, None], lower=1)
        whitened, _ = dtbtrs(factor, self.values[:, None], uplo="L")
        return Solution(factor, weights[:, 0], whitened[:, 0], 2 * float(np.log(factor[0]).sum()))

    def solutions(self, grid: Float) -> Iterator[tuple[int, Solution]]:
        """The intensities of a grid that can be solved, by their place; raises LinAlgError when not even the largest can."""
        solution = None
        for k, intensity in enumerate(grid):
            solution = self.solve(float(intensity))
            if solution is not None:
                yield k, solution
        if solution is None:
            raise np.linalg.LinAlgError(f"the covariance of a motion of intensity {grid[-1]:g} is not positive definite")
