"""The form that an answer is to have: a JSON schema or a pydantic model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from .extraction import candidates
from .schema import check_schema, is_strict, name_of, problems

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["LEVELS", "Form", "MisfitError"]

LEVELS = ("json_schema", "json_object", "fenced")
"""Ways to ask for JSON, from the one that endpoints enforce to the one that all understand."""
MOST_PROBLEMS = 4


class MisfitError(ValueError):
    """An answer without the form. `found_json` tells whether there was any JSON at all."""

    def __init__(self, message: str, found_json: bool) -> None:
        super().__init__(message)
        self.found_json = found_json


@dataclass(frozen=True)
class Form:
    """A schema, and the model that checks it where there is one."""

    schema: dict[str, Any]
    model: type[BaseModel] | None = None

    @classmethod
    def of(cls, wanted: dict[str, Any] | type[BaseModel]) -> Form:
        """From either. Raises `UsageError` for a schema with rules that can't be checked."""
        if isinstance(wanted, dict):
            check_schema(wanted)
            return cls(wanted)
        return cls(wanted.model_json_schema(), wanted)

    def read(self, text: str) -> Any:
        """The first value in a text that fits. Raises `MisfitError`, which says what the likeliest one lacks."""
        first: str | None = None
        for value in candidates(text):
            try:
                fault = self.fault(value)
            except RecursionError:
                fault = "it is nested too deeply"
            if fault is None:
                return self.model.model_validate(value) if self.model else value
            first = first or fault
        if first is None:
            raise MisfitError("there is no valid JSON in it" if text.strip() else "it is empty", found_json=False)
        raise MisfitError(first, found_json=True)

    def fault(self, value: Any) -> str | None:
        """What keeps a JSON value from fitting, in one line; None where nothing does."""
        if self.model is None:
            return "; ".join(islice(problems(value, self.schema), MOST_PROBLEMS)) or None
        from pydantic import ValidationError

        try:
            self.model.model_validate(value)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]
            return "; ".join(f"{'.'.join(str(step) for step in fault['loc']) or 'the answer'}: {fault['msg']}" for fault in faults)
        return None

    def request(self, level: str) -> dict[str, Any]:
        """What a request holds besides its messages, at one of `LEVELS`."""
        if level == "json_schema":
            described = {"name": name_of(self.schema), "strict": is_strict(self.schema), "schema": self.schema}
            return {"response_format": {"type": "json_schema", "json_schema": described}}
        return {"response_format": {"type": "json_object"}} if level == "json_object" else {}

    def instruction(self, level: str) -> str:
        """What the model must be told in words at one of `LEVELS`; nothing where the endpoint tells it."""
        if level == "json_schema":
            return ""
        how = (
            "Answer with one JSON object and nothing else." if level == "json_object" else "Answer with one JSON object in a ```json block."
        )
        return f"{how} It must fit this JSON schema: {json.dumps(self.schema, ensure_ascii=False)}"

    def repair(self, fault: str) -> str:
        """The question to ask after an answer that doesn't fit."""
        return (
            f"That answer can't be used: {fault}. Answer again with one JSON object alone, without any text around it, "
            f"that fits this JSON schema: {json.dumps(self.schema, ensure_ascii=False)}"
        )
