"""The sequential test: whom to ask about next, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.verification.beliefs import AnswerModel, Ballots, log_posteriors, split_groups
from kinescribe.perception.verification.calibration import ACCURACY, COMMON, FALSE_NO, calibrated
from kinescribe.perception.verification.changes import Change, change_of
from kinescribe.perception.verification.questions import NoAnswerError

__all__ = ["Inquiry", "Slot", "Standing", "each_for_itself"]

Float = NDArray[np.float64]
Settle = Callable[[Float], tuple[NDArray[np.intp], Float]]

SURE = 0.985  # with steps of log 4 from one answer to the next, errors come out well under 1 %
SURE_OF_CHANGE, POSSIBLE_CHANGE = 0.9, 0.15


@dataclass(frozen=True, slots=True)
class Slot:
    """A question that can be asked about a track: which view to show, in which frame it is, and the number of the question's kind."""

    view: int
    frame: int
    kind: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What is believed at some moment.

    Attributes:
        posterior: (N, H), log.
        choice: (N,), the hypothesis that each track is settled on.
        confidence: (N,), probability that it is the right one and holds throughout.
        changes: for each track the best account as two things, None where nothing speaks for one.
    """

    posterior: Float
    choice: NDArray[np.intp]
    confidence: Float
    changes: list[Change | None]


def each_for_itself(posterior: Float) -> tuple[NDArray[np.intp], Float]:
    """The likeliest hypothesis of each track and its probability, of log posteriors (N, H)."""
    return posterior.argmax(axis=1), np.exp(posterior.max(axis=1))


@dataclass(slots=True)
class Inquiry:
    """Asks in rounds, of each track that isn't settled one question a round, the least certain first.

    The first question about each track goes to its best view, each further one to another frame as long as there is one. After every round
    the trust in the answers is estimated anew from all of them. Source of the test: Wald, Sequential Analysis (1947), with posteriors.

    Attributes:
        priors: (N, H), log.
        slots: for each track the questions that can be asked, in order.
        kinds: of questions.
        most: questions a track.
        settle: from log posteriors (N, H) the choice and the confidence (N,) of each track.
        chances: for a track and its frames (F,) that were asked about, in time order, the prior (F − 1,) of a change between them; None
            where things don't change.
        sure: confidence at which a track is settled.
        asked: for each track its slots and answers so far.
        stopped: why there were no more answers, None where there could have been.
    """

    priors: Float
    slots: Sequence[Sequence[Slot]]
    kinds: int
    most: int
    settle: Settle = each_for_itself
    chances: Callable[[int, NDArray[np.int64]], Float] | None = None
    sure: float = SURE
    asked: list[list[tuple[Slot, int]]] = field(init=False)
    ballots: Ballots = field(init=False, default_factory=Ballots)
    model: AnswerModel = field(init=False)
    stopped: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.asked = [[] for _ in self.slots]
        self.model = AnswerModel(np.full(self.kinds, ACCURACY), COMMON, FALSE_NO)

    @property
    def count(self) -> int:
        """Questions that were answered."""
        return sum(map(len, self.asked))

    def run(self, ask: Callable[[int, Slot, int], int], budget: int | None = None, workers: int = 1) -> None:
        """Ask until everything is settled, or nothing more can be asked.

        Args:
            ask: gets track, slot and the question's number; gives the hypothesis that was named, or −1. May raise `NoAnswerError`.
            budget: questions in all.
            workers: questions that are under way at the same time.
        """
        with ThreadPoolExecutor(workers) as pool:
            while self.stopped is None and (open_tracks := self.open_tracks()):
                left = len(open_tracks) if budget is None else budget - self.count
                if left <= 0:
                    self.stopped = f"the budget of {budget} questions is spent"
                    break
                self._round(open_tracks[:left], ask, pool, workers)
                self.model = calibrated(self.priors, self.ballots, self.model)

    def _round(self, tracks: list[int], ask: Callable[[int, Slot, int], int], pool: ThreadPoolExecutor, workers: int) -> None:
        for start in range(0, len(tracks), workers):
            part = tracks[start : start + workers]
            nexts = [self.slots[track][len(self.asked[track])] for track in part]
            numbers = [len(self.asked[track]) for track in part]
            if workers > 1:
                under_way = [pool.submit(ask, *question) for question in zip(part, nexts, numbers, strict=True)]
                answers: list[Callable[[], int]] = [future.result for future in under_way]
            else:
                answers = [lambda question=(part[0], nexts[0], numbers[0]): ask(*question)]  # type: ignore[misc]
            for track, slot, answer in zip(part, nexts, answers, strict=True):
                try:
                    named = answer()
                except NoAnswerError as error:
                    self.stopped = str(error)  # the other questions of this part may have been answered
                    continue
                self.asked[track].append((slot, named))
                self.ballots.add(track, slot.frame, slot.kind, named)
            if self.stopped is not None:
                return

    def open_tracks(self) -> list[int]:
        """Tracks that aren't settled and can still be asked about, the least certain first."""
        standing = self.standing()
        out = []
        for track in np.argsort(standing.confidence, kind="stable").tolist():
            change = standing.changes[track]
            turned = change.probability if change is not None else 0.0
            settled = turned >= SURE_OF_CHANGE or (turned < POSSIBLE_CHANGE and standing.confidence[track] >= self.sure * (1 - turned))
            asked = len(self.asked[track])
            if not settled and asked < min(self.most, len(self.slots[track])):
                out.append(track)
        return out

    def standing(self) -> Standing:
        """What the answers so far amount to."""
        posterior = log_posteriors(self.priors, self.ballots, self.model)
        choice, confidence = self.settle(posterior)
        changes = self._changes()
        stays = np.array([1 - change.probability if change is not None else 1.0 for change in changes])
        return Standing(posterior, choice, confidence * stays, changes)

    def likelihoods(self, track: int) -> tuple[NDArray[np.int64], Float]:
        """(F,) frames that were asked about, in time order, and (F, H) the log likelihoods of the answers."""
        numbers = [k for k, (owner, _) in enumerate(self.ballots.groups) if owner == track]
        frames = np.array([self.ballots.groups[k][1] for k in numbers], np.int64)
        order = np.argsort(frames)
        both = split_groups(self.ballots, self.model, self.priors.shape[1])
        return frames[order], np.logaddexp(*both)[numbers][order]

    def _changes(self) -> list[Change | None]:
        out: list[Change | None] = [None] * len(self.slots)
        if self.chances is None or not self.ballots.groups:
            return out
        hypotheses = self.priors.shape[1]
        every = np.logaddexp(*split_groups(self.ballots, self.model, hypotheses))
        groups: list[list[int]] = [[] for _ in self.slots]
        for number, (track, _) in enumerate(self.ballots.groups):
            groups[track].append(number)
        for track, numbers in enumerate(groups):
            if len({answer for _, answer in self.asked[track] if 0 <= answer < hypotheses - 1}) < 2:
                continue
            frames = np.array([self.ballots.groups[k][1] for k in numbers], np.int64)
            order = np.argsort(frames)
            kept = np.isfinite(self.priors[track])  # other tracks may have more candidates
            table = every[numbers][order][:, kept]
            change = change_of(table, self.priors[track, kept], self.chances(track, frames[order]))
            out[track] = change
        return out
