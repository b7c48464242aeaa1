"""From what the answers amount to, to a verdict on each track."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kinescribe.perception.evidence import Evidence, Split, Verdict, Vote
from kinescribe.perception.verification.asking import KINDS
from kinescribe.perception.verification.beliefs import AnswerModel
from kinescribe.perception.verification.changes import Change, cut_frame
from kinescribe.perception.verification.inquiry import Inquiry, Standing
from kinescribe.perception.verification.questions import NOT_THERE, UNSURE

__all__ = ["verdict_of"]

RULES = "rules"
STRICTLY, AS_MANY, NEARLY = 1.001, 1.0, 2 / 3  # of the answers that give any other name, how many must give this one
ENOUGH, ENOUGH_FOR_CHANGE, ENOUGH_FOR_NO = (
    0.7,
    0.8,
    0.9,
)  # when no more can be asked; a thing that is there and dropped is worse than a wrong name


def verdict_of(
    item: Evidence, track: int, inquiry: Inquiry, standing: Standing, by_rules: Verdict, guess: str | None = None, *, joint: bool = False
) -> Verdict:
    """The verdict on one track. A name takes more of the answers than any other, whatever else speaks for it.

    Args:
        item: the track.
        track: its place in the inquiry.
        inquiry, standing: what was asked, and what it amounts to.
        by_rules: what rules say, for a track that couldn't be asked about to the end.
        guess: why the answers look like guesses, so that nothing follows from them; None where they don't.
        joint: whether all tracks were named together, which may decide between names that were given about equally often.
    """
    names = len(item.candidates)
    votes = _votes(item, track, inquiry)
    own = item.candidates.index(item.label) if item.label in item.candidates else -1
    choice, sure = int(standing.choice[track]), float(standing.confidence[track])
    change = standing.changes[track]
    definite = [vote for vote in votes if vote.answer != UNSURE]
    if definite and guess is not None:
        known = float(np.exp(inquiry.priors[track, own])) if own >= 0 else 0.0
        return Verdict(item.track_id, "unsure", item.label, known, votes, reason=f"the answers look like guesses: {guess}")
    if change is not None and change.probability >= ENOUGH_FOR_CHANGE:
        parted = _split(item, track, inquiry, change, votes)
        if parted is not None:
            return parted
    if definite and choice >= names and sure >= ENOUGH_FOR_NO:
        return Verdict(item.track_id, "no", item.label, sure, votes, reason=_no_reason(votes, item))
    if definite and choice < names and sure >= ENOUGH and _leads(votes, item.candidates[choice], NEARLY if joint else STRICTLY):
        verdict, label = ("yes", item.label) if choice == own else ("corrected", item.candidates[choice])
        return Verdict(item.track_id, verdict, label, sure, votes, reason=_tally(votes, label, item.label))
    why = _why_open(item, track, inquiry)
    if by_rules.verdict in ("yes", "corrected") and (not definite or by_rules.label == _chosen(item, choice)) and inquiry.stopped:
        return replace(by_rules, votes=(*votes, *by_rules.votes), reason=f"{why}; by rules: {by_rules.reason}", by=RULES)
    stays = 1 - change.probability if change is not None else 1.0
    kept = float(np.exp(standing.posterior[track, own])) * stays if own >= 0 else 0.0
    nobody_asked = inquiry.stopped and not votes
    return Verdict(item.track_id, "unsure", item.label, kept, votes, reason=why, by=RULES if nobody_asked else "")


def _chosen(item: Evidence, choice: int) -> str | None:
    return item.candidates[choice] if choice < len(item.candidates) else None


def _split(item: Evidence, track: int, inquiry: Inquiry, change: Change, votes: tuple[Vote, ...]) -> Verdict | None:
    """A track that turns into another thing; None where more answers about either part say something else."""
    frames, _ = inquiry.likelihoods(track)
    cut = cut_frame(item, int(frames[change.cut - 1]), int(frames[change.cut]))
    before, after = item.candidates[change.before], item.candidates[change.after]
    parts = ([vote for vote in votes if vote.frames[0] < cut], before), ([vote for vote in votes if vote.frames[0] >= cut], after)
    if not all(_leads(part, label, AS_MANY) for part, label in parts):
        return None
    verdict = "yes" if before == item.label else "corrected"
    reason = f"called {before!r} before frame {cut} and {after!r} from there on"
    return Verdict(item.track_id, verdict, before, change.probability, votes, splits=(Split(cut, after),), reason=reason)


def _leads(votes: Sequence[Vote], label: str, share: float) -> bool:
    """Whether a label was answered at least `share` times as often as any other answer."""
    counts = Counter(vote.answer for vote in votes if vote.answer != UNSURE)
    own = counts.pop(label, 0)
    return own > 0 and own >= share * max(counts.values(), default=0)


def _votes(item: Evidence, track: int, inquiry: Inquiry) -> tuple[Vote, ...]:
    """Questions and answers in order, each with what it added to the odds of its answer against one that nobody gave."""
    out: list[Vote] = []
    before: dict[int, list[tuple[int, int]]] = {}
    for slot, answer in inquiry.asked[track]:
        if answer < 0:
            out.append(Vote((slot.frame,), KINDS[slot.kind], UNSURE, 0.0))
            continue
        label = item.candidates[answer] if answer < len(item.candidates) else NOT_THERE
        earlier = before.setdefault(slot.frame, [])
        no = answer >= len(item.candidates)
        worth = _odds([*earlier, (slot.kind, answer)], answer, no, inquiry.model) - _odds(earlier, answer, no, inquiry.model)
        earlier.append((slot.kind, answer))
        out.append(Vote((slot.frame,), KINDS[slot.kind], label, worth))
    return tuple(out)


def _odds(answers: list[tuple[int, int]], named: int, no: bool, model: AnswerModel) -> float:
    """Log likelihood of the answers about one frame if `named` is right, less that if something that nobody named is."""
    if not answers:
        return 0.0
    wrong = [model.false_no if no and answer == named else 1 - float(model.accuracy[kind]) for kind, answer in answers]
    right = [float(model.accuracy[kind]) if answer == named else chance for (kind, answer), chance in zip(answers, wrong, strict=True)]
    agreed = len({answer for _, answer in answers}) == 1
    values = [model.common * agreed * chance[0] + (1 - model.common) * float(np.prod(chance)) for chance in (right, wrong)]
    return float(np.log(values[0] / values[1]))


def _tally(votes: tuple[Vote, ...], label: str, own: str) -> str:
    agreed = sum(vote.answer == label for vote in votes)
    what = f"{agreed} of {len(votes)} answers say {label!r}"
    return what if label == own else f"{what}, not {own!r}"


def _no_reason(votes: tuple[Vote, ...], item: Evidence) -> str:
    against = sum(vote.answer == NOT_THERE for vote in votes)
    if against * 2 > len(votes):
        return f"{against} of {len(votes)} answers say that nothing of the kind is there"
    return f"other tracks bear the names that were asked for; each is given once, and this is not the likeliest {item.label!r}"


def _why_open(item: Evidence, track: int, inquiry: Inquiry) -> str:
    if inquiry.stopped:
        return inquiry.stopped
    if not item.views:
        return "no frame shows it well enough to ask about"
    asked = inquiry.asked[track]
    return f"{len(asked)} answers about {len({slot.frame for slot, _ in asked})} frames don't settle it"
