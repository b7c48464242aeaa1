"""A fit as a file that people read and edit: values at the top, the law by reference, its source run in the sandbox."""

from __future__ import annotations

from kinescribe.dynamics.saving.domain import Domain
from kinescribe.dynamics.saving.loading import load
from kinescribe.dynamics.saving.saved import SavedFit
from kinescribe.dynamics.saving.writing import save

__all__ = ["Domain", "SavedFit", "load", "save"]
