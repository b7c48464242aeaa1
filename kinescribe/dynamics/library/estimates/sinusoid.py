"""The damped sinusoid in sightings of unknown phase, by a scan over frequencies: no first guess, no local minima."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sinusoid", "sinusoid"]

Float = NDArray[np.float64]
FINE = 6  # frequencies a cycle over the whole time
LEAST_CYCLES = 0.4
MOST = 3000  # frequencies tried
DECAYS = (0.0, 0.7, 2.0, 5.0)  # times the duration, of the amplitude


@dataclass(frozen=True, slots=True, eq=False)
class Sinusoid:
    """``centre + exp(−decay·t)·(a·cos(speed·t) + b·sin(speed·t))`` in every column.

    Attributes:
        speed: rad/s. decay: of the amplitude, 1/s; may be negative where the data grow.
        centre: (k,) of each column.
        amplitude: (k,) at the middle of the time.
        cycles: periods that the data cover.
        explained: share of the variance.
    """

    speed: float
    decay: float
    centre: Float
    amplitude: Float
    cycles: float
    explained: float


def sinusoid(times: Float, columns: Float) -> Sinusoid | None:
    """The best one for columns (m, k) at `times` (m,); None for fewer than six sightings or nothing that moves."""
    count = len(times)
    if count < 6 or not np.isfinite(columns).all():
        return None
    span = float(times[-1] - times[0])
    mean = columns.mean(axis=0)
    columns = columns - mean
    total = float((columns**2).sum())
    if span <= 0 or total <= (1e-9 * float(np.abs(mean).max())) ** 2 * count:
        return None
    u = (times - times[0]) / span - 0.5
    highest = 0.5 * span / float(np.median(np.diff(times)))
    cycles = np.linspace(LEAST_CYCLES, highest, max(2, min(MOST, int(FINE * (highest - LEAST_CYCLES)))))
    best, at = np.inf, (float(cycles[0]), 0.0)
    for decay in DECAYS:
        for block in np.array_split(cycles, max(1, len(cycles) * count // 200_000 + 1)):
            left = _left(u, columns, block, decay)
            k = int(left.argmin())
            if left[k] < best:
                best, at = float(left[k]), (float(block[k]), decay)
    from scipy.optimize import minimize

    def cost(p: Float) -> float:
        if not (0.25 * LEAST_CYCLES < p[0] <= highest and abs(p[1]) < 50.0):
            return 2.0
        return float(_left(u, columns, np.array([p[0]]), p[1])[0]) / total

    start = np.array(at)
    simplex = start + np.array([[0.0, 0.0], [0.3 / FINE, 0.0], [0.0, 0.3]])
    found = minimize(cost, start, method="Nelder-Mead", options={"initial_simplex": simplex, "xatol": 1e-7, "fatol": 1e-14, "maxfev": 300})
    frequency, decay = (float(value) for value in found.x)
    basis = _basis(u, np.array([frequency]), decay)[0]
    made = np.linalg.lstsq(basis, columns, rcond=None)[0]
    return Sinusoid(
        2 * np.pi * frequency / span, decay / span, mean + made[0], np.hypot(made[1], made[2]), frequency, 1.0 - float(found.fun)
    )  # fmt: skip


def _basis(u: Float, cycles: Float, decay: float) -> Float:
    """(f, m, 3) constant, cosine and sine."""
    phase = 2 * np.pi * cycles[:, None] * u
    envelope = np.exp(-decay * u)
    return np.stack([np.ones_like(phase), envelope * np.cos(phase), envelope * np.sin(phase)], axis=2)


def _left(u: Float, columns: Float, cycles: Float, decay: float) -> Float:
    """(f,) squared residuals that each frequency leaves, over all columns."""
    basis = _basis(u, cycles, decay)
    q = np.linalg.qr(basis)[0]
    fitted = np.einsum("fmi,mk->fik", q, columns)
    out: Float = (columns**2).sum() - (fitted**2).sum(axis=(1, 2))
    return out
