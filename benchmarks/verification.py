"""Labels verified by somebody who errs: how many come out right, at how many questions a track, over thousands of simulated tracks.

The detector names 30 % of the tracks wrongly (`--detector`), and the verifier answers 20 % of single questions wrongly (`--errors`).
Its wrong answers are "spread" evenly over all others ("not there" and "unsure" among them), or all on one "rival" (the detector's own
name where that is wrong), or all "not there". Errors are independent, or "repeat": every further question about the same frame gets the
same answer. "absent" tracks are such where the detector fired on nothing. The tracks come in videos of ten; nothing is known of their
looks. A label counts as right if it is what the thing is; "no" counts as wrong for a thing that is there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from common import Record, number, parallel, parser, print_goals, print_table, write_records

from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.evidence import Evidence, Verdict, View
from kinescribe.perception.verification import VlmVerifier

TABLE, TRACKS_A_VIDEO = "verification", 10
PIXEL = np.zeros((1, 1, 3), np.uint8)
DOT = MaskCrop(0, 0, np.ones((1, 1), bool))


@dataclass(frozen=True, slots=True)
class Case:
    """One way to err.

    Attributes:
        candidates: names that were asked for.
        wrong: where wrong answers go: "spread", "rival" or "not there".
        repeat: whether answers about one frame are all the same.
        views: frames in which each track can be shown.
        absent: whether the detector fired on nothing.
        errors, detector: shares of wrong single answers and of tracks that the detector names wrongly.
        tracks: a video.
    """

    candidates: int
    wrong: str = "spread"
    repeat: bool = False
    views: int = 8
    absent: bool = False
    errors: float = 0.2
    detector: float = 0.3
    tracks: int = TRACKS_A_VIDEO

    @property
    def name(self) -> str:
        parts = [f"{self.candidates} names", f"errors {self.wrong}", *(["repeat"] if self.repeat else []), f"{self.views} views"]
        return "/".join([*(["absent"] if self.absent else []), *parts])


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over tracks: all, labelled right, dropped as not there, left unsure, and the questions that were asked."""

    tracks: int = 0
    right: int = 0
    dropped: int = 0
    unsure: int = 0
    questions: int = 0

    def plus(self, other: Score) -> Score:
        return Score(*(getattr(self, name) + getattr(other, name) for name in ("tracks", "right", "dropped", "unsure", "questions")))


class Liar:
    """Answers wrongly at a given rate. `truth`: of each track, None where nothing is there."""

    def __init__(self, case: Case, truth: dict[int, str | None], called: dict[int, str], names: Sequence[str], seed: int) -> None:
        self.case, self.truth, self.called, self.names = case, truth, called, names
        self.rng = np.random.default_rng(seed)
        self.given: dict[tuple[int, int], str] = {}
        self.asked = 0

    def __call__(self, question: Any) -> str:
        self.asked += 1
        track, frame = question.track_ids[0], question.frames[0]
        if self.case.repeat and (track, frame) in self.given:
            return self.given[track, frame]
        right = self.truth[track] or "not there"
        answer = right if self.rng.random() >= self.case.errors else self.wrong(track, right)
        self.given[track, frame] = answer
        return answer

    def wrong(self, track: int, right: str) -> str:
        others = [answer for answer in (*self.names, "not there", "unsure") if answer != right]
        if self.case.wrong == "not there" and right != "not there":
            return "not there"
        if self.case.wrong == "rival":
            return self.called[track] if self.called[track] != right else others[track % (len(self.names) - 1)]
        return str(self.rng.choice(others))


def simulate(case: Case, seed: int) -> tuple[list[Evidence], Liar]:
    """One video's tracks, and somebody to ask about them."""
    rng = np.random.default_rng([seed, 1])
    names = tuple(f"thing {k}" for k in range(case.candidates))
    tracks, truth, called = [], {}, {}
    for k in range(case.tracks):
        what = names[int(rng.integers(len(names)))]
        label = what if rng.random() >= case.detector or len(names) == 1 else str(rng.choice([name for name in names if name != what]))
        truth[k], called[k] = (None if case.absent else what), label
        frames = np.arange(0, 10 * case.views, 10)
        tracks.append(
            Evidence(
                track_id=k,
                label=label,
                candidates=names,
                votes={label: 5.0},
                views=tuple(View(int(frame), frame / 25, PIXEL, DOT) for frame in frames),
                frames=frames,
                areas=np.full(len(frames), 100.0),
                positions=np.tile([1000.0 * k, 0.0], (len(frames), 1)),
                colors=np.full((len(frames), 3), np.nan),
                sizes=np.full((len(frames), 2), 10.0),
                shape="blob",
            )
        )
    return tracks, Liar(case, truth, called, names, seed)


