"""Labels for what nobody has named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from numpy.typing import ArrayLike

from kinescribe.perception.naming.colors import name_color

__all__ = ["describe", "number_labels"]


def describe(lab: ArrayLike, shape: str) -> str:
    """Colour and shape in words, such as "red disc", of a CIELAB colour (3,) and a shape class."""
    return f"{name_color(lab)} {shape}"


def number_labels(labels: Sequence[str]) -> list[str]:
    """Each label with its number among those that read the same, from 1: "red disc 1", "red disc 2". No two of the results are equal."""
    counts: Counter[str] = Counter()
    numbered = []
    for label in labels:
        counts[label] += 1
        numbered.append(f"{label} {counts[label]}")
    return numbered
