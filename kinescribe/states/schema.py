"""The columns of the states table, defined once: order, type, unit, meaning, allowed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kinescribe.states.calibration import Calibration

__all__ = ["BY_NAME", "COLUMNS", "LABEL_VERDICTS", "SHAPES", "STATUSES", "Column", "DataType", "UnitKind", "table_schema", "unit_of"]

DataType = Literal["integer", "number", "string"]
UnitKind = Literal["none", "time", "length", "speed", "acceleration", "area", "angle", "angle_rate", "pixel", "probability"]

LABEL_VERDICTS = ("yes", "corrected", "unsure", "no", "unchecked")
SHAPES = ("disc", "box", "rod", "blob")
STATUSES = ("observed", "occluded", "interpolated", "predicted")


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: as in the header.
        dtype: integer (int64), number (float64, NaN unknown) or string (object of str, "" unknown).
        kind: what its unit is made of; `unit_of` gives the unit itself.
        meaning: one sentence.
        allowed: the only values of a string column, beside the empty one; empty: any.
        minimum, maximum: inclusive bounds of a number.
        required: no cell may be empty, and no table lacks it.
        expected: no table lacks it, though cells may be empty.
    """

    name: str
    dtype: DataType
    kind: UnitKind
    meaning: str
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False
    expected: bool = False


def _count(name: str, meaning: str) -> Column:
    return Column(name, "integer", "none", meaning, minimum=0, required=True)


def _number(name: str, kind: UnitKind, meaning: str, minimum: float | None = None, expected: bool = False) -> Column:
    return Column(name, "number", kind, meaning, minimum=minimum, expected=expected)


def _probability(name: str, meaning: str) -> Column:
    return Column(name, "number", "probability", meaning, minimum=0, maximum=1)


def _text(name: str, meaning: str, allowed: tuple[str, ...] = ()) -> Column:
    return Column(name, "string", "none", meaning, allowed=allowed)


def _sigma(of: str, kind: UnitKind) -> Column:
    return Column(f"sigma_{of}", "number", kind, f"One standard deviation of {of}.", minimum=0)


COLUMNS: tuple[Column, ...] = (
    _count("frame", "Decoded frames before this one, from 0."),
    Column("time_s", "number", "time", "Seconds since the first frame's time stamp.", required=True),
    _count("object_id", "The object: the same number in every frame."),
    _probability("identity_score", "Confidence that it is still the same object."),
    _text("label", "What the object is, in words."),
    _probability("label_score", "Confidence in the label."),
    _text("label_verified", "Verdict on the label of whoever looked twice.", LABEL_VERDICTS),
    _number("x", "length", "Centroid, along the world's x axis.", expected=True),
    _number("y", "length", "Centroid, along the world's y axis.", expected=True),
    _number("vx", "speed", "Velocity of the centroid, x."),
    _number("vy", "speed", "Velocity of the centroid, y."),
    _number("ax", "acceleration", "Acceleration of the centroid, x."),
    _number("ay", "acceleration", "Acceleration of the centroid, y."),
    _number("angle", "angle", "Direction of the long axis, from the world's +x towards +y; empty for a disc without texture."),
    _number("angular_velocity", "angle_rate", "Rate of change of angle."),
    _number("width", "length", "Long side of the object's own oriented box.", 0),
    _number("height", "length", "Short side of the object's own oriented box.", 0),
    _number("area", "area", "Area of the object's mask.", 0),
    _text("shape", "What the outline looks like.", SHAPES),
    _sigma("x", "length"),
    _sigma("y", "length"),
    _sigma("vx", "speed"),
    _sigma("vy", "speed"),
    _sigma("ax", "acceleration"),
    _sigma("ay", "acceleration"),
    _sigma("angle", "angle"),
    _sigma("angular_velocity", "angle_rate"),
    _number("x_px", "pixel", "Centroid in the image, from the centre of the leftmost pixel."),
    _number("y_px", "pixel", "Centroid in the image, from the centre of the topmost pixel, y down."),
    _number("bbox_x", "pixel", "Left edge of the upright box in the image."),
    _number("bbox_y", "pixel", "Upper edge of the upright box in the image, y down."),
    _number("bbox_w", "pixel", "Width of the upright box.", 0),
    _number("bbox_h", "pixel", "Height of the upright box.", 0),
    _text("status", "How the row came about: seen, hidden, filled in between sightings, or foretold.", STATUSES),
    _probability("detection_score", "The detector's confidence."),
    _text("review", "Why a person should look at this row; empty where there is no reason."),
)
BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}

_FIXED_UNITS: dict[UnitKind, str] = {"time": "s", "angle": "rad", "angle_rate": "rad/s", "pixel": "px"}
_WORLD_UNITS: dict[UnitKind, str] = {"length": "{}", "speed": "{}/s", "acceleration": "{}/s²", "area": "{}²"}


def unit_of(column: Column, calibration: Calibration | None) -> str | None:
    """The unit of a column; None where it has none, or where it is a length and the calibration is not known."""
    if column.kind in _WORLD_UNITS:
        return None if calibration is None else _WORLD_UNITS[column.kind].format(calibration.unit)
    return _FIXED_UNITS.get(column.kind)


def table_schema(calibration: Calibration | None, extra: Mapping[str, DataType] | None = None) -> dict[str, Any]:
    """The Frictionless table schema of a states table; `extra` names columns that are not ours and their types.

    Source: Data Package standard, Table Schema (specs.frictionlessdata.io/table-schema); `unit` is our own property of a field.
    """
    fields = [_field(column, calibration) for column in COLUMNS]
    fields += [
        {"name": name, "type": dtype, "description": "Not a column of kinescribe; kept as it came."}
        for name, dtype in (extra or {}).items()
    ]
    return {"fields": fields, "missingValues": [""], "primaryKey": ["frame", "object_id"]}


def _field(column: Column, calibration: Calibration | None) -> dict[str, Any]:
    field: dict[str, Any] = {"name": column.name, "type": column.dtype, "description": column.meaning}
    unit = unit_of(column, calibration)
    if unit is not None:
        field["unit"] = unit
    limits = {
        "required": column.required or None,
        "enum": list(column.allowed) or None,
        "minimum": column.minimum,
        "maximum": column.maximum,
    }
    constraints = {name: limit for name, limit in limits.items() if limit is not None}
    if constraints:
        field["constraints"] = constraints
    return field
