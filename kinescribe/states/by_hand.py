"""Tables that a person or another program made: what stands in for what they don't say."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.states.calibration import Calibration
from kinescribe.states.metadata import Metadata

__all__ = ["in_pixels", "may_lack", "what_is_not_known"]

WORLD, IMAGE = ("x", "y"), ("x_px", "y_px")


def may_lack(name: str, header: Collection[str]) -> bool:
    """Whether a table with this header needs no column `name`: places in the image tell those in the world."""
    return name in WORLD and not set(WORLD) & set(header) and set(IMAGE) <= set(header)


def in_pixels(columns: dict[str, NDArray[Any]], header: Collection[str], meta: Metadata) -> None:
    """Fill in x and y where there are places in the image alone, by the calibration, or, where there is none, in pixels, y down.

    A table without a calibration whose x and y are its x_px and y_px is in pixels too.
    """
    if may_lack("x", header):
        meta.calibration = meta.calibration or Calibration.pixels()
        places = meta.calibration.points(np.stack([columns[name] for name in IMAGE], axis=-1))
        columns["x"], columns["y"] = places[:, 0].copy(), places[:, 1].copy()
    elif meta.calibration is None and np.isfinite(columns["y_px"]).any() and _alike(columns):
        meta.calibration = Calibration.pixels()


def _alike(columns: dict[str, NDArray[Any]]) -> bool:
    return all(np.array_equal(columns[world], columns[image], equal_nan=True) for world, image in zip(WORLD, IMAGE, strict=True))


def what_is_not_known(header: Collection[str], meta: Metadata, lacking: str) -> str:
    """One line on a table that says nothing of its frame: what its numbers are taken for; `lacking` is what would have said it."""
    taken = (
        "positions are taken as image pixels, y down"
        if meta.calibration is not None
        else "the unit is unknown and y is taken to point up (positions in image pixels, y down, belong in columns x_px, y_px)"
    )
    lacks = ", ".join(name for name in ("sigma_x", "sigma_y") if name not in header)
    return f"{lacking}{' and no ' if lacks else ''}{lacks}: {taken}"
