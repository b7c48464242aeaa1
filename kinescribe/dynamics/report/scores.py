"""What held-out errors a search came to before its cap ended it."""

from __future__ import annotations

import math
from dataclasses import replace

from kinescribe.dynamics.selection import Candidate

__all__ = ["NOT_SCORED", "scored"]

NOT_SCORED = "not scored, for the cap ended the search"
PLACEHOLDER = 1.0  # the error that a selection puts where none of what was held out was foretold


def scored(one: Candidate) -> Candidate:
    """The same; where all that it has are placeholders, without them. A single error of its own stays."""
    if not (math.isinf(one.standard_error) and one.error == PLACEHOLDER):
        return one
    return replace(one, score=math.nan, standard_error=math.nan, error=math.nan, reason=NOT_SCORED)
