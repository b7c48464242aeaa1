"""Which laws are worth trying at all, given the rules."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kinescribe.dynamics.affordances.resolution import Resolved, resolve
from kinescribe.dynamics.affordances.rules import Affordances
from kinescribe.dynamics.checks.trial import start_values
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.law import Law

__all__ = ["candidates_allowed", "narrow"]


def candidates_allowed(rules: Affordances, law_names: Iterable[str], clip: Clip) -> list[str]:
    """Those of the laws, in their order, that the rules leave room for. Raises UsageError for rules that don't fit the clip's objects."""
    return [name for name, reason in narrow(rules, law_names, clip).items() if not reason]


def narrow(rules: Affordances, law_names: Iterable[str], clip: Clip) -> dict[str, str]:
    """By name of a law why the rules leave no room for it, or "" where they do."""
    resolved = resolve(rules, clip.bodies)
    return {name: _against(find_law(name), rules, resolved, clip) for name in law_names}


def _against(law: Law, rules: Affordances, resolved: Resolved, clip: Clip) -> str:
    still = resolved.static | clip.bodies.static
    moving = ~(still | resolved.kinematic)
    if not moving.any():
        return "" if law.title == "rest" else "nothing is dynamic"
    if rules.kinematic and law.kind != "rollout":
        return f"'{rules.kinematic[0]}' is kinematic, which only rigid worlds have"
    contacts = law.contacts(clip.bodies, start_values(law, len(clip.bodies)))
    if contacts.discs is not None and not (resolved.pairs & ~np.logical_and.outer(still, still)).any():
        return "no two objects may touch"
    if rules.walls == () and contacts.walls:
        return "there are no walls"
    if rules.joints == () and law.constrained(clip.bodies):
        return "nothing is joined"
    if rules.joints and law.kind == "acceleration" and not law.constrained(clip.bodies):
        return f"it does not keep the {rules.joints[0]}"
    return ""
