"""Laws that a language model writes: proposed, fitted in the sandbox, judged against the library's, mended and judged again."""

from __future__ import annotations

from kinescribe.dynamics.synthesis.attempts import Attempt, Question, Synthesis
from kinescribe.dynamics.synthesis.judging import Judge, Judged, enough
from kinescribe.dynamics.synthesis.programs import normalised
from kinescribe.dynamics.synthesis.strategies import STRATEGIES
from kinescribe.dynamics.synthesis.synthesize import CALLS, MOST_CALLS, synthesize

__all__ = ["CALLS", "MOST_CALLS", "STRATEGIES", "Attempt", "Judge", "Judged", "Question", "Synthesis", "enough", "normalised", "synthesize"]
