"""Which law it is: candidates, fitted, and judged by what they foretell."""

from __future__ import annotations

from kinescribe.dynamics.selection.candidates import candidates, groups
from kinescribe.dynamics.selection.select import Candidate, Selection, select

__all__ = ["Candidate", "Selection", "candidates", "groups", "select"]
