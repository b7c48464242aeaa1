"""Which part of a data set a video falls into: by its name alone, so that more videos move none of those that are there."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

from kinescribe.errors import UsageError, unknown_value

__all__ = ["SPLITS", "checked_split", "split_of"]

SPLITS = ("train", "val", "test")


def checked_split(split: Mapping[str, float] | None) -> dict[str, float]:
    """Fractions by part, in the order of `SPLITS`, those of 0 left out. None: all is for training.

    Raises:
        UsageError: an unknown part, a fraction outside [0, 1], or a sum that isn't 1.
    """
    if split is None:
        return {"train": 1.0}
    if not isinstance(split, Mapping):
        raise UsageError(f"split={split!r} must be fractions by part, such as {{'train': 0.8, 'val': 0.1, 'test': 0.1}}")
    for part, fraction in split.items():
        if part not in SPLITS:
            raise unknown_value("part of the split", str(part), SPLITS)
        if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 <= fraction <= 1:
            raise UsageError(f"split: {part}: {fraction!r} must be a fraction from 0 to 1")
    if not math.isclose(math.fsum(split.values()), 1.0, abs_tol=1e-6):
        raise UsageError(f"split: the fractions sum to {math.fsum(split.values()):g}; they must sum to 1")
    return {part: float(split[part]) for part in SPLITS if split.get(part)}


def split_of(name: str, split: Mapping[str, float], seed: int = 0) -> str:
    """The part of a video of this name: its hash, as a number in [0, 1), falls into one of the fractions laid end to end."""
    digest = hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest()
    place, reached = int.from_bytes(digest[:6], "big") / 2**48, 0.0
    for part, fraction in split.items():
        reached += fraction
        if place < reached:
            return part
    return list(split)[-1]  # the sum of the fractions may fall short of 1 by its rounding
