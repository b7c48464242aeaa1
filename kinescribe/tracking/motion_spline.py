"""The likelihood of a motion whose second or third derivative is white noise, from banded matrices.

If the m-th derivative of f is white noise of intensity q, the m-th divided differences of f at the observed times, times a constant, are
∫ Bᵢ f⁽ᵐ⁾ dt with Bᵢ the B-splines on these times. They know nothing of the polynomial that starts the motion (an exactly diffuse start),
and their covariance q G + D R Dᵀ is banded: G the B-splines' Gram matrix, D the differences, R the measurement variances
(G. Wahba, J. R. Stat. Soc. B 40, 1978; C. H. Reinsch, Numer. Math. 10, 1967). One likelihood so costs O(n), whatever the time steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Likelihoods", "MotionSpline", "segment_slices"]

Float = NDArray[np.float64]
Ints = NDArray[np.intp]

WHITE: Float = np.ones(1)


def segment_slices(starts: Ints, count: int) -> list[slice]:
    """The slices between the given sorted inner starts, over `count` observations."""
    edges = [0, *(int(s) for s in starts), count]
    return [slice(a, b) for a, b in pairwise(edges)]


@dataclass(frozen=True, slots=True, eq=False)
class Likelihoods:
    """What the likelihood at G intensities is made of, with M = intensity · G + D R Dᵀ and z = D y for each of C columns y.

    Attributes:
        log_determinants: (G,), log |M|; ∞ where rounding leaves it indefinite, as wildly unequal steps or variances do.
        products: (G, C, C), zᵀ M⁻¹ z of all pairs of columns, 0 there.
        whitened: (G, N), L⁻¹ z of the first column, M = L Lᵀ: independent with variance s² under the model.
        volume: to be added to the log density of z, to have that of y under flat densities of the polynomials that start the arcs.
    """

    log_determinants: Float
    products: Float
    whitened: Float
    volume: float

    @property
    def energies(self) -> Float:
        """(G,), zᵀ M⁻¹ z of the first column."""
        return self.products[:, 0, 0]


class MotionSpline:
    """The likelihood of one coordinate under one motion model, as a function of the process noise."""

    def __init__(self, times: Float, starts: Ints, order: int, columns: Float, variances: Float, correlations: Float = WHITE) -> None:
        """What was observed.

        Args:
            times: (n,), strictly increasing.
            starts: where among them a new, independent arc begins; differences across two arcs are left out.
            order: 2, white acceleration; 3, white jerk; 4, white snap.
            columns: (n,) or (n, C), the values first; the others may be added to them in unknown amounts.
            variances: (n,), of the measurements.
            correlations: (L,), of their errors, 1 first, at 0 to L − 1 observations apart.
        """
        self.times, self.starts, self.order = np.ascontiguousarray(times, np.float64), np.ascontiguousarray(starts, np.int64), order
        self._columns = np.ascontiguousarray(columns if columns.ndim == 2 else columns[:, None], np.float64)
        self._variances, self._correlations = np.ascontiguousarray(variances, np.float64), np.ascontiguousarray(correlations, np.float64)
        self._count = int(sum(max(part.stop - part.start - order, 0) for part in segment_slices(starts, len(times))))

    def __len__(self) -> int:
        return self._count

    def likelihoods(self, intensities: Float) -> Likelihoods:
        """The likelihood at (G,) intensities, the largest last; raises LinAlgError where not even that one can be solved."""
        from kinescribe.tracking.compiled_spline import profile_intensities  # numba takes its time to come in

        grid = np.ascontiguousarray(intensities, np.float64)
        out = Likelihoods(
            *profile_intensities(self.times, self.starts, self.order, self._columns, self._variances, self._correlations, grid)
        )
        if len(grid) and not np.isfinite(out.log_determinants[-1]):
            raise np.linalg.LinAlgError(f"the covariance of a motion of intensity {grid[-1]:g} is not positive definite")
        return out
