"""What can go wrong with an endpoint, each in one line that says the way out."""

from __future__ import annotations

from kinescribe.errors import InputError, KinescribeError, UsageError

__all__ = ["AnswerError", "BudgetExceededError", "EndpointError", "NotRecordedError"]


class EndpointError(InputError):
    """An endpoint that is down, too slow, refuses the question, or sends what is no chat reply.

    Attributes:
        status: the HTTP status, None where no answer came at all.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AnswerError(EndpointError):
    """The endpoint works, but the model's answer has not the form that was asked for, after one repair."""


class NotRecordedError(EndpointError):
    """Only recorded answers may be used, and there is none for this question."""


class BudgetExceededError(KinescribeError):
    """A cap on calls, tokens or money is reached. Nothing was sent; callers may go on without the answer."""

    exit_code = UsageError.exit_code  # where nobody goes on without: the cap is too low for what was asked
