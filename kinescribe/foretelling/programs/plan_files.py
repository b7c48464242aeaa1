"""``perception.toml``: how a video's objects are found, and its world frame, in a file that people can read and edit."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from kinescribe.errors import InputError, UsageError
from kinescribe.foretelling.programs.asking import MOST_SOURCE
from kinescribe.foretelling.programs.detector import FILE as DETECTOR
from kinescribe.foretelling.programs.plan import MOST_COUNT, MOST_EVERY, MOST_THINGS, PerceptionPlan, Thing
from kinescribe.foretelling.programs.world import Closed, World, WorldModel, first_fault
from kinescribe.llm.text import one_line

__all__ = ["PERCEPTION", "read_plan", "text_of_plan", "text_within"]

PERCEPTION = "perception.toml"
FORMAT = 1
MOST_BYTES = 1_000_000
HEAD = """# How the objects of the video are found; `kinescribe program VIDEO --use FOLDER` reads it. Edit it as you like.
# everything: all that moves is taken, and `matters` says which of it, by its label; else `phrase` is what is looked for.
"""


class _Thing(Closed):
    phrase: str = Field(max_length=200)
    matters: bool
    color: str = Field(default="", max_length=60)
    shape: str = Field(default="", max_length=60)
    count: int | None = Field(default=None, ge=1, le=MOST_COUNT)
    moves: bool | None = None
    why: str = Field(default="", max_length=400)


class _Plan(Closed):
    format: int
    everything: bool = False
    backend: str = Field(max_length=100)
    ends: bool = True
    one_each: bool = False
    detect_every: int | None = Field(default=None, ge=1, le=MOST_EVERY)
    detector: str | None = None
    world: WorldModel
    objects: list[_Thing] = Field(min_length=1, max_length=MOST_THINGS)


def text_of_plan(plan: PerceptionPlan, world: World) -> str:
    """The file's text."""
    top = {
        "format": FORMAT,
        "everything": plan.everything,
        "backend": plan.backend,
        "ends": plan.ends,
        "one_each": plan.one_each,
        "detect_every": plan.detect_every,
        "detector": DETECTOR if plan.detector else None,
    }
    parts = [_lines(top), "\n[world]\n" + _lines(world.to_dict())]
    for thing in plan.things:
        row = {name: getattr(thing, name) for name in ("phrase", "matters", "color", "shape", "count", "moves", "why")}
        parts.append("\n[[objects]]\n" + _lines({name: value for name, value in row.items() if value != ""}))
    return HEAD + "".join(parts)


def read_plan(folder: Path) -> tuple[PerceptionPlan, World]:
    """What a folder's ``perception.toml`` says, whoever wrote it, with the detector that stands beside it.

    Raises:
        InputError: a file that is missing, no TOML, or not of this form. UsageError: a plan that makes no sense or can't run here.
    """
    path = folder / PERCEPTION
    try:
        data = tomllib.loads(text_within(path, MOST_BYTES))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: no TOML: {one_line(str(error), 120)}; mend it there") from None
    known = data.get("format")
    if isinstance(known, int) and known > FORMAT:
        raise InputError(f"{path}: written by a later kinescribe (format {known}, here {FORMAT}): update it")
    try:
        model = _Plan.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{path}: {first_fault(error)}; mend it there") from None
    if model.detector not in (None, DETECTOR):
        raise InputError(f"{path}: detector = '{one_line(model.detector, 60)}': a detector stands beside it as {DETECTOR}")
    source = text_within(folder / DETECTOR, 4 * MOST_SOURCE) if model.detector else ""
    things = tuple(Thing(**one.model_dump()) for one in model.objects)
    plan = PerceptionPlan(things, model.everything, model.backend, model.ends, model.one_each, model.detect_every, source)
    try:
        plan.check()
        world = model.world.world()
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    return plan, world


def text_within(path: Path, most: int) -> str:
    """A text file's content. Raises `InputError` for one that is missing, larger than `most` bytes, no regular file or not UTF-8."""
    try:
        if not path.is_file():
            raise InputError(f"'{path}' is missing: a program's folder holds it; make it again with kinescribe program")
        if path.stat().st_size > most:
            raise InputError(f"{path}: {path.stat().st_size} bytes are too many; {most} are the most")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: no text in UTF-8") from None
    except OSError as error:
        raise error if isinstance(error, InputError) else InputError(f"{path}: {error.strerror or error}") from None


def _lines(values: dict[str, Any]) -> str:
    """Keys and values of our own types, one a line; what is None is left out."""
    return "".join(f"{name} = {_value(value)}\n" for name, value in values.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise AssertionError("what is not finite is refused before it is written")
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
