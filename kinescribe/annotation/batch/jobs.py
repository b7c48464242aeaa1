"""What goes to a worker and what comes back, as plain JSON: it crosses processes, machines, and versions of Python."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["AGAIN", "CHANGED", "DISK", "IN_THE_WAY", "Job", "Limits", "Outcome", "Products"]

State = Literal["done", "failed", "queued"]
DISK = "disk"
"""Kind of an outcome that no video is to blame for: there is no room, or the folder can't be written. The run stops."""
CHANGED = "changed"
"""Kind of a failure that the next run doesn't take for one: the video was written while it was read."""
IN_THE_WAY = "in the way"
"""Kind of a failure: something that no run made stands where the results belong."""
AGAIN = (CHANGED, IN_THE_WAY)
"""Kinds of failures that the next run tries again by itself: it's not the video that is wrong."""


@dataclass(frozen=True, slots=True)
class Products:
    """What is made of each video besides its table and masks.

    Attributes:
        overlay: the video with ids, labels and trails.
        report: its page, and a thumbnail.
    """

    overlay: bool = False
    report: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """What one video may use.

    Attributes:
        seconds: wall-clock time; infinite for none.
        memory: bytes of resident memory of its process and their children; infinite for none.
        retries: how often a video is begun again whose process died without a word.
    """

    seconds: float = math.inf
    memory: float = math.inf
    retries: int = 1


@dataclass(frozen=True, slots=True)
class Job:
    """One video to be done.

    Attributes:
        name: of the video in the data set.
        path: absolute, of the video.
        folder: absolute, where its results take their place.
        staging: absolute, a folder that isn't there yet, on the same file system, to make them in.
        settings: of its extraction, as `ExtractionSettings.to_dict` gives them.
        revisions: of models and plug-ins, by role.
        products: what is made.
        command: what a user types to do this video again, for its page.
        sha256: of the video's bytes where known already.
        bytes: of the video, for progress.
        again: whether it's done even where its results are there.
    """

    name: str
    path: str
    folder: str
    staging: str
    settings: Mapping[str, Any]
    revisions: Mapping[str, str] = field(default_factory=dict)
    products: Products = field(default_factory=Products)
    command: str = ""
    sha256: str | None = None
    bytes: int = 0
    again: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Job:
        """From `to_dict`."""
        return cls(**{**data, "products": Products(**data["products"])})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a video went.

    Attributes:
        state: "done"; "failed"; "queued" where no video is to blame and it's to be done again.
        kind: in a word why it failed, such as "unreadable", "nothing found", "timeout", "memory", "crash"; "partial" where it's done but
            breaks off; `DISK`; None else.
        reason: in a line, None where all is well.
        sha256, size, mtime_ns: of the video that was read; None where it wasn't.
        key: of the result.
        files: bytes by name, of what was made.
        seconds: that it took.
        adopted: it was there already, made by an earlier run.
        rows: of the table; None where unknown.
        objects: in it.
        warnings: how many the table has.
    """

    state: State
    kind: str | None = None
    reason: str | None = None
    sha256: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    key: str | None = None
    files: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    adopted: bool = False
    rows: int | None = None
    objects: int | None = None
    warnings: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Outcome:
        """From `to_dict`."""
        return cls(**data)
