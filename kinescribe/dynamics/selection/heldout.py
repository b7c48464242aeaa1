"""How well a fitted law foretells what it was not fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Budget, Fit, fit_law
from kinescribe.dynamics.law import Law

__all__ = ["HeldOut", "held_out", "splits"]

Float = NDArray[np.float64]
FOLDS = 5
SEEN = 0.3  # share of a held-out clip's frames from which its initial state is found
LEAST_SEEN = 3  # frames
PARTS = (0.5, 0.6, 0.7, 0.8)  # of a single clip: what is fitted; what comes next, up to this much more, is foretold
NEXT = 0.2
LEAST_PART = 6  # frames


@dataclass(frozen=True, slots=True)
class Split:
    """What is fitted, and what is foretold: `train` clips; `test` clip, of which the frames up to `seen` give the initial state and those
    up to `end` are foretold. Where the clip is its own training, `seen` frames of it are.
    """

    train: tuple[int, ...]
    test: int
    seen: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Errors (k,) of the k held-out parts: root mean square distances, world units; inf where the fit failed."""

    errors: Float
    rollouts: int


def splits(clips: Sequence[Clip]) -> tuple[list[Split], str]:
    """What to hold out, and the same in words: whole clips where there are several, else the ends of one."""
    if len(clips) > 1:
        folds = [tuple(range(k, len(clips), min(FOLDS, len(clips)))) for k in range(min(FOLDS, len(clips)))]
        made = []
        for fold in folds:
            train = tuple(i for i in range(len(clips)) if i not in fold)
            for i in fold:
                frames = len(clips[i].times)
                made.append(Split(train, i, min(max(LEAST_SEEN, round(SEEN * frames)), frames - 1), frames))
        return made, f"each of {len(clips)} clips in turn ({len(folds)} folds), foretold from its first {SEEN:.0%}"
    frames = len(clips[0].times)
    parts = sorted({max(LEAST_PART, round(part * frames)) for part in PARTS})
    made = [Split((), 0, seen, min(frames, seen + max(2, round(NEXT * frames)))) for seen in parts if seen < frames - 1]
    return made, f"what follows the first {', '.join(f'{part:.0%}' for part in PARTS)} of the clip"


def held_out(
    law: Law, fit: Fit, clips: Sequence[Clip], parts: Sequence[Split], *, seed: int, fixed: Mapping[str, float], budget: Budget
) -> HeldOut:
    """Fit the training part of every split, from what the whole fit found, and foretell the rest; NaN where the budget ended."""
    errors, spent = np.full(len(parts), np.nan), 0
    start = {name: one.value for name, one in fit.estimates.items()}
    for train in dict.fromkeys(part.train for part in parts):
        mine = [k for k, part in enumerate(parts) if part.train == train]
        if budget.is_spent(spent):
            break
        if train:
            trained = fit_law(law, [clips[i] for i in train], seed=seed, fixed=fixed, start=start, budget=budget.left(spent, 3_000))
            spent += trained.rollouts
            known: Mapping[str, float] = {name: one.value for name, one in trained.estimates.items()}
            # with the law known, the clips' own starts don't depend on each other and are found together
            own = fit_law(law, [clips[parts[k].test].first(parts[k].seen) for k in mine], seed=seed, fixed=known, budget=budget.left(spent))
            spent += own.rollouts
            for place, k in enumerate(mine):
                errors[k] = _error(own, clips[parts[k].test], parts[k], place)
            continue
        for k in mine:
            clip = clips[parts[k].test]
            own = fit_law(law, [clip.first(parts[k].seen)], seed=seed, fixed=fixed, start=start, budget=budget.left(spent, 1_000))
            spent += own.rollouts
            errors[k] = _error(own, clip, parts[k], 0)
    return HeldOut(errors, spent)


def _error(fit: Fit, clip: Clip, part: Split, place: int) -> float:
    """Root mean square distance over the frames that were held out."""
    if not fit.ok:
        return np.inf
    path = fit.rollout(clip.first(part.end).times, clip.inputs, place)
    rows = slice(part.seen, part.end)
    squares = (path.component("x")[0, rows] - clip.x[rows]) ** 2 + (path.component("y")[0, rows] - clip.y[rows]) ** 2
    seen = clip.seen[rows]
    if not seen.any():
        return np.nan
    values = squares[seen]
    return float(np.sqrt(values.mean())) if np.isfinite(values).all() else np.inf
