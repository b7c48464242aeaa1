"""A fit as data, for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Estimate, Fit
from kinescribe.dynamics.report.combinations import combinations
from kinescribe.dynamics.report.conserved import facts_of
from kinescribe.dynamics.report.contacts import contacts_of
from kinescribe.dynamics.report.equation import equations
from kinescribe.dynamics.report.hints import hints
from kinescribe.dynamics.report.motion import motions
from kinescribe.dynamics.report.residuals import of_objects, stood_in
from kinescribe.dynamics.selection import Candidate, Selection

__all__ = ["record", "without_nan"]


def record(fit: Fit, clips: Sequence[Clip] = ()) -> dict[str, Any]:
    """All that `text` tells, and what it leaves out for brevity. Numbers that are none, or infinite, are null.

    Args:
        clips: those that the law was fitted to; without them contacts and conservation are null.

    Raises:
        UsageError: other clips.
    """
    moved = motions(fit, clips) if clips else []
    contacts = [asdict(one) for one in contacts_of(clips, moved)] if clips else None
    books = facts_of(fit, clips, moved) if clips else None
    made = {
        "law": fit.law.title,
        "equations": [{"term": title, "equation": equation} for title, equation in equations(fit.law)],
        "status": fit.status,
        "advice": fit.advice,
        "hints": hints(fit, clips),
        "warnings": list(fit.warnings),
        "unit": fit.unit,
        "objects": list(fit.objects),
        "parameters": [_parameter(one) for one in fit.estimates.values()],
        "unidentified": [{**asdict(one), "determined": [asdict(known) for known in combinations(fit, one)]} for one in fit.unidentified],
        "fit": {
            "residuals_sigma": fit.scale,
            "samples": fit.samples,
            "fitted_numbers": fit.parameters,
            "correlation": fit.correlation,
            "log_likelihood": fit.log_likelihood,
            "bic": fit.bic,
        },
        "clips": [
            {
                "name": one.name,
                "residuals_sigma": one.chi,
                "rms": dict(zip(fit.objects, one.rms.tolist(), strict=True)),
                "residuals_sigma_of": dict(zip(fit.objects, of_objects(fit, clips[k], moved[k]), strict=True)) if clips else None,
                "sigma_given": clips[k].name not in stood_in([clips[k]]) if clips else None,
                "contacts_in_order": one.events_agree,
            }
            for k, one in enumerate(fit.clips)
        ],
        "contacts": contacts,
        "conservation": None
        if books is None
        else [
            {"clip": clip.name, "facts": [asdict(fact) for fact in facts], "notes": list(notes)}
            for clip, (facts, notes) in zip(clips, books, strict=True)
        ],
        "selection": None if fit.selection is None else _selection(fit.selection),
        "rollouts": fit.rollouts,
        "seconds": round(fit.seconds, 3),
        "seed": fit.seed,
        "optimizer": fit.optimizer,
        "steps_per_frame": fit.substeps,
    }
    return {name: without_nan(value) for name, value in made.items()}


def _parameter(one: Estimate) -> dict[str, Any]:
    made = asdict(one)
    made["unit"] = one.unit or None
    return made


def _selection(selection: Selection) -> dict[str, Any]:
    winner = selection.winner
    return {
        "winner": None if winner is None else winner.title,
        "tie": list(selection.tie),
        "held_out": selection.held_out,
        "rollouts": selection.rollouts,
        "candidates": [_candidate(one) for one in selection.candidates],
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "law": one.title,
        "status": one.fit.status,
        "score": one.score,
        "standard_error": one.standard_error,
        "held_out_error": one.error,
        "residuals_sigma": one.fit.scale,
        "bic": one.fit.bic,
        "parameters": {name: estimate.value for name, estimate in one.fit.estimates.items()},
        "reason": one.reason,
    }


def without_nan(value: Any) -> Any:
    """The same with null in place of numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: without_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(one) for one in value]
    return value
