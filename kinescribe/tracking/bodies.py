"""One track a body: pieces of a body that broke up are joined to it, and what isn't a moving body is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop
from kinescribe.tracking.refinement import roughness
from kinescribe.tracking.tracks import Track

__all__ = ["Left", "join_pieces", "leave_out", "without_strings", "worth_a_second_look"]

Float = NDArray[np.float64]

STRING_ASPECT, STRING_CONTRAST = 5.0, 0.35
COVERED = 0.5  # a mask lies on another's when so much of it does
SHARED = 0.6  # of the frames that both are in
RIGID_PX = 0.7  # parts of one body keep their distance to this
MOVED_RIGIDLY = 4.0  # times the tremble of their distance: so far must both have moved for that to mean anything

LEAST_TRAVEL_PX = 2.5
LEAST_TRAVEL_RADII = 0.3
LEAST_SEEN = 4  # frames
LEAST_DENSITY = 0.65  # share of the frames from a track's first to its last in which it was seen
HOPELESS = 0.01
FAINT = 0.04  # of the salience of the clip's most salient thing
MOST_TRAVEL = 20.0  # times its radius: from there on a thing doesn't stand out more
CUT_OFF = 0.7  # share of frames in which the picture's edge cuts a body, from which on its centroid isn't one


@dataclass(frozen=True, slots=True)
class Left:
    """How many tracks were left out, by reason."""

    still: int = 0
    cut_off: int = 0
    erratic: int = 0
    faint: int = 0


def _weight(track: Track) -> float:
    return float(len(track) * np.sqrt(np.median(track.areas)) * (0.3 + np.median(track.scores)))


def join_pieces(tracks: list[Track]) -> list[Track]:
    """Tracks whose masks lie on another's, or that move rigidly with it and touch it, become part of it."""
    order = sorted(tracks, key=_weight, reverse=True)
    bodies: list[Track] = []
    for track in order:
        for k, body in enumerate(bodies):
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
    y0, y1 = max(part.y, whole.y), min(part.y + part.pixels.shape[0], whole.y + whole.pixels.shape[0])
    x0, x1 = max(part.x, whole.x), min(part.x + part.pixels.shape[1], whole.x + whole.pixels.shape[1])
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
    tremble = float(np.median(np.abs(between - np.median(between, axis=0)), axis=0).max() * 1.48)
    travel = float(np.ptp(body.positions[i], axis=0).max())
    if tremble > RIGID_PX + 0.3 * _noise(track) or travel < MOVED_RIGIDLY * max(tremble, 0.5) + 2:
        return False
    small = np.sqrt(min(float(np.median(body.areas)), float(np.median(track.areas))))
    return bool(np.median(_gaps(body, track, i, j)) <= 2.0 + 0.3 * small)


def _gaps(body: Track, track: Track, i: NDArray[np.intp], j: NDArray[np.intp]) -> Float:
    """Gap between the two boxes in each common frame, px."""
    return np.asarray(np.maximum(np.maximum(body.boxes[i, :2] - track.boxes[j, 2:], track.boxes[j, :2] - body.boxes[i, 2:]), 0).max(1))


def _hugs(body: Track, track: Track, i: NDArray[np.intp], j: NDArray[np.intp]) -> bool:
    """Whether a small thing that comes and goes never leaves a larger one: its limb, its rim, its shadow."""
    if len(i) < 0.8 * len(track) or len(track) > 0.9 * len(body) or np.median(track.areas) > 0.5 * np.median(body.areas):
        return False
    margin = 0.15 * (body.boxes[i, 2:] - body.boxes[i, :2]) + 2
    centre = track.positions[j]
    within = ((centre >= body.boxes[i, :2] - margin) & (centre <= body.boxes[i, 2:] + margin)).all(1)
    return bool(within.mean() >= 0.9)


def without_strings(tracks: list[Track]) -> list[Track]:
    """Leave out what bodies hang on: long, thin, faint beside the clip's clearest body, and nearer to something else than half its length."""
    clearest = max((float(np.median(track.contrasts)) for track in tracks), default=0.0)
    return [track for track in tracks if not (_is_thin(track, clearest) and any(_touches(track, other) for other in tracks))]


def _is_thin(track: Track, clearest: float) -> bool:
    length, width = np.median(track.sizes, axis=0)
    return bool(length >= STRING_ASPECT * width and np.median(track.contrasts) < STRING_CONTRAST * clearest)


