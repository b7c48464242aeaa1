"""The calibration options of the command line, to one `Calibration`."""

from __future__ import annotations

from kinescribe.errors import UsageError
from kinescribe.states.calibration import Calibration
from kinescribe.states.parsing import parse_point

__all__ = ["resolve_calibration"]


def resolve_calibration(
    scale: str | None = None,
    pixels_per_unit: float | None = None,
    unit: str | None = None,
    origin: str | None = None,
    angle: float | None = None,
) -> Calibration:
    """The calibration that the options ask for.

    Nothing given: plain pixels, y down. `origin` ("x,y") or `angle` (degrees) alone: pixels with that origin and direction, y up, for who
    places axes means the world's. With a scale: its unit, y up.

    Args:
        scale: a stick, ``0.30 m: 120,400 480,402``.
        pixels_per_unit: image pixels that one `unit` spans; the other way to give a scale.
        unit: the length unit that goes with `pixels_per_unit`.
        origin: image pixel of the world's origin.
        angle: of the world's x axis, degrees counter-clockwise on the screen.

    Raises:
        UsageError: a unit without a scale, two scales, a scale without a unit, or a value that cannot be read.
    """
    at = None if origin is None else parse_point(origin)
    degrees = 0.0 if angle is None else angle
    wanted = None if unit is None else unit.strip()
    if scale is not None and pixels_per_unit is not None:
        raise UsageError(f"two scales: --scale {scale!r} and --pixels-per-unit {pixels_per_unit:g}; give one")
    if scale is not None:
        found = Calibration.parse_stick(scale, at, degrees)
        if wanted is not None and wanted != found.unit:
            raise UsageError(
                f"two units: --unit {wanted} and --scale in {found.unit}; leave --unit out, and give the stick's length in {wanted}"
            )
        return found
    if pixels_per_unit is not None:
        if not wanted:
            raise UsageError(f"--pixels-per-unit {pixels_per_unit:g} needs its unit: add --unit, as --unit m")
        return Calibration.from_scale(pixels_per_unit, wanted, at, degrees)
    if wanted is not None and wanted != "px":
        raise UsageError(
            f"--unit {wanted} needs a scale, for a picture alone has no lengths: add --scale '0.30 {wanted}: x0,y0 x1,y1' "
            f"(a thing of known length and its two ends in image pixels) or --pixels-per-unit NUMBER"
        )
    if at is None and angle is None:
        return Calibration.pixels()
    return Calibration.from_scale(1.0, "px", at, degrees)
