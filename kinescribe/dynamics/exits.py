"""Laws that end the program: an error of theirs, and not the end of whoever fits them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from kinescribe.errors import UsageError

__all__ = ["survived"]

P = ParamSpec("P")
Out = TypeVar("Out")


def survived(function: Callable[P, Out]) -> Callable[P, Out]:
    """The function, which raises UsageError with file and line where something that it calls ends the program."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Out:
        try:
            return function(*args, **kwargs)
        except SystemExit as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            raise UsageError(f"{where}: ends the program (SystemExit: {error.code}); a law returns, or raises an error") from error

    return call
