"""How long to wait before the next try."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["LONGEST_WAIT_S", "RETRIED_STATUSES", "backoff", "retry_after"]

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
FIRST_WAIT_S, LONGEST_BACKOFF_S = 1.0, 30.0
LONGEST_WAIT_S = 120.0
"""An endpoint that asks for a longer wait is given up."""


def backoff(attempt: int, chance: random.Random) -> float:
    """Seconds to wait after failed try `attempt` (from 0): doubled each time, half of it by chance, so that many don't return at once."""
    longest = min(FIRST_WAIT_S * 2.0 ** min(attempt, 30), LONGEST_BACKOFF_S)
    return longest * (0.5 + 0.5 * chance.random())


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110: seconds or a date); None where it is absent or unreadable."""
    if header is None:
        return None
    text = header.strip()
    try:
        seconds = float(text) if text[:1].isdigit() else (_date(text) - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, OverflowError):
        return None  # a wait of our own takes its place
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _date(text: str) -> datetime:
    date = parsedate_to_datetime(text)
    return date if date.tzinfo else date.replace(tzinfo=UTC)
