"""A source and the worker that runs it: kept warm between calls, started anew where it was ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from kinescribe.dynamics.sandbox.declaring import Declaration
from kinescribe.dynamics.sandbox.frames import Frame
from kinescribe.dynamics.sandbox.limits import Limits
from kinescribe.dynamics.sandbox.packing import Packed
from kinescribe.dynamics.sandbox.refusal import SandboxError
from kinescribe.dynamics.sandbox.worker import Worker

__all__ = ["Session", "Warm"]


class Told(Protocol):
    """What a source says of itself."""

    @property
    def name(self) -> str:
        """What messages call it."""


class Warm:
    """The means to ask one source for things.

    Attributes:
        source, name, limits: the text, which of the things in it ("": the only one), and what it may use up.
        op, what: how a worker is asked to load it, and the word for it in messages.

    Raises:
        SandboxError: no isolation, or a source that does not hold such a thing.
    """

    op: str
    what: str

    def __init__(self, source: str, name: str, limits: Limits, *, bare: bool = False) -> None:
        self.source, self.name, self.limits = source, name, limits
        self._bare = bare
        self._lock = threading.RLock()
        self._worker: Worker | None = None
        self._told: Told | None = None
        self._holds: tuple[Worker, object] | None = None
        self._load()

    def read(self, frame: Frame) -> Told:
        """What a worker says that it has loaded. Raises SandboxError where that is nothing of this kind."""
        raise NotImplementedError

    def call(self, op: str, text: Mapping[str, Any], arrays: Sequence[Any], most: int) -> Any:
        """The reply of the warm worker. Raises SandboxError, with its name before what went wrong."""
        with self._lock:
            if self._worker is None or not self._worker.alive:
                self._load()
            if self._worker is None:
                raise AssertionError("a loaded session has a worker")
            try:
                return self._worker.call(op, text, arrays, most)
            except SandboxError as error:
                raise self.named(error) from None

    @contextmanager
    def held(self, whole: object, packed: Callable[[], Packed]) -> Iterator[None]:
        """While the worker has at hand what these calls share, which is sent where it has something else."""
        with self._lock:
            if self._holds is None or self._holds[0] is not self._worker or not self._holds[0].alive or self._holds[1] is not whole:
                what = packed()
                self.call("hold", what.text, what.arrays, 0)
                self._holds = None if self._worker is None else (self._worker, whole)
            yield

    def apart(self, op: str, text: Mapping[str, Any], arrays: Sequence[Any], most: int) -> Any:
        """The reply of a worker of its own, which is ended then: what it was shown goes no further."""
        other = type(self)(self.source, self.name, self.limits, bare=self._bare)
        try:
            return other.call(op, text, arrays, most)
        finally:
            other.close()

    def close(self) -> None:
        """End the worker; a later call starts another."""
        with self._lock:
            if self._worker is not None:
                self._worker.close()
            self._worker = self._holds = None

    @property
    def worker(self) -> Worker | None:
        """The process, where there is one."""
        return self._worker

    def named(self, error: SandboxError) -> SandboxError:
        """The error with the thing's name."""
        title = self._told.name if self._told is not None else self.name or "of this source"
        return SandboxError(f"{self.what} {title}: {error}", error.reason)

    def _load(self) -> None:
        self._worker = Worker(self.limits)
        try:
            asked = {"source": self.source, "name": self.name, "bare": self._bare}
            found = self.read(self._worker.call(self.op, asked, (), 4_096))
        except SandboxError as error:
            self.close()
            raise self.named(error) from None
        if self._told is not None and found != self._told:
            self.close()
            raise self.named(SandboxError("it says something else of itself each time that it is loaded", "contract"))
        self._told = found


class Session(Warm):
    """The means to call a law's methods."""

    op = "load"
    what = "law"

    def read(self, frame: Frame) -> Declaration:
        """What the law declares."""
        return Declaration.of(frame)

    @property
    def declared(self) -> Declaration:
        """What the law says of itself."""
        if not isinstance(self._told, Declaration):
            raise AssertionError("a loaded session has a declaration")
        return self._told
