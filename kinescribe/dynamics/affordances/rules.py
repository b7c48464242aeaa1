"""The rules themselves, by the names or labels of objects, as JSON or a dict."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from kinescribe.dynamics.arguments import plainly
from kinescribe.errors import InputError, UsageError

__all__ = ["WORLD_NAME", "Affordances", "JointRule", "WallRule"]

WORLD_NAME = "world"
"""What never moves: a joint's partner where something hangs from a fixed point."""

Pair = tuple[str, str]
Vector = tuple[float, float]
MOST_BYTES = 16 * 2**20


class _Model(BaseModel):
    """Closed: a word that means nothing is an error. Numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class JointRule(_Model):
    """Two objects that are joined.

    Attributes:
        kind: revolute: turn about a common point; prismatic: slide along an axis and keep their angle; distance: keep the distance between
            two points; weld: move as one.
        between: names or labels, each of exactly one object; `world` for a fixed point.
        anchor: of revolute and distance joints, in the frame of the first partner: from its centre and turned with it, world units; for
            `world` a point of the world. None: the centre; with `world` it must be given, and comes first.
        axis: of a prismatic joint, in the frame of the first partner.
        length: of a distance joint, world units; None: the distance at the start.
    """

    kind: Literal["revolute", "prismatic", "distance", "weld"]
    between: Pair
    anchor: Vector | None = None
    axis: Vector = (1.0, 0.0)
    length: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        first, second = self.between
        if first == second == WORLD_NAME:
            raise ValueError("the world can't be joined to itself")
        if second == WORLD_NAME:
            raise ValueError(f"name the world first: between ['{WORLD_NAME}', '{first}']")
        if first == WORLD_NAME and self.anchor is None and self.kind in ("revolute", "distance"):
            raise ValueError(f"a {self.kind} joint of '{second}' with the world needs its anchor, a point [x, y] of the world")
        if math.hypot(*self.axis) == 0.0:
            raise ValueError("an axis of no length has no direction")
        return self

    def __str__(self) -> str:
        return f"{self.kind} joint of '{self.between[0]}' and '{self.between[1]}'"


class WallRule(_Model):
    """A straight wall: objects stay where ``normal · (x, y) ≥ offset`` with all of their body.

    Attributes:
        name: such as "floor".
        normal: points away from the wall, any length but 0.
        offset: of the surface along the unit normal, world units.
        restitution, friction: None: what the law says of contacts.
    """

    name: str = Field(min_length=1)
    normal: Vector
    offset: float
    restitution: float | None = Field(default=None, ge=0, le=1)
    friction: float | None = Field(default=None, ge=0)

    @field_validator("normal")
    @classmethod
    def _unit(cls, normal: Vector) -> Vector:
        length = math.hypot(*normal)
        if length == 0.0:
            raise ValueError("a normal of no length has no direction")
        return normal[0] / length, normal[1] / length


class Affordances(_Model):
    """What objects can do. Every word is an object's name or a label, which stands for all objects that have it.

    Attributes:
        static: never move.
        dynamic: moved by the law.
        kinematic: move as they were seen to, whatever acts on them.
        touch: the pairs that may touch, all others don't; None: nothing is said.
        apart: pairs that never touch.
        joints: all that there are, () for none; None: nothing is said.
        walls: all that there are, () for none; None: nothing is said.

    Raises:
        UsageError: rules that contradict each other, or words that mean nothing (from `of`).
    """

    static: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()
    kinematic: tuple[str, ...] = ()
    touch: tuple[Pair, ...] | None = None
    apart: tuple[Pair, ...] = ()
    joints: tuple[JointRule, ...] | None = None
    walls: tuple[WallRule, ...] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        kinds = {"static": self.static, "dynamic": self.dynamic, "kinematic": self.kinematic}
        said: dict[str, str] = {}
        for kind, words in kinds.items():
            for word in words:
                if said.setdefault(word, kind) != kind:
                    raise ValueError(f"'{word}' can't be both {said[word]} and {kind}")
                if word == WORLD_NAME:
                    raise ValueError(f"'{WORLD_NAME}' stands for what never moves and needs no rule")
        touching = {frozenset(pair) for pair in self.touch or ()}
        for pair in self.apart:
            if frozenset(pair) in touching:
                raise ValueError(f"'{pair[0]}' and '{pair[1]}' can't both touch and stay apart")
        still = {*self.static, WORLD_NAME}
        for joint in self.joints or ():
            if joint.kind == "weld" and frozenset(joint.between) in touching:
                raise ValueError(f"'{joint.between[0]}' and '{joint.between[1]}' are welded: they can't touch; leave them out of touch")
            if set(joint.between) <= still:
                raise ValueError(f"the {joint} joins what never moves: leave it out, or make one of them dynamic")
        names = [wall.name for wall in self.walls or ()]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two walls are named '{name}': give each its own name")
        return self

    @classmethod
    def of(cls, rules: Mapping[str, Any]) -> Self:
        """From a dict. Raises UsageError, one line, for what is wrong with it."""
        try:
            return cls.model_validate(dict(rules))
        except ValidationError as error:
            raise UsageError(f"affordance rules: {_line(error)}") from None

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a JSON file. Raises InputError, one line."""
        try:
            if path.stat().st_size > MOST_BYTES:
                raise InputError(f"{path}: {path.stat().st_size} bytes are too many for rules")
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8-sig")))
        except ValidationError as error:
            raise InputError(f"{path}: {_line(error)}") from None
        except json.JSONDecodeError as error:
            raise InputError(f"{path}: line {error.lineno}: not JSON: {error.msg}") from None
        except (UnicodeDecodeError, RecursionError):
            raise InputError(f"{path}: not JSON in UTF-8") from None
        except OSError as error:
            raise error if isinstance(error, InputError) else InputError(f"{path}: {error.strerror or error}") from None

    def write(self, path: Path) -> None:
        """As JSON, without what is not said."""
        path.write_text(json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def rescaled(self, length: float) -> Self:
        """The same in a unit of length that is smaller by this factor."""

        def longer(point: Vector | None) -> Vector | None:
            return None if point is None else (point[0] * length, point[1] * length)

        joints = self.joints and tuple(
            joint.model_copy(update={"anchor": longer(joint.anchor), "length": joint.length and joint.length * length})
            for joint in self.joints
        )
        walls = self.walls and tuple(wall.model_copy(update={"offset": wall.offset * length}) for wall in self.walls)
        return self.model_copy(update={"joints": joints, "walls": walls})

    def to_dict(self) -> dict[str, Any]:
        """What `of` reads; without what is not said."""
        return self.model_dump(mode="json", exclude_defaults=True)


def _line(error: ValidationError) -> str:
    """All complaints in one line."""
    return "; ".join(_complaint(one) for one in error.errors(include_url=False))


def _complaint(one: ErrorDetails) -> str:
    said = plainly(one["type"], one["msg"], one.get("ctx", {}))
    where = ".".join(map(str, one["loc"]))
    if one["type"] == "value_error":
        return f"{where}: {said}" if where else said
    if one["type"] == "extra_forbidden" and len(one["loc"]) == 1:
        near = difflib.get_close_matches(where, Affordances.model_fields, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(Affordances.model_fields)}"
        return f"{where} is no rule; {hint}"
    return f"{where or 'the whole'} {said}"
