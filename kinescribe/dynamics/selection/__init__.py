"""Which law it is: candidates, fitted, and judged by what they foretell."""

from __future__ import annotations

from kinescribe.dynamics.selection.candidates import at_a_distance, candidates, groups
from kinescribe.dynamics.selection.select import NOT_SCORED, Candidate, Selection, chosen, select

__all__ = ["NOT_SCORED", "Candidate", "Selection", "at_a_distance", "candidates", "chosen", "groups", "select"]
