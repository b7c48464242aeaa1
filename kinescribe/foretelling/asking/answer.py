"""An answer, with what it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from kinescribe.dynamics.fitting import Fit
from kinescribe.foretelling.asking.computing import Computed, Finding, Number
from kinescribe.foretelling.asking.inquiry import Inquiry
from kinescribe.foretelling.asking.quantities import QUANTITIES
from kinescribe.foretelling.asking.wording import unit_of
from kinescribe.foretelling.foretell import Foretold
from kinescribe.llm import Usage
from kinescribe.states import States

__all__ = ["Answer"]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What came of a question.

    Attributes:
        question: in words. sentence: the answer, made of computed numbers.
        inquiry: what the model made of the question, checked. computed: forecasts, and what was asked of them.
        states: what was seen. fit: the law.
        foretold: the video that was written; None where none was asked for.
        model: its name. questions: that it was asked; two where it had to mend its reply. usage: what they took.
        warnings: one line each. partial: why it isn't whole, or should not be trusted; None where all is well.
    """

    question: str
    sentence: str
    inquiry: Inquiry
    computed: Computed
    states: States
    fit: Fit
    foretold: Foretold | None
    model: str
    questions: int
    usage: Usage
    warnings: tuple[str, ...]
    partial: str | None

    def __str__(self) -> str:
        return self.sentence

    @property
    def flags(self) -> list[str]:
        """Options of ``predict-video`` that make the same changes without a model."""
        return self.inquiry.flags

    def as_dict(self) -> dict[str, Any]:
        """For JSON; what is not known is None."""
        inquiry, used = self.inquiry, self.usage
        return {
            "question": self.question,
            "answer": self.sentence,
            "edits": {"do": [str(one) for one in inquiry.changes], "remove": [*inquiry.remove], "at": inquiry.at, "until": inquiry.until},
            "flags": self.flags,
            "law": self.fit.law.title,
            "unit": self.states.unit,
            "findings": [self._finding(one) for one in self.computed.findings],
            "model": {
                "name": self.model, "questions": self.questions, "prompt_tokens": used.prompt_tokens,
                "completion_tokens": used.completion_tokens, "cost": used.cost,
            },
            "warnings": list(self.warnings),
            "partial": self.partial,
        }  # fmt: skip

    def _finding(self, one: Finding) -> dict[str, Any]:
        names = self.computed.forecast.start.clip.bodies.names
        wanted, parts, unit = one.wanted, QUANTITIES[one.wanted.quantity].parts, self.computed.forecast.start.clip.unit
        uses = QUANTITIES[wanted.quantity].uses
        told = {
            name: {"unit": unit_of(parts[name], unit, angular=one.angular), **_number(number)}
            | ({} if one.factual is None else {"without_the_change": _number(one.factual[name])})
            for name, number in one.told.items()
        }
        return {
            "quantity": wanted.quantity,
            "object": names[wanted.thing],
            "other": names[wanted.other] if isinstance(wanted.other, int) else wanted.other,
            "time_s": one.time if "time" in uses else None,
            "since_s": None if "time" in uses else one.since,
            "until_s": one.until,
            "place": {wanted.axis: wanted.value} if "value" in uses else None,
            "nth": wanted.nth if "nth" in uses else None,
            "numbers": told,
        }


def _number(number: Number) -> dict[str, Any]:
    return {
        "value": number.value if math.isfinite(number.value) else None,
        "sigma": number.sigma if math.isfinite(number.sigma) else None,
        "sure": number.sure,
    }
