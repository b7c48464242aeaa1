"""One track a body: pieces of a body that broke up are joined to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop
from kinescribe.tracking.refinement import roughness
from kinescribe.tracking.tracks import Track

__all__ = ["SHARED", "box_gaps", "join_pieces"]

Float = NDArray[np.float64]

COVERED = 0.5  # a mask lies on another's when so much of it does
SHARED = 0.6  # of the frames that both are in
RIGID_PX = 0.7  # parts of one body keep their distance to this
LEAST_APART = 0.1  # of the frames: what is elsewhere against a body for so long, before they meet or after they part, is no piece of it
MOVED_RIGIDLY = 4.0  # times the tremble of their distance: so far must both have moved for that to mean anything


def _weight(track: Track) -> float:
    return float(len(track) * np.sqrt(np.median(track.areas)) * (0.3 + np.median(track.scores)))


def join_pieces(tracks: list[Track]) -> list[Track]:
    """Tracks whose masks lie on another's, or that move rigidly with it and touch it, become part of it."""
    order = sorted(tracks, key=_weight, reverse=True)
    bodies: list[Track] = []
    for track in order:
        for k, body in enumerate(bodies):
            if track.is_part and body.is_part:
                continue
            common, i, j = np.intersect1d(body.frames, track.frames, return_indices=True)
            if len(common) < max(2, min(3, len(track))):
                continue
            lies = np.mean([_covered(track.masks[b], body.masks[a]) >= COVERED for a, b in zip(i, j, strict=True)])
            if lies >= SHARED:
                bodies[k] = _extend(body, track, i, j)
                break
            if _one_body(body, track, i, j) or _hugs(body, track, i, j):
                break
        else:
            bodies.append(track)
    return bodies


def _covered(part: MaskCrop, whole: MaskCrop) -> float:
    """Share of a mask that lies on another."""
    y0, y1 = max(part.y, whole.y), min(part.y + part.shape[0], whole.y + whole.shape[0])
    x0, x1 = max(part.x, whole.x), min(part.x + part.shape[1], whole.x + whole.shape[1])
    if y1 <= y0 or x1 <= x0:
        return 0.0
    a = part.pixels[y0 - part.y : y1 - part.y, x0 - part.x : x1 - part.x]
    b = whole.pixels[y0 - whole.y : y1 - whole.y, x0 - whole.x : x1 - whole.x]
    return float((a & b).sum() / max(int(part.pixels.sum()), 1))


def _one_body(body: Track, track: Track, i: NDArray[np.intp], j: NDArray[np.intp]) -> bool:
    """Whether two tracks keep their distance while both move, and their boxes touch."""
    if len(i) < 5 or len(i) < SHARED * len(track):
        return False
    between = track.positions[j] - body.positions[i]
    away = np.abs(between - np.median(between, axis=0))
    small = np.sqrt(min(float(np.median(body.areas)), float(np.median(track.areas))))
    if np.mean(away.max(1) > small) >= LEAST_APART:
        return False
    tremble = float(np.median(away, axis=0).max() * 1.48)
    travel = float(np.ptp(body.positions[i], axis=0).max())
    if tremble > RIGID_PX + 0.3 * _noise(track) or travel < MOVED_RIGIDLY * max(tremble, 0.5) + 2:
        return False
    return bool(np.median(box_gaps(body, track, i, j)) <= 2.0 + 0.3 * small)


def box_gaps(body: Track, track: Track, i: NDArray[np.intp], j: NDArray[np.intp]) -> Float:
    """Gap between the two boxes in each common frame, px."""
    return np.asarray(np.maximum(np.maximum(body.boxes[i, :2] - track.boxes[j, 2:], track.boxes[j, :2] - body.boxes[i, 2:]), 0).max(1))


def _hugs(body: Track, track: Track, i: NDArray[np.intp], j: NDArray[np.intp]) -> bool:
    """Whether a small thing never leaves a larger one: its limb, its rim, its shadow."""
    passing = len(track) <= 0.9 * len(body)  # what stays as long as the body must be the smaller to count as part of it
    if len(i) < 0.8 * len(track) or np.median(track.areas) > (0.5 if passing else 0.35) * np.median(body.areas):
        return False
    margin = 0.15 * (body.boxes[i, 2:] - body.boxes[i, :2]) + 2
    centre = track.positions[j]
    within = ((centre >= body.boxes[i, :2] - margin) & (centre <= body.boxes[i, 2:] + margin)).all(1)
    return bool(within.mean() >= 0.9)


def _noise(track: Track) -> float:
    value = roughness(track.frames, track.positions)
    return 1.0 if np.isnan(value) else value


def _extend(body: Track, piece: Track, i: NDArray[np.intp], j: NDArray[np.intp]) -> Track:
    """The body with those frames of the piece that lie outside its own, if the piece is as large as the body: the same thing again."""
    ratio = float(np.median(piece.areas[j]) / max(float(np.median(body.areas[i])), 1.0))
    outside = (piece.frames < body.frames[0]) | (piece.frames > body.frames[-1])
    if not outside.any() or not 0.5 < ratio < 2.0:
        return body
    bias = np.median(body.positions[i] - piece.positions[j], axis=0)
    spread = 1.48 * np.median(np.abs(body.positions[i] - piece.positions[j] - bias), axis=0)
    if spread.max() > 3.0:
        return body
    return body.joined(piece, np.flatnonzero(outside), bias, spread)
