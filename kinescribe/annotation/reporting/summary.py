"""What a states table says of its video, in short: the figures of both report pages, fit to be kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kinescribe.errors import InputError
from kinescribe.llm.text import one_line

__all__ = ["LeftOut", "ObjectSummary", "Summary"]

Verdict = Literal["yes", "corrected", "unsure", "no", "unchecked"]


class _Model(BaseModel):
    """Frozen, finite, and deaf to what a later version adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class ObjectSummary(_Model):
    """One object of a table; frames are counted from its first row to its last.

    Attributes:
        object_id, label: as in the table; the label that most of its rows carry.
        label_verified: the verdict of most of its rows that have one; "unchecked" where none has.
        first_frame, last_frame: of its rows.
        frames: rows of the object.
        observed: rows in which it was seen, in that very frame.
        coverage: observed over the frames from its first row to its last, in [0, 1].
        coverage_of_video: observed over all frames of the video; None where their number is not known.
        gaps: runs of frames between its first row and its last in which it was not seen.
        longest_gap: frames of the longest of them; 0 without one.
        identity_score: the lowest of its rows, in [0, 1]; None where not known.
        flags: rows by what the column `review` says of them; numbers in the reasons are left out, so that alike reasons count together.
        flagged: rows with any reason.
        sigma: mean of sigma_x and sigma_y over the rows in which it was seen, in the table's unit; None where not known.
        path_length: sum of the ways from row to row, in the table's unit.
    """

    object_id: int = Field(ge=0)
    label: str
    label_verified: Verdict
    first_frame: int = Field(ge=0)
    last_frame: int = Field(ge=0)
    frames: int = Field(ge=1)
    observed: int = Field(ge=0)
    coverage: float = Field(ge=0, le=1)
    coverage_of_video: float | None = Field(ge=0, le=1)
    gaps: int = Field(ge=0)
    longest_gap: int = Field(ge=0)
    identity_score: float | None = Field(ge=0, le=1)
    flags: dict[str, int]
    flagged: int = Field(ge=0)
    sigma: float | None = Field(ge=0)
    path_length: float = Field(ge=0)

    @property
    def span(self) -> int:
        """Frames from its first row to its last, of those that were looked at."""
        frames = self.last_frame - self.first_frame + 1
        return min(max(round(self.observed / self.coverage), self.frames), frames) if self.observed and self.coverage else frames

    @model_validator(mode="after")
    def _agrees(self) -> ObjectSummary:
        span = self.last_frame - self.first_frame + 1
        if span < self.frames or self.frames < max(self.observed, self.flagged):
            raise ValueError(f"{self.observed} of {self.frames} rows seen, {self.flagged} flagged, in {span} frames: that cannot be")
        return self


class LeftOut(_Model):
    """Something that a detector reported and that is not in the table: its label, where, and why not."""

    label: str
    first_frame: int = Field(ge=0)
    last_frame: int = Field(ge=0)
    reason: str


class Summary(_Model):
    """What a states table says of its video, in short.

    Attributes:
        format_version: of this form.
        video: its file name; None where the table does not say.
        frames: of the video; None where not known.
        rows: of the table, those of points of bodies too.
        duration_s: frames times their interval, seconds; without these from the first row to the last. None for a table without rows.
        width, height: of the picture, px; None where not known.
        frame_rate: frames a second; None where not known.
        unit: of lengths; "" where not known.
        objects: bodies, by ascending id.
        points: how many further objects are points of bodies: ends, pivots.
        points_flagged: rows of such points with a reason to look at them.
        labels: objects by label; "" is without one.
        verdicts: objects by verdict on their label.
        contacts: how many.
        warnings: of the table, one line each.
        partial: why the table does not reach the video's end; None where it does.
        left_out: what was detected and is not in the table.
    """

    format_version: Literal[1] = 1
    video: str | None
    frames: int | None = Field(ge=0)
    rows: int = Field(ge=0)
    duration_s: float | None = Field(ge=0)
    width: int | None = Field(gt=0)
    height: int | None = Field(gt=0)
    frame_rate: float | None = Field(gt=0)
    unit: str
    objects: tuple[ObjectSummary, ...]
    points: int = Field(ge=0)
    points_flagged: int = Field(ge=0)
    labels: dict[str, int]
    verdicts: dict[Verdict, int]
    contacts: int = Field(ge=0)
    warnings: tuple[str, ...]
    partial: str | None
    left_out: tuple[LeftOut, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; `Summary.of` reads it again."""
        return self.model_dump(mode="json")

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Summary:
        """A summary from what `to_dict` gave. What a later version added is left out.

        Raises:
            InputError: it is no summary: the first value that is not allowed, by its place.
        """
        if not isinstance(data, Mapping):
            raise InputError(f"a summary is a JSON object, not {one_line(repr(data), 60)}; annotate the video again to renew it")
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            first = error.errors()[0]
            where = one_line(".".join(str(part) for part in first["loc"]), 80) or "the whole"
            given = one_line(repr(first["input"]), 60)
            said = f"{where}: {first['msg']}" + ("" if first["type"] == "missing" else f", not {given}")
            raise InputError(f"no summary of a states table: {said}; annotate the video again to renew it") from None
