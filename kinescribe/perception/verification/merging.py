"""Two ids of one thing: found by rules, asked about, and joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kinescribe.perception.evidence import Evidence, Verdict, Vote
from kinescribe.perception.verification.asking import joint_looks, question_of_pair
from kinescribe.perception.verification.inquiry import Inquiry, Slot
from kinescribe.perception.verification.questions import DIFFERENT, SAME, UNSURE, Ask, read
from kinescribe.perception.verification.same import Pair, one_name, pairs, surely_one

__all__ = ["merged"]

MOST, SURE = 6, 0.95  # questions a pair, and confidence to join
ONE_BEFOREHAND = 0.6  # of pairs that rules let through


def merged(
    evidence: Sequence[Evidence],
    verdicts: Sequence[Verdict],
    known: Sequence[Sequence[int]],
    ask: Ask | None,
    budget: int | None,
    workers: int,
    seed: int,
) -> tuple[list[Verdict], int, str | None]:
    """The verdicts with `same_as` filled in, the questions that this took, and why it broke off, None where it didn't.

    Args:
        evidence, verdicts: one each a track.
        known: groups of tracks that are one thing for other reasons.
        ask: who answers; None where only rules are left.
        budget: questions in all.
        workers: questions that are under way at the same time.
        seed: of the order in which answers are offered.
    """
    links: list[tuple[int, int]] = []
    reasons: dict[int, str] = {}
    votes: dict[int, tuple[Vote, ...]] = {}
    for group in known:
        if all(verdicts[k].verdict in ("yes", "corrected") and not verdicts[k].splits for k in group):
            first, *others = sorted(group, key=lambda k: (-len(evidence[k].frames), evidence[k].track_id))
            for other in others:
                links.append((evidence[first].track_id, evidence[other].track_id))
                reasons[evidence[other].track_id] = "each name is given once, and the two are never seen apart"
    open_pairs = [] if known else _eligible(evidence, verdicts)
    asked, stopped = 0, None
    if ask is None:
        chosen = [pair for pair in open_pairs if pair.kind == "on each other" and surely_one(evidence[pair.first], evidence[pair.second])]
        for pair in chosen:
            reasons[evidence[pair.second].track_id] = "the two lie on each other and look alike"
    else:
        chosen, inquiry, looks = _asked(evidence, open_pairs, ask, budget, workers, seed)
        asked, stopped = inquiry.count, inquiry.stopped
        for k, pair in enumerate(open_pairs):
            number = evidence[pair.second].track_id
            votes[number] = votes.get(number, ()) + _pair_votes(inquiry, k, looks[k], float(inquiry.model.accuracy[0]))
            reasons.setdefault(number, "shown together, both were said to be the same thing")
    links += [(evidence[pair.first].track_id, evidence[pair.second].track_id) for pair in chosen]
    root = one_name([item.track_id for item in evidence], links)
    out = []
    for verdict in verdicts:
        changed = replace(verdict, votes=verdict.votes + votes.get(verdict.track_id, ()))
        if verdict.track_id in root:
            kept = root[verdict.track_id]
            reason = f"the same thing as another track: {reasons.get(verdict.track_id, 'by way of another')}; {verdict.reason}"
            changed = replace(changed, same_as=kept, reason=reason)
        out.append(changed)
    return out, asked, stopped


def _eligible(evidence: Sequence[Evidence], verdicts: Sequence[Verdict]) -> list[Pair]:
    """Pairs that rules let through, of tracks that stay and are one thing each."""
    stays = [verdict.verdict != "no" and not verdict.splits for verdict in verdicts]
    found = pairs(evidence, [verdict.label for verdict in verdicts])
    return [pair for pair in found if stays[pair.first] and stays[pair.second]]


def _asked(
    evidence: Sequence[Evidence], open_pairs: Sequence[Pair], ask: Ask, budget: int | None, workers: int, seed: int
) -> tuple[list[Pair], Inquiry, list[list[tuple[int, ...]]]]:
    """The pairs that are one thing, what was asked, and the frames of each look at each pair."""
    looks = [joint_looks(evidence, pair) for pair in open_pairs]
    slots = [[Slot(k, k, 0) for k in range(len(each))] for each in looks]
    # same, different, and "not there", which isn't asked here
    prior = np.tile([np.log(ONE_BEFOREHAND), np.log(1 - ONE_BEFOREHAND), -np.inf], (len(open_pairs), 1))
    inquiry = Inquiry(prior, slots, 1, MOST, sure=SURE)

    def question(pair: int, slot: Slot, number: int) -> int:
        asked = question_of_pair(evidence, open_pairs[pair], looks[pair][slot.view], number, seed)
        place = read(asked, ask(asked))
        return {SAME: 0, DIFFERENT: 1}.get(asked.labels[place], -1) if place >= 0 else -1

    if open_pairs:
        inquiry.run(question, budget, workers)
    standing = inquiry.standing() if open_pairs else None
    chosen = [
        pair
        for k, pair in enumerate(open_pairs)
        if standing is not None and inquiry.asked[k] and standing.choice[k] == 0 and standing.confidence[k] >= SURE
    ]
    return chosen, inquiry, [[tuple(view.frame for view in look) for look in each] for each in looks]


def _pair_votes(inquiry: Inquiry, pair: int, frames: list[tuple[int, ...]], accuracy: float) -> tuple[Vote, ...]:
    worth = float(np.log(accuracy / (1 - accuracy)))
    names = {0: SAME, 1: DIFFERENT}
    return tuple(
        Vote(frames[slot.view], "same", names.get(answer, UNSURE), worth if answer >= 0 else 0.0) for slot, answer in inquiry.asked[pair]
    )
