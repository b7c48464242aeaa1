"""The check of perception: a video drawn again from its states, and where it is not explained. Heavy imports wait for their use."""

from kinescribe.renderers.reviewing.missed import MissedRegion
from kinescribe.renderers.reviewing.result import Review
from kinescribe.renderers.reviewing.reviewer import review
from kinescribe.renderers.reviewing.words import rows_to_look_at

__all__ = ["MissedRegion", "Review", "review", "rows_to_look_at"]
