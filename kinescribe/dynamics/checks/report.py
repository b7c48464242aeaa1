"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding"]

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes:
        severity: error: can't be used like this; warning: probably wrong; note: worth knowing.
        check: which check: "dimensions", "divergence" …
        what: what is wrong, with the values.
        way_out: what to do about it.
        where: file and line, "my_law.py:12"; "" where there is none.
    """

    severity: Severity
    check: str
    what: str
    way_out: str = ""
    where: str = ""

    def __str__(self) -> str:
        return f"{self.severity}: {f'{self.where}: ' if self.where else ''}{self.what}{f'; {self.way_out}' if self.way_out else ''}"
