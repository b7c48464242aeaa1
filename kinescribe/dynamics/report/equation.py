"""A law as equations, in the names of its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kinescribe.dynamics.composition import Sum
from kinescribe.dynamics.law import Law

__all__ = ["equations"]


def equations(law: Law) -> list[tuple[str, str]]:
    """For each term its name and its equation, "" where it says none.

    Where terms of a sum have parameters of one name, the equations have the sum's names for them.
    """
    if isinstance(law, Sum):
        parts = zip(law.terms, law.names_of_terms, strict=True)
        return [(title, _renamed(text, names)) for term, names in parts for title, text in equations(term)]
    inner = getattr(law, "law", None)
    if isinstance(inner, Law) and not law.equation:
        # a law for some objects, or under rules: one term keeps the longer title, which says so
        found = equations(inner)
        return [(law.title, found[0][1])] if len(found) == 1 else found
    return [(law.title, law.equation)]


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """An equation with other names for its parameters."""
    changed = {old: new for old, new in names.items() if old != new}
    if not changed:
        return text
    words = "|".join(re.escape(name) for name in changed)
    return re.sub(rf"(?<![\w.])({words})(?!\w)", lambda found: changed[found[1]], text)
