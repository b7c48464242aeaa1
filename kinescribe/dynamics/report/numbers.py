"""Numbers for people: as many digits as their error leaves meaning."""

from __future__ import annotations

import math

__all__ = ["interval", "measured", "plain", "sigmas", "with_unit"]

SMALLEST, LARGEST = 1e-3, 1e6  # beyond these a power of ten stands apart
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def measured(value: float, sigma: float) -> str:
    """``9.81 ± 0.02``: the error with one digit, or two where it begins with less than 3.55 (as the Particle Data Group rounds), and the
    value to the same place.

    An error that is 0 or no finite number is left out.
    """
    if not (math.isfinite(sigma) and sigma > 0 and math.isfinite(value)):
        return plain(value)
    power = _power(max(abs(value), sigma))
    if power:
        decimals = _decimals(sigma / 10.0**power)
        return f"({_fixed(value / 10.0**power, decimals)} ± {_fixed(sigma / 10.0**power, decimals)}){_ten(power)}"
    decimals = _decimals(sigma)
    return f"{_fixed(value, decimals)} ± {_fixed(sigma, decimals)}"


def interval(low: float, high: float, sigma: float) -> str:
    """``9.77 to 9.85``, with the digits that `measured` gives; an end may be infinite."""
    if math.isnan(sigma):
        return "error unknown"
    ends = [end for end in (low, high) if math.isfinite(end)]
    power = _power(max((*map(abs, ends), sigma))) if ends and math.isfinite(sigma) else 0
    decimals = _decimals(sigma / 10.0**power) if math.isfinite(sigma) and sigma > 0 else None

    def end(value: float) -> str:
        if not math.isfinite(value):
            return "∞" if value > 0 else "−∞"
        return plain(value) if decimals is None else _fixed(value / 10.0**power, decimals)

    both = f"{end(low)} to {end(high)}"
    return f"({both}){_ten(power)}" if power and decimals is not None else both


def plain(value: float, digits: int = 6) -> str:
    """A number without an error: at most so many significant digits."""
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else "∞" if value > 0 else "−∞"
    power = _power(abs(value))
    body = f"{value / 10.0**power:.{digits}g}".replace("-", "−")
    return body + (_ten(power) if power else "")


def sigmas(value: float) -> str:
    """A misfit: ``1.43 σ``, ``22,712 σ``."""
    if not math.isfinite(value):
        return "no number of σ"
    return f"{value:.2f} σ" if value < 100 else f"{value:,.0f} σ"


def with_unit(number: str, unit: str) -> str:
    """The number and its unit, where it has one."""
    return f"{number} {unit}" if unit else number


def _power(size: float) -> int:
    """The power of ten that is written apart; 0 for none."""
    return 0 if size == 0.0 or SMALLEST <= size < LARGEST or not math.isfinite(size) else math.floor(math.log10(size))


def _decimals(sigma: float) -> int:
    """Places after the point that an error leaves meaning; negative for tens and more."""
    exponent = math.floor(math.log10(sigma))
    lead = sigma / 10.0**exponent
    return (1 if lead < 3.545 else 0) - exponent


def _fixed(value: float, decimals: int) -> str:
    return f"{round(value, decimals):.{max(decimals, 0)}f}".replace("-", "−")


def _ten(power: int) -> str:
    return f"·10{str(power).translate(_SUPERSCRIPTS)}"
