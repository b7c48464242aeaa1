"""Whether a learned part can run here: its packages, then its weights."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from kinescribe.errors import pip_install
from kinescribe.perception.weights import missing

__all__ = ["missing_to_run"]


def missing_to_run(modules: Sequence[str], weights: str | None, *, families: Sequence[str], default: str) -> str | None:
    """What a part lacks and how to get it, in one line; None if it can run. Imports none of the modules.

    Args:
        modules: that it imports, of the packages of the extra `sam`.
        weights, families, default: as `kinescribe.perception.weights.missing` has them.
    """
    absent = [name.replace("_", "-") for name in modules if find_spec(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed: {pip_install('sam')}"
    return missing(weights, families=families, default=default)
