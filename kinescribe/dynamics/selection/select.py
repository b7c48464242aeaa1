"""Stage one: which of several laws it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Budget, Fit, fit_law
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.selection.heldout import held_out, splits
from kinescribe.errors import UsageError

__all__ = ["NOT_SCORED", "Candidate", "Selection", "chosen", "select"]

Float = NDArray[np.float64]
SCORED = 6  # candidates that fit best, whose foretelling is tried
SCREENED = 3  # clips on which all laws are tried first, where there are many
SCREENING = 2_000  # rollouts for that
SHARE = 2.0  # times an even share of the time that a law may take, for most take less
FAR_WORSE = 4.0  # times the least residual, from where on a law isn't tried further
NOISE = 1.5  # σ: residuals of a law that leaves nothing for a general machine to explain
FIRST = 1_000  # rollouts a clip for a law, where another leaves no more than noise; the right one is near by then
HOPELESS = 20.0  # times the least residual: of a law that isn't near by then
MARGIN = 2.0  # standard errors by which a winner must win
NOT_SCORED = "not scored, for the cap ended the search"
WORTH = 0.05  # relative error: less is no difference at all


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A law that was tried.

    Attributes:
        title: of the law. fit: to all clips.
        score: minus the mean logarithm of the errors of what was held out, each in world units; higher is better; NaN where not tried.
        standard_error: of the difference to the winner's score.
        error: root mean square of those errors, world units.
        reason: why it did not win; "" for the winner.
    """

    title: str
    fit: Fit
    score: float = np.nan
    standard_error: float = np.nan
    error: float = np.nan
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Which law it is.

    Attributes:
        candidates: best first, failed ones last.
        tie: titles that can't be told from the winner by what they foretell; the winner is the one of them with the lowest BIC.
        held_out: in words, what was.
        rollouts: spent in all.
    """

    candidates: tuple[Candidate, ...]
    tie: tuple[str, ...]
    held_out: str
    rollouts: int

    @property
    def winner(self) -> Candidate | None:
        """None where every candidate failed."""
        first = self.candidates[0]
        return first if first.fit.ok else None


def select(
    laws: Sequence[Law], clips: Sequence[Clip], *, fixed: Mapping[str, float] | None = None, seed: int = 0, budget: Budget | None = None
) -> Selection:
    """Fit every law to all clips, let the better ones foretell what was held out, and choose.

    A law wins if it foretells better than any other by more than two standard errors of the difference; laws within that are tied, and the
    one with the lowest BIC is handed on. `fixed` holds known values for the laws that have such parameters.

    Raises:
        UsageError: no laws.
    """
    if not laws:
        raise UsageError("no law is about this number of objects with these inputs: name one (law)")
    budget = budget or Budget()
    tried, rollouts = [], 0
    untried: list[str] = []
    needless: list[str] = []
    screened = _screened(laws, clips, fixed, seed, budget)
    for place, law in enumerate(sorted(screened, key=_is_last_resort)):
        if isinstance(law, Candidate):
            tried.append(law)
        elif _is_last_resort(law) and min((one.fit.scale for one in tried if one.fit.ok), default=np.inf) <= NOISE:
            needless.append(law.title)
            continue
        elif tried and budget.is_spent(rollouts):
            untried.append(law.title)
            continue
        else:
            left = max(budget.seconds - budget.elapsed, 1e-3)
            share = budget.left(rollouts, max(budget.rollouts // len(laws), 200), SHARE * left / (len(screened) - place + 1))
            least = min((one.fit.scale for one in tried if one.fit.ok), default=np.inf)
            tried.append(_tried(law, clips, _known(law, fixed), seed, share, least))
        rollouts += tried[-1].fit.rollouts
    stopped = f"; {', '.join(needless)} not needed" if needless else ""
    stopped += f"; stopped by the cap before {', '.join(untried)}" if untried else ""
    return chosen(tried, clips, fixed=fixed, seed=seed, budget=budget, spent=rollouts, note=stopped)


def chosen(
    tried: Sequence[Candidate],
    clips: Sequence[Clip],
    *,
    fixed: Mapping[str, float] | None = None,
    seed: int = 0,
    budget: Budget | None = None,
    spent: int = 0,
    note: str = "",
) -> Selection:
    """Let laws that were fitted to all clips foretell what is held out of them, and choose as `select` does.

    Args:
        tried: fitted laws; those with a reason stay behind with it. fixed, seed: as they were fitted with.
        budget: caps, of which so many rollouts are `spent`. note: what to say behind what was held out.
    """
    budget, rollouts = budget or Budget(), spent
    sound = sorted((one for one in tried if one.fit.ok), key=lambda one: one.fit.scale)
    failed = [replace(one, reason=one.reason or one.fit.advice or "the fit failed") for one in tried if not one.fit.ok]
    if not sound:
        return Selection(tuple(failed), (), f"nothing, for no law fits{note}", rollouts)
    least = max(sound[0].fit.scale, 1e-9)
    # what is left over by the law that leaves least is noise, the rest is misfit
    worth = (1.0 - sound[0].fit.correlation) / (1.0 + sound[0].fit.correlation)
    sound.sort(key=lambda one: one.fit.criterion(worth))
    scored = [one for one in sound if one.fit.scale <= FAR_WORSE * least][:SCORED]
    rest = [replace(one, reason=f"residuals {one.fit.scale / least:.1f} times the best law's") for one in sound if one not in scored]
    parts, words = splits(clips)
    if len(scored) == 1 or not parts:
        words = "nothing: one law alone fits" if parts else "nothing: the clip is too short"
        ranked = [scored[0], *(replace(one, reason="higher BIC") for one in scored[1:])]
        return Selection((*ranked, *rest, *failed), (), words + note, rollouts)
    errors = []
    for one in scored:
        found = held_out(one.fit.law, one.fit, clips, parts, seed=seed, fixed=_known(one.fit.law, fixed), budget=budget.left(rollouts))
        rollouts += found.rollouts
        errors.append(found.errors)
    ranked, tie = _ranked(scored, np.stack(errors), _floor(clips), worth)
    return Selection((*ranked, *rest, *failed), tie, words + note, rollouts)


def _tried(law: Law, clips: Sequence[Clip], fixed: Mapping[str, float], seed: int, budget: Budget, least: float) -> Candidate:
    """A law's fit; where another leaves no more than noise, of `least` σ, a law that is far from that after a while isn't tried further.

    What can't be this motion's law costs the most, for its contacts happen in ever other places.
    """
    first = Budget(min(budget.rollouts, FIRST * len(clips)), budget.seconds)
    if least > NOISE or first.rollouts == budget.rollouts:
        return Candidate(law.title, fit_law(law, clips, fixed=fixed, seed=seed, budget=budget))
    fit = fit_law(law, clips, fixed=fixed, seed=seed, budget=first)
    if fit.rollouts < first.rollouts:
        return Candidate(law.title, fit)
    times = fit.scale / max(least, 1e-9)
    if not times <= HOPELESS:
        far = f"residuals {times:.0f} times the best law's" if np.isfinite(times) else "its simulation leaves all bounds"
        return Candidate(law.title, fit, reason=f"{far} after {fit.rollouts:,} rollouts: not tried further")
    whole = fit_law(law, clips, fixed=fixed, seed=seed, budget=budget.left(fit.rollouts))
    return Candidate(law.title, replace(whole, rollouts=whole.rollouts + fit.rollouts))


def _ranked(scored: Sequence[Candidate], errors: Float, floor: float, worth: float) -> tuple[list[Candidate], tuple[str, ...]]:
    """By what they foretell; errors are (laws, parts). By BIC, as they come, where a cap left none of the parts to all of them."""
    use = np.isfinite(errors).any(axis=0) & ~np.isnan(errors).any(axis=0)
    if not use.any():
        return [replace(one, reason=NOT_SCORED) for one in scored], ()
    errors = errors[:, use]
    # a law that fails on a part pays as if it were ten times worse than the worst that doesn't
    worst = np.where(np.isfinite(errors), errors, 0.0).max(axis=0)
    logs = np.log(np.maximum(np.where(np.isfinite(errors), errors, 10.0 * worst), floor))
    scores = -logs.mean(axis=1)
    best = int(scores.argmax())
    difference = logs - logs[best]
    count = difference.shape[1]
    standard = difference.std(axis=1, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(scored), np.inf)
    tied = difference.mean(axis=1) <= np.maximum(MARGIN * standard, WORTH)
    bics = [one.fit.criterion(worth) for one in scored]
    order = sorted(range(len(scored)), key=lambda k: (not tied[k], bics[k] if tied[k] else -scores[k]))
    out = []
    for place, k in enumerate(order):
        times = float(np.exp(logs[k].mean() - logs[order[0]].mean()))
        if place == 0:
            reason = ""
        elif tied[k]:
            reason = f"tied: foretells {times:.2f} times the winner's error, BIC higher by {bics[k] - bics[order[0]]:.1f}"
        else:
            reason = f"foretells {times:.2f} times the winner's error"
        shown = float(np.sqrt(np.mean(np.where(np.isfinite(errors[k]), errors[k], np.inf) ** 2)))
        out.append(replace(scored[k], score=float(scores[k]), standard_error=float(standard[k]), error=shown, reason=reason))
    names = tuple(scored[k].title for k in order if tied[k])
    return out, names if len(names) > 1 else ()


def _floor(clips: Sequence[Clip]) -> float:
    """What no law can foretell better: half of the positions' median σ."""
    return 0.5 * float(np.median([np.nanmedian(clip.sigma_x) for clip in clips]))


