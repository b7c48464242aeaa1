"""Questions answered by a vision-language model behind an endpoint."""

from __future__ import annotations

import threading
from typing import Any

from kinescribe.errors import KinescribeError
from kinescribe.llm import AnswerError, BudgetExceededError, Client, EndpointError, Message, Settings, picture
from kinescribe.perception.verification.questions import UNSURE, NoAnswerError, Question

__all__ = ["EndpointAsk"]

REFUSED_ALONE = (400, 413, 415, 422)  # what an endpoint says of one question, not of all
MOST_REFUSALS, MOST_UNUSABLE = 3, 6  # in a row


class EndpointAsk:
    """Hands each question with its pictures to the model; the answers that it may choose from go along as a JSON schema.

    Attributes:
        client: that carries the questions.
        lost: questions without an answer that counts, which stand as "unsure".
    """

    def __init__(self, client: Client | Settings) -> None:
        """A client that others ask through too, or settings for one of its own."""
        self.client = client if isinstance(client, Client) else Client(client)
        self.lost = 0
        self._refusals = self._unusable = 0
        self._why = ""
        self._lock = threading.Lock()

    def __call__(self, question: Question) -> str:
        """The model's answer; "unsure" for one outside the schema. Raises `NoAnswerError` where endpoint or budget give no more."""
        message = Message.user(question.text, *(picture(image) for image in question.draw()))
        try:
            reply = self.client.ask([message], schema=_schema(question), n_tag=question.number)
        except AnswerError as error:  # the model was asked twice for the form already
            return self._useless(error)
        except BudgetExceededError as error:
            raise NoAnswerError(str(error)) from error
        except EndpointError as error:
            return self._refused(error)
        except KinescribeError as error:  # a key or an installation that won't do: the tracks that are finished must not be lost for it
            raise NoAnswerError(str(error)) from error
        with self._lock:
            self._refusals = self._unusable = 0
        return str(reply.data["answer"])

    def lost_told(self) -> str:
        """A line on the questions that were lost."""
        count = "1 question" if self.lost == 1 else f"{self.lost} questions"
        have = "has" if self.lost == 1 else "have"
        return f"{count} to {self.client.settings.model} {have} no answer that counts; the last: {self._why}"

    def forget(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self.lost = self._refusals = self._unusable = 0

    def _useless(self, error: AnswerError) -> str:
        with self._lock:
            self._unusable += 1
            if self._unusable >= MOST_UNUSABLE:
                raise NoAnswerError(str(error)) from error
            return self._unsure(error)

    def _refused(self, error: EndpointError) -> str:
        with self._lock:
            self._refusals += 1
            if error.status not in REFUSED_ALONE or self._refusals >= MOST_REFUSALS:
                raise NoAnswerError(str(error)) from error
            return self._unsure(error)

    def _unsure(self, error: EndpointError) -> str:
        self.lost += 1
        self._why = str(error)
        return UNSURE


def _schema(question: Question) -> dict[str, Any]:
    return {
        "title": "answer",
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": list(question.answers)}},
        "required": ["answer"],
        "additionalProperties": False,
    }
