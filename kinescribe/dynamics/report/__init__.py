"""What a fit found, for people, for programs, and as a picture."""

from __future__ import annotations

from kinescribe.dynamics.report.figure import plot_fit
from kinescribe.dynamics.report.hints import hints
from kinescribe.dynamics.report.record import record
from kinescribe.dynamics.report.text import text

__all__ = ["hints", "plot_fit", "record", "text"]
