"""How well laws are held here: found out by starting a worker, not by asking what there should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kinescribe.dynamics.sandbox.limits import Limits
from kinescribe.dynamics.sandbox.refusal import SandboxError
from kinescribe.dynamics.sandbox.worker import Worker

__all__ = ["Isolation", "isolation"]


@dataclass(frozen=True, slots=True)
class Isolation:
    """What the kernel offers.

    Attributes:
        level: "full": system calls are filtered, and Landlock bars all files besides; "filter": the filter of system calls alone, which
            opens no files either; "none": no isolation, and what a model or a stranger wrote does not run.
        text: the same for people, in one line.
    """

    level: Literal["full", "filter", "none"]
    text: str


def isolation() -> Isolation:
    """Of this machine."""
    try:
        worker = Worker(Limits())
    except SandboxError as error:
        return Isolation("none", f"{error}; laws that a model or a stranger wrote run with --trust alone")
    worker.close()
    if worker.landlock:
        return Isolation(
            "full", f"full: system calls filtered (seccomp), no files and no ports (Landlock {worker.landlock}), limits on all else"
        )
    return Isolation("filter", "system calls filtered (seccomp), which opens no file either; this kernel has no Landlock, the second wall")
