"""What a law says of itself: told by the worker, and believed only as far as plain data goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Parameter
from kinescribe.dynamics.sandbox.frames import Frame
from kinescribe.dynamics.sandbox.packing import Packed
from kinescribe.dynamics.sandbox.refusal import SandboxError
from kinescribe.errors import UsageError

__all__ = ["OPTIONAL", "Declaration", "told", "words"]

OPTIONAL = ("project", "contacts", "starts", "potential", "constrained")
"""Methods that a law may add."""

_OURS = ("on", "starting")  # what every law can, and none needs to define
_METHODS = tuple(name for name, value in vars(Law).items() if callable(value) and not name.startswith("_") and name not in _OURS)
Kind = Literal["acceleration", "step", "rollout"]
MOST_PARAMETERS = 64
MOST_INPUTS = 64
MOST_OBJECTS = 10_000
MOST_POWER = 12  # of length, time or mass in a unit
NAME, LINE = 64, 300  # characters


@dataclass(frozen=True, slots=True)
class Declaration:
    """A law's own words. `class_name` is its class's; `methods`: those of `OPTIONAL` that it has; all else is as in `Law`."""

    class_name: str
    name: str
    equation: str
    kind: Kind
    inputs: tuple[str, ...]
    objects: int | None
    time_step: float | None
    turns: bool
    steady: bool
    difference_step: float
    methods: frozenset[str]
    parameters: Mapping[str, Parameter]

    @classmethod
    def of(cls, frame: Frame) -> Declaration:
        """From what a worker says. Raises SandboxError for anything that a law can't declare."""
        text = frame.text
        if _text(text, "array_library", NAME) != "numpy":
            raise SandboxError(f"a law in the sandbox is written with numpy, not {_text(text, 'array_library', NAME)}", "contract")
        kind = _text(text, "kind", NAME)
        if kind not in ("acceleration", "step", "rollout"):
            raise SandboxError(f"a law defines acceleration, step or rollout, not {kind!r}", "contract")
        objects, time_step = text.get("objects"), text.get("time_step")
        if not (objects is None or (_whole(objects) and 1 <= objects <= MOST_OBJECTS)):
            raise SandboxError(f"a law is about 1 to {MOST_OBJECTS} objects, or any number, not {objects!r:.40}", "contract")
        if not (time_step is None or (_number(time_step) and 1e-9 < time_step < 1e9)):
            raise SandboxError(f"a law's time_step is a positive number of seconds, not {time_step!r:.40}", "contract")
        difference = text.get("difference_step")
        if not (_number(difference) and 1e-12 <= cast("float", difference) <= 0.1):
            raise SandboxError(f"a law's difference_step lies between 1e-12 and 0.1, not {difference!r:.40}", "contract")
        methods = frozenset(_names(text, "methods", NAME)) - {kind}
        if not methods <= frozenset(OPTIONAL):
            unknown = ", ".join(sorted(methods - frozenset(OPTIONAL)))
            raise SandboxError(f"a law in the sandbox may add {', '.join(OPTIONAL)}, not {unknown}", "contract")
        return cls(
            class_name=_text(text, "class_name", NAME),
            name=_text(text, "name", NAME),
            equation=_text(text, "equation", LINE),
            kind=cast("Kind", kind),
            inputs=_names(text, "inputs", MOST_INPUTS),
            objects=objects,
            time_step=None if time_step is None else float(time_step),
            turns=text.get("turns") is True,
            steady=text.get("steady") is True,
            difference_step=float(cast("float", difference)),
            methods=methods,
            parameters=_parameters(frame),
        )


def told(law: Law) -> Packed:
    """What the worker says of a law."""
    packed = Packed(
        class_name=type(law).__name__, name=str(law.title), equation=str(law.equation), kind=law.kind, objects=law.objects,
        inputs=[str(name) for name in law.inputs],
        time_step=law.time_step, turns=bool(law.turns), steady=bool(law.steady), array_library=str(law.array_library),
        difference_step=law.difference_step, methods=[name for name in _METHODS if getattr(type(law), name) is not getattr(Law, name)],
        parameters=[[name, p.unit, p.meaning, p.per, bool(p.fixed), p.revealed_by] for name, p in law.parameters.items()],
    )  # fmt: skip
    packed.put(np.array([(p.start, *p.bounds) for p in law.parameters.values()], float).reshape(-1, 3))
    return packed


def words(value: object, most: int) -> str:
    """A text of a worker as one printable line of so many characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)[: 4 * most]).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _text(text: Mapping[str, Any], key: str, most: int) -> str:
    value = text.get(key)
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise SandboxError(f"a law's {key} is one printable line of at most {most} characters, not {words(repr(value), 60)}", "contract")
    return value


def _names(text: Mapping[str, Any], key: str, most: int) -> tuple[str, ...]:
    value = text.get(key)
    if not isinstance(value, list) or len(value) > most or not all(_is_name(one) for one in value) or len(set(value)) < len(value):
        raise SandboxError(f"a law's {key} are up to {most} different names, not {words(repr(value), 60)}", "contract")
    return tuple(value)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.isidentifier() and value.isprintable() and len(value) <= NAME and not value.startswith("_")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return _whole(value) or (isinstance(value, float) and math.isfinite(value))


def _parameters(frame: Frame) -> dict[str, Parameter]:
    rows = frame.text.get("parameters")
    numbers: NDArray[Any] | None = frame.arrays[0] if len(frame.arrays) == 1 else None
    if not isinstance(rows, list) or len(rows) > MOST_PARAMETERS or numbers is None or numbers.shape != (len(rows), 3):
        raise SandboxError(f"a law declares up to {MOST_PARAMETERS} parameters, each with a start and two bounds", "contract")
    found: dict[str, Parameter] = {}
    for row, (start, low, high) in zip(rows, numbers.tolist(), strict=True):
        if not isinstance(row, list) or len(row) != 6 or not _is_name(row[0]) or row[0] in found:
            raise SandboxError(f"a law's parameters have different names, not {words(repr(row), 60)}", "contract")
        line = dict(zip(("name", "unit", "meaning", "per", "revealed_by"), (*row[:4], row[5]), strict=True))
        name, unit = str(row[0]), _text(line, "unit", NAME)
        meaning, per, revealed_by = _text(line, "meaning", LINE), _text(line, "per", NAME), _text(line, "revealed_by", LINE)
        try:
            # a power of many digits would be worked out before anybody could look at it
            if any(len(digits) > 3 for digits in "".join(c if c.isdigit() else " " for c in unit).split()):
                raise UsageError(f"unit '{unit}' has a power of too many digits")
            made = Parameter(start, (low, high), unit, meaning, cast("Any", per), row[4] is True, revealed_by)
        except (UsageError, ZeroDivisionError) as error:
            raise SandboxError(f"parameter {name}: {error}", "contract") from None
        dimension = made.dimension
        if any(abs(power) > MOST_POWER for power in (dimension.length, dimension.time, dimension.mass, dimension.angle)):
            raise SandboxError(f"parameter {name}: unit '{unit}' has a power above {MOST_POWER}", "contract")
        found[name] = made
    return found
