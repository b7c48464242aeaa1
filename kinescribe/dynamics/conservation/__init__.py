"""Energy and momentum over time, as seen and as a law has it."""

from __future__ import annotations

from kinescribe.dynamics.conservation.balance import Balance, Exchange, balance_of
from kinescribe.dynamics.conservation.facts import Conservation, Fact, conservation

__all__ = ["Balance", "Conservation", "Exchange", "Fact", "balance_of", "conservation"]
