"""Runs of a law under check: whatever goes wrong becomes a finding, with the law's own file and line."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from inspect import signature
from pathlib import Path
from typing import TypeVar

import numpy as np

from kinescribe.dynamics.checks.report import Finding, Severity
from kinescribe.dynamics.checks.watch import Overrun, limited
from kinescribe.dynamics.law import Law
from kinescribe.errors import KinescribeError

__all__ = ["Runner", "place"]

Out = TypeVar("Out")
OURS = {f"kinescribe.dynamics.{name}" for name in ("law", "composition", "affordances.constrained")} | {"builtins"}
"""Modules of classes that hold no law's own code."""


class Runner:
    """Calls into one law.

    Attributes:
        findings: what was found so far, each once.
        exhausted: a call overran, so that nothing more should be asked of this law.
    """

    def __init__(self, law: Law, seconds: float) -> None:
        self.law, self.seconds = law, seconds
        self.findings: list[Finding] = []
        self.exhausted = False
        self._failures: set[tuple[str, str]] = set()

    def add(self, severity: Severity, check: str, what: str, way_out: str = "", where: str = "") -> None:
        """Note a finding, unless the same is there."""
        made = Finding(severity, check, what, way_out, where)
        if made not in self.findings:
            self.findings.append(made)

    def call(self, function: Callable[[], Out], doing: str = "") -> Out | None:
        """What the function returns, or None where it went wrong. `doing`: when that was, for people: "with gravity = 3"."""
        if self.exhausted:
            return None
        after = f" {doing}" if doing else ""
        try:
            out: Out = limited(lambda: _quietly(function), self.seconds)
            return out
        except Overrun as overrun:
            self.exhausted = True
            left = "" if overrun.stopped else "; it can't be stopped and goes on until this process ends"
            what = f"did not come to an end within {self.seconds:g} s{after}{left}"
            self.add("error", "time", what, "look for a loop without end, or allow more seconds", place(self.law, overrun.frames))
        except KinescribeError as error:
            self._failed("contract", str(error), after, "", error)
        except (Exception, SystemExit) as error:  # foreign code may fail in any way, and each way is a finding
            said = f"raises {type(error).__name__}: {' '.join(str(error).split()) or 'no message'}"
            self._failed("exception", said, after, "laws must take every state that their parameters' bounds allow", error)
        return None

    def _failed(self, check: str, what: str, after: str, way_out: str, error: BaseException) -> None:
        """Note a failure where it first occurs."""
        where = place(self.law, traceback.extract_tb(error.__traceback__))
        if not where and isinstance(error, TypeError) and f".{self.law.kind}()" in str(error):
            # other arguments than a law gets: its code is not reached
            where = defined(self.law)
            way_out = f"write def {self.law.kind}({', '.join(signature(getattr(Law, self.law.kind)).parameters)})"
        if check == "contract":
            # what the law returns is found to be wrong outside of its code
            what, where = what.removeprefix(f"law {self.law.title}: "), where or defined(self.law)
            if "(clips, objects)" in what:
                way_out = "that is a number for each object of each clip, as state.x has them"
        # one line of code fails in one way, whatever the numbers in its message
        key = (type(error).__name__ if where else what, where)
        if key not in self._failures:
            self._failures.add(key)
            self.add("error", check, f"{what}{after}", way_out, where)


def _quietly(function: Callable[[], Out]) -> Out:
    with np.errstate(all="ignore"):  # what is no number is found by its value
        return function()


def place(law: Law, frames: Iterable[traceback.FrameSummary]) -> str:
    """The innermost of the frames that lies in the law's own code, as "my_law.py:12"; "" where none does."""
    own = set(_files(law))
    lines = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames if frame.filename in own]
    return lines[-1] if lines else ""


def defined(law: Law) -> str:
    """Where the law says how things move, "my_law.py:12"; "" where no code of its own does."""
    code = getattr(getattr(type(law), law.kind, None), "__code__", None)
    own = code is not None and type(law).__module__ not in OURS
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code is not None and own else ""


def _files(law: Law) -> Iterator[str]:
    """Files of the code of a law and of those that it is made of."""
    for cls in type(law).__mro__:
        if cls.__module__ not in OURS:
            for value in vars(cls).values():
                code = getattr(value, "__code__", None)
                if code is not None:
                    yield code.co_filename
    for part in (*getattr(law, "terms", ()), getattr(law, "law", None)):
        if isinstance(part, Law):
            yield from _files(part)
