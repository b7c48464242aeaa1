"""Two ids for one thing: the one hides the other in every frame, so that no picture tells which of them was invented."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from kinescribe.states import States

__all__ = ["twins"]

TOGETHER = 0.9  # share of the frames that both have, in which they are at one place
SHARED = 0.8  # share of the frames of the one with fewer rows, that the other has too
FEWEST = 5  # frames
NEAR = 0.25  # of the smaller one's breadth between places that are one
ALIKE = 1.3  # times as large or small


def twins(states: States) -> dict[int, tuple[int, list[int]]]:
    """By id its twin, and the rows (by index) in which both are at one place. Points of bodies and their bodies are none."""
    points = {i for i, about in states.meta.objects.items() if about.part_of is not None}
    places = np.stack([states["x_px"], states["y_px"]], axis=1)
    rows = {
        i: {int(states["frame"][k]): int(k) for k in np.flatnonzero(states["object_id"] == i) if np.isfinite(places[k]).all()}
        for i in states.object_ids
        if i not in points
    }
    scale = states.meta.calibration.pixels_per_unit if states.meta.calibration is not None else 1.0
    sizes = {}
    for i, mine in rows.items():
        sides = np.stack([states[name][list(mine.values())] for name in ("width", "height")], axis=1).reshape(-1, 2) * scale
        sizes[i] = np.median(sides[np.isfinite(sides).all(axis=1)], axis=0) if np.isfinite(sides).all(axis=1).any() else np.full(2, np.nan)
    out: dict[int, tuple[int, list[int]]] = {}
    for one, other in combinations(rows, 2):
        both = sorted(set(rows[one]) & set(rows[other]))
        ratio = sizes[one] / sizes[other]
        if len(both) < max(FEWEST, SHARED * min(len(rows[one]), len(rows[other]))) or not ((ratio < ALIKE) & (ratio > 1.0 / ALIKE)).all():
            continue
        apart = [float(np.hypot(*(places[rows[one][frame]] - places[rows[other][frame]]))) for frame in both]
        same = np.array(apart) < NEAR * min(sizes[one].min(), sizes[other].min())
        if same.mean() >= TOGETHER:
            for first, second in ((one, other), (other, one)):
                out[first] = (second, [rows[first][frame] for frame, near in zip(both, same, strict=True) if near])
    return out