def _is_last_resort(law: Law | Candidate) -> bool:
    return isinstance(law, Law) and law.last_resort


def _known(law: Law, fixed: Mapping[str, float] | None) -> dict[str, float]:
    """Of the known values those that the law has a parameter for."""
    return {name: value for name, value in (fixed or {}).items() if name in law.parameters or name.rpartition(".")[2] in law.parameters}


def _screened(
    laws: Sequence[Law], clips: Sequence[Clip], fixed: Mapping[str, float] | None, seed: int, budget: Budget
) -> list[Law | Candidate]:
    """The laws that come near, and those that don't as they fit the first few of many clips: hopeless ones cost the most."""
    if len(clips) <= 2 * SCREENED:
        return list(laws)
    first: list[Candidate] = []
    spent = 0
    quick, last = [law for law in laws if not law.last_resort], [law for law in laws if law.last_resort]
    for law in quick:
        if budget.is_spent(spent):
            return [*first, *quick[len(first) :], *last]
        share = budget.left(spent, SCREENING)
        first.append(Candidate(law.title, fit_law(law, clips[:SCREENED], fixed=_known(law, fixed), seed=seed, budget=share)))
        spent += first[-1].fit.rollouts
    sound = [one.fit.scale for one in first if one.fit.ok]
    least = max(min(sound, default=np.inf), 1e-9)
    near = [law if one.fit.ok and one.fit.scale <= FAR_WORSE * least else one for law, one in zip(quick, first, strict=True)]
    return [*near, *last]
