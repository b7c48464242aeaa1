"""The engine that runs on a Ray cluster: as many actors as there is room for, each with a worker process like those on one machine."""

from __future__ import annotations

import queue
import secrets
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from kinescribe.annotation.batch.events import Event
from kinescribe.annotation.batch.exchange import Exchange
from kinescribe.annotation.batch.jobs import Job
from kinescribe.annotation.batch.options import RunOptions
from kinescribe.annotation.batch.ray_cluster import Cluster, room_in
from kinescribe.annotation.batch.ray_crew import Crew, Waiting
from kinescribe.annotation.batch.ray_seat import Seat
from kinescribe.annotation.batch.ray_worker import probe_beside
from kinescribe.errors import KinescribeError, UsageError

__all__ = ["RayEngine"]

_NOBODY_S = 900.0  # that a cluster may take to give us a first worker, or one after all were lost
_JOIN_S = 15.0


class RayEngine:
    """Videos on the nodes of a Ray cluster. For one run."""

    def __init__(self, how: RunOptions, *, learned: bool, videos: int | None = None) -> None:
        """Connect to the cluster, or start one on this machine.

        Args:
            how: the run's options: address, exchange, workers, threads, limits.
            learned: whether models with weights run, on a GPU each where the cluster has some.
            videos: how many there are to do, where that is known: there are never more workers.

        Raises:
            UsageError: ray is missing, there is no cluster at the address, it has no room, or the exchange can't be reached.
        """
        self._how = how
        self.warnings: list[str] = []
        self._exchange = None if how.exchange is None else Exchange(how.exchange)
        asked = how.workers if isinstance(how.workers, int) else 1
        self._cluster = Cluster(how.address, min(asked, videos or asked) * (how.threads or 1))
        # a run that ends before its first video leaves the cluster too
        self._left = weakref.finalize(self, self._cluster.close)
        try:
            self._room = room_in(self._cluster.nodes, how, learned=learned, videos=videos)
        except UsageError:
            self._left()
            raise
        self.workers = self._room.workers

    def run(self, jobs: Iterator[Job], on_event: Callable[[Event], None]) -> None:
        """Do all jobs; a video whose actor is lost is begun again by another one.

        Raises:
            SystemExit: SIGTERM came, and nobody else handles it.
            UsageError: nodes lack kinescribe, have another version, or don't see our folders.
            KinescribeError: no worker stays, or none comes.
        """
        with _ended_in_order() as ending, ExitStack() as stack:
            stack.callback(self._left)
            probe = f"seen-{secrets.token_hex(8)}"
            if self._exchange is not None:
                self._exchange.open()
                stack.callback(self._clear, self._exchange)
            else:
                jobs = _with_probe(jobs, probe, stack)
            stack.callback(ending.set)
            self._run(jobs, on_event, probe)

    def _clear(self, exchange: Exchange) -> None:
        """Take away what is left in the exchange; where that can't be done, the videos are done all the same."""
        try:
            exchange.close()
        except KinescribeError as error:
            self.warnings.append(str(error))

    def _run(self, jobs: Iterator[Job], on_event: Callable[[Event], None], probe: str) -> None:
        events: queue.Queue[Event | BaseException | None] = queue.Queue()
        work = Waiting(jobs)
        crew = Crew(self._cluster.ray, self._room, work.stopped)
        threads = []
        try:
            for k in range(self.workers):
                seat = Seat(k, crew, work, events, self._how, self._room, self._exchange, probe)
                threads.append(threading.Thread(target=seat.run, daemon=True))
                threads[-1].start()
            left = len(threads)
            while left:
                try:
                    event = events.get(timeout=0.2)  # with a limit, so that Ctrl-C gets through on every system
                except queue.Empty:
                    _check_somebody_comes(crew)
                    continue
                if event is None:
                    left -= 1
                elif isinstance(event, BaseException):
                    raise event
                else:
                    on_event(event)
        finally:
            work.stopped.set()
            crew.dismiss_all()
            for thread in threads:
                thread.join(timeout=_JOIN_S)


@contextmanager
def _ended_in_order() -> Iterator[threading.Event]:
    """Have SIGTERM, with which schedulers end jobs, raise SystemExit, so that nothing stays on the cluster or in the exchange.

    When the event is set the run is being ended anyway, which a signal doesn't cut short: it is raised when the block is over.
    """
    ending, came = threading.Event(), threading.Event()
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield ending
        return

    def end(number: int, frame: FrameType | None) -> None:
        came.set()
        if not ending.is_set():
            ending.set()
            sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield ending
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if came.is_set():
        sys.exit(128 + signal.SIGTERM)


def _check_somebody_comes(crew: Crew) -> None:
    if not crew.ready and time.monotonic() - crew.quiet_since > _NOBODY_S:
        raise KinescribeError(
            f"no worker came on the Ray cluster within {_NOBODY_S / 60:.0f} minutes; `ray status` tells what takes its room; "
            "run again to go on"
        )


def _with_probe(jobs: Iterator[Job], name: str, stack: ExitStack) -> Iterator[Job]:
    """The same jobs; when the first one comes, there is a file beside what is made by which nodes tell that they see it."""
    made = False
    for job in jobs:
        if not made:
            probe = probe_beside(job, name)
            stack.callback(probe.unlink, missing_ok=True)
            try:
                probe.parent.mkdir(parents=True, exist_ok=True)
                probe.touch()
            except OSError as error:
                raise UsageError(f"cannot write '{probe.parent}': {error.strerror}; make room, and run again") from error
            made = True
        yield job
