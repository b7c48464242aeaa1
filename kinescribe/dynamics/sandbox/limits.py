"""What a law in the sandbox may use up."""

from __future__ import annotations

from dataclasses import dataclass

from kinescribe.errors import UsageError

__all__ = ["MOST_SOURCE", "Limits"]

MOST_SOURCE = 65_536  # bytes of a law's source


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one worker process.

    Attributes:
        seconds: of wall clock that one call may take, such as a batch of rollouts; more ends the worker.
        start_seconds: that starting the process may take, which depends on the machine and not on the law.
        cpu_seconds: of processor time over the worker's life, whole seconds; a worker that has used them up is ended by the kernel.
        memory: bytes that it may take beyond what the interpreter and numpy take themselves.

    Raises:
        UsageError: a limit that leaves nothing.
    """

    seconds: float = 30.0
    start_seconds: float = 60.0
    cpu_seconds: int = 3_600
    memory: int = 2**30

    def __post_init__(self) -> None:
        for name, least in (("seconds", 0.0), ("start_seconds", 0.0), ("cpu_seconds", 0), ("memory", 2**20)):
            value = getattr(self, name)
            if not least < value < 2**62:
                raise UsageError(f"limit {name} of the sandbox is {value!r}; it must be more than {least}")
