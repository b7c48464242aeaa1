"""What does the videos: the contract of engines, and the one that runs on this machine."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from kinescribe.annotation.batch.events import Event, Finished, Progressed, Started
from kinescribe.annotation.batch.jobs import Job, Limits
from kinescribe.annotation.batch.process import Stopped, WorkerProcess

__all__ = ["Engine", "LocalEngine"]


class Engine(Protocol):
    """Runs jobs somewhere.

    Attributes:
        workers: how many at a time.
        warnings: one line each on what went wrong besides the videos, when it has run.
    """

    workers: int
    warnings: list[str]

    def run(self, jobs: Iterator[Job], on_event: Callable[[Event], None]) -> None:
        """Do all jobs, each of which gets one `Started` and one `Finished`, in any order.

        `on_event` is called in the caller's thread; if it raises, everything is stopped and the error goes on. When this returns or
        raises, no process of the engine is left.
        """
        ...


class LocalEngine:
    """Videos in parallel processes on this machine."""

    def __init__(self, workers: int, limits: Limits, *, threads: int = 1, gpus: Sequence[str] = ()) -> None:
        """Nothing is started yet.

        Args:
            workers: processes.
            limits: of each video.
            threads: that the libraries in one process may use, as `WorkerProcess` says.
            gpus: names of devices; they go round among the workers, and each sees its own alone.
        """
        self.workers = workers
        self.warnings: list[str] = []
        self._limits = limits
        self._processes = [WorkerProcess(threads, {"CUDA_VISIBLE_DEVICES": gpus[k % len(gpus)]} if gpus else None) for k in range(workers)]

    def run(self, jobs: Iterator[Job], on_event: Callable[[Event], None]) -> None:
        """Do all jobs."""
        events: queue.Queue[Event | BaseException | None] = queue.Queue()
        guard = threading.Lock()

        def serve(number: int) -> None:
            name, process = f"worker {number + 1}", self._processes[number]
            try:
                while True:
                    with guard:
                        job = next(jobs, None)
                    if job is None:
                        break
                    here = job
                    events.put(Started(here, name))

                    def progress(stage: str, done: int, total: int | None, here: Job = here) -> None:
                        events.put(Progressed(here, name, stage, done, total))

                    events.put(Finished(here, name, process.do(here, self._limits, progress)))
            except Stopped:
                pass
            except BaseException as error:  # a defect of ours in a thread is the run's
                events.put(error)
            finally:
                # from the thread that started it: a worker ends with that
                process.stop()
                events.put(None)

        threads = [threading.Thread(target=serve, args=(k,), daemon=True) for k in range(self.workers)]
        for thread in threads:
            thread.start()
        left = len(threads)
        try:
            while left:
                try:
                    event = events.get(timeout=0.2)  # with a limit, so that Ctrl-C gets through on every system
                except queue.Empty:
                    continue
                if event is None:
                    left -= 1
                elif isinstance(event, BaseException):
                    raise event
                else:
                    on_event(event)
        finally:
            for process in self._processes:
                process.stop()
            for thread in threads:
                thread.join(timeout=10)
