"""Checks of any law, whoever wrote it."""

from __future__ import annotations

from kinescribe.dynamics.checks.check import check_law
from kinescribe.dynamics.checks.report import Finding

__all__ = ["Finding", "check_law"]
