"""A plain function that a model or a stranger wrote, run in the sandbox: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.dynamics.sandbox.declaring import words
from kinescribe.dynamics.sandbox.frames import Frame
from kinescribe.dynamics.sandbox.limits import Limits
from kinescribe.dynamics.sandbox.refusal import SandboxError
from kinescribe.dynamics.sandbox.session import Warm
from kinescribe.dynamics.sandbox.source import check_source
from kinescribe.errors import UsageError

__all__ = ["MOST_BYTES", "MOST_ROWS", "SandboxedFunction"]

MOST_ROWS = 10_000
"""The longest that a side of open length may be."""
MOST_BYTES = 2**28
"""Of all that one call returns."""
MOST_ARGUMENTS, MOST_NAME = 64, 64
MOST_AXES = 4
_KINDS = ("float64", "int64", "uint8", "bool")
Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function is called, and its arguments by name."""

    name: str
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, frame: Frame) -> Signature:
        """From what a worker says. Raises SandboxError for what no function can say."""
        name, arguments = frame.text.get("name"), frame.text.get("arguments")
        listed = arguments if isinstance(arguments, list) else [None]
        if len(listed) > MOST_ARGUMENTS or not all(_is_name(one) for one in (name, *listed)):
            raise SandboxError(f"a function has a name and up to {MOST_ARGUMENTS} arguments, not {words(repr(arguments), 60)}", "contract")
        return cls(str(name), tuple(map(str, listed)))


class _Session(Warm):
    op = "function"
    what = "function"

    def read(self, frame: Frame) -> Signature:
        found = Signature.of(frame)
        if found.name != self.name:
            raise SandboxError(f"it says that it is {words(found.name, 60)}", "contract")
        return found

    @property
    def signature(self) -> Signature:
        """What the function says of itself."""
        if not isinstance(self._told, Signature):
            raise AssertionError("a loaded session has a signature")
        return self._told


class SandboxedFunction:
    """A function whose program runs in a process that can do nothing but compute.

    The worker is started once and stays warm, with what the source keeps in its own variables; one that was ended is started anew. It
    ends with this object.

    Attributes:
        source, name, file: the text, the function's name in it, and a file's name for it in messages.
        arguments: names of its arguments.
    """

    def __init__(self, source: str, name: str, file: str, session: Warm, arguments: tuple[str, ...]) -> None:
        self.source, self.name, self.file, self.session, self.arguments = source, name, file, session, arguments

    @classmethod
    def of(cls, source: str, name: str, *, limits: Limits | None = None, file: str = "program.py", check: bool = True) -> SandboxedFunction:
        """The function of that name in a source, which may import what laws may: numpy, math, names for annotations.

        Args:
            limits: what it may use up.
            file: what to call the source in messages.
            check: look at the source first; without, whatever it holds is run behind the other walls alone, with all that Python has.

        Raises:
            UsageError: a name that no function can have.
            SandboxError: a source that may not run, or holds no such function; or a system without isolation.
        """
        if not _is_name(name):
            raise UsageError(f"{name!r:.60} is no name of a function: give one such as 'draw'")
        if check:
            check_source(source, file)
        session = _Session(source, name, limits or Limits(), bare=not check)
        return cls(source, name, file, session, session.signature.arguments)

    def call(self, arrays: Sequence[ArrayLike], shapes: Sequence[Shape]) -> tuple[NDArray[Any], ...]:
        """What the function returns: one array a shape, of float64, int64, uint8 or bool, whose memory is nobody else's.

        A function of one array returns it as it is; one of several, a tuple. Its numbers may be no numbers (NaN, infinity). An empty list
        stands for an array without rows.

        Args:
            arrays: its arguments, in their order: numbers or arrays of up to 4 axes, of floats, integers, bytes or truth values. A number
                arrives as a number.
            shapes: of the arrays that must come back; None is a side of any length up to 10,000.

        Raises:
            UsageError: arguments that are no such arrays, or shapes that no reply can have.
            SandboxError: the function raised an error, or returned something else; or it took too long or was ended.
        """
        given = [_argument(one, k, self.name) for k, one in enumerate(arrays)]
        most = sum(_most(shape) for shape in shapes)
        if most > MOST_BYTES or any(len(shape) > MOST_AXES for shape in shapes):
            raise UsageError(f"{self.name} is asked for arrays of {most} bytes; {MOST_BYTES} in all and {MOST_AXES} axes each are the most")
        reply = self.session.call("call", {"count": len(shapes)}, given, most)
        if len(reply.arrays) != len(shapes):
            raise self.session.named(SandboxError(f"it returned {len(reply.arrays)} arrays, not {len(shapes)}", "contract"))
        return tuple(self._checked(one, shape) for one, shape in zip(reply.arrays, shapes, strict=True))

    def close(self) -> None:
        """End the worker now; it starts again when it is needed."""
        self.session.close()

    def _checked(self, one: NDArray[Any], shape: Shape) -> NDArray[Any]:
        if not one.size and one.shape == (0,) and len(shape) > 1 and shape[0] is None:
            one = one.reshape(0, *(side or 0 for side in shape[1:]))
        fits = one.ndim == len(shape) and all(
            (there <= MOST_ROWS) if side is None else there == side for there, side in zip(one.shape, shape, strict=True)
        )
        if not fits or one.dtype.name not in _KINDS:
            wanted = str(tuple("any" if side is None else side for side in shape)).replace("'", "")
            raise self.session.named(SandboxError(f"it returned an array of the shape {one.shape}; it must be {wanted}", "contract"))
        return one


def _argument(one: ArrayLike, place: int, name: str) -> NDArray[Any]:
    made = np.asarray(one)
    if made.dtype.kind not in "fiub" or made.ndim > MOST_AXES:
        raise UsageError(
            f"argument {place + 1} of {name} is an array of {made.dtype} with {made.ndim} axes; give numbers, of 4 axes at most"
        )
    return made


def _most(shape: Shape) -> int:
    """Bytes that an array of this shape can take."""
    size = 8
    for side in shape:
        size *= MOST_ROWS if side is None else side
    return size


def _is_name(value: object) -> bool:
    return (
        isinstance(value, str) and value.isidentifier() and value.isprintable() and len(value) <= MOST_NAME and not value.startswith("__")
    )
