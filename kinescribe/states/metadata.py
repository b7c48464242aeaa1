"""What goes with a states table: where it comes from, its world frame, events, warnings. Written as JSON beside the CSV.

The file is a Frictionless table schema with further properties: `fields`, `missingValues` and `primaryKey` are made from the columns when
it is written; the rest is `Metadata`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from kinescribe.errors import InputError, UsageError
from kinescribe.states.calibration import Calibration
from kinescribe.states.refused import shortened, what_is_wrong

__all__ = [
    "FORMAT_VERSION",
    "ContactEvent",
    "LeftOutMeta",
    "Metadata",
    "ObjectMeta",
    "TimeMeta",
    "VerificationMeta",
    "VideoMeta",
    "VoteMeta",
    "from_json",
    "to_json",
]

FORMAT_VERSION = 1
WAY_OUT = "mend it, or remove the file to read the table alone"
OF_A_CALIBRATION = {field.name for field in fields(Calibration)}
_SCHEMA_KEYS = ("fields", "missingValues", "primaryKey")
Vector = tuple[float, float]


class _Model(BaseModel):
    """Closed when we write it: an unknown field is an error. Files of later versions are read with what they add left out."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, validate_assignment=True)


class VideoMeta(_Model):
    """The video that the table was made from.

    Attributes:
        name: file name without its folder.
        sha256: of the file's bytes, hex; None where it is not a file.
        width, height: of the picture, px.
        frame_count: frames that were decoded, or that the container tells of; None where neither is known.
    """

    name: str
    sha256: str | None = None
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    frame_count: int | None = Field(default=None, ge=0)


class TimeMeta(_Model):
    """The time stamps.

    Attributes:
        regular: all steps are equal, within the container's own rounding.
        interval_s: median step, seconds; None with fewer than two frames.
        jitter_s: standard deviation of the steps, seconds.
        irregular_steps: how many steps are more than 5 % off the median; None where not told.
        gaps: how many of them are one and a half medians or more, as where frames were dropped; None where not told.
        longest_step_s: the longest step, seconds; None with fewer than two frames, or where not told.
        repeated_frames: pictures that repeat the one before while things move, as where frames were lost; None where nobody looked.
        overridden: the times are the user's (a frame interval, or given times), not the container's.
    """

    regular: bool
    interval_s: float | None = Field(default=None, gt=0)
    jitter_s: float | None = Field(default=None, ge=0)
    irregular_steps: int | None = Field(default=None, ge=0)
    gaps: int | None = Field(default=None, ge=0)
    longest_step_s: float | None = Field(default=None, gt=0)
    repeated_frames: int | None = Field(default=None, ge=0)
    overridden: bool = False


class ContactEvent(_Model):
    """A sudden change of velocity.

    Attributes:
        time_s: seconds, as the column.
        frame: the frame nearest to it.
        partners: object ids; one alone where it struck something that is no object, such as a wall.
        position: of the contact in the world, world units.
        impulse: velocity after less velocity before (the impulse over the mass), one vector a partner, world units per second.
    """

    time_s: float
    frame: int = Field(ge=0)
    partners: list[int] = Field(min_length=1)
    position: Vector | None = None
    impulse: list[Vector] | None = None

    @model_validator(mode="after")
    def _one_impulse_a_partner(self) -> ContactEvent:
        if self.impulse is not None and len(self.impulse) != len(self.partners):
            raise ValueError(f"{len(self.impulse)} impulses for {len(self.partners)} partners: give one a partner, or none")
        return self


class VoteMeta(_Model):
    """One question about a label, and its answer.

    Attributes:
        frames: that were shown.
        prompt: kind of question.
        answer: a label, "not there" or "unsure".
        weight: log-likelihood ratio that the answer was worth.
    """

    frames: list[int]
    prompt: str
    answer: str
    weight: float


class VerificationMeta(_Model):
    """How a label was verified.

    Attributes:
        verdict: yes, corrected, unsure or no.
        detected: the label before.
        confidence: that the verdict's label is right ("no": that nothing is there), [0, 1].
        by: who verified: a model's name, or "rules".
        frames: all frames that were shown.
        votes: questions and answers, in order.
        reason: one line for people.
    """

    verdict: str
    detected: str
    confidence: float = Field(ge=0, le=1)
    by: str
    frames: list[int] = Field(default_factory=list)
    votes: list[VoteMeta] = Field(default_factory=list)
    reason: str = ""


class LeftOutMeta(_Model):
    """Something that a detector reported, or that moves, and that is not in the table.

    Attributes:
        label: what the detector called it, or what it looks like.
        first_frame, last_frame: where it was reported.
        reason: why it was left out.
        verification: where a verifier said so.
    """

    label: str
    first_frame: int = Field(ge=0)
    last_frame: int = Field(ge=0)
    reason: str
    verification: VerificationMeta | None = None


