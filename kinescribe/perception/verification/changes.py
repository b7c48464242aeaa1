"""Whether a track turns from one thing into another on its way."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.evidence import Evidence
from kinescribe.perception.naming.color_space import color_difference
from kinescribe.perception.verification.beliefs import log_normalized

__all__ = ["Change", "chances", "change_of", "cut_frame", "steps_in_look"]

Float = NDArray[np.float64]

TURNS = 0.03  # share of tracks that turn into something else
TURNS_WHERE_LOOKS_DO = 0.25
CLEAR_STEP = 12.0  # CIEDE2000 and the like: above it things look different
SIDE = 12  # rows that are compared on either side of a place
A_DOUBLING, MOST_BY_SIZE = 10.0, 15.0


@dataclass(frozen=True, slots=True)
class Change:
    """The best account of a track as two things, one after the other.

    Attributes:
        probability: that it is two at all.
        cut: how many of the frames that were asked about, in time order, come before.
        before, after: hypotheses.
    """

    probability: float
    cut: int
    before: int
    after: int


def change_of(likelihoods: Float, prior: Float, chance: Float) -> Change | None:
    """Two names in turn against one name throughout, None with fewer than two candidates or frames.

    Args:
        likelihoods: (F, K + 1), log likelihood of the answers about each frame, in time order.
        prior: (K + 1,), log prior of one name.
        chance: (F − 1,), prior probability that the track turns into another thing between each frame and the next.
    """
    frames, hypotheses = likelihoods.shape
    names = hypotheses - 1
    if frames < 2 or names < 2:
        return None
    sums = np.cumsum(likelihoods, axis=0)
    one = prior + sums[-1] + np.log1p(-chance.sum())
    before, after = sums[:-1, :names], (sums[-1] - sums[:-1])[:, :names]
    named = log_normalized(prior[:names])
    two = np.log(chance)[:, None, None] + named[None, :, None] + before[:, :, None] + after[:, None, :] - np.log(names - 1)
    two[:, np.arange(names), np.arange(names)] = -np.inf
    top = max(float(one.max()), float(two.max()))
    turned, stayed = float(np.exp(two - top).sum()), float(np.exp(one - top).sum())
    cut, a, b = np.unravel_index(int(two.argmax()), two.shape)
    return Change(turned / (turned + stayed), int(cut) + 1, int(a), int(b))


def steps_in_look(evidence: Evidence) -> Float:
    """(n − 1,), how much colour and size differ between the rows up to each one and those after it; 12 is plain to see. 0 where unknown.

    Means over up to 12 rows on either side: they differ most just where the change is.
    """
    count = len(evidence.frames)
    steps = np.zeros(max(count - 1, 0))
    if count < 2:
        return steps
    if len(evidence.colors) == count:
        early, late = _sides(np.asarray(evidence.colors, np.float64))
        steps += np.nan_to_num(color_difference(early, late, 1.6))
    if len(evidence.areas) == count:
        early, late = _sides(np.asarray(evidence.areas, np.float64)[:, None])
        with np.errstate(divide="ignore", invalid="ignore"):
            octaves = np.abs(np.log2(late / early))[:, 0]
        # slow growth is no change; twice the size counts nearly as much as another colour
        steps += np.minimum(A_DOUBLING * np.nan_to_num(octaves, posinf=0.0), MOST_BY_SIZE)
    return steps


def _sides(values: Float) -> tuple[Float, Float]:
    """(n − 1, k) means of the rows before and after each place, of those (n, k) that are known; NaN where none is."""
    known = np.asarray(np.isfinite(values).all(axis=1))
    sums = np.cumsum(np.vstack([np.zeros(values.shape[1]), np.where(known[:, None], values, 0.0)]), axis=0)
    counts = np.cumsum(np.append(0, known))
    places = np.arange(1, len(values))
    first, last = np.maximum(places - SIDE, 0), np.minimum(places + SIDE, len(values))
    with np.errstate(invalid="ignore"):
        early = (sums[places] - sums[first]) / (counts[places] - counts[first])[:, None]
        late = (sums[last] - sums[places]) / (counts[last] - counts[places])[:, None]
    return early, late


def chances(evidence: Evidence, steps: Float, asked: NDArray[np.int64]) -> Float:
    """(F − 1,), prior probability of a change between each frame that was asked about and the next, from how the looks change there."""
    if len(asked) < 2:
        return np.zeros(0)
    places = evidence.frames[1:]
    peaks = np.array([steps[(places > a) & (places <= b)].max(initial=0.0) for a, b in pairwise(asked)])
    at = int(peaks.argmax())
    out = np.full(len(peaks), TURNS / len(peaks))
    if peaks[at] >= CLEAR_STEP:
        out[at] += TURNS_WHERE_LOOKS_DO
    return out


def cut_frame(evidence: Evidence, last: int, first: int) -> int:
    """The frame from which on the track is another thing, between one that shows the old thing and one that shows the new."""
    inside = np.flatnonzero((evidence.frames > last) & (evidence.frames <= first))
    if len(inside) == 0:
        return first
    steps = steps_in_look(evidence)
    moved = steps[inside - 1]
    if moved.max(initial=0.0) >= CLEAR_STEP:
        return int(evidence.frames[inside[int(moved.argmax())]])
    return int(evidence.frames[inside[len(inside) // 2]])
