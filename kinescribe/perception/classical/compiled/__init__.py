"""The loops over single pixels that numpy can't do in one pass, compiled by numba on their first call and kept on the disk.

Imported where they are called, for numba takes its time to come in. All let go of the interpreter, so that threads run side by side.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["are_kept"]


def are_kept() -> bool:
    """Whether the loops were compiled on this machine before, so that they need only be loaded."""
    from kinescribe.perception.classical.compiled.registration import descend  # the one that is compiled last

    folder = Path(descend.stats.cache_path or "")
    return any(folder.glob("registration.descend-*.nbi"))
