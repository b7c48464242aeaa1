"""Ctrl-C that can't be lost.

Python raises `KeyboardInterrupt` wherever the main thread happens to be. In a `__del__` or a callback from C nobody can catch it: it's
printed as ignored, and the run would go on to its end. So the interrupt is remembered here: one that was ignored is sent again as soon as
that code is done, and `check`, which runs call as they go on, raises it again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["INTERRUPTED", "check", "checking", "interrupts", "pending"]

INTERRUPTED = 130
AGAIN_S = 0.05  # until an ignored interrupt is sent again: the code that ignored it is over by then, or it's ignored once more
ONE_PRESS_S = 0.5  # a launcher hands on what the terminal has sent to all: two signals so close together are one key press
MESSAGE = b"kinescribe: interrupted twice; unfinished outputs (.*.part) may be left\n"

_first: float | None = None  # when the interrupt came, time.monotonic()
_resent = False  # the next signal is ours, not the user's


def pending() -> bool:
    """Whether an interrupt came since `interrupts` began last."""
    return _first is not None


def check() -> None:
    """Raise `KeyboardInterrupt` where one came and the run goes on all the same; in threads other than the main one nothing happens."""
    if _first is not None and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt


def checking(progress: Callable[[str, int, int | None], None] | None) -> Callable[[str, int, int | None], None]:
    """A report of progress that calls `check` first."""

    def report(stage: str, done: int, total: int | None) -> None:
        check()
        if progress is not None:
            progress(stage, done, total)

    return report


@contextmanager
def interrupts() -> Iterator[None]:
    """Remember interrupts while the block runs: the first raises `KeyboardInterrupt`, a second one ends the process at once with 130.

    Handler and hook are as before afterwards. In other threads than the main one, and where another handler is set, nothing changes.
    """
    global _first, _resent
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    _first, _resent = None, False
    hook = sys.unraisablehook

    def ignored(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt) and _first is not None:
            timer = threading.Timer(AGAIN_S, _send_again)
            timer.daemon = True
            timer.start()
        else:
            hook(unraisable)

    signal.signal(signal.SIGINT, _interrupted)
    sys.unraisablehook = ignored
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupted(number: int, frame: FrameType | None) -> None:
    global _first, _resent
    now = time.monotonic()
    if _first is None:
        _first = now
    elif _resent:
        _resent = False
    elif now - _first < ONE_PRESS_S:
        return
    else:
        os.write(2, MESSAGE)
        os._exit(INTERRUPTED)
    raise KeyboardInterrupt


def _send_again() -> None:
    global _resent
    if signal.getsignal(signal.SIGINT) is _interrupted:  # else the run is over
        _resent = True
        if hasattr(signal, "pthread_kill"):  # wakes the main thread where it waits
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            signal.raise_signal(signal.SIGINT)
