"""One worker's place in a run on Ray: hires an actor, hands it one video after the other, and hires another when it is lost."""

from __future__ import annotations

import os
import queue
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from kinescribe.annotation.batch.events import Event, Finished, Progressed, Started
from kinescribe.annotation.batch.exchange import Exchange, settled, there_already
from kinescribe.annotation.batch.files import Signature, signature_of
from kinescribe.annotation.batch.jobs import DISK, Job, Limits, Outcome
from kinescribe.annotation.batch.options import RunOptions
from kinescribe.annotation.batch.process import Stopped
from kinescribe.annotation.batch.ray_cluster import Room
from kinescribe.annotation.batch.ray_crew import Attempt, Crew, Lost, Waiting
from kinescribe.errors import KinescribeError, UsageError
from kinescribe.llm.text import one_line

__all__ = ["Seat"]

_STARTS = 5  # actors that may be lost one after the other before they have begun
_LONGEST_BREAK_S = 60.0
_MORE_LIVES = 1  # a video is begun once more on another actor than in another process: a node is lost through no fault of its


class Seat:
    """One worker of a run, for a thread of its own."""

    def __init__(
        self, number: int, crew: Crew, work: Waiting, events: queue.Queue[Event | BaseException | None], how: RunOptions, room: Room,
        exchange: Exchange | None, probe: str,
    ) -> None:  # fmt: skip
        """Nothing happens yet.

        Args:
            number: of the worker, from 0.
            crew: where it hires.
            work: where its videos come from.
            events: where it says what happens; None at its end.
            how: the run's options.
            room: what the cluster has.
            exchange: through which videos go; None where the nodes share our folders.
            probe: name of a file beside what is made, which a node must see.
        """
        self._number, self._crew, self._work, self._events = number, crew, work, events
        self._how, self._room, self._exchange, self._probe = how, room, exchange, probe

    def run(self) -> None:
        """Work until nothing is left to do."""
        lost = 0
        try:
            while not self._work.over:
                actor = self._crew.hire()
                try:
                    here = self._crew.meet(actor, lambda: self._work.over)
                    if here is None:
                        break
                    lost = 0
                    self._serve(actor, here)
                except Lost as error:
                    lost += 1
                    if lost >= _STARTS and not self._crew.ready:
                        raise KinescribeError(
                            f"no worker stays on the Ray cluster ({error}); `ray status` and the logs of Ray say more"
                        ) from None
                finally:
                    self._crew.dismiss([actor])
                if lost > 1:
                    self._work.stopped.wait(min(2.0**lost, _LONGEST_BREAK_S))
        except Stopped:
            pass
        except BaseException as error:  # a defect of ours in a thread is the run's
            self._events.put(error)
        finally:
            self._events.put(None)

    def _serve(self, actor: Any, here: dict[str, Any]) -> None:
        host = one_line(str(here["host"]), 60)
        name = f"worker {self._number + 1} on {host}"
        limits = self._room.limits(self._how, here["node"], here["memory"])
        while (attempt := self._work.take()) is not None:
            job, again = attempt.job, None
            self._events.put(Started(job, name))
            try:
                self._events.put(Finished(job, name, self._do(actor, attempt, limits, name)))
            except Lost as lost:
                if attempt.number < self._how.retries + _MORE_LIVES:
                    again = Attempt(job, attempt.number + 1)
                else:
                    reason = (
                        f"its worker was lost {attempt.number + 1} times (on '{host}': {lost}); look at that node's memory and Ray's logs"
                    )
                    self._events.put(Finished(job, name, Outcome("failed", "crash", reason)))
                raise
            finally:
                self._work.done(again)

    def _do(self, actor: Any, attempt: Attempt, limits: Limits, name: str) -> Outcome:
        job = attempt.job
        if attempt.number:  # what the lost one left, or is still at, is not ours to touch
            job = replace(job, staging=f"{job.staging}-{attempt.number}")
        try:
            seen = signature_of(Path(job.path))
        except OSError:
            seen = None  # the worker says why
        order = {
            "job": job.to_dict(),
            "limits": asdict(limits),
            "probe": self._probe,
            "signature": seen and (seen.size, seen.mtime_ns, seen.count),
        }
        if self._exchange is not None:
            return self._do_through(self._exchange, actor, order, job, seen, name)
        kind, what = self._ask(actor, {**order, "through": None}, attempt.job, name)
        if kind == "blind":
            raise UsageError(
                f"the node of {name} does not see '{one_line(what, 200)}'; share that folder under the same path on all nodes, "
                "or give --exchange s3://… or a folder that all of them see"
            )
        return Outcome.of(what)

    def _do_through(self, exchange: Exchange, actor: Any, order: dict[str, Any], job: Job, seen: Signature | None, name: str) -> Outcome:
        there = there_already(job)
        if there is not None:
            return there
        through, sent = exchange.through(), None
        order = {**order, "through": through, "video": None}
        try:
            kind, what = self._ask(actor, order, job, name)
            if kind == "wants":
                try:
                    video = exchange.send(through, job, self._work.stopped.is_set)
                except OSError as error:
                    return self._unsent(job, error)
                sent = video["sha256"]
                _, what = self._ask(actor, {**order, "video": video}, job, name)
            outcome = settled(Outcome.of(what), seen, job)
            return exchange.fetch(through, job, outcome, sent, self._work.stopped.is_set) if outcome.state == "done" else outcome
        finally:
            exchange.clear(through)

    @staticmethod
    def _unsent(job: Job, error: OSError) -> Outcome:
        if error.filename is not None and os.fspath(error.filename) == job.path:
            return Outcome("failed", "unreadable", one_line(error.strerror or str(error)))
        return Outcome("queued", DISK, f"cannot send '{job.name}' through the exchange: {one_line(str(error), 200)}")

    def _ask(self, actor: Any, order: dict[str, Any], job: Job, name: str) -> tuple[str, Any]:
        """Give an order, and hand on what is said until there is an answer."""
        ref = actor.turn.remote(order)
        while True:
            for kind, what in self._crew.get(ref):
                if kind == "defect":
                    raise RuntimeError(f"{name}: {what}")
                if kind == "models":
                    raise UsageError(
                        f"the node of {name} would use other models than this machine: {one_line(str(what), 300)}; "
                        "put the same weights there"
                    )
                if kind != "progress":
                    return kind, what
                self._events.put(Progressed(job, name, *what))
            ref = actor.turn.remote(None)
