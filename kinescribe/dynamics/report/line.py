"""A fit in one line."""

from __future__ import annotations

from kinescribe.dynamics.fitting import Estimate, Fit
from kinescribe.dynamics.report.numbers import measured, plain, sigmas, with_unit

__all__ = ["line"]

SHOWN = 6  # parameters


def line(fit: Fit) -> str:
    """``Fit(free-fall: gravity = 9.81 ± 0.02 m/s²; residuals 1.03 σ)``; one that failed begins with FAILED."""
    found = list(fit.estimates.values())
    told = [f"{one.name} = {_value(one)}" for one in found[:SHOWN]]
    if len(found) > SHOWN:
        told.append(f"{len(found) - SHOWN} more")
    values = f": {', '.join(told)}" if told else ""
    return f"{'' if fit.ok else 'FAILED '}Fit({fit.law.title}{values}; residuals {sigmas(fit.scale)})"


def _value(one: Estimate) -> str:
    if one.fixed:
        return f"{with_unit(plain(one.value), one.unit)} (known)"
    return with_unit(measured(one.value, one.sigma), one.unit) if one.identified else "not determined"
