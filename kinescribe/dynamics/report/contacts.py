"""Contacts that were seen beside those that the fitted law predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinescribe.dynamics.clip import Clip, Impact
from kinescribe.dynamics.fitting.events import same_order
from kinescribe.dynamics.report.motion import Motion

__all__ = ["ClipContacts", "contacts_of"]


@dataclass(frozen=True, slots=True)
class ClipContacts:
    """Contacts in one clip.

    Attributes:
        name: of the clip.
        seen, predicted: how many.
        agree: predicted in the order in which they were seen; None where none was seen.
        difference: root mean square of the differences of their times, seconds; None where they can't be paired.
    """

    name: str
    seen: int
    predicted: int
    agree: bool | None
    difference: float | None


def contacts_of(clips: Sequence[Clip], motions: Sequence[Motion]) -> list[ClipContacts]:
    """Of each clip."""
    out = []
    for clip, motion in zip(clips, motions, strict=True):
        agree = same_order(motion.impacts, clip.impacts, float(clip.times[-1]))
        off = _differences(clip.impacts, motion.impacts) if agree else []
        difference = float(np.sqrt(np.mean(np.square(off)))) if off else None
        out.append(ClipContacts(clip.name, len(clip.impacts), len(motion.impacts), agree, difference))
    return out


def _differences(seen: Sequence[Impact], predicted: Sequence[Impact]) -> list[float]:
    """Seconds from each contact that was seen to the nearest one of the same objects that was predicted."""
    out = []
    for hit in seen:
        own = [other.time - hit.time for other in predicted if other.objects == hit.objects]
        if own:
            out.append(min(own, key=abs))
    return out
