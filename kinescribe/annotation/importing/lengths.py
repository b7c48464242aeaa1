"""Positions of other tools in our world frame and in the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.importing.sheets import shown
from kinescribe.annotation.importing.sightings import Sightings
from kinescribe.errors import UsageError
from kinescribe.states import Calibration

__all__ = ["one_unit", "world"]

Float = NDArray[np.float64]
_ALIKE = {
    "pixel": "px", "pixels": "px", "pix": "px", "micron": "um", "microns": "um", "µm": "um", "μm": "um", "micrometer": "um",
    "meter": "m", "meters": "m", "metre": "m", "metres": "m", "millimeter": "mm", "centimeter": "cm", "nanometer": "nm", "inch": "in",
}  # fmt: skip


def one_unit(text: str) -> str:
    """The short word for a unit of length that tools write in several ways: micron → um, pixel → px; others as they are."""
    low = text.strip().lower()
    return _ALIKE.get(low, text.strip())


def world(found: Sightings, columns: dict[str, Float]) -> tuple[Calibration, dict[str, Float]]:
    """The world frame, and the columns of place and size in it, (n,) each.

    Positions in pixels are measured by the caller's calibration, or stay pixels, y down. Positions in a world of the file's own stay as
    they are, y up or down as there; where its scale is known, or the caller gives the calibration, their pixels are filled in.

    Raises:
        UsageError: a unit that the file doesn't name and nobody gave, or one that contradicts the calibration's.
    """
    place, asked = found.place, found.asked
    given = np.stack([columns["x"], columns["y"]], axis=1)
    size = columns["size"]
    unit = one_unit(place.unit)
    if unit == "px" and not place.y_up:
        if asked.unit not in (None, "px"):
            raise UsageError(f"{found.path}: positions are in pixels: unit {shown(asked.unit)} needs a scale: give calibration=")
        calibration = asked.calibration or Calibration.pixels()
        pixels = given + place.offset
        positions, size = calibration.points(pixels), calibration.lengths(size)
    else:
        unit = _unit(found, unit)
        if asked.calibration is not None and place.y_up:
            # the tool's axes are those that the caller says where to find
            if not asked.calibration.y_up:
                raise UsageError(f"{found.path}: the tool's y axis points up, and that of the calibration down: give one with y up")
            calibration, positions = asked.calibration, given
            pixels = calibration.to_pixels(positions)
        elif asked.calibration is not None:
            calibration = asked.calibration
            pixels = given * calibration.pixels_per_unit
            positions = calibration.points(pixels)
        else:
            scale = 1.0 if unit == "px" else place.pixels_per_unit
            calibration = Calibration(scale or 1.0, unit, y_up=place.y_up)
            positions, pixels = given, np.full_like(given, np.nan)
            if place.y_up:
                found.notes.append(
                    "where the tool's axes lie in the image is not in the file: there are no pixels (x_px, y_px), and the sidecar's "
                    "calibration holds the unit alone; to draw over the video, give calibration="
                )
            elif scale is not None:
                pixels = given * scale
            else:
                found.notes.append(
                    f"the file doesn't say how many pixels one {unit} spans: there are no x_px, y_px, and the sidecar's calibration holds "
                    "the unit alone; to draw over the video, give calibration="
                )
    table = {"x": positions[:, 0], "y": positions[:, 1], "x_px": pixels[:, 0], "y_px": pixels[:, 1]}
    table |= {"width": size, "height": size.copy()}
    table |= {f"bbox_{ours}": columns[theirs] for ours, theirs in (("x", "x0"), ("y", "y0"), ("w", "w"), ("h", "h"))}
    return calibration, table


def _unit(found: Sightings, unit: str) -> str:
    """The unit of a file's own world."""
    asked = found.asked
    named = {one_unit(word) for word in (unit, asked.unit or "", asked.calibration.unit if asked.calibration else "") if word}
    if not named:
        raise UsageError(f"{found.path}: doesn't name the unit of its lengths: give unit='m', or what the tool's axes are in, 'px' if none")
    if len(named) > 1:
        words = {"the file": unit, "unit=": asked.unit, "calibration=": asked.calibration.unit if asked.calibration else ""}
        told = ", ".join(f"{where} says {shown(word)}" for where, word in words.items() if word)
        raise UsageError(f"{found.path}: lengths are in one unit: {told}; give the file's")
    return named.pop()
