"""What runs on a node of a Ray cluster: an actor that keeps one worker process, the same as on one machine."""

from __future__ import annotations

import json
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kinescribe.annotation.batch.jobs import Job, Limits, Outcome
from kinescribe.annotation.batch.keys import has_weights_in
from kinescribe.annotation.batch.process import Stopped, WorkerProcess
from kinescribe.errors import KinescribeError

__all__ = ["Hand", "actor_class", "probe_beside"]

_EVERY_S = 0.5  # between two reports of progress
_TURN_S = 10.0  # that a call waits for something to say
_LOOKS, _LOOK_S = 4, 0.5  # a shared folder may show a new file a moment later
_LEAVE_S = 8.0

Said = tuple[str, Any]
"""("progress", [stage, done, total]), ("outcome", …), ("wants", the video), ("blind", path), ("models", what is otherwise), or
("defect", traceback)."""


def actor_class() -> type:
    """The class of the actors. It goes to the nodes as it is, not by its name, so that it can say that kinescribe isn't there."""

    class KinescribeWorker:
        def begin(self, version: str, threads: int, folder: str) -> dict[str, Any]:
            import os
            import socket

            here: dict[str, Any] = {"host": socket.gethostname(), "pid": os.getpid()}
            try:
                import kinescribe

                if kinescribe.__version__ != version:
                    return {**here, "version": kinescribe.__version__}
                from kinescribe.annotation.batch.ray_worker import Hand
                from kinescribe.annotation.batch.resources import available_memory
            except ImportError as error:
                return {**here, "missing": str(error)}
            import ray

            self._hand = Hand(threads, folder)
            return {**here, "node": ray.get_runtime_context().get_node_id(), "memory": available_memory()}

        def turn(self, order: Any) -> Any:
            return self._hand.turn(order)

        def stop(self) -> None:
            self._hand.stop()

    return KinescribeWorker


class Hand:
    """Does videos in one worker process, from one thread: a worker ends with the thread that started it."""

    def __init__(self, threads: int, folder: str) -> None:
        """Ready for orders.

        Args:
            threads: as for `WorkerProcess`.
            folder: where the run was started; relative paths in settings are from there, where it's there.
        """
        if Path(folder).is_dir():
            os.chdir(folder)
        self._process = WorkerProcess(threads)
        self._ended = threading.Event()
        self._models = _Models()
        self._orders: queue.Queue[Mapping[str, Any] | None] = queue.Queue()
        self._said: queue.Queue[Said] = queue.Queue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def turn(self, order: Mapping[str, Any] | None) -> list[Said]:
        """Take an order, if there is one, and tell what there is to tell: soon for an end, now and then for progress."""
        if order is not None:
            self._orders.put(order)
        told: dict[str, Said] = {}
        end = time.monotonic() + _TURN_S
        while True:
            try:
                kind, what = self._said.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return list(told.values())
            if kind != "progress":
                return [*told.values(), (kind, what)]
            if not told:
                end = min(end, time.monotonic() + _EVERY_S)
            told[what[0]] = (kind, what)

    def stop(self) -> None:
        """End the worker process, and whatever else is being done."""
        self._ended.set()
        self._process.stop()
        self._orders.put(None)
        self._thread.join(_LEAVE_S)

    def _serve(self) -> None:
        try:
            while (order := self._orders.get()) is not None:
                self._said.put(self._answer(order))
        except Stopped:
            pass
        finally:
            self._process.stop()

    def _answer(self, order: Mapping[str, Any]) -> Said:
        try:
            job, limits = Job.of(order["job"]), Limits(**order["limits"])
            otherwise = self._models.of(job)
            if otherwise is not None:
                return "models", otherwise

            def do(job: Job) -> Outcome:
                return self._process.do(job, limits, lambda *what: self._said.put(("progress", list(what))))

            if order["through"] is not None:
                outcome = _through(order, job, do, self._ended.is_set)
                return ("wants", None) if outcome is None else ("outcome", outcome.to_dict())
            blind = _blind(job, order["probe"], bool(order["signature"]))
            return ("outcome", do(job).to_dict()) if blind is None else ("blind", blind)
        except Stopped:
            raise
        except BaseException:  # a defect of ours is the run's, which can't see this process
            return "defect", traceback.format_exc()


class _Models:
    """Whether the models here are those that the results are said to be from; looked at once for each of a run's settings."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}

    def of(self, job: Job) -> str | None:
        """What is otherwise, None where all is the same. Without weights our version says all, which was compared before."""
        wanted = {role: revision for role, revision in job.revisions.items() if has_weights_in({role: revision})}
        if not wanted:
            return None
        asked = json.dumps([dict(job.settings), wanted], sort_keys=True)
        if asked not in self._known:
            self._known[asked] = self._compared(job, wanted)
        return self._known[asked]

    @staticmethod
    def _compared(job: Job, wanted: Mapping[str, str]) -> str | None:
        from kinescribe.annotation.batch.keys import revisions_of
        from kinescribe.settings import ExtractionSettings

        try:
            here = revisions_of(ExtractionSettings.of(job.settings))
        except KinescribeError as error:
            return str(error)
        other = next((role for role, revision in wanted.items() if here.get(role) != revision), None)
        return None if other is None else f"{other}: '{here.get(other)}' instead of '{wanted[other]}'"


def _through(order: Mapping[str, Any], job: Job, do: Callable[[Job], Outcome], stopped: Callable[[], bool]) -> Outcome | None:
    # here, for what an exchange needs takes longer to import than an actor to start
    from kinescribe.annotation.batch import exchange
    from kinescribe.annotation.batch.files import Signature, signature_of

    seen = None if order["signature"] is None else Signature(*order["signature"])
    try:
        near = seen is not None and signature_of(Path(job.path)) == seen
    except OSError:
        near = False
    if not near and order["video"] is None:
        return None
    return exchange.carry_out(order["through"], job, None if near else order["video"], do, stopped)


def probe_beside(job: Job, name: str) -> Path:
    """A file that shows whether a node sees the folder where a video's results are made."""
    return Path(job.staging).parent / name


def _blind(job: Job, probe: str, there: bool) -> str | None:
    """A path of the run that isn't here, None where all are."""
    for look in range(_LOOKS):
        if not probe_beside(job, probe).exists():
            missing = str(Path(job.staging).parent)
        elif there and not Path(job.path).exists():
            missing = job.path
        else:
            return None
        if look + 1 < _LOOKS:
            time.sleep(_LOOK_S)
    return missing
