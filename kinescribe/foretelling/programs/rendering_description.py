"""How a scene's objects are drawn, as data: what a model may say about drawing, and what a file of it may hold."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kinescribe.errors import InputError, UsageError
from kinescribe.llm.text import one_line

__all__ = ["FORMAT", "MOST_OBJECTS", "MOST_PARTS", "MOST_PROGRAMS", "MOST_SOURCE", "Description", "End", "Look", "Part"]

FORMAT = 1
MOST_OBJECTS, MOST_PARTS = 200, 20
MOST_PROGRAMS = 8  # each has a process of its own
MOST_SOURCE = 20_000  # characters of one program
MOST_DEPTH = 10_000
FAR = 100_000.0  # px
NAME = 60  # characters
_FENCED = re.compile(r"^\s*```[a-z]*\s*\n(.*?)\n?```\s*$", re.DOTALL)

Level = Annotated[float, Field(ge=0.0, le=255.0)]
Color = tuple[Level, Level, Level]
Source = Annotated[str, Field(max_length=MOST_SOURCE)]
Id = Annotated[int, Field(ge=0, le=10**9)]
Depth = Annotated[int, Field(ge=-MOST_DEPTH, le=MOST_DEPTH)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True, strict=True)


class _Drawn(_Closed):
    """What objects and parts share.

    Attributes:
        color_rgb: of what is drawn from shape; None: the object's own.
        program: source of what is drawn by a program, with a function `draw`; None for all else.
        depth: the greater, the nearer to the camera.
    """

    color_rgb: Color | None = None
    program: Source | None = None

    @field_validator("program", mode="after")
    @classmethod
    def _unfenced(cls, text: str | None) -> str | None:
        """The program, out of the fence that some models put around it; None for an empty one."""
        if text is None or not text.strip():
            return None
        fenced = _FENCED.match(text)
        return f"{(fenced.group(1) if fenced else text).strip()}\n"


class Look(_Drawn):
    """How one object is drawn. What is None stays as the scene has it.

    Attributes:
        drawn: "pixels" of the video, "shape" and colour, by its "program"; or "nothing", where it is no thing or drawn with another.
        shape: disc, box or rod, of what is drawn from it.
        turns: it is drawn turned by its angle.
        views_by: what tells which of several views is seen; "one": the first alone.
        edges: "soft", or "whole": every pixel is the object's or is not.
    """

    depth: Depth | None = None
    drawn: Literal["pixels", "shape", "program", "nothing"] = "pixels"
    shape: Literal["disc", "box", "rod"] | None = None
    turns: bool | None = None
    views_by: Literal["angle", "shape", "x", "y", "one"] | None = None
    edges: Literal["soft", "whole"] | None = None

    @model_validator(mode="after")
    def _has_its_program(self) -> Self:
        if (self.drawn == "program") != (self.program is not None):
            raise ValueError("what is drawn by a program has its source in program, and nothing else has one")
        return self


class End(_Closed):
    """Where a part ends.

    Attributes:
        object: id of the body that it is fixed to; None: a point of the picture that stands still.
        x, y: of that point, px, y down; of a body from its middle: along its long axis, and across, px, turned with it.
    """

    object: Id | None = None
    x: float = Field(default=0.0, ge=-FAR, le=FAR)
    y: float = Field(default=0.0, ge=-FAR, le=FAR)


class Part(_Drawn):
    """What hangs between two ends, such as a string, a spring or a rope: as long as they are apart.

    Attributes:
        id: its number, which no object of the table has. name: in words.
        start, end: its ends; one of them at least is fixed to a body.
        breadth: across, px.
    """

    id: Id
    name: str = Field(default="", max_length=NAME)
    start: End
    end: End
    breadth: float = Field(gt=0.0, le=2_000.0)
    depth: Depth = 0
    drawn: Literal["shape", "program"] = "shape"

    @field_validator("name", mode="after")
    @classmethod
    def _printable(cls, text: str) -> str:
        return one_line(text, NAME)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.drawn == "program") != (self.program is not None):
            raise ValueError("a part that is drawn by a program has its source in program, and no other has one")
        if self.drawn == "shape" and self.color_rgb is None:
            raise ValueError("a part that is drawn from shape needs color_rgb")
        if self.start.object is None and self.end.object is None:
            raise ValueError("a part needs at least one end on a body: between two points that stand still it is background")
        return self


class Description(_Closed):
    """How objects are drawn, by id, and what is drawn besides."""

    objects: dict[Id, Look] = Field(default={}, max_length=MOST_OBJECTS)
    parts: tuple[Part, ...] = Field(default=(), max_length=MOST_PARTS)

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [part.id for part in self.parts]
        if len(set(ids)) < len(ids) or set(ids) & set(self.objects):
            raise ValueError("every part needs an id of its own")
        programs = sum(one.program is not None for one in (*self.objects.values(), *self.parts))
        if programs > MOST_PROGRAMS:
            raise ValueError(f"{programs} programs are too many; {MOST_PROGRAMS} are the most")
        return self

    @property
    def empty(self) -> bool:
        """It says nothing: all is drawn as the scene has it."""
        return not self.parts and all(look == Look() for look in self.objects.values())

    def check(self, bodies: Collection[int], taken: Collection[int]) -> None:
        """Raise UsageError where it speaks of bodies that aren't there. `bodies`: ids of the table's; `taken`: all its ids."""
        named = {*self.objects, *(end.object for part in self.parts for end in (part.start, part.end) if end.object is not None)}
        unknown = sorted(named - set(bodies))
        if unknown:
            raise UsageError(f"there is no object {unknown[0]}; the table has {', '.join(map(str, sorted(bodies))) or 'none'}")
        double = sorted({part.id for part in self.parts} & set(taken))
        if double:
            raise UsageError(f"part {double[0]} has the id of an object of the table; it needs one of its own")

    def to_dict(self) -> dict[str, Any]:
        """For JSON; what is as the scene has it is left out."""
        objects = {str(i): _told(look) for i, look in sorted(self.objects.items()) if look != Look()}
        return {"format": FORMAT, "objects": objects, "parts": [{"id": part.id, **_told(part)} for part in self.parts]}

    @classmethod
    def from_dict(cls, data: Any, where: str = "scene.json") -> Description:
        """From what `to_dict` made, by whomever. Raises InputError for anything else; `where` is for the message."""
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            raise InputError(f'{where}: it must be an object with "format": {FORMAT}, "objects" and "parts"')
        try:
            return cls.model_validate_json(json.dumps({name: value for name, value in data.items() if name != "format"}))
        except ValidationError as error:
            raise InputError(f"{where}: {why(error)}") from None
        except (TypeError, ValueError, RecursionError):
            raise InputError(f"{where}: it holds what JSON has no word for") from None


def why(error: ValidationError) -> str:
    """What is wrong, in one line."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return one_line(f"{place}: {first['msg']}" if place else str(first["msg"]), 200)


def _told(one: BaseModel) -> dict[str, Any]:
    return one.model_dump(mode="json", exclude_defaults=True)
