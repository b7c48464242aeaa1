"""Whether somebody who answers looks at the pictures at all, told from the answers alone.

The names are offered in another order each time. Who looks gives the same name wherever it stands; who guesses gives the same place
whatever stands there, or names that agree with each other no better than chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinescribe.perception.verification.questions import NOT_THERE, Question

__all__ = ["Answer", "answer_of", "guess_told", "log_odds_of_guessing", "place_liked"]

LEAST_SHARE, RARE = 0.5, 0.002  # of the answers that went by their place alone; chance of it in one who looks
SURELY_GUESSED = float(np.log(20.0))
LOOKING = (0.7, 0.8, 0.9)  # shares of right answers of those who look
ABSENT = (0.08, 0.9)  # shares of tracks of things that aren't there
NEVER = 0.02  # how often that is said by one who doesn't think of it
LEAST_UNSURE = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a question of what something is.

    Attributes:
        track: that was asked about.
        named: number of the name, that of "not there" being `names`; −1 for "unsure".
        names: that were offered.
        place: of the answer among the names and "not there" as they were offered, from 0; −1 for "unsure".
        among: its place among the names alone; −1 for "not there" and "unsure".
    """

    track: int
    named: int
    names: int
    place: int
    among: int


def answer_of(track: int, question: Question, candidates: Sequence[str], place: int) -> Answer:
    """What an answer at a place of those offered (`read`) names, of the question's candidates in their own order."""
    if place < 0:
        return Answer(track, -1, len(candidates), -1, -1)
    if question.answers[place] == NOT_THERE:
        return Answer(track, len(candidates), len(candidates), place, -1)
    among = place - (question.answers.index(NOT_THERE) < place)
    return Answer(track, candidates.index(question.labels[place]), len(candidates), place, among)


def guess_told(answers: Sequence[Answer]) -> str | None:
    """One line on what makes the answers look like guesses, None where they don't."""
    definite = [answer for answer in answers if answer.named >= 0]
    if not definite and len(answers) >= LEAST_UNSURE:
        return f"all {len(answers)} answers are 'unsure'"
    liked = place_liked(definite)
    if liked is not None:
        return liked
    if log_odds_of_guessing(definite) >= SURELY_GUESSED:
        return f"{len(definite)} answers about {len({answer.track for answer in definite})} tracks agree no better than chance"
    return None


def place_liked(answers: Sequence[Answer]) -> str | None:
    """One line where the first or the last place was named much more often than it can be by one who looks; None elsewhere.

    The orders are drawn, so that whatever is right stands at each place equally often: a binomial test needs no knowledge of what is right.
    """
    from scipy.stats import binom  # a third of a second to import

    named = [answer for answer in answers if answer.among >= 0 and answer.names > 1]
    tests = [
        ("first", [answer.place == 0 for answer in answers], [answer.names + 1 for answer in answers]),
        ("last", [answer.place == answer.names for answer in answers], [answer.names + 1 for answer in answers]),
        ("first", [answer.among == 0 for answer in named], [answer.names for answer in named]),
        ("last", [answer.among == answer.names - 1 for answer in named], [answer.names for answer in named]),
    ]
    for place, hits, sizes in tests:
        if not hits or 2 * len(hits) < len(answers):  # few names among many "not there" are a chance matter
            continue
        chance, share = float(np.mean(1 / np.array(sizes))), float(np.mean(hits))
        by_place = (share - chance) / (1 - chance)
        if by_place >= LEAST_SHARE and len(tests) * binom.sf(sum(hits) - 1, len(hits), chance) < RARE:
            return f"{sum(hits)} of {len(hits)} answers are the {place} in the list, whose order changes from question to question"
    return None


def log_odds_of_guessing(answers: Sequence[Answer]) -> float:
    """Log of how much better the answers go with names drawn by lot than with a truth for each track that is told more often than not.

    Both with "not there" as likely as any name, and with "not there" hardly ever said; the better account counts on either side.
    """
    tracks: dict[int, Counter[int]] = {}
    sizes: dict[int, int] = {}
    for answer in answers:
        tracks.setdefault(answer.track, Counter())[answer.named] += 1
        sizes[answer.track] = answer.names
    guessed, looked = [], []
    for never in (False, True):
        guessed.append(sum(_by_lot(counts, sizes[track], never) for track, counts in tracks.items()))
        each = [
            sum(_by_look(counts, sizes[track], share, gone, never) for track, counts in tracks.items())
            for share in LOOKING
            for gone in ABSENT
        ]
        looked.append(max(each))
    return float(max(guessed) - max(looked))


def _by_lot(counts: Counter[int], names: int, never: bool) -> float:
    """Log probability of one track's answers if they are drawn by lot."""
    absent = NEVER if never and names > 1 else 1 / (names + 1)
    return sum(n * float(np.log(absent if named == names else (1 - absent) / names)) for named, n in counts.items())


def _by_look(counts: Counter[int], names: int, share: float, gone: float, never: bool) -> float:
    """The same if each is right with probability `share`, and the truth isn't known: "not there" beforehand with probability `gone`."""
    absent = NEVER if never and names > 1 else (1 - share) / names
    values = []
    for truth in range(names + 1):
        wrong = (1 - share) / names if truth == names else (1 - share - absent) / max(names - 1, 1)
        log = float(np.log(gone if truth == names else (1 - gone) / names))
        for named, n in counts.items():
            log += n * float(np.log(share if named == truth else absent if named == names else max(wrong, 1e-9)))
        values.append(log)
    return float(np.logaddexp.reduce(values))
