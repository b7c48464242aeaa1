"""Where smooth motion breaks: contacts, sudden accelerations, and observations that are simply wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.shocks import ARC, Shock, arc_starts, kept_rows, strongest_shocks
from kinescribe.tracking.trials import PRICES, Trial

__all__ = ["Breaks", "ContactPoint", "find_breaks"]

Float = NDArray[np.float64]

# Below this many observations a jump and an ordinary change of velocity can't be told apart.
FEWEST = 8
# Roughness differs along a track, so it is judged in windows: this many observations, every so many.
WINDOW, STRIDE = 96, 64


@dataclass(frozen=True, slots=True, eq=False)
class ContactPoint:
    """A sudden change of velocity.

    Attributes:
        index: the last frame at or before it.
        time_s: when, between frames, in seconds.
        velocity_before, velocity_after: (D,), px/s.
        score: how many times likelier the observations are with it than without, natural logarithm.
        time_sigma_s: one standard deviation of the time.
    """

    index: int
    time_s: float
    velocity_before: Float
    velocity_after: Float
    score: float
    time_sigma_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Breaks:
    """Times (K,) where smooth motion breaks, among n observations, in the units that these came in.

    Attributes:
        times: (K,), increasing, strictly within the first and the last observation.
        sudden: (K,) bool, the velocity jumps; otherwise the acceleration alone.
        jumps: (K, D), change of the velocity, 0 where it doesn't.
        scores: (K,), gain in log-likelihood.
        outliers: (n,) bool, observations to leave out.
    """

    times: Float
    sudden: NDArray[np.bool_]
    jumps: Float
    scores: Float
    outliers: NDArray[np.bool_]

    @classmethod
    def none(cls, count: int, axes: int) -> Breaks:
        """No break among `count` observations."""
        return cls(np.zeros(0), np.zeros(0, bool), np.zeros((0, axes)), np.zeros(0), np.zeros(count, bool))


def find_breaks(times: Float, values: Float, variances: Float) -> Breaks:
    """Breaks in the motion of a point seen at `times` (n,) as `values` (n, D) with `variances` (n, D).

    In each window the motion between the breaks found so far is fitted robustly and the likeliest further breaks are added, until none is
    worth its price. Then, from the weakest on, each must hold against a motion without it, as rough as it likes, and against a break of
    another kind in its place.
    """
    count = len(times)
    found: list[Shock] = []
    if count >= FEWEST:
        for start in range(0, count, STRIDE):
            stop = count if count - start - WINDOW < STRIDE // 2 else start + WINDOW
            margin = (WINDOW - STRIDE) // 2
            inner = range(start + margin if start else 0, count if stop == count else stop - margin)
            part = slice(start, stop)
            shocks = (shock._replace(row=shock.row + start) for shock in _search(times[part], values[part], variances[part]))
            found += [shock for shock in shocks if shock.row in inner]
            if stop == count:
                break
    return _confirmed(times, values, variances, found)


def _search(times: Float, values: Float, variances: Float) -> list[Shock]:
    """Breaks within one window, greedily."""
    found: list[Shock] = []
    for _ in range(len(times) // ARC):
        kept = kept_rows(len(times), found)
        if len(kept) < FEWEST:
            break
        new = strongest_shocks(times[kept], values[kept], variances[kept], arc_starts(times[kept], found))
        if not new:
            break
        found += [shock._replace(row=int(kept[shock.row])) for shock in new]
    return found


def _confirmed(times: Float, values: Float, variances: Float, found: list[Shock]) -> Breaks:
    """The breaks that stand, with their exact times and sizes."""

    def trial(shock: Shock, among: list[Shock]) -> Trial:
        return Trial(times, values, variances, [other for other in among if other is not shock], shock)

    # A jump that holds with all others in place stays: else one that falls, because too little follows it, would take its neighbours along.
    proposed = [shock for shock in found if shock.kind != "outlier"]
    secure = [shock for shock in proposed if shock.kind == "jump" and trial(shock, proposed).holds()]
    standing = list(found)
    for shock in sorted(found, key=lambda one: one.gain):
        if shock in standing and shock not in secure and not trial(shock, standing).holds():
            standing.remove(shock)
    outliers = np.zeros(len(times), bool)
    outliers[[shock.row for shock in standing if shock.kind == "outlier"]] = True
    rows = []
    for shock in sorted((one for one in standing if one.kind != "outlier"), key=lambda one: one.time):
        if shock.kind == "jump":
            judged = trial(shock, proposed if shock in secure else standing)
            # Its neighbours may have fallen since it was tried: half the price is what it must still be worth.
            if judged.gain("jump") > PRICES["jump"] / 2:
                rows.append((*trial(shock, standing).meeting(), True, judged.gain("jump")))
        else:
            rows.append((shock.time, np.zeros(values.shape[1]), False, shock.gain))
    if not rows:
        none = Breaks.none(len(times), values.shape[1])
        return Breaks(none.times, none.sudden, none.jumps, none.scores, outliers)
    moments, jumps, sudden, scores = zip(*rows, strict=True)
    return Breaks(np.array(moments), np.array(sudden), np.array(jumps), np.array(scores), outliers)