def _touches(track: Track, other: Track) -> bool:
    common, i, j = np.intersect1d(other.frames, track.frames, return_indices=True)
    if other is track or len(common) < SHARED * len(track):
        return False
    return bool(np.median(_gaps(other, track, i, j)) <= 3 + 0.5 * float(np.median(track.sizes[:, 0])))


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
    rows = np.flatnonzero(outside)
    order = np.argsort(np.concatenate([body.frames, piece.frames[rows]]), kind="stable")

    def both(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(body, name), getattr(piece, name)[rows]])[order]

    unseen = len(rows)
    return replace(
        body,
        ends=None if body.ends is None else np.concatenate([body.ends, np.full((unseen, 2, 2), np.nan)])[order],
        end_covariances=(
            None if body.end_covariances is None else np.concatenate([body.end_covariances, np.full((unseen, 2, 2, 2), np.nan)])[order]
        ),
        frames=np.concatenate([body.frames, piece.frames[rows]])[order],
        positions=np.concatenate([body.positions, piece.positions[rows] + bias])[order],
        covariances=np.concatenate([body.covariances, piece.covariances[rows] + np.diag(spread**2)])[order],
        merged=np.concatenate([body.merged, piece.merged[rows]])[order],
        shapes=[(body.shapes + [piece.shapes[r] for r in rows])[k] for k in order],
        phrases=[(body.phrases + [piece.phrases[r] for r in rows])[k] for k in order],
        masks=[(body.masks + [piece.masks[r] for r in rows])[k] for k in order],
        **{
            name: both(name)
            for name in ("times", "boxes", "areas", "sizes", "angles", "angle_sigmas", "colors", "contrasts", "scores", "identity_scores")
        },
    )


def worth_a_second_look(tracks: list[Track], frame_count: int) -> list[Track]:
    """Without flickers of a few frames here and there, which cost time and come to nothing."""
    most = max((_salience(track) for track in tracks), default=0.0)
    out = []
    for track in tracks:
        density = len(track) / float(track.frames[-1] - track.frames[0] + 1)
        long = len(track) >= 0.25 * frame_count
        if "still" in track.phrases or (_salience(track) >= HOPELESS * most and (long or density >= 0.3)):
            out.append(track)
    return out


def leave_out(
    tracks: list[Track], confirmed: set[int], size: tuple[int, int], frame_count: int, *, asked_for: bool = False
) -> tuple[list[Track], Left]:
    """Drop what doesn't move, what the edge cuts off nearly all the time, what jumps about, and what is next to nothing beside the rest.

    Args:
        confirmed: ids of the tracks whose sprite was found again.
        size: width and height of the picture, px.
        frame_count: of the video.
        asked_for: whether the user named objects: then faint ones may be meant, and things at rest.
    """
    tracks = without_strings(tracks)
    salience = [_salience(track) for track in tracks]
    most = max(salience, default=0.0)
    kept: list[Track] = []
    still = cut_off = erratic = faint = 0
    for track, stands_out in zip(tracks, salience, strict=True):
        radius = float(np.sqrt(np.median(track.areas) / np.pi))
        extent = _extent(track)
        tremble = roughness(track.frames, track.positions)
        tremble = 0.0 if np.isnan(tremble) else tremble
        density = len(track) / float(track.frames[-1] - track.frames[0] + 1)
        if "still" in track.phrases:
            kept.append(track)
        elif extent < max(LEAST_TRAVEL_PX, LEAST_TRAVEL_RADII * radius, 8 * tremble):
            still += 1
        elif track.cut_off(size) > CUT_OFF:
            cut_off += 1
        elif len(track) < LEAST_SEEN or density < LEAST_DENSITY or tremble > 1.0 + 0.2 * radius:
            erratic += 1
        elif len(track) < 0.25 * frame_count and extent < 3 * radius:
            # a brief stir of something large: a sleeve, a leaf, a flicker of light
            erratic += 1
        elif track.track_id not in confirmed and (density < 0.8 or tremble > 0.5 + 0.05 * radius):
            erratic += 1
        elif stands_out < FAINT * most and not asked_for:
            faint += 1
        else:
            kept.append(track)
    return kept, Left(still, cut_off, erratic, faint)


def _salience(track: Track) -> float:
    """How much a track stands out: contrast against noise, size, and how many times its own size it travelled."""
    radius = max(float(np.sqrt(np.median(track.areas) / np.pi)), 1.0)
    return float(np.median(track.contrasts)) * radius * min(_extent(track) / radius, MOST_TRAVEL)


def _extent(track: Track) -> float:
    """The longer side of the field that a track covers, px, outliers aside."""
    return float(np.max(np.percentile(track.positions, 97, axis=0) - np.percentile(track.positions, 3, axis=0)))
