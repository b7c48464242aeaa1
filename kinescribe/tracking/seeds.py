"""Small, fast things: what moves by many times its own size from frame to frame, found by the smoothness of its path.

Two sightings of such a thing say nothing; a path through many, each where the ones before it point to, can't be chance. How
little chance explains is counted a contrario (Desolneux, Moisan and Morel 2000): the expected number of paths as good as this one
among as many sightings scattered at random.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.observations import Observations

__all__ = ["find_fast_paths"]

Index = NDArray[np.int64]

MOST_PER_FRAME = 40  # sightings a frame that are tried, those of highest contrast
LONGEST_STEP = 0.3  # of the field's diagonal, a tick
LOG_FALSE_ALARMS = -3.0  # log10 of the expected number of chance paths that is accepted
MOST_AREA_RATIO = 3.5
MOST_COLOR_DISTANCE = 45.0  # ΔE; motion blur washes colours out
LONGEST_MISS = 2  # frames


def find_fast_paths(seen: Observations, free: NDArray[np.bool_], field: tuple[float, float]) -> list[Index]:
    """Paths through observations that belong to no track yet, the least likely to be chance first.

    Args:
        seen: all observations.
        free: (M,) bool, those that may be used.
        field: width and height of the picture, px.

    Returns:
        observation indices of each path, in time order, none used twice.
    """
    frames = [_strongest(seen, seen.of_frame(k), free) for k in range(len(seen.frame_clock))]
    area = field[0] * field[1]
    farthest = LONGEST_STEP * float(np.hypot(*field))
    pairs = max(sum(len(a) * len(b) for a, b in itertools.pairwise(frames)), 1)
    found: list[tuple[float, Index]] = []
    for k in range(len(frames) - 2):
        for i in frames[k]:
            for j in _alike(seen, int(i), frames[k + 1]):
                step = seen.positions[j] - seen.positions[i]
                if np.hypot(*step) > farthest:
                    continue
                path, log_chance = _grow(seen, frames, k, [int(i), int(j)], area)
                score = np.log10(pairs) + log_chance
                if len(path) >= 4 and score < LOG_FALSE_ALARMS:
                    found.append((score, np.array(path, np.int64)))
    found.sort(key=lambda item: item[0])
    used: set[int] = set()
    out = []
    for _, candidate in found:
        if not used.intersection(candidate.tolist()):
            used.update(candidate.tolist())
            out.append(candidate)
    return out


def _strongest(seen: Observations, here: Index, free: NDArray[np.bool_]) -> Index:
    here = here[free[here]]
    return np.asarray(here[np.argsort(-seen.contrasts[here] * np.sqrt(seen.areas[here]))[:MOST_PER_FRAME]], np.int64)


def _alike(seen: Observations, i: int, candidates: Index) -> Index:
    """Those of the candidates that look like observation i."""
    ratio = np.abs(np.log(seen.areas[candidates] / seen.areas[i]))
    color = np.sqrt(((seen.colors[candidates] - seen.colors[i]) ** 2).sum(1))
    return np.asarray(candidates[(ratio <= np.log(MOST_AREA_RATIO)) & (color <= MOST_COLOR_DISTANCE)], np.int64)


def _grow(seen: Observations, frames: list[Index], k: int, path: list[int], area: float) -> tuple[list[int], float]:
    """Extend a pair forwards, each time to the sighting nearest to where the path points; log10 of the chance that this was luck."""
    log_chance, missed = 0.0, 0
    for frame in range(k + 2, len(frames)):
        expected, tolerance = _expect(seen, path, float(seen.frame_clock[frame]))
        candidates = _alike(seen, path[-1], frames[frame])
        if len(candidates):
            away = np.hypot(*(seen.positions[candidates] - expected).T)
            best = int(away.argmin())
            if away[best] <= tolerance:
                path.append(int(candidates[best]))
                miss = max(float(away[best]), 0.5 * seen.radii[path[-1]], 1.0)
                log_chance += min(0.0, float(np.log10(len(candidates) * np.pi * miss**2 / area)))
                missed = 0
                continue
        missed += 1
        if missed > LONGEST_MISS or len(path) < 3:
            break
    return path, log_chance


def _expect(seen: Observations, path: list[int], clock: float) -> tuple[NDArray[np.float64], float]:
    """Where the path points to, and how far from there a sighting may lie."""
    recent = path[-4:]
    t, z = seen.clock[recent], seen.positions[recent]
    velocity = (z[-1] - z[-2]) / (t[-1] - t[-2])
    ahead = clock - t[-1]
    expected = z[-1] + velocity * ahead
    step = float(np.hypot(*velocity))
    if len(recent) == 2:
        return expected, (0.35 * step + 2.0) * ahead
    # with three points the acceleration is known, with little certainty: half-way between the two extrapolations is robust
    before = (z[-2] - z[-3]) / (t[-2] - t[-3])
    acceleration = (velocity - before) / (0.5 * (t[-1] - t[-3]))
    expected = expected + acceleration * (0.5 * ahead * (ahead + t[-1] - t[-2]))
    return expected, (0.12 * step + 0.5 * float(np.hypot(*acceleration)) + 0.3 * float(seen.radii[recent[-1]]) + 1.5) * ahead
