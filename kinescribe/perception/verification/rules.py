"""Labels checked without a model: by colour and shape words, sizes, and what holds over time and between tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.evidence import Evidence, Split, Verdict, Vote
from kinescribe.perception.verification.beliefs import log_normalized, log_prior
from kinescribe.perception.verification.changes import CLEAR_STEP, steps_in_look
from kinescribe.perception.verification.inquiry import each_for_itself
from kinescribe.perception.verification.joint import assigned, grouped
from kinescribe.perception.verification.looks import FITS, Looks, contradicted, log_likelihood, looks, relative_sizes
from kinescribe.perception.verification.questions import NOT_THERE, UNSURE
from kinescribe.perception.verification.same import apart, one_name, pairs, surely_one

__all__ = ["RulesVerifier"]

Float = NDArray[np.float64]

SURE, SURE_YES = 0.9, 0.8  # probability for another name, and for the detector's own
CHANCE_COLOR, CHANCE_SHAPE = 0.15, 0.5  # how often words with a colour, and words without, fit a thing that they weren't meant for
LEAST_PART, LEAST_SHARE = 5, 0.15  # rows, and share of the track, that each side of a split must have


class RulesVerifier:
    """Looks twice at labels with words alone: no endpoint, no weights, always the same answer.

    It knows colours, shapes and relative sizes. Where a label has none of these words, the verdict is "unsure". It says "no" only where
    every candidate has a colour and the thing has none of them. A name that was asked for alone is held against things that nobody asked
    for, and "yes" only where its words have a colour.
    """

    name = "rules"
    drops = False  # light changes colours: what it calls "no" is for people to judge

    def __init__(self) -> None:
        self.warnings: list[str] = []

    @classmethod
    def missing(cls, weights: str | None = None) -> str | None:
        """What is missing to run it: nothing, ever."""
        return None

    def verify(self, evidence: Sequence[Evidence], *, unique: bool = False) -> list[Verdict]:
        """One verdict for each track, in the same order. `unique`: no two things bear the same label."""
        if not evidence:
            return []
        sizes = relative_sizes(evidence)
        seen = [looks(item, float(size)) for item, size in zip(evidence, sizes, strict=True)]
        width = max(len(item.candidates) for item in evidence)
        posterior = np.full((len(evidence), width + 1), -np.inf)
        for k, (item, look) in enumerate(zip(evidence, seen, strict=True)):
            posterior[k] = _posterior(item, look, width)
        if unique:
            choice, confidence = assigned(posterior, grouped(posterior, apart(evidence)))
        else:
            choice, confidence = each_for_itself(posterior)
        # a name without a rival is likeliest whatever the thing looks like: only a stranger to hold it against tells how sure it is
        alone = [_against_a_stranger(item, look) if len(item.candidates) == 1 else 1.0 for item, look in zip(evidence, seen, strict=True)]
        confidence = np.minimum(confidence, alone)
        names = [item.label for item in evidence]
        verdicts = [
            _verdict(item, look, int(index), float(sure), float(size), shared=unique and names.count(item.label) > 1)
            for item, look, index, sure, size in zip(evidence, seen, choice, confidence, sizes, strict=True)
        ]
        return _merged(evidence, verdicts)


def _posterior(item: Evidence, look: Looks, width: int) -> Float:
    """(width + 1,), log; the rules alone never make "not there" likely."""
    prior = log_prior(item.label, item.candidates, item.votes)
    out = np.full(width + 1, -np.inf)
    values = np.append(prior[:-1] + log_likelihood(look), -np.inf)
    known = len(item.candidates)
    values = log_normalized(values)
    out[:known], out[-1] = values[:-1], values[-1]
    return out


def _against_a_stranger(item: Evidence, look: Looks) -> float:
    """Probability of the only name, against something that nobody asked for and that its words fit by chance."""
    named, stranger = np.exp(log_prior(item.label, item.candidates, item.votes))
    if np.isnan(look.match[0]):
        return float(named)  # nothing is known that wasn't before
    fits = named * look.match[0]
    return float(fits / (fits + stranger * (CHANCE_COLOR if np.isfinite(look.color[0]) else CHANCE_SHAPE)))


def _verdict(item: Evidence, look: Looks, index: int, sure: float, size: float, *, shared: bool) -> Verdict:
    own = item.candidates.index(item.label) if item.label in item.candidates else -1
    frames = tuple(view.frame for view in item.views)
    if contradicted(look):
        vote = Vote(frames, "rules", NOT_THERE, 0.0)
        return Verdict(
            item.track_id, "no", item.label, 1 - float(look.color.max()), (vote,), reason="its colour is none of those asked for"
        )
    splits = _splits(item, size)
    if splits:
        label, cut = splits
        verdict = "yes" if label == item.label else "corrected"
        vote = Vote(frames, "rules", label, 0.0)
        reason = f"goes by {label!r} before frame {cut.frame} and by {cut.label!r} from there on"
        return Verdict(item.track_id, verdict, label, sure if index < len(item.candidates) else 0.5, (vote,), splits=(cut,), reason=reason)
    known = index < len(item.candidates) and bool(look.whole[index]) and np.isfinite(look.match[index])
    enough = SURE_YES if index == own and len(item.candidates) > 1 else SURE
    if not known or look.match[index] < FITS or sure < enough:
        vote = Vote(frames, "rules", UNSURE, 0.0)
        return Verdict(item.track_id, "unsure", item.label, min(sure, SURE_YES), (vote,), reason=_doubt(item, look, own, shared))
    rivals = np.delete(log_likelihood(look), index)
    worth = float(log_likelihood(look)[index] - rivals.max()) if len(rivals) else 0.0
    vote = Vote(frames, "rules", item.candidates[index], worth)
    if index == own:
        return Verdict(item.track_id, "yes", item.label, sure, (vote,), reason=f"colour, shape and size go with {item.label!r}")
    reason = f"colour, shape and size go with {item.candidates[index]!r}, not with {item.label!r}"
    return Verdict(item.track_id, "corrected", item.candidates[index], sure, (vote,), reason=reason)


def _doubt(item: Evidence, look: Looks, own: int, shared: bool) -> str:
    if own < 0:
        return "the detector gave it no name, and colour, shape and size don't tell"
    if np.isnan(look.match[own]):
        return "the label has no word for a colour, a shape or a size"
    if not look.whole[own]:
        return "its words are known only in part"
    if shared:
        return "another track goes by the same name, of which there is one, and colour, shape and size don't tell which"
    if len(item.candidates) == 1 and look.match[own] >= FITS:
        return "its words go with many things, and no other name was asked for to hold it against; name a colour"
    return "colour, shape and size don't tell"


def _splits(item: Evidence, size: float) -> tuple[str, Split] | None:
    """Where the looks change from those of one candidate to those of another, and what the first part is called."""
    if len(item.candidates) < 2 or len(item.frames) < 2 * LEAST_PART:
        return None
    steps = steps_in_look(item)
    row = int(steps.argmax()) + 1
    if steps[row - 1] < CLEAR_STEP or min(row, len(item.frames) - row) < max(LEAST_PART, LEAST_SHARE * len(item.frames)):
        return None
    names = []
    for rows in (slice(0, row), slice(row, None)):
        part = looks(item, size, rows)
        known = np.where(np.isfinite(part.match) & part.whole, part.match, 0.0)
        best = int(known.argmax())
        if known[best] < FITS or np.delete(known, best).max() > known[best] / 2 or not np.isfinite(part.match).all():
            return None
        names.append(item.candidates[best])
    return None if names[0] == names[1] else (names[0], Split(int(item.frames[row]), names[1]))


def _merged(evidence: Sequence[Evidence], verdicts: list[Verdict]) -> list[Verdict]:
    """Tracks that lie on each other all the time, look alike and are called alike are one thing."""
    links = [
        (evidence[pair.first].track_id, evidence[pair.second].track_id)
        for pair in pairs(evidence, [verdict.label for verdict in verdicts])
        if pair.kind == "on each other" and surely_one(evidence[pair.first], evidence[pair.second])
    ]
    root = one_name([item.track_id for item in evidence], links)
    return [_second_name(verdict, root.get(verdict.track_id)) for verdict in verdicts]


def _second_name(verdict: Verdict, kept: int | None) -> Verdict:
    if kept is None:
        return verdict
    v = verdict
    return Verdict(v.track_id, v.verdict, v.label, v.confidence, v.votes, kept, v.splits, f"the same thing as another track; {v.reason}")
