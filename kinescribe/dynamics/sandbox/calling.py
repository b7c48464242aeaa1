"""What a worker does with a plain function: calls it with arrays, and makes arrays of what it returns."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.sandbox.packing import Packed, Unpacked
from kinescribe.errors import UsageError

__all__ = ["Function"]


class Function:
    """One function of a source."""

    def __init__(self) -> None:
        self._function: FunctionType | None = None

    def load(self, made: ModuleType, name: str) -> Packed:
        """Take the function of that name; what it is called, and its arguments."""
        found = vars(made).get(name)
        if type(found) is not FunctionType:
            functions = [other for other, value in vars(made).items() if type(value) is FunctionType]
            raise UsageError(f"the source defines no function {name}, but {', '.join(functions) or 'none at all'}")
        self._function = found
        code = found.__code__
        return Packed(name=name, arguments=list(code.co_varnames[: code.co_argcount]))

    def call(self, asked: Unpacked) -> Packed:
        """What it returns for these arrays: as many as the parent counts on."""
        if self._function is None:
            raise UsageError("no function was loaded")
        count = int(asked.text["count"])
        # a number as a number: what has no axes can't be iterated, and math takes it
        made: Any = self._function(*(one if one.ndim else one[()] for one in asked.all()))
        if made is None:
            raise UsageError("it returned nothing: end it with return")
        if count == 1:
            made = made if type(made) is tuple and len(made) == 1 else (made,)
        elif not isinstance(made, tuple | list) or len(made) != count:
            came = f"{len(made)} of them" if isinstance(made, tuple | list) else f"a {type(made).__name__}"
            raise UsageError(f"it must return {count} arrays in a tuple, not {came}")
        packed = Packed()
        packed.put(*(_plain(one) for one in made))
        return packed


def _plain(value: Any) -> NDArray[Any]:
    """An array of numbers, whatever a function made of it."""
    try:
        made = np.array(value, subok=False)
    except ValueError:
        raise UsageError("it returned a list whose parts have different lengths; it must return an array") from None
    if made.dtype.kind not in "fiub":
        raise UsageError(f"it returned an array of {made.dtype}; it must be of numbers")
    return made
