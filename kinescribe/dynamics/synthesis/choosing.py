"""The last choice: the programs that fit best against the library's law, by what each foretells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Budget, Fit
from kinescribe.dynamics.report.motion import motions
from kinescribe.dynamics.selection import Candidate, Selection, chosen
from kinescribe.dynamics.synthesis.attempts import Attempt
from kinescribe.errors import UsageError

__all__ = ["best_of", "by_residuals"]

FINALISTS = 4  # programs
NEAR = 1.1  # times the residuals of the library's law, from where on a program has no chance against it
ALIKE = 2.0  # of the BIC: laws that are nearer can't be told apart by it, and the simpler one is taken
ROLLOUTS, SECONDS = 50_000, 600.0


def by_residuals(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Programs that were judged, the best first, those without a fit last."""
    return sorted((one for one in attempts if one.twin is None), key=lambda one: (_scale(one.fit), one.number))


def best_of(
    attempts: Sequence[Attempt], library: Fit, clips: Sequence[Clip], *, fixed: Mapping[str, float], seed: int
) -> tuple[Fit, Attempt | None]:
    """The winner's fit, with the selection that it won, and its program; None for the library's law.

    Laws are chosen by what they foretell (see `kinescribe.dynamics.selection`). Of those that can't be told from the winner, by that nor by
    the BIC, the library's is taken, and else the program with the smallest syntax tree. A program that fails when it is run once more is
    no finalist.
    """
    finalists = [one for one in by_residuals(attempts) if one.fit is not None and one.fit.ok and _runs(one.fit, clips)][:FINALISTS]
    if not finalists:
        return library, None
    own = Candidate(f"{library.law.title} (library)", library)
    tried = [own, *(Candidate(one.title, one.fit) for one in finalists if one.fit is not None)]
    found = chosen(tried, clips, fixed=fixed, seed=seed, budget=Budget(ROLLOUTS, SECONDS))
    sizes = {own.title: 0, **{one.title: one.size for one in finalists}}
    found = _simplest_first(found, sizes)
    before = library.selection.candidates if library.selection is not None else ()
    rest = tuple(
        replace(one, reason=f"in the library's own round: {one.reason or 'its best'}") for one in before if one.title != library.law.title
    )
    selection = replace(found, candidates=(*found.candidates, *rest), rollouts=found.rollouts + library.rollouts)
    winner = found.candidates[0]
    fit = winner.fit if winner.fit.ok else library
    mine = next((one for one in finalists if one.title == winner.title and winner.fit.ok), None)
    return replace(fit, selection=selection), mine


def _simplest_first(found: Selection, sizes: Mapping[str, int]) -> Selection:
    """The same with the simplest of those that are tied for the first place at the front."""
    first = found.candidates[0]
    tied = [one for one in found.candidates if one.title in found.tie and abs(one.fit.bic - first.fit.bic) <= ALIKE]
    if len(tied) < 2:
        return found
    simplest = min(tied, key=lambda one: sizes.get(one.title, 0))
    if simplest is first:
        return found
    others = tuple(replace(one, reason=one.reason or "tied with a simpler law") for one in found.candidates if one is not simplest)
    return replace(found, candidates=(replace(simplest, reason=""), *others))


def _runs(fit: Fit, clips: Sequence[Clip]) -> bool:
    try:
        motions(fit, clips)
    except UsageError:
        return False
    return True


def _scale(fit: Fit | None) -> float:
    return fit.scale if fit is not None and fit.ok and np.isfinite(fit.scale) else np.inf
