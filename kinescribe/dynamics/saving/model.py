"""The layout of a saved fit. Closed: a field that it does not know is an error, so that a slip of the pen is told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

__all__ = [
    "FORMAT_VERSION",
    "BodiesModel",
    "CandidateModel",
    "ClipModel",
    "DomainModel",
    "EstimateModel",
    "FitModel",
    "LawModel",
    "ParameterModel",
    "SelectionModel",
    "StatisticsModel",
    "UnidentifiedModel",
]

FORMAT_VERSION = 1
WORDS = {"nan", "inf", "-inf"}


def _number(value: Any) -> Any:
    """JSON has no word for what is not finite; ours are texts, and no other text is a number."""
    if isinstance(value, str) and value not in WORDS:
        raise ValueError("write a number without quotes")
    if isinstance(value, bool):
        raise ValueError("write a number, not true or false")
    return value


Number = Annotated[float, BeforeValidator(_number)]
Matrix = list[list[Number]]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EstimateModel(_Model):
    """One parameter, for people: `value` is used as it stands; all else on the line is for reading.

    Attributes:
        value: in the table's units, y up.
        unit: in words; "" for a pure number.
        sigma: one standard deviation; None where it was not fitted, or where the data say nothing.
        meaning: what it is.
        fixed: it was known, not fitted.
    """

    value: Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
    unit: str = ""
    sigma: Number | None = None
    meaning: str = ""
    fixed: bool = False


class ParameterModel(_Model):
    """A law's declaration of a parameter, where it is not the one that its class has."""

    start: Number
    bounds: tuple[Number, Number]
    unit: str = ""
    meaning: str = ""
    per: Literal["law", "object"] = "law"
    fixed: bool = False
    revealed_by: str = ""


class LawModel(_Model):
    """Where a law comes from.

    Attributes:
        kind: installed: an entry point; file: a class in a Python file; object: made in somebody's program; sum, restricted, constrained:
            made of others.
        name: of the entry point or class.
        file, sha256, source: of a file law: its name without the folder, the hash of its bytes, and its lines, which run in the sandbox.
        terms: of a sum; law: that is restricted or constrained; objects: it is restricted to; rules: it is constrained by.
        parameters: all declarations, in order, where they differ from the class's; None where they don't.
        settings: attributes that differ from those of a new one.
    """

    kind: Literal["installed", "file", "object", "sum", "restricted", "constrained"]
    name: str = ""
    file: str = ""
    sha256: str = ""
    terms: list[LawModel] = Field(default_factory=list)
    law: LawModel | None = None
    objects: list[str] = Field(default_factory=list)
    rules: dict[str, JsonValue] | None = None
    parameters: dict[str, ParameterModel] | None = None
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    source: list[str] = Field(default_factory=list)


class UnidentifiedModel(_Model):
    """As `Unidentified`."""

    names: list[str]
    powers: list[Number]
    text: str
    remedy: str


class BodiesModel(_Model):
    """As `Bodies`, of one clip."""

    names: list[str]
    labels: list[str]
    object_ids: list[int]
    shapes: list[str]
    radius: list[Number]
    width: list[Number]
    height: list[Number]
    static: list[bool]


class ClipModel(_Model):
    """As `ClipFit`."""

    name: str
    start_time: Number
    bodies: BodiesModel
    chi: Number
    events_agree: bool | None = None
    noise: Matrix | None = None
    rms: list[Number]
    initial: Matrix
    components: list[tuple[int, int]]
    covariance: Matrix


class StatisticsModel(_Model):
    """What the fit found and spent."""

    scale: Number
    log_likelihood: Number
    parameters: int
    samples: int
    correlation: Number = 0.0
    rollouts: int
    seconds: Number
    seed: int
    optimizer: str
    substeps: int


class DomainModel(_Model):
    """As `Domain`."""

    duration: Number
    x: tuple[Number, Number]
    y: tuple[Number, Number]
    speed: Number
    contacts: int = 0
    inputs: dict[str, tuple[Number, Number]] = Field(default_factory=dict)


class CandidateModel(_Model):
    """One law that was tried."""

    title: str
    score: Number
    standard_error: Number
    error: Number
    reason: str = ""


class SelectionModel(_Model):
    """How the law was selected, best first."""

    candidates: list[CandidateModel]
    tie: list[str] = Field(default_factory=list)
    held_out: str = ""


class FitModel(_Model):
    """A saved fit.

    Attributes:
        kinescribe_law: version of this layout.
        title, equation: for people.
        unit: of length. objects: names, in the law's order.
        parameters: every number of the law; their values are what counts.
        unidentified: what the clips can't tell.
        status, advice, warnings, at_bound, without: as in `Fit`.
        law: where it comes from.
        free, theta, covariance: what was fitted: names, values, covariance; known: values of what was not fitted. A value above that
            differs was edited.
        clips, statistics, domain, selection: the evidence.
        versions: of the software, by name.
    """

    kinescribe_law: int
    title: str
    equation: str = ""
    unit: str
    objects: list[str]
    parameters: dict[str, EstimateModel]
    unidentified: list[UnidentifiedModel] = Field(default_factory=list)
    status: Literal["fitted", "failed"]
    advice: str = ""
    warnings: list[str] = Field(default_factory=list)
    at_bound: list[str] = Field(default_factory=list)
    without: list[str] = Field(default_factory=list)
    law: LawModel
    free: list[str]
    theta: list[Number]
    known: dict[str, Number] = Field(default_factory=dict)
    covariance: Matrix
    clips: list[ClipModel] = Field(default_factory=list)
    statistics: StatisticsModel
    domain: DomainModel | None = None
    selection: SelectionModel | None = None
    versions: dict[str, str] = Field(default_factory=dict)
