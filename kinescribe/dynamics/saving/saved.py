"""A fit that came from a file."""

from __future__ import annotations

from dataclasses import dataclass

from kinescribe.dynamics.fitting.result import Fit
from kinescribe.dynamics.saving.domain import Domain
from kinescribe.dynamics.saving.model import SelectionModel

__all__ = ["SavedFit"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SavedFit(Fit):
    """A `Fit` with what its file says beside it.

    Attributes:
        domain: what its data covered; None where that is not known.
        edited: parameters whose value was changed by hand: known now, with no σ, and the clips' states no longer belong to them.
        summary: how the law was selected; None where one was asked for.
    """

    domain: Domain | None = None
    edited: tuple[str, ...] = ()
    summary: SelectionModel | None = None
