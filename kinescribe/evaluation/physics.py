"""Physical checks: what a plain fit to positions says about gravity or a period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError

__all__ = ["Oscillation", "fit_gravity", "fit_oscillation"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Oscillation:
    """x(t) = centre + amplitude · exp(−damping · t) · cos(2π t / period + phase).

    Attributes:
        period: seconds; period_sigma: one standard deviation from the residuals.
        amplitude, centre: in the unit of x; damping: 1/s; phase: radians; t counts from the first sample.
        rms: of the residuals.
    """

    period: float
    period_sigma: float
    amplitude: float
    damping: float
    phase: float
    centre: float
    rms: float


def fit_gravity(times: ArrayLike, heights: ArrayLike) -> float:
    """Downward acceleration of a free fall, from a plain quadratic through heights (n,), y up, at times (n,); n ≥ 3 or `UsageError`."""
    t, y = _samples(times, heights, least=3)
    quadratic = np.polynomial.Polynomial.fit(t, y, 2).convert().coef
    return float(-2.0 * quadratic[2]) if len(quadratic) > 2 else 0.0


def fit_oscillation(times: ArrayLike, values: ArrayLike) -> Oscillation:
    """Damped sine through values (n,) at times (n,), in any spacing; n ≥ 6 or `UsageError`.

    The start is the best of a scan of periods from four sample spacings to twice the span (a least-squares periodogram: at each period
    amplitude, phase and centre are linear), from where all five parameters are fitted together.
    """
    from scipy.optimize import least_squares

    t, x = _samples(times, values, least=6)
    t = t - t[0]
    span = float(t[-1])
    scan = 1.0 / np.linspace(1.0 / (2.0 * span), 1.0 / (4.0 * float(np.median(np.diff(t)))), 800)
    start = min((_harmonic(t, x, period) for period in scan), key=lambda fit: fit[0])

    def model(p: Float) -> Float:
        angle = 2.0 * np.pi * t * p[0]
        return np.asarray(p[4] + np.exp(-p[3] * t) * (p[1] * np.cos(angle) + p[2] * np.sin(angle)))

    fit = least_squares(lambda p: model(p) - x, [1.0 / start[1], start[2], start[3], 0.0, start[4]], x_scale="jac", method="lm")
    frequency, cosine, sine, damping, centre = (float(v) for v in fit.x)
    variance = float(fit.fun @ fit.fun) / max(len(t) - 5, 1)
    sigma = float(np.sqrt(variance * np.linalg.pinv(fit.jac.T @ fit.jac)[0, 0]))
    return Oscillation(
        period=abs(1.0 / frequency),
        period_sigma=sigma / frequency**2,
        amplitude=float(np.hypot(cosine, sine)),
        damping=damping,
        phase=float(np.arctan2(-sine, cosine)),
        centre=centre,
        rms=float(np.sqrt(np.mean(fit.fun**2))),
    )


def _harmonic(t: Float, x: Float, period: float) -> tuple[float, float, float, float, float]:
    """Squared residual, period, cosine and sine amplitude, centre of the best undamped sine of one period."""
    basis = np.stack([np.cos(2.0 * np.pi * t / period), np.sin(2.0 * np.pi * t / period), np.ones_like(t)], axis=1)
    coefficients = np.linalg.lstsq(basis, x, rcond=None)[0]
    residual = x - basis @ coefficients
    return float(residual @ residual), float(period), *(float(c) for c in coefficients)  # type: ignore[return-value]


def _samples(times: ArrayLike, values: ArrayLike, least: int) -> tuple[Float, Float]:
    t, x = np.asarray(times, float), np.asarray(values, float)
    if t.shape != x.shape or t.ndim != 1:
        raise UsageError(f"times {t.shape} and values {x.shape} must be one series each, of one length")
    finite = np.isfinite(t) & np.isfinite(x)
    t, x = t[finite], x[finite]
    if len(t) < least or len(np.unique(t)) < least:
        raise UsageError(f"this fit needs {least} samples at different times, not {len(np.unique(t))}")
    order = np.argsort(t)
    return t[order], x[order]
