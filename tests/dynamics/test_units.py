"""Dimensions: read, printed, and what they make of a change of units."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.dynamics.units import Dimension
from kinescribe.errors import UsageError


@pytest.mark.parametrize(
    ("text", "length", "time", "mass"),
    [
        ("", 0, 0, 0),
        ("1", 0, 0, 0),
        ("rad", 0, 0, 0),
        ("length/time^2", 1, -2, 0),
        ("1/time", 0, -1, 0),
        ("mass*length^2/time^2", 2, -2, 1),
        ("mass/(length*time)", -1, -1, 1),
        ("mass/length/time", -1, -1, 1),
        ("length^-2", -2, 0, 0),
        (" length / time ", 1, -1, 0),
        ("length^(1/2)", Fraction(1, 2), 0, 0),
        ("time/length^(-1/2)", Fraction(1, 2), 1, 0),
    ],
)
def test_a_product_of_powers_is_read(text, length, time, mass):
    found = Dimension.parse(text)
    assert (found.length, found.time, found.mass) == (length, time, mass)


@pytest.mark.parametrize(
    "text", ["m/s", "length**2", "length^", "length^1.5", "length-time", "/time", "length/", "length//time", "*", "length^1/0"]
)
def test_what_is_no_product_of_powers_is_refused_by_name(text):
    with pytest.raises(UsageError, match=r"unit '.*' is not made of") as caught:
        Dimension.parse(text)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("length/time^2", "m/s²"),
        ("1/time", "1/s"),
        ("rad/time", "rad/s"),
        ("1/rad", "1/rad"),
        ("length/rad", "m/rad"),
        ("mass*rad^2/time", "kg·rad²/s"),
        ("rad^(1/2)", "rad¹ᐟ²"),
        ("rad/rad", ""),
        ("mass*length^2/time^2", "kg·m²/s²"),
        ("length^-1", "1/m"),
    ],
)
def test_units_are_said_in_the_words_of_the_table(text, said):
    assert Dimension.parse(text).in_units("m") == said


@given(*[st.integers(-4, 4)] * 3)
def test_factor_follows_the_powers(length, time, mass):
    found = Dimension.parse(f"length^{length}*time^{time}*mass^{mass}")
    assert found.factor(100.0, 2.0, 3.0) == pytest.approx(100.0**length * 2.0**time * 3.0**mass)
