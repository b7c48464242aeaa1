"""Calls of foreign code that may never return."""

from __future__ import annotations

import ctypes
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

__all__ = ["Overrun", "limited"]

GRACE = 0.5  # seconds between two calls to stop
CALLS = 4


class Overrun(Exception):
    """A call took longer than it may.

    Attributes:
        frames: the stack where it was met, outermost first.
        stopped: it has ended since; else it goes on in the background until the process ends.
    """

    def __init__(self, frames: traceback.StackSummary, stopped: bool) -> None:
        super().__init__("took too long")
        self.frames, self.stopped = frames, stopped


class _Stop(BaseException):
    """Raised in a thread that overran; no `Exception`, so that code which catches those lets it through."""


def limited(function: Callable[[], Any], seconds: float) -> Any:
    """What the function returns, if it does within so many seconds of wall clock; whatever it raises, this raises.

    It runs in a thread of its own, which works on every system and outside the main thread too. A loop in Python is stopped between two of
    its instructions. What can't be: a single call into compiled code (one huge NumPy operation, a C library's own loop), and code that
    catches `BaseException` and goes on; such a thread is left behind, and ends with the process.

    Raises:
        Overrun: it took longer.
    """
    result: list[Any] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            result.append(function())
        except BaseException as error:  # handed on to the caller below
            failure.append(error)

    thread = threading.Thread(target=work, name="kinescribe check", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        frame = sys._current_frames().get(thread.ident or 0)
        frames = traceback.extract_stack(frame) if frame else traceback.StackSummary()
        if not _stopped(thread) or not result:
            raise Overrun(frames, not thread.is_alive())
    if failure:
        raise failure[0]
    return result[0]


def _stopped(thread: threading.Thread) -> bool:
    """Raise an exception in the thread until it ends, a few times."""
    for _ in range(CALLS):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stop))
        thread.join(GRACE)
        if not thread.is_alive():
            return True
    return False
