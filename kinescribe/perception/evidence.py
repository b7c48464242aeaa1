"""What is handed to a verifier of labels about a finished track, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop

__all__ = ["VERDICTS", "Evidence", "Other", "Split", "Verdict", "View", "Vote"]

VERDICTS = ("yes", "corrected", "unsure", "no")
"""The label is right; another label is; the evidence doesn't tell; nothing that was asked for is there."""


@dataclass(frozen=True, slots=True, eq=False)
class Other:
    """Another track in the same frame, so that pictures with several marks can be drawn."""

    track_id: int
    mask: MaskCrop


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A track in one frame.

    Attributes:
        frame, time_s: which one.
        image: uint8, shape (H, W, 3), BGR, the whole picture (shared between the views of one frame).
        mask: the track's, in this frame.
        others: the other tracks that are seen in this frame.
    """

    frame: int
    time_s: float
    image: NDArray[np.uint8]
    mask: MaskCrop
    others: tuple[Other, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A finished track, as far as its name is concerned.

    Attributes:
        track_id: of the track.
        label: what the detector calls it.
        candidates: all labels that were asked for, without repetition; `label` is one of them.
        votes: for each candidate the sum of the detector's scores over the frames in which it gave that name.
        views: frames in which the track is seen well, best first.
        frames: (n,) int, all frames in which it is seen.
        areas: (n,), px².
        positions: (n, 2), px.
        colors: (n, 3), CIELAB.
        sizes: (n, 2), px.
        shape: disc, box, rod or blob.
    """

    track_id: int
    label: str
    candidates: tuple[str, ...]
    votes: dict[str, float]
    views: tuple[View, ...]
    frames: NDArray[np.int64]
    areas: NDArray[np.float64]
    positions: NDArray[np.float64]
    colors: NDArray[np.float64]
    sizes: NDArray[np.float64]
    shape: str


@dataclass(frozen=True, slots=True)
class Vote:
    """One question and its answer.

    Attributes:
        frames: that were shown.
        prompt: kind of question, such as "crop" or "marks" or "rules".
        answer: a candidate, "not there" or "unsure".
        weight: log-likelihood ratio that the answer was worth.
    """

    frames: tuple[int, ...]
    prompt: str
    answer: str
    weight: float


@dataclass(frozen=True, slots=True)
class Split:
    """From `frame` on the track is another thing, called `label`."""

    frame: int
    label: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of one track.

    Attributes:
        track_id: of the track.
        verdict: one of `VERDICTS`.
        label: to use; the track's own for "yes", "unsure" and "no".
        confidence: probability that `label` is right ("no": that nothing is there), [0, 1].
        votes: questions and answers, in order.
        same_as: id of the track that this one is a second name of, None for most.
        splits: where the track turns into another thing; empty for most.
        reason: one line for people.
        by: who says it, where that isn't the verifier that was asked: "rules" where its endpoint gave no more answers. Empty for most.
    """

    track_id: int
    verdict: str
    label: str
    confidence: float
    votes: tuple[Vote, ...] = ()
    same_as: int | None = None
    splits: tuple[Split, ...] = ()
    reason: str = field(default="")
    by: str = ""
