"""The parent's ends of a worker's pipes: nothing is waited for without an end, and nothing is read that was not asked for."""

from __future__ import annotations

import os
import select
import time

from kinescribe.dynamics.sandbox.frames import HEAD, Frame, FrameError, decoded, encoded, head

__all__ = ["Hung", "Pipes", "Silent"]

CHUNK = 2**20
PIECE = 2**16


class Silent(Exception):
    """The other end is closed."""


class Hung(Exception):
    """The other end took too long."""


class Pipes:
    """Requests out, replies in."""

    def __init__(self, requests: int, replies: int) -> None:
        self.requests, self.replies = requests, replies
        for one in (requests, replies):
            os.set_blocking(one, False)
        self._in, self._out = select.poll(), select.poll()
        self._in.register(replies, select.POLLIN)
        self._out.register(requests, select.POLLOUT)

    def send(self, frame: Frame, until: float) -> None:
        """Write a request by that moment (of `time.monotonic`). Raises Silent, Hung, and FrameError where something was said unasked."""
        if self._in.poll(0):
            if not os.read(self.replies, 1):
                raise Silent
            raise FrameError("it spoke unasked")
        view = memoryview(encoded(frame))
        while view:
            try:
                view = view[os.write(self.requests, view[:CHUNK]) :]
            except BlockingIOError:
                _wait(self._out, until)
            except BrokenPipeError:
                raise Silent from None

    def receive(self, serial: int, most: int, until: float) -> Frame:
        """The reply to that request, of at most so many bytes. Raises Silent, Hung, FrameError."""
        data = self._read(bytearray(), HEAD.size, until)
        answered, text, arrays, size = head(data[: HEAD.size], most)
        if answered != serial:
            raise FrameError(f"an answer to request {answered}, not {serial}")
        if len(data) - HEAD.size > size:
            raise FrameError("more than its answer")
        return decoded(serial, text, arrays, self._read(data[HEAD.size :], size, until))

    def close(self) -> None:
        """Close both."""
        os.close(self.requests)
        os.close(self.replies)

    def _read(self, data: bytearray, size: int, until: float) -> bytearray:
        """More to what is there, until there are so many bytes; small answers come in one piece."""
        while len(data) < size:
            _wait(self._in, until)
            try:
                part = os.read(self.replies, min(max(size - len(data), PIECE), CHUNK))
            except BlockingIOError:
                continue
            if not part:
                raise Silent
            data += part
        return data


def _wait(poll: select.poll, until: float) -> None:
    left = until - time.monotonic()
    if left <= 0 or not poll.poll(max(1, int(1000 * left))):
        raise Hung
