"""A video's world frame and times, as the files of a program's folder hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kinescribe.llm.text import one_line
from kinescribe.states import Calibration

__all__ = ["Closed", "World", "WorldModel", "first_fault"]


@dataclass(frozen=True, slots=True)
class World:
    """A video's world frame and times.

    Attributes:
        calibration: see `kinescribe.Calibration`. frame_interval: seconds, where the file's time stamps are not the true ones; None.
    """

    calibration: Calibration
    frame_interval: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON and TOML."""
        frame = self.calibration
        return {
            "pixels_per_unit": frame.pixels_per_unit,
            "unit": frame.unit,
            "origin_px": [float(v) for v in frame.origin_px],
            "angle_rad": frame.angle_rad,
            "y_up": frame.y_up,
            "frame_interval": self.frame_interval,
        }


class Closed(BaseModel):
    """A part of a file: an unknown field is an error, and so is a value of another type, or none that is finite."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class WorldModel(Closed):
    """As `World.to_dict` writes it."""

    pixels_per_unit: float = Field(gt=0)
    unit: str = Field(max_length=40)
    origin_px: list[float] = Field(min_length=2, max_length=2)
    angle_rad: float
    y_up: bool
    frame_interval: float | None = Field(default=None, gt=0)

    def world(self) -> World:
        """What it says. Raises `UsageError` for a frame that makes no sense."""
        x, y = self.origin_px
        return World(Calibration(self.pixels_per_unit, self.unit, (x, y), self.angle_rad, self.y_up), self.frame_interval)


def first_fault(error: ValidationError) -> str:
    """The first complaint, in one line; a field that nobody knows before one that is missing, for that is what a slip of the pen makes."""
    every = error.errors(include_url=False, include_input=False)
    first = next((one for one in every if one["type"] == "extra_forbidden"), every[0])
    where = ".".join(str(step) for step in first["loc"]) or "the whole"
    return f"{one_line(where, 60)}: {one_line(first['msg'], 120)}"
