"""What can be asked about tracks, question by question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.evidence import Evidence, View
from kinescribe.perception.verification.inquiry import Slot
from kinescribe.perception.verification.pictures import crop_picture, marked_picture
from kinescribe.perception.verification.questions import CROP, MARKS, Question, name_question, same_question
from kinescribe.perception.verification.same import Pair

__all__ = ["KINDS", "joint_looks", "name_slots", "question_of_name", "question_of_pair"]

KINDS = (CROP, MARKS)
MOST_MARKS = 9  # in one picture; the nearest others

Look = tuple[View, ...]
"""One view that shows two tracks, or a view of each."""


def name_slots(views: Sequence[View]) -> list[Slot]:
    """Every view once, then every view with the other kind of question.

    The kinds alternate, but not regularly (the Thue-Morse sequence): views that come now from the beginning and now from the end of the
    track must not each meet one kind only.
    """
    first = [Slot(k, view.frame, k.bit_count() % len(KINDS)) for k, view in enumerate(views)]
    return first + [Slot(slot.view, slot.frame, (slot.kind + 1) % len(KINDS)) for slot in first]


def question_of_name(track: Evidence, slot: Slot, number: int, seed: int) -> Question:
    """What the thing in a view is called. The order of the names is drawn from seed and track, and goes round with the number."""
    orders = np.random.default_rng([seed, abs(track.track_id)])
    view = track.views[slot.view]
    if KINDS[slot.kind] == CROP:
        return name_question(track.track_id, view.frame, CROP, 1, track.candidates, number, orders, lambda: [crop_picture(view)])
    others = sorted(view.others, key=lambda other: _distance(view.mask, other.mask))[: MOST_MARKS - 1]
    masks = [view.mask, *(other.mask for other in others)]
    rng = np.random.default_rng([seed, abs(track.track_id), number])
    numbers = [int(k) + 1 for k in rng.permutation(len(masks))]
    marks = dict(sorted(zip(numbers, masks, strict=True)))
    return name_question(
        track.track_id, view.frame, MARKS, numbers[0], track.candidates, number, orders, lambda: [marked_picture(view.image, marks)]
    )


def joint_looks(tracks: Sequence[Evidence], pair: Pair) -> list[Look]:
    """Views in which both tracks of a pair can be marked; else views of the one and of the other, best ones first."""
    a, b = tracks[pair.first], tracks[pair.second]
    both: dict[int, Look] = {}
    each: list[Look]
    for track, other in ((a, b), (b, a)):
        for view in track.views:
            if any(item.track_id == other.track_id for item in view.others):
                both.setdefault(view.frame, (view,))
    if both:
        return list(both.values())
    count = min(len(a.views), len(b.views))
    shifts = range(count) if count else ()
    each = [(a.views[k], b.views[(k + shift) % len(b.views)]) for shift in shifts for k in range(count)]
    return each[: 4 * count]


def question_of_pair(tracks: Sequence[Evidence], pair: Pair, look: Look, number: int, seed: int) -> Question:
    """Whether two tracks are one thing."""
    a, b = tracks[pair.first], tracks[pair.second]
    rng = np.random.default_rng([seed, abs(a.track_id), abs(b.track_id)])
    frames = tuple(view.frame for view in look)
    if len(look) == 1:
        view = look[0]
        own, other = (a, b) if any(item.track_id == b.track_id for item in view.others) else (b, a)
        second = next(item.mask for item in view.others if item.track_id == other.track_id)
        masks = (view.mask, second)
        return same_question(
            (own.track_id, other.track_id), frames, number, rng, lambda: [marked_picture(view.image, {1: masks[0], 2: masks[1]})]
        )
    return same_question(
        (a.track_id, b.track_id),
        frames,
        number,
        rng,
        lambda: [marked_picture(view.image, {k + 1: view.mask}) for k, view in enumerate(look)],
    )


def _distance(a: MaskCrop, b: MaskCrop) -> float:
    return float(np.hypot(*(_middle(a) - _middle(b))))


def _middle(mask: MaskCrop) -> NDArray[np.float64]:
    rows, columns = mask.shape
    return np.array([mask.x + columns / 2, mask.y + rows / 2])
