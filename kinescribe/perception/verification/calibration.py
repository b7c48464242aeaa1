"""How often the answers are right, learned from how well they agree with each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.verification.beliefs import AnswerModel, Ballots, log_posteriors, split_groups

__all__ = ["calibrated"]

Float = NDArray[np.float64]

ACCURACY, ACCURACY_WEIGHT = 0.8, 20.0  # believed beforehand, and for how many answers that belief counts
LEAST, MOST = 0.6, 0.95  # under 0.6 an answer says next to nothing; above 0.95 a single one would settle a name
COMMON, COMMON_WEIGHT, COMMON_RANGE = 0.8, 10.0, (0.2, 0.95)
FALSE_NO, FALSE_NO_WEIGHT, FALSE_NO_RANGE = 0.12, 20.0, (0.04, 0.25)


def calibrated(priors: Float, ballots: Ballots, model: AnswerModel, *, steps: int = 2) -> AnswerModel:
    """A model whose accuracies and share of common errors fit the answers better, by expectation maximisation over all tracks.

    What is true of each track is not known; its posterior stands in. Source: Dawid and Skene, Applied Statistics 28 (1979) 20, with one
    accuracy a kind of question instead of a confusion matrix, and a Beta prior on each.

    Args:
        priors: (N, H), log prior of each track's hypotheses.
        ballots: all answers.
        model: to begin with.
        steps: of expectation and maximisation.
    """
    if not ballots.group:
        return model
    kinds = len(model.accuracy)
    group, kind, answer = np.array(ballots.group), np.array(ballots.kind), np.array(ballots.answer)
    tracks = np.array([track for track, _ in ballots.groups])
    count = np.bincount(group, minlength=len(tracks))
    first = np.full(len(tracks), -1)
    first[group[::-1]] = np.arange(len(group))[::-1]
    leads = first[group] == np.arange(len(group))
    for _ in range(steps):
        posterior = np.exp(log_posteriors(priors, ballots, model))[tracks]
        common, independent = split_groups(ballots, model, priors.shape[1])
        shared = np.exp(common - np.logaddexp(common, independent))  # (G, H): were these answers one impression?
        # of one impression only the first answer counts; of several every one
        weight = (1 - shared)[group] + np.where(leads[:, None], shared[group], 0.0)
        weight = weight * posterior[group]
        right = weight[np.arange(len(group)), answer]
        total = weight.sum(axis=1)
        rights = np.bincount(kind, right, kinds) + ACCURACY * ACCURACY_WEIGHT
        totals = np.bincount(kind, total, kinds) + ACCURACY_WEIGHT
        repeated = count > 1
        together = float((shared * posterior)[repeated].sum())
        share = (together + COMMON * COMMON_WEIGHT) / (float(repeated.sum()) + COMMON_WEIGHT)
        there = weight[:, :-1].sum(axis=1)
        noes = float(there[answer == priors.shape[1] - 1].sum())
        false_no = (noes + FALSE_NO * FALSE_NO_WEIGHT) / (float(there.sum()) + FALSE_NO_WEIGHT)
        model = AnswerModel(
            np.clip(rights / totals, LEAST, MOST), float(np.clip(share, *COMMON_RANGE)), float(np.clip(false_no, *FALSE_NO_RANGE))
        )
    return model
