"""A worker's own process, from its first line to its last."""

from __future__ import annotations

import importlib
import os
import sys
from types import TracebackType

import numpy as np

from kinescribe.dynamics.sandbox.allowed import LINALG, NUMPY
from kinescribe.dynamics.sandbox.frames import HEAD, Frame, decoded, encoded, head
from kinescribe.dynamics.sandbox.lockdown import REPLIES, REQUESTS, close_all_but_ours, lock_down
from kinescribe.dynamics.sandbox.serving import SOURCE, Server
from kinescribe.errors import KinescribeError

__all__ = ["main"]

MOST_REQUEST = 2**31
MOST_SAID = 300  # characters of an error


def main() -> None:
    """Shut the doors, say which are shut, and answer until nobody asks. Called with the descriptors of requests and replies, the parent's
    process, bytes of memory and seconds of processor time as arguments.
    """
    requests, replies, parent, memory, cpu_seconds = (int(word) for word in sys.argv[1:6])
    # folders of the user's are no business of a law
    del sys.argv[1:]
    close_all_but_ours(requests, replies)
    _warm_up()
    try:
        shut = lock_down(parent, memory, cpu_seconds)
    except OSError as error:
        _send(Frame(0, {"failed": f"{type(error).__name__}: {error}"}))
        os._exit(1)
    _send(Frame(0, {"landlock": shut.landlock, "seccomp": shut.seccomp}))
    server = Server()
    while (request := _received()) is not None:
        _send_safely(_answered(server, request), request.serial)
    os._exit(0)


def _warm_up() -> None:
    """Have everything in memory that would be read from a file later."""
    for name in NUMPY:
        getattr(np, name)
    for name in LINALG:
        getattr(np.linalg, name)
    for name in ("numpy.ma", "numpy.polynomial.polynomial"):
        importlib.import_module(name)
    square = np.eye(2) + 0.1
    np.linalg.solve(square, square @ square)
    np.polyfit(np.arange(4.0), np.arange(4.0), 1)
    str(square)
    encoded(Frame(0, {"é": [1.5, None]}, (square,)))
    "\u0007".isprintable()


def _answered(server: Server, request: Frame) -> Frame:
    try:
        return server.answer(request)
    except KinescribeError as error:  # the integrator's own words on what a law returned
        return _failure(request, "contract", error)
    except BaseException as error:  # foreign code may fail in any way, or try to end the program; the reason is handed on
        return _failure(request, "raised", error)


def _failure(request: Frame, reason: str, error: BaseException) -> Frame:
    line = _line(error.__traceback__)
    try:
        said = str(error)[:MOST_SAID]
    except BaseException:  # an exception of the law's own, whose message is no text
        said = "no message"
    return Frame(request.serial, {"failed": said, "reason": reason, "kind": type(error).__name__[:60], "line": line})


def _line(trace: TracebackType | None) -> int:
    """The innermost line of the law's source; 0 where it has none. Without reading the source, which would open a file."""
    found = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == SOURCE:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def _received() -> Frame | None:
    """The next request; None at the end."""
    data = _read(bytearray(), HEAD.size)
    if data is None:
        return None
    serial, text, arrays, size = head(data[: HEAD.size], MOST_REQUEST)
    body = _read(data[HEAD.size :], size)
    return None if body is None else decoded(serial, text, arrays, body)


def _read(data: bytearray, size: int) -> bytearray | None:
    """More to what is there, until there are so many bytes; small requests come in one piece, and there is never more than one."""
    while len(data) < size:
        part = os.read(REQUESTS, min(max(size - len(data), 2**16), 2**20))
        if not part:
            return None
        data += part
    return data


def _send_safely(reply: Frame, serial: int) -> None:
    try:
        data = encoded(reply)
    except BaseException as error:  # what no frame can carry, such as an infinite time step, is the law's fault
        data = encoded(Frame(serial, {"failed": str(error)[:MOST_SAID], "reason": "contract", "kind": type(error).__name__, "line": 0}))
    _write(data)


def _send(reply: Frame) -> None:
    _write(encoded(reply))


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(REPLIES, view) :]
