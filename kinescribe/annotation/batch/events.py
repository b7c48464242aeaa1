"""What happens in a run, as those are told who watch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kinescribe.annotation.batch.jobs import Job, Outcome

__all__ = ["Begun", "Event", "Finished", "Happening", "Progressed", "Stage", "Started", "Watch"]


@dataclass(frozen=True, slots=True)
class Started:
    """A worker began a video, or began it again."""

    job: Job
    worker: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """A worker got on: frames done of a stage, of so many where that is known."""

    job: Job
    worker: str
    stage: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Finished:
    """A video is done, or has failed."""

    job: Job
    worker: str
    outcome: Outcome


Event = Started | Progressed | Finished
"""Of one video."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The run knows what there is to do.

    Attributes:
        videos: of this run.
        todo: of them to be done now.
        bytes: of those, together.
        workers: how many at a time.
    """

    videos: int
    todo: int
    bytes: int
    workers: int


@dataclass(frozen=True, slots=True)
class Stage:
    """What concerns all videos together: "duplicates" are looked for, the "export" or the "report" is written.

    Attributes:
        stage: one of these words.
        done, total: how far it is, where that is known.
    """

    stage: str
    done: int = 0
    total: int | None = None


Happening = Event | Begun | Stage
Watch = Callable[[Happening], None]
