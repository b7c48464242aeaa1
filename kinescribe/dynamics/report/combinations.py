"""What is known of parameters that are not identifiable by themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from kinescribe.dynamics.fitting import Fit, Unidentified
from kinescribe.dynamics.units import Dimension

__all__ = ["Combination", "combinations"]

FINEST = 4  # denominator of a power
ROUNDED = 0.02  # how far a power may lie from the fraction that it is told as


@dataclass(frozen=True, slots=True)
class Combination:
    """A product of powers of parameters that the clips determine, though not its factors.

    Attributes:
        text: "blue ball.mass / red ball.mass".
        value, sigma: with one standard deviation.
        unit: in words.
    """

    text: str
    value: float
    sigma: float
    unit: str


def combinations(fit: Fit, lost: Unidentified) -> list[Combination]:
    """Each parameter beside the first, in the power that the common factor leaves as it is.

    None for a parameter that stands alone, is involved in several such directions, or is 0, of which no factor can be told.
    """
    names = fit.slots.names
    index = [names.index(name) for name in lost.names if name in names]
    shared = [one for one in fit.unidentified if one is not lost and set(one.names) & set(lost.names)]
    if len(index) < 2 or len(index) != len(lost.names) or shared or not np.all(fit.theta[index]):
        return []
    found = []
    first, power = index[0], lost.powers[0]
    for k, other in zip(index[1:], lost.powers[1:], strict=True):
        ratio = Fraction(other / power if power else 0.0).limit_denominator(FINEST)
        if not power or abs(float(ratio) - other / power) > ROUNDED or not ratio:
            continue
        # a parameter times c^other stays what it is over the first one, which is times c^power, to this power
        base = float(fit.theta[first]) if ratio.denominator == 1 else abs(float(fit.theta[first]))
        value = float(fit.theta[k]) * base ** -float(ratio)
        slope = np.zeros(len(names))
        slope[k], slope[first] = 1.0 / fit.theta[k], -float(ratio) / fit.theta[first]
        sigma = abs(value) * math.sqrt(max(float(slope @ fit.covariance @ slope), 0.0))
        found.append(Combination(_text(names[k], names[first], ratio), value, sigma, _unit(fit, names[k], names[first], ratio)))
    return found


def _text(one: str, first: str, ratio: Fraction) -> str:
    size = abs(ratio)
    factor = first if size == 1 else f"{first}^{size}" if size.denominator == 1 else f"{first}^({size})"
    return f"{one} / {factor}" if ratio > 0 else f"{one} · {factor}"


def _unit(fit: Fit, one: str, first: str, ratio: Fraction) -> str:
    by_name = {slot.name: slot.parameter.dimension for slot in fit.slots.all}
    a, b = by_name[one], by_name[first]
    made = Dimension(a.length - ratio * b.length, a.time - ratio * b.time, a.mass - ratio * b.mass)
    return made.in_units(fit.unit or "length")
