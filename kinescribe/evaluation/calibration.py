"""Do the stated uncertainties hold?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from kinescribe.errors import UsageError

__all__ = ["normal_coverage", "sigma_coverage"]


def sigma_coverage(errors: ArrayLike, sigmas: ArrayLike, k: Sequence[float] = (1.0, 2.0, 3.0)) -> dict[float, float]:
    """Fraction of |error| ≤ k·σ for each k, in [0, 1], over the entries where both are known; NaN where none is.

    `errors` and `sigmas` have one shape. A negative σ is refused with `UsageError`. `normal_coverage` gives what to expect.
    """
    error, sigma = np.asarray(errors, float), np.asarray(sigmas, float)
    if error.shape != sigma.shape:
        raise UsageError(f"errors {error.shape} and sigmas {sigma.shape} must have one shape")
    known = np.isfinite(error) & np.isfinite(sigma)
    if (sigma[known] < 0).any():
        raise UsageError(f"a standard deviation can't be negative: {sigma[known].min():g}")
    if not known.any():
        return {float(factor): float("nan") for factor in k}
    return {float(factor): float(np.mean(np.abs(error[known]) <= factor * sigma[known])) for factor in k}


def normal_coverage(k: float) -> float:
    """Fraction of a normal distribution within ±k standard deviations."""
    return math.erf(k / math.sqrt(2.0))