class ObjectMeta(_Model):
    """One object over the whole table.

    Attributes:
        label: words.
        frames_seen: frames with an observation.
        first_frame, last_frame: of its rows.
        shape: as the column.
        part_of: id of the body that this is a point of, such as its left end; None for a body.
        verification: of its label; None where nobody looked.
    """

    label: str = ""
    frames_seen: int = Field(default=0, ge=0)
    first_frame: int | None = Field(default=None, ge=0)
    last_frame: int | None = Field(default=None, ge=0)
    shape: str = ""
    part_of: int | None = None
    verification: VerificationMeta | None = None


class Metadata(_Model):
    """What goes with a table.

    Attributes:
        format_version: of this layout.
        calibration: the world frame; None where it is not known (a table without its sidecar).
        video, time: None where not known.
        configuration: every setting that the run resolved to.
        versions: of the software, by name.
        events: contacts, in time order.
        objects: by object id.
        left_out: what a detector reported and was not believed, and what the picture's edge cuts off nearly all along.
        models: where each learned part's weights come from: name, revision, hash, licence; by role.
        warnings: one line each.
        partial: None, or why the table does not reach the video's end.
    """

    format_version: int = FORMAT_VERSION
    calibration: Calibration | None = None
    video: VideoMeta | None = None
    time: TimeMeta | None = None
    configuration: dict[str, JsonValue] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    events: list[ContactEvent] = Field(default_factory=list)
    objects: dict[int, ObjectMeta] = Field(default_factory=dict)
    left_out: list[LeftOutMeta] = Field(default_factory=list)
    models: dict[str, dict[str, str]] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)
    partial: str | None = None

    def warn(self, line: str) -> None:
        """Add a warning, once."""
        if line not in self.warnings:
            self.warnings.append(line)


def to_json(meta: Metadata, schema: Mapping[str, Any]) -> str:
    """The sidecar's text. Raises UsageError for a value that JSON has no word for (NaN, infinity)."""
    try:
        return json.dumps({**schema, **meta.model_dump(mode="json")}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise UsageError(f"the metadata hold a number that JSON cannot carry ({error}): use None for what is not known") from error


def from_json(text: str, name: str, way_out: str = WAY_OUT) -> tuple[Metadata, dict[str, Any], list[str]]:
    """Metadata, table schema (possibly empty) and what was left out of a sidecar's text.

    What a later version adds is left out and noted, as is a later version itself, and a key of the calibration that means nothing.

    Args:
        name: what messages call the file.
        way_out: what to do where it can't be read.

    Raises:
        InputError: anything that is no sidecar.
    """
    data = _load(text, name, way_out)
    schema = {key: data.pop(key) for key in _SCHEMA_KEYS if key in data}
    described = schema.get("fields", [])
    if not isinstance(described, list) or not all(isinstance(field, dict) and isinstance(field.get("name"), str) for field in described):
        raise InputError(f"{name}: 'fields' must be a list of objects with a 'name'; write the table again to renew it")
    try:
        meta = Metadata.model_validate(data, extra="ignore")
    except ValidationError as error:
        raise InputError(f"{name}: {what_is_wrong(error)}; {way_out}") from None
    unknown = sorted(set(data) - set(Metadata.model_fields))
    notes = []
    if meta.format_version > FORMAT_VERSION:
        notes.append(
            f"{name}: format_version {meta.format_version} is later than {FORMAT_VERSION}, the last that this version of kinescribe knows: "
            "what it means may have changed; update kinescribe"
        )
        meta.format_version = FORMAT_VERSION  # what was understood, and what is written of it
    notes += [f"{name}: left out what this version does not know: {', '.join(unknown)}"] if unknown else []
    frame = data.get("calibration")
    strange = sorted(set(frame) - OF_A_CALIBRATION) if isinstance(frame, dict) else []
    if strange:
        known = ", ".join(sorted(OF_A_CALIBRATION))
        notes.append(f"{name}: the calibration has no {shortened(strange[0])}, which is left out; it has {known}")
    return meta, schema, notes


def _load(text: str, name: str, way_out: str) -> dict[str, Any]:
    if not text.strip():
        raise InputError(f"{name}: is empty; {way_out}")

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON number")

    try:
        data = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise InputError(f"{name}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}; {way_out}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not JSON: {error}; {way_out}") from None
    if not isinstance(data, dict):
        raise InputError(f"{name}: holds a JSON {type(data).__name__}, not the object that goes with a states table; {way_out}")
    return data
