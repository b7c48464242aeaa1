"""Energy and momentum in what was seen, weighed with the fitted law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.conservation import Fact, conservation
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.report.motion import Motion

__all__ = ["conserved", "facts_of"]

STOOD_IN = "the table lists no contacts: those that the law predicts stand in for them"
UNTOLD = "can't be told: the table lists no contacts, and the law that predicts some failed"
DAMPING = "damping"  # the library's name for a loss that goes by speed


def facts_of(fit: Fit, clips: Sequence[Clip], motions: Sequence[Motion]) -> list[tuple[tuple[Fact, ...], tuple[str, ...]]]:
    """For each clip what is conserved, and what that rests on. `motions`: the fitted ones.

    Contacts that the table doesn't list would be taken for forces: those that the law predicts stand in for them.
    """
    parameters = {name: value[0] if value.shape[1] > 1 else float(value[0, 0]) for name, value in fit.values.items()}
    found = []
    for clip, motion in zip(clips, motions, strict=True):
        if clip.impacts or not motion.impacts:
            found.append(_facts(fit, parameters, clip))
        elif fit.ok:
            facts, notes = _facts(fit, parameters, replace(clip, impacts=motion.impacts))
            found.append((facts, (*notes, STOOD_IN)))
        else:
            found.append(((), (UNTOLD,)))
    return found


def _facts(fit: Fit, parameters: Mapping[str, Any], clip: Clip) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
    try:
        found = conservation(fit.law, parameters, clip)
        undamped = {name: 0.0 * value if name.rpartition(".")[2] == DAMPING else value for name, value in parameters.items()}
        if not found.balance.has_potential and DAMPING in {name.rpartition(".")[2] for name in undamped}:
            # damping has no potential, but what it acts on may
            without = conservation(fit.law, undamped, clip)
            if without.balance.has_potential:
                return without.facts, (f"energy is that of {fit.law.title} without its damping, which takes what is lost", *without.notes)
    except Exception as error:  # the potential is the law's own code, which may fail in any way; the fit stands without it
        found = conservation(None, None, clip)
        said = " ".join(str(error).split()) or "no message"
        return found.facts, (f"the potential of {fit.law.title} raises {type(error).__name__}: {said}; it is left out", *found.notes)
    return found.facts, found.notes


def conserved(fit: Fit, clips: Sequence[Clip], motions: Sequence[Motion]) -> list[str]:
    """The same in words: of one clip its statements, of several how many of them conserve what."""
    found = facts_of(fit, clips, motions)
    notes = list(dict.fromkeys(note for _, told in found for note in told))
    if len(found) == 1:
        return [*(fact.text for fact in found[0][0]), *notes]
    struck = any(clip.impacts or motion.impacts for clip, motion in zip(clips, motions, strict=True))
    by_kind: dict[tuple[str, str], list[Fact]] = {}
    for some, _ in found:
        for fact in some:
            # of a clip without contacts it is the same that is told of others between them
            where = "between contacts" if fact.where == "over the whole time" and struck else fact.where
            by_kind.setdefault((fact.quantity, where), []).append(fact)
    lines = []
    for (quantity, where), facts in by_kind.items():
        counts = {state: sum(fact.conserved is state for fact in facts) for state in (True, False, None)}
        words = {True: "conserved", False: "not conserved", None: "not to be told"}
        told = ", ".join(f"{words[state]} in {count}" for state, count in counts.items() if count)
        lines.append(f"{quantity} {where}: {told} of {len(facts)} clips")
    return [*lines, *notes]
