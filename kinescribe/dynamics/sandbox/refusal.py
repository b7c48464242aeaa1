"""What ends a law or a function that runs in the sandbox."""

from __future__ import annotations

from typing import Literal

from kinescribe.errors import UsageError

__all__ = ["Reason", "SandboxError"]

Reason = Literal["refused", "unavailable", "raised", "contract", "time", "ended", "protocol"]


class SandboxError(UsageError):
    """A law or a function from the sandbox that can't be used, or no longer.

    Attributes:
        reason: "refused": its source has what it may not have; "unavailable": this system offers no isolation; "raised": its own code
            raised an error; "contract": it declares or returns what its contract doesn't allow; "time": it took too long; "ended": its
            process was ended, by its limits or by a forbidden call; "protocol": its process spoke what no worker says.
    """

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason: Reason = reason
