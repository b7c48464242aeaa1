"""Models of a known quality, that measure how well a search uses what it is told."""

from __future__ import annotations

from kinescribe.evaluation.scripted.hostile import Hostile
from kinescribe.evaluation.scripted.players import AlwaysWrong, Deceptive, RightAtOnce, RightOnceIn, SlowlyImproving, WrongSign
from kinescribe.evaluation.scripted.writer import Writer

__all__ = ["AlwaysWrong", "Deceptive", "Hostile", "RightAtOnce", "RightOnceIn", "SlowlyImproving", "Writer", "WrongSign"]
