"""Do the contacts that a law predicts happen as they were seen to?"""

from __future__ import annotations

from collections.abc import Sequence

from kinescribe.dynamics.clip import Impact

__all__ = ["same_order"]


def same_order(predicted: Sequence[Impact], seen: Sequence[Impact], until: float) -> bool | None:
    """Whether every contact that was seen is predicted, in that order; None where none was seen.

    Compared by who took part. More may be predicted than were seen, for perception misses light ones. Two contacts that follow each other
    with nobody in common may change places.
    """
    wanted = [hit.objects for hit in seen if hit.time <= until]
    if not wanted:
        return None
    have = [hit.objects for hit in predicted if hit.time <= until]
    at = 0
    for objects in wanted:
        try:
            at = have.index(objects, at) + 1
        except ValueError:
            return _by_object(wanted, have)
    return True


def _by_object(wanted: Sequence[tuple[int, ...]], have: Sequence[tuple[int, ...]]) -> bool:
    """Each object's own contacts, in order, are what decides; contacts elsewhere may happen sooner or later."""
    for one in {i for objects in wanted for i in objects}:
        mine = [objects for objects in wanted if one in objects]
        theirs = iter(objects for objects in have if one in objects)
        if not all(any(objects == other for other in theirs) for objects in mine):
            return False
    return True
