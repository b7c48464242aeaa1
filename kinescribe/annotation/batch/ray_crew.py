"""Who does what in a run on Ray: the videos that wait, and the actors that were hired."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import kinescribe
from kinescribe.annotation.batch.jobs import Job
from kinescribe.annotation.batch.process import Stopped
from kinescribe.annotation.batch.ray_cluster import Room
from kinescribe.annotation.batch.ray_worker import actor_class
from kinescribe.errors import UsageError
from kinescribe.llm.text import one_line

__all__ = ["Attempt", "Crew", "Lost", "Waiting"]

_POLL_S = 0.5
_LEAVE_S = 10.0  # that actors have to end their processes


class Lost(Exception):
    """An actor is gone."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A video to be begun for the n-th time, from 0."""

    job: Job
    number: int


class Waiting:
    """The videos that nobody is at, for all seats; those of lost actors come back to it."""

    def __init__(self, jobs: Iterator[Job]) -> None:
        """Nothing is taken from `jobs` yet."""
        self._jobs = jobs
        self._returned: list[Attempt] = []
        self._at_work = 0
        self._exhausted = False
        self._changed = threading.Condition()
        self.stopped = threading.Event()

    def take(self) -> Attempt | None:
        """The next one; waits while another seat's may come back. None where nothing can come any more."""
        with self._changed:
            while not self.over:
                if self._returned:
                    self._at_work += 1
                    return self._returned.pop(0)
                if not self._exhausted:
                    job = next(self._jobs, None)
                    if job is not None:
                        self._at_work += 1
                        return Attempt(job, 0)
                    self._exhausted = True
                    self._changed.notify_all()
                else:
                    self._changed.wait(_POLL_S)
            return None

    def done(self, back: Attempt | None = None) -> None:
        """One that was taken is finished, or comes back."""
        with self._changed:
            self._at_work -= 1
            if back is not None:
                self._returned.append(back)
            self._changed.notify_all()

    @property
    def over(self) -> bool:
        """Whether nothing can come any more."""
        return self.stopped.is_set() or (self._exhausted and not self._returned and not self._at_work)


class Crew:
    """All actors of a run."""

    def __init__(self, ray: Any, room: Room, stopped: threading.Event) -> None:
        """Nobody is hired yet."""
        self._ray, self._room, self._stopped = ray, room, stopped
        self._class = ray.remote(actor_class())
        self._guard = threading.Lock()
        self._hired: dict[Any, dict[str, Any] | None] = {}
        self.quiet_since = time.monotonic()

    @property
    def ready(self) -> int:
        """How many are at work."""
        with self._guard:
            return sum(one is not None for one in self._hired.values())

    def hire(self) -> Any:
        """Ask for an actor, which comes when there is room."""
        with self._guard:
            if self._stopped.is_set():
                raise Stopped
            actor = self._class.options(
                num_cpus=self._room.threads, num_gpus=self._room.gpus, max_restarts=0, max_concurrency=4, scheduling_strategy="SPREAD"
            ).remote()
            self._hired[actor] = None
            return actor

    def meet(self, actor: Any, over: Callable[[], bool]) -> dict[str, Any] | None:
        """Wait until an actor is there; what it says of itself, None where it isn't needed any more.

        Raises:
            UsageError: kinescribe isn't on its node, or another version.
            Lost: it's gone.
        """
        ref = actor.begin.remote(kinescribe.__version__, self._room.threads, str(Path.cwd()))
        while not self._ray.wait([ref], timeout=_POLL_S)[0]:
            if over():
                return None
        here: dict[str, Any] = self.get(ref)
        host = one_line(str(here["host"]), 60)
        if "missing" in here:
            raise UsageError(
                f"kinescribe cannot be imported on the node '{host}' ({one_line(here['missing'], 150)}); install it there, or "
                'submit the run with `ray job submit --runtime-env-json \'{"pip": ["kinescribe[ray]"]}\'`'
            )
        if "version" in here:
            raise UsageError(
                f"the node '{host}' has kinescribe {one_line(str(here['version']), 40)}, this is {kinescribe.__version__}; "
                "install the same on both"
            )
        with self._guard:
            if actor in self._hired:
                self._hired[actor] = here
        return here

    def get(self, ref: Any) -> Any:
        """What an actor answers. Raises Lost where it's gone, Stopped where the run is over."""
        errors = self._ray.exceptions
        try:
            while not self._ray.wait([ref], timeout=_POLL_S)[0]:
                if self._stopped.is_set():
                    raise Stopped
            return self._ray.get(ref)
        except errors.RuntimeEnvSetupError as error:
            raise UsageError(f"Ray cannot make the runtime_env of a worker: {one_line(str(error), 300)}; mend that of the job") from error
        except errors.RayTaskError:
            raise  # a defect of ours
        except errors.RayError as error:
            if self._stopped.is_set():
                raise Stopped from None
            raise Lost(_how_it_went(str(error))) from error

    def dismiss(self, actors: list[Any]) -> None:
        """End actors and their processes."""
        with self._guard:
            here = {actor: self._hired.pop(actor) for actor in actors if actor in self._hired}
            self.quiet_since = time.monotonic()
        stops = [actor.stop.remote() for actor, met in here.items() if met is not None]
        if stops:
            self._ray.wait(stops, num_returns=len(stops), timeout=_LEAVE_S)
        for actor in here:
            with suppress(self._ray.exceptions.RayError):  # gone before we could end it
                self._ray.kill(actor, no_restart=True)
        for met in here.values():
            if met is not None and met["host"] == socket.gethostname():
                _see_off(met["pid"])

    def dismiss_all(self) -> None:
        """End all, and hire no more: `stopped` must be set."""
        with self._guard:
            everybody = list(self._hired)
        self.dismiss(everybody)


def _how_it_went(text: str) -> str:
    """Ray's many lines on a lost actor in a few words."""
    signs = (
        ("node has died", "its node died"),
        ("running low on memory", "Ray ended it for want of memory"),
        ("creation task", "it did not start"),
    )
    for sign, words in signs:
        if sign in text.lower():
            return words
    return "its process died"


def _see_off(pid: int) -> None:
    """Wait until an actor's process on this machine is gone: Ray only asks it to go."""
    with suppress(psutil.Error):
        psutil.Process(pid).wait(_LEAVE_S)
