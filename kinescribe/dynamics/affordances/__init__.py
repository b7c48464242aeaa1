"""Affordance rules: what objects of a scene can do, as data. They narrow the search for a law, and are held against what was seen."""

from __future__ import annotations

from kinescribe.dynamics.affordances.application import apply, with_static
from kinescribe.dynamics.affordances.constrained import Constrained, keeping_to
from kinescribe.dynamics.affordances.evidence import check
from kinescribe.dynamics.affordances.narrowing import candidates_allowed, narrow
from kinescribe.dynamics.affordances.resolution import WORLD, Resolved, resolve
from kinescribe.dynamics.affordances.rules import Affordances, JointRule, WallRule

__all__ = [
    "WORLD",
    "Affordances",
    "Constrained",
    "JointRule",
    "Resolved",
    "WallRule",
    "apply",
    "candidates_allowed",
    "check",
    "keeping_to",
    "narrow",
    "resolve",
    "with_static",
]
