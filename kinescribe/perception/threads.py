"""Work that threads share, where most of it lets go of the interpreter."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

__all__ = ["SideBySide", "cores"]

Item = TypeVar("Item")

WORTH_SHARING = 4  # items; for fewer, waking a thread takes as long as it saves


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class SideBySide:
    """Does the same with each of several things, half of them in a second thread where there is a core for it.

    More threads than two would wait for each other: about half of the work on a body is the interpreter's.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="beside") if cores() > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def each(self, work: Callable[[Item], None], items: Sequence[Item]) -> None:
        """Do it with each; returns when all are done. What one of them raises is raised, after the others of its half were left."""
        if self._pool is None or len(items) < WORTH_SHARING:
            _all(work, items)
            return
        other = self._pool.submit(_all, work, items[1::2])
        try:
            _all(work, items[::2])
        finally:
            other.exception()  # wait, whatever happened here
        other.result()


def _all(work: Callable[[Item], None], items: Sequence[Item]) -> None:
    for item in items:
        work(item)
