"""What answers say of a thing's name: prior from the detector, likelihood of the answers, posterior.

Hypotheses of a track are its K candidates and, last, "nothing that was asked for is there". An answer is the number of the hypothesis that
it names, or −1 for "unsure", which says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["AnswerModel", "Ballots", "log_normalized", "log_posteriors", "log_prior", "split_groups"]

Float = NDArray[np.float64]

DETECTOR_RIGHT, ABSENT = 0.7, 0.08


@dataclass(frozen=True, slots=True)
class AnswerModel:
    """How far single answers can be trusted.

    Attributes:
        accuracy: (kinds,), probability that a definite answer to a question of each kind is right, (0.5, 1).
        common: probability that all answers about one frame come from one impression of it, so that a second one tells nothing new.
        false_no: probability that "not there" is answered about a thing that is there.
    """

    accuracy: Float
    common: float = 0.8
    false_no: float = 0.12


@dataclass(slots=True)
class Ballots:
    """All answers of all tracks, as parallel lists. A group is the answers about one frame of one track.

    Attributes:
        groups: track and frame of each group.
        group, kind, answer: of each answer: its group's number, the question's kind, the hypothesis named.
    """

    groups: list[tuple[int, int]] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    answer: list[int] = field(default_factory=list)
    _numbers: dict[tuple[int, int], int] = field(default_factory=dict)

    def add(self, track: int, frame: int, kind: int, answer: int) -> None:
        """One more answer; "unsure" (−1) is left out."""
        if answer < 0:
            return
        number = self._numbers.setdefault((track, frame), len(self.groups))
        if number == len(self.groups):
            self.groups.append((track, frame))
        self.group.append(number)
        self.kind.append(kind)
        self.answer.append(answer)


def log_prior(
    label: str, candidates: Sequence[str], votes: Mapping[str, float], *, right: float = DETECTOR_RIGHT, absent: float = ABSENT
) -> Float:
    """(K + 1,), log probability of each candidate and of "not there", before anything is asked.

    The name that the detector gives is right with probability `right`, else each other is as likely; where it gave several names, each
    counts by its share of the scores. Where it gave none of the candidates, all are as likely.
    """
    count = len(candidates)
    shares = np.array([max(votes.get(name, 0.0), 0.0) for name in candidates])
    if not shares.sum() > 0:
        shares = np.array([float(name == label or label not in candidates) for name in candidates])
    shares = shares / shares.sum()
    if count == 1:  # no other name to be wrong by: half of the mistakes are things that nobody asked for
        absent += 0.5 * (1 - right) * (1 - absent)
    others = (1 - right) / max(count - 1, 1)
    named = shares * right + (1 - shares) * others
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.append((1 - absent) * named / named.sum(), absent)))


def log_normalized(values: Float) -> Float:
    """Logarithms of probabilities that sum to 1 along the last axis."""
    top = values.max(axis=-1, keepdims=True)
    return np.asarray(values - top - np.log(np.exp(values - top).sum(axis=-1, keepdims=True)))


def split_groups(ballots: Ballots, model: AnswerModel, hypotheses: int) -> tuple[Float, Float]:
    """(G, H) log likelihoods of each group's answers, of one common impression and of impressions that are independent.

    Each pair of names is held against each other as if every wrong answer fell on the other of the two. Such likelihoods don't sum to one
    over the answers; they are the cautious ones, and hold for a verifier with a favourite among the wrong answers too.
    """
    groups = len(ballots.groups)
    group, answer = np.array(ballots.group, np.int64), np.array(ballots.answer, np.int64)
    accuracy = model.accuracy[np.array(ballots.kind, np.int64)]
    hit = answer[:, None] == np.arange(hypotheses)
    single = np.where(hit, np.log(accuracy)[:, None], np.log1p(-accuracy)[:, None])
    single[answer == hypotheses - 1, :-1] = np.log(model.false_no)
    independent = np.zeros((groups, hypotheses))
    np.add.at(independent, group, single)
    first = np.full(groups, -1)
    first[group[::-1]] = np.arange(len(group))[::-1]
    agreed = np.ones(groups, bool)
    np.logical_and.at(agreed, group, answer == answer[first[group]])
    common = np.where(agreed[:, None], single[first], -np.inf)
    return np.asarray(common + np.log(model.common)), np.asarray(independent + np.log1p(-model.common))


def log_posteriors(priors: Float, ballots: Ballots, model: AnswerModel) -> Float:
    """(N, H), log probabilities after the answers, of N tracks with log priors (N, H); −inf where a track has fewer hypotheses."""
    out = priors.copy()
    if ballots.groups:
        tracks = np.array([track for track, _ in ballots.groups])
        np.add.at(out, tracks, np.logaddexp(*split_groups(ballots, model, priors.shape[1])))
    return log_normalized(out)
