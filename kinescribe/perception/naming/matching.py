"""Which of the things seen goes by which phrase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.perception.naming.colors import match_color
from kinescribe.perception.naming.phrases import Phrase
from kinescribe.perception.naming.shapes import match_shape

__all__ = ["Assignment", "Candidate", "assign_phrases", "clashes", "match_phrase"]

Float = NDArray[np.float64]
LEAST, ALIKE, PER_WORD = 0.25, 0.6, 0.25
PLAIN_SHARE, PLAIN_WIDTH = 0.8, 10.0  # of the frames; px, under which pixels make a box of a disc
LEAST_HALF_UNDERSTOOD = 0.65  # light changes colours, and much is forgiven a whole description; "green giraffe" must be green at least


class Candidate(NamedTuple):
    """A thing seen: CIELAB colour (3,), shape class, and length and width (px) of its own oriented box, None where unknown.

    `share` is that of the frames that agree on the shape, 0 where unknown.
    """

    lab: Float
    shape: str
    size: tuple[float, float] | None = None
    share: float = 0.0


class Assignment(NamedTuple):
    """What goes by which name.

    Attributes:
        phrases: one a candidate, None for what was not asked for.
        scores: (C,), in [0, 1], of that phrase; 0 without one.
        unmatched: phrases that match nothing, in their order.
    """

    phrases: list[Phrase | None]
    scores: Float
    unmatched: list[Phrase]


def match_phrase(phrase: Phrase, lab: ArrayLike, shape: str, size: tuple[float, float] | None = None) -> float:
    """How well a thing goes by a phrase, in [0, 1]: colour times shape, of the best synonym; 0 where none names either."""
    return max(_match_reading(reading, lab, shape, size) for reading in phrase.readings)


def clashes(phrase: Phrase, candidate: Candidate) -> bool:
    """Whether a thing plainly has another shape than every reading of a phrase says: a box that is a disc, or the other way round."""
    plain = candidate.share >= PLAIN_SHARE and candidate.size is not None and candidate.size[1] >= PLAIN_WIDTH
    return plain and all(reading.shape and {reading.shape, candidate.shape} == {"box", "disc"} for reading in phrase.readings)


def assign_phrases(phrases: Sequence[Phrase], candidates: Sequence[Candidate]) -> Assignment:
    """Name the candidates by the phrases.

    First every phrase gets its candidate, so that the sum of scores is largest (scipy's linear_sum_assignment). A phrase that says more
    counts more: of two balls the red one is the "red ball", the other the "ball". Then what is left takes the phrase that it matches best,
    if it does so nearly as well as the phrase's own candidate: two red balls are both "red ball". Scores below a phrase's own threshold
    don't count, nor does a shape word alone for what plainly has another shape (`clashes`), unless the user set a threshold.
    """
    from scipy.optimize import linear_sum_assignment  # a quarter of a second to import

    scores = np.zeros((len(phrases), len(candidates)))
    for i, phrase in enumerate(phrases):
        for j, candidate in enumerate(candidates):
            scores[i, j] = _score(phrase, candidate)
    if not scores.size:
        return Assignment([None] * len(candidates), np.zeros(len(candidates)), list(phrases))
    says = np.array([max(bool(reading.color) + bool(reading.shape) for reading in phrase.readings) for phrase in phrases])
    weighted = scores * (1 + PER_WORD * says[:, None])
    chosen = np.full(len(candidates), -1)
    rows, columns = linear_sum_assignment(weighted, maximize=True)
    good = scores[rows, columns] > 0
    chosen[columns[good]] = rows[good]
    own = scores.max(axis=1, initial=0.0)
    for left in np.flatnonzero(chosen < 0):
        alike = np.where((own > 0) & (scores[:, left] >= ALIKE * own), weighted[:, left], 0.0)
        if alike.max() > 0:
            chosen[left] = alike.argmax()
    named = [phrases[i] if i >= 0 else None for i in chosen]
    given = np.array([scores[i, j] if i >= 0 else 0.0 for j, i in enumerate(chosen)])
    return Assignment(named, given, [phrase for i, phrase in enumerate(phrases) if not (chosen == i).any()])


def _match_reading(reading: Phrase, lab: ArrayLike, shape: str, size: tuple[float, float] | None) -> float:
    if not (reading.color or reading.shape):
        return 0.0
    by_color = match_color(lab, reading.color) if reading.color else 1.0
    return by_color * (match_shape(reading.shape, shape, size) if reading.shape else 1.0)


def _score(phrase: Phrase, candidate: Candidate) -> float:
    """As `match_phrase`; synonyms by which the candidate goes too badly say nothing of it."""
    if phrase.threshold is None and not any(reading.color for reading in phrase.readings) and clashes(phrase, candidate):
        return 0.0
    best = 0.0
    for reading in phrase.readings:
        least = LEAST_HALF_UNDERSTOOD if reading.unknown else LEAST
        score = _match_reading(reading, candidate.lab, candidate.shape, candidate.size)
        if score >= (least if phrase.threshold is None else phrase.threshold):
            best = max(best, score)
    return best