def judge(verdicts: Sequence[Verdict], liar: Liar) -> Score:
    """How many labels are right: the true name throughout, or "no" where nothing is there."""
    score = Score(questions=liar.asked)
    for verdict in verdicts:
        true = liar.truth[verdict.track_id]
        dropped = verdict.verdict == "no"
        right = dropped if true is None else not dropped and verdict.label == true and not verdict.splits
        score = score.plus(Score(1, int(right), int(dropped), int(verdict.verdict == "unsure"), 0))
    return score


def run_video(case: Case, seed: int) -> Score:
    tracks, liar = simulate(case, seed)
    return judge(VlmVerifier(ask=liar, seed=seed).verify(tracks), liar)


def measure(case: Case, videos: int, jobs: int = 1, seed: int = 0) -> Score:
    """Score over so many videos."""
    total = Score()
    for score in parallel(partial(run_video, case), [seed + k for k in range(videos)], jobs):
        total = total.plus(score)
    return total


def all_cases() -> list[Case]:
    counts = (2, 3, 6)
    cases = [Case(k) for k in counts]
    cases += [Case(k, wrong="rival") for k in counts] + [Case(k, wrong="not there") for k in counts]
    cases += [Case(k, repeat=True, views=views) for k in counts for views in (12, 8, 5, 3, 1)]
    cases += [Case(2, wrong="rival", repeat=True), Case(2, wrong="rival", views=12), Case(6, wrong="rival", views=12)]
    cases += [Case(k, absent=True) for k in counts] + [Case(2, absent=True, wrong="rival"), Case(1, absent=True), Case(1)]
    return cases


def promised(case: Case) -> bool:
    """Whether the goals hold for a case: errors spread, and where they repeat within a frame, a frame for every question."""
    return case.wrong == "spread" and case.views == (12 if case.repeat else 8)


def records_of(case: Case, score: Score, told: bool) -> list[Record]:
    """Figures of one case, held against the goals if `told`."""
    share = 1 / max(score.tracks, 1)

    def record(
        measure: str, value: float, better: Any, goal: float | None, reference: float | None = None, name: str | None = None
    ) -> Record:
        return Record(TABLE, case.name, measure, number(value), "", better, goal if told else None, reference, name)

    if case.absent:
        out = [record("found_absent", score.dropped * share, "higher", 0.95)]
    else:
        detector = 1 - case.detector if case.candidates > 1 else 1.0
        out = [
            record("labelled_right", score.right * share, "higher", 0.99, detector, "the detector alone"),
            record("dropped_though_there", score.dropped * share, "lower", 0.01),
        ]
    questions_goal = None if case.absent else 6.0
    return [
        *out,
        record("unsure", score.unsure * share, "lower", None),
        record("questions_a_track", score.questions * share, "lower", questions_goal),
    ]


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("--tracks", type=int, default=4000, metavar="N", help="simulated tracks a case (default: %(default)s)")
    arguments.add_argument("--errors", type=float, default=0.2, metavar="P", help="wrong single answers (default: %(default)s)")
    arguments.add_argument("--detector", type=float, default=0.3, metavar="P", help="tracks named wrongly (default: %(default)s)")
    arguments.add_argument("--seed", type=int, default=0, metavar="N", help="of the first simulated video (default: %(default)s)")
    options = arguments.parse_args()
    records, rows = [], []
    for case in all_cases():
        case = replace(case, errors=options.errors, detector=options.detector)
        score = measure(case, max(1, options.tracks // case.tracks), options.jobs, options.seed)
        share = 1 / score.tracks
        rows.append((case.name, score.right * share, score.dropped * share, score.unsure * share, score.questions * share))
        records += records_of(case, score, told=promised(case))
    print_table(
        f"Labels after verification, {options.tracks} tracks a case", ("case", "right", '"no"', "unsure", "questions a track"), rows
    )
    print_goals(records)
    if options.json:
        write_records(records, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
