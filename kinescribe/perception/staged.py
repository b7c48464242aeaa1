"""Work in stages that run side by side, such as decode / infer / write, with a bounded number of items between them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

from kinescribe.errors import UsageError

__all__ = ["staged"]

Item = TypeVar("Item")
POLL_S = 0.2  # how long a wait lasts before it looks for an interrupt: on Windows a lock without a limit can't be interrupted


def staged(source: Iterable[Item], *stages: Callable[[Any], Any], depth: int = 2) -> Generator[Any]:
    """The items of the source after all stages, in order; the source and each stage run in a thread of their own.

    Between two threads wait at most `depth` items, so that at most (stages + 1)·(depth + 1) + 1 are under way. An exception of the
    source or of a stage reaches the consumer after the results before it, with its own traceback. However the consumer stops (the
    end, an exception, an interrupt, `close()`), the threads are stopped and waited for; a generator as source is closed in its thread.

    Raises:
        UsageError: for a depth below 1.
    """
    if depth < 1:
        raise UsageError(f"a depth of {depth} lets nothing through; it must be at least 1")
    return _run(source, stages, depth)


def _run(source: Iterable[Any], stages: tuple[Callable[[Any], Any], ...], depth: int) -> Generator[Any]:
    channels = [_Channel(depth) for _ in range(len(stages) + 1)]
    threads = [threading.Thread(target=_feed, args=(source, channels[0]), name="source", daemon=True)]
    for number, (stage, before, after) in enumerate(zip(stages, channels, channels[1:], strict=False), start=1):
        threads.append(threading.Thread(target=_work, args=(stage, before, after), name=f"stage {number}", daemon=True))
    try:
        for thread in threads:
            thread.start()
        yield from channels[-1]
    finally:
        for channel in channels:
            channel.stop()
        for thread in threads:
            while thread.is_alive():
                thread.join(POLL_S)


class _Channel:
    """A bounded queue with one writer and one reader, each of whom can end it."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.items: deque[Any] = deque()
        self.error: BaseException | None = None
        self.ended = False  # the writer has no more
        self.stopped = False  # the reader wants no more
        self.changed = threading.Condition()

    def put(self, item: Any) -> bool:
        """Waits for room; False where the reader wants no more."""
        with self.changed:
            while len(self.items) >= self.depth and not self.stopped:
                self.changed.wait(POLL_S)
            if not self.stopped:
                self.items.append(item)
                self.changed.notify_all()
            return not self.stopped

    def end(self, error: BaseException | None = None) -> None:
        with self.changed:
            self.ended, self.error = True, error
            self.changed.notify_all()

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.items.clear()
            self.changed.notify_all()

    def __iter__(self) -> Iterator[Any]:
        """The items; raises the writer's error after them."""
        while True:
            with self.changed:
                while not self.items and not self.ended and not self.stopped:
                    self.changed.wait(POLL_S)
                if self.stopped:
                    return
                if not self.items:
                    if self.error is not None:
                        raise self.error
                    return
                item = self.items.popleft()
                self.changed.notify_all()
            yield item
            del item  # not held while the next one is waited for


def _feed(source: Iterable[Any], after: _Channel) -> None:
    iterator = None
    error: BaseException | None = None
    try:
        iterator = iter(source)
        for item in iterator:
            if not after.put(item):
                break
    except BaseException as raised:  # whatever it is, it belongs to the consumer
        error = raised
    finally:
        try:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
        except BaseException as raised:
            error = error or raised
        after.end(error)


def _work(stage: Callable[[Any], Any], before: _Channel, after: _Channel) -> None:
    error: BaseException | None = None
    try:
        for item in before:
            if not after.put(stage(item)):
                break
    except BaseException as raised:  # whatever it is, it belongs to the consumer
        error = raised
    finally:
        before.stop()
        after.end(error)
