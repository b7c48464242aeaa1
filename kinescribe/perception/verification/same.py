"""Which pairs of tracks may be one thing under two ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.evidence import Evidence
from kinescribe.perception.naming.color_space import color_difference

__all__ = ["Pair", "apart", "one_name", "pairs", "surely_one"]

NEAR = 0.5  # of the sum of both radii: centroids nearer than this lie on each other
TOGETHER = 0.8  # share of the common frames in which they do
LONGEST_GAP = 60  # frames
REACH = 3.0  # radii that a thing may have gone astray from where it was headed
ALIKE = 12.0  # CIEDE2000
SURE_OVERLAP = 0.6  # of the smaller mask


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tracks, by their places in the list, that may be one thing.

    Attributes:
        first, second: `first` has more frames, and keeps its id.
        kind: "on each other" when both are seen, or "one after the other".
    """

    first: int
    second: int
    kind: str


def apart(tracks: Sequence[Evidence]) -> NDArray[np.bool_]:
    """(N, N), whether two tracks are seen in different places at the same time, so that they can't be one thing."""
    out = np.zeros((len(tracks), len(tracks)), bool)
    for i, j in combinations(range(len(tracks)), 2):
        distances, reach = _distances(tracks[i], tracks[j])
        out[i, j] = out[j, i] = len(distances) > 0 and float((distances < NEAR * reach).mean()) < TOGETHER
    return out


def pairs(tracks: Sequence[Evidence], labels: Sequence[str]) -> list[Pair]:
    """Pairs of tracks of one label that are never seen apart: on each other where both are seen, or one going on where the other ends."""
    out = []
    for i, j in combinations(range(len(tracks)), 2):
        if labels[i] != labels[j] or not len(tracks[i].frames) or not len(tracks[j].frames):
            continue
        distances, reach = _distances(tracks[i], tracks[j])
        first, second = (i, j) if len(tracks[i].frames) >= len(tracks[j].frames) else (j, i)
        if len(distances):
            if float((distances < NEAR * reach).mean()) >= TOGETHER:
                out.append(Pair(first, second, "on each other"))
        elif _goes_on(tracks[i], tracks[j]) or _goes_on(tracks[j], tracks[i]):
            out.append(Pair(first, second, "one after the other"))
    return out


def surely_one(a: Evidence, b: Evidence) -> bool:
    """Whether two tracks lie on each other and look alike beyond doubt: their masks overlap in every frame that shows both."""
    overlaps = []
    for view in a.views:
        other = next((item.mask for item in view.others if item.track_id == b.track_id), None)
        if other is None:
            continue
        height, width = view.image.shape[:2]
        mine, theirs = view.mask.full(height, width), other.full(height, width)
        overlaps.append(float((mine & theirs).sum()) / max(min(int(mine.sum()), int(theirs.sum())), 1))
    difference = (
        float(color_difference(np.median(a.colors, axis=0), np.median(b.colors, axis=0), 1.6))
        if len(a.colors) and len(b.colors)
        else np.inf
    )
    return bool(overlaps) and min(overlaps) >= SURE_OVERLAP and difference < ALIKE


def one_name(ids: Sequence[int], links: Sequence[tuple[int, int]]) -> dict[int, int]:
    """For each track that is another's second name the id that stays, from links (kept id, given up id); chains lead to their beginning."""
    root = {i: i for i in ids}

    def find(i: int) -> int:
        while root[i] != i:
            i = root[i]
        return i

    for kept, other in links:
        a, b = find(kept), find(other)
        if a != b:
            root[b] = a
    return {i: find(i) for i in ids if find(i) != i}


def _radius(track: Evidence) -> float:
    size = float(np.nanmedian(track.sizes[:, 0])) / 2 if len(track.sizes) else np.nan
    return size if np.isfinite(size) else float(np.sqrt(max(float(np.median(track.areas)), 1.0) / np.pi))


def _distances(a: Evidence, b: Evidence) -> tuple[NDArray[np.float64], float]:
    """Distances of the centroids in the frames that show both, px, and the sum of the radii of discs of their areas."""
    _, mine, theirs = np.intersect1d(a.frames, b.frames, assume_unique=True, return_indices=True)
    distances = np.linalg.norm(a.positions[mine] - b.positions[theirs], axis=1) if len(mine) else np.zeros(0)
    reach = sum(float(np.sqrt(max(float(np.median(track.areas)), 1.0) / np.pi)) for track in (a, b))
    return distances, reach


def _goes_on(a: Evidence, b: Evidence) -> bool:
    """Whether `b` begins soon after `a` ends, near where `a` was headed."""
    gap = int(b.frames[0]) - int(a.frames[-1])
    if not 0 < gap <= LONGEST_GAP:
        return False
    last, near = slice(-min(len(a.frames), 8), None), slice(0, min(len(b.frames), 8))
    speeds = [
        np.diff(part.positions[rows], axis=0) / np.diff(part.frames[rows])[:, None] if len(part.frames[rows]) > 1 else np.zeros((1, 2))
        for part, rows in ((a, last), (b, near))
    ]
    velocity = np.median(np.concatenate(speeds), axis=0)
    speed = max(float(np.linalg.norm(np.median(part, axis=0))) for part in speeds)
    missed = np.linalg.norm(b.positions[0] - a.positions[-1] - velocity * gap)
    return bool(missed <= REACH * max(_radius(a), _radius(b)) + 0.5 * speed * gap)
