"""The record of a question: what was asked of the model and what it answered, so that the answer can be had again without it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kinescribe
from kinescribe.errors import InputError
from kinescribe.llm import Exchange, Replayer
from kinescribe.llm.text import one_line

__all__ = ["Record"]

KIND = "kinescribe ask"
LARGEST = 20_000_000  # bytes
LONGEST = 10_000  # characters of a question


@dataclass(frozen=True, slots=True)
class Record:
    """One run.

    Attributes:
        question: in words. model: its name. exchanges: with it, in order.
        answer: the sentence; "" where there was none.
    """

    question: str
    model: str
    exchanges: tuple[Exchange, ...]
    answer: str = ""

    def write(self, path: str | os.PathLike[str]) -> None:
        """As JSON. Raises InputError where it can't be written."""
        from kinescribe.states.writing import replaced

        made = {
            "kind": KIND, "version": kinescribe.__version__, "question": self.question, "model": self.model, "answer": self.answer,
            "exchanges": [one.to_dict() for one in self.exchanges],
        }  # fmt: skip
        with replaced(Path(path)) as (staged,):
            staged.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Record:
        """Raises InputError for a file that can't be read, or holds no record."""
        name = one_line(str(path))
        try:
            if Path(path).stat().st_size > LARGEST:
                raise InputError(f"'{name}' is larger than any record of a question; give the file that --record wrote")
            made: Any = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"the record '{name}' can't be read ({error.strerror or error}); give the file that --record wrote") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"'{name}' holds no JSON; give the file that --record wrote") from error
        texts: Sequence[Any] = [made.get(key) for key in ("question", "model", "answer")] if isinstance(made, dict) else [None]
        if not all(isinstance(text, str) and len(text) <= LONGEST for text in texts) or made.get("kind") != KIND:
            raise InputError(f"'{name}' is no record of a question; give the file that --record wrote")
        rows = made.get("exchanges")
        if not isinstance(rows, list):
            raise InputError(f"'{name}' holds no exchanges with a model; record the run again")
        return cls(made["question"], one_line(made["model"]), tuple(Exchange.of(row, f"'{name}'") for row in rows), made["answer"])

    def replayer(self) -> Replayer:
        """The record in place of its model."""
        return Replayer(self.exchanges, self.model)
