"""Dimensions of a law's parameters: length, time and mass, whatever unit the table is in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from kinescribe.errors import UsageError

__all__ = ["Dimension"]

_BASES = ("length", "time", "mass")
_FACTOR = re.compile(r"^(length|time|mass|rad|1)(?:\^(-?\d+(?::[1-9]\d*)?))?$")
_FRACTION = re.compile(r"\^\((-?\d+)/(\d+)\)")
_SUPERSCRIPTS = str.maketrans("0123456789-/", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᐟ")


@dataclass(frozen=True, slots=True)
class Dimension:
    """Powers of length, time and mass; all zero for a pure number or an angle (radians).

    Attributes:
        length, time, mass: the powers.
        angle: power of radians, which are named in the unit, though they scale with nothing.
    """

    length: Fraction = Fraction(0)
    time: Fraction = Fraction(0)
    mass: Fraction = Fraction(0)
    angle: Fraction = Fraction(0)

    @classmethod
    def parse(cls, text: str) -> Dimension:
        """From a product of powers: ``length/time^2``, ``mass/(time^2)``, ``length^(1/2)``, ``1/time``, ``rad``, or "" for a pure number.

        Raises:
            UsageError: anything else.
        """
        powers = dict.fromkeys(_BASES, Fraction(0))
        angle = Fraction(0)
        # the slash of a power is no division
        plain = _FRACTION.sub(r"^\1:\2", text.replace(" ", ""))
        numerator, *denominators = (plain or "1").replace("(", "").replace(")", "").split("/")
        for sign, group in [(1, numerator), *((-1, part) for part in denominators)]:
            for factor in group.split("*"):
                match = _FACTOR.match(factor)
                if match is None:
                    raise UsageError(f"unit '{text}' is not made of length, time, mass and rad, as in 'length/time^2' or 'mass*length^2'")
                base, power = match[1], Fraction((match[2] or "1").replace(":", "/"))
                if base in powers:
                    powers[base] += sign * power
                if base == "rad":
                    angle += sign * power
        return cls(**powers, angle=angle)

    def factor(self, length: float = 1.0, time: float = 1.0, mass: float = 1.0) -> float:
        """What a value is multiplied by when the units shrink so that lengths, times and masses read larger by these factors."""
        return float(length ** float(self.length) * time ** float(self.time) * mass ** float(self.mass))

    def in_units(self, length: str = "length", time: str = "s", mass: str = "kg") -> str:
        """The unit in words, such as ``m/s²``; "" for a pure number."""
        up: list[str] = []
        down: list[str] = []
        for power, name in ((self.mass, mass), (self.length, length), (self.time, time), (self.angle, "rad")):
            if power:
                (up if power > 0 else down).append(name + (str(abs(power)).translate(_SUPERSCRIPTS) if abs(power) != 1 else ""))
        if not up and not down:
            return ""
        return "·".join(up or ["1"]) + ("/" + "/".join(down) if down else "")
