"""Questions answered by a vision-language model behind an endpoint."""

from __future__ import annotations

import threading
from typing import Any

from kinescribe.errors import KinescribeError
from kinescribe.llm import AnswerError, BudgetExceededError, Client, EndpointError, Message, Settings, picture
from kinescribe.perception.verification.questions import UNSURE, NoAnswerError, Question

__all__ = ["EndpointAsk"]

REFUSED_ALONE = (400, 413, 415, 422)  # what an endpoint says of one question, not of all
MOST_REFUSALS = 3  # in a row


class EndpointAsk:
    """Hands each question with its pictures to the model; the answers that it may choose from go along as a JSON schema.

    Attributes:
        client: that carries the questions.
    """

    def __init__(self, client: Client | Settings) -> None:
        """A client that others ask through too, or settings for one of its own."""
        self.client = client if isinstance(client, Client) else Client(client)
        self._refusals = 0
        self._lock = threading.Lock()

    def __call__(self, question: Question) -> str:
        """The model's answer; "unsure" for one outside the schema. Raises `NoAnswerError` where endpoint or budget give no more."""
        message = Message.user(question.text, *(picture(image) for image in question.draw()))
        try:
            reply = self.client.ask([message], schema=_schema(question), n_tag=question.number)
        except AnswerError:
            return UNSURE  # the model was asked twice for the form already
        except BudgetExceededError as error:
            raise NoAnswerError(str(error)) from error
        except EndpointError as error:
            return self._refused(error)
        except KinescribeError as error:  # a key or an installation that won't do: the tracks that are finished must not be lost for it
            raise NoAnswerError(str(error)) from error
        with self._lock:
            self._refusals = 0
        return str(reply.data["answer"])

    def _refused(self, error: EndpointError) -> str:
        with self._lock:
            self._refusals += 1
            if error.status not in REFUSED_ALONE or self._refusals >= MOST_REFUSALS:
                raise NoAnswerError(str(error)) from error
        return UNSURE


def _schema(question: Question) -> dict[str, Any]:
    return {
        "title": "answer",
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": list(question.answers)}},
        "required": ["answer"],
        "additionalProperties": False,
    }
