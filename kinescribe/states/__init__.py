"""The states table: schema, calibration, metadata, reading, writing, validating."""

from __future__ import annotations

from kinescribe.states.calibration import Calibration
from kinescribe.states.checks import Problem
from kinescribe.states.metadata import (
    ContactEvent,
    LeftOutMeta,
    Metadata,
    ObjectMeta,
    TimeMeta,
    VerificationMeta,
    VideoMeta,
    VoteMeta,
)
from kinescribe.states.options import resolve_calibration
from kinescribe.states.parsing import parse_point
from kinescribe.states.reading import read
from kinescribe.states.schema import COLUMNS, LABEL_VERDICTS, SHAPES, STATUSES, Column, table_schema
from kinescribe.states.table import States
from kinescribe.states.validation import validate
from kinescribe.states.writing import sidecar_path

__all__ = [
    "COLUMNS",
    "LABEL_VERDICTS",
    "SHAPES",
    "STATUSES",
    "Calibration",
    "Column",
    "ContactEvent",
    "LeftOutMeta",
    "Metadata",
    "ObjectMeta",
    "Problem",
    "States",
    "TimeMeta",
    "VerificationMeta",
    "VideoMeta",
    "VoteMeta",
    "parse_point",
    "read",
    "resolve_calibration",
    "sidecar_path",
    "table_schema",
    "validate",
]
