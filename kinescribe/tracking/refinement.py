"""Tracks made better by what the second look found: the surer measure of the two, gaps closed, ends extended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.sightings import Sightings
from kinescribe.tracking.drift import Drift, slow
from kinescribe.tracking.separated import separate
from kinescribe.tracking.tracks import Track

__all__ = ["refine", "roughness"]

Float = NDArray[np.float64]

LEAST_CONFIRMED = 0.5  # share of a track's frames in which its sprite was found again
MOSTLY = 0.8  # of the frames, in which a body's outline is a circle's
ALIKE_LOG_SIZE = 0.1  # a side that both looks measure
ALIKE_LOG_AREA = 0.7  # sightings beyond the sprite's must at least have the body's size
LEAST_AXES, CLEAR_AXIS, FARTHEST_AXIS = 8, 0.1, 0.2  # frames; rad
UNTURNED_SIGMA = 0.02  # rad
MEDIANS = 1.2533  # a median's standard error over a mean's
CLEAR_PX = 0.4
LEAST_TURN_SIGMA = 0.05  # rad; a plain disc's turn is noise …
WANDERS, STEADY_TURN = 4.0, 0.03  # … and changes by so many σ from what the turns beside it say, more than so much, rad
ROUGHER = 1.3  # a sprite's path may be rougher than the centroids' by this and is still preferred: it holds when bodies touch
FINE_PX, MANY_MORE = 0.03, 1.2  # below this, how rough a path is weighs nothing where the sprite alone saw the body in so many more frames
HIDDEN_LOG_AREA = 0.05  # a part whose area strays so far from its usual one is hidden at times
OFF_BY_AREA = 0.5  # of the radius, times the share of the area that is missed: how far a centroid is off by it, a straight cut at the rim
EVENLY = 0.6  # of their RMS, the robust spread of differences that aren't a few frames'
STEPS, FASTER = 3, 2.0  # sightings that tell a speed at a path's end, and how many times as fast it may be beyond
WORST = 92.0  # percentile of the third differences of a path


def roughness(frames: NDArray[np.int64], positions: Float, percentile: float = 50.0) -> float:
    """How much a path trembles, px: its measurement noise as third differences over consecutive frames show it (√20 σ); NaN if short.

    `percentile`: of the differences; a high one asks how much it trembles at its worst.
    """
    for order, gain in ((3, np.sqrt(20.0)), (2, np.sqrt(6.0))):
        if len(frames) <= order:
            continue
        consecutive = frames[order:] - frames[:-order] == order
        if consecutive.sum() >= 3:
            jumps = np.diff(positions, order, axis=0)[consecutive]
            # the norm of two normal components has its median at 1.18 σ
            expected = np.sqrt(-2 * np.log(1 - percentile / 100))
            return float(np.percentile(np.hypot(*jumps.T), percentile) / expected / gain)
    return float("nan")


def refine(track: Track, found: Sightings | None, size: tuple[int, int]) -> tuple[Track, bool]:
    """The better of both looks at a track, and whether its sprite confirmed it.

    Args:
        size: width and height of the picture, px.
    """
    drift = Drift.of(track)
    track = drift.first(track)
    if found is None or len(found.frames) < 3:
        return track, False
    common, in_track, in_found = np.intersect1d(track.frames, found.frames, return_indices=True)
    confirmed = len(common) >= max(3, LEAST_CONFIRMED * len(track))
    if not confirmed:
        return track, False
    track = separate(track, found)
    drift = drift.between(track, _centred(track, found, in_track, in_found), in_track, in_found)
    track = drift.first(track)
    longer = len(found.frames) > len(track)
    # parts hide each other now and then: either look is right most of the time
    percentile = WORST if track.is_part and not _hidden_at_times(track) else 50.0
    rough_track = roughness(common, track.positions[in_track], percentile)
    rough_found = roughness(common, found.positions[in_found], percentile)
    if not np.isfinite(rough_found) or not np.isfinite(rough_track):
        # too short to compare: the measurement itself stands where it saw the body in every frame
        if len(common) == track.frames[-1] - track.frames[0] + 1 == len(found.frames):
            return _with_ends(track, found), True
    elif rough_found > (ROUGHER if longer or _hidden_at_times(track) else 1.0) * rough_track and not (
        rough_found < FINE_PX and len(found.frames) > MANY_MORE * len(track)
    ):
        return _with_ends(track, found), True
    found = _centred(track, found, in_track, in_found)
    between = found.positions[in_found] - track.positions[in_track]
    if not longer and _strays(track, in_track, common, between, (rough_track, rough_found)):
        return _with_ends(track, found), True
    bias = np.median(between, axis=0)
    spread = 1.48 * np.median(np.abs(between - bias), axis=0)
    kept = ~np.isin(track.frames, found.frames)
    # where only the first look saw it: its centroid, put right by the usual offset, if that lies on the path
    path = np.stack([np.interp(track.frames, found.frames, found.positions[:, axis]) for axis in range(2)], axis=1)
    off = np.abs(track.positions + bias - path).max(1)
    inside = (track.frames > found.frames[0]) & (track.frames < found.frames[-1])
    alike = np.abs(np.log(track.areas / np.median(track.areas))) < ALIKE_LOG_AREA
    radius = float(np.sqrt(found.body.sum() / np.pi))
    within = _continued(found, track.frames, track.positions + bias, radius)
    kept &= np.where(inside, off < min(3 * spread.max(), 0.3 * radius) + 2.0, alike & within)
    rows = np.flatnonzero(kept)
    frames = np.concatenate([found.frames, track.frames[rows]])
    order = np.argsort(frames, kind="stable")
    nearest = _nearest(track.frames, found.frames)
    source = np.concatenate([nearest, rows])[order]
    positions = np.concatenate([found.positions, track.positions[rows] + bias])[order]
    loose = track.covariances[rows] + np.diag(spread**2 + 0.05**2)
    covariances = np.concatenate([found.covariances, loose])[order]
    masks = [MaskCrop(*found.mask_at(i)) for i in range(len(found.frames))] + [track.masks[i] for i in rows]
    angles, angle_sigmas, period, angle_drift = _angles(track, found, rows, drift)
    axis = found.axis
    back, forth, left, right = found.spans(0.0 if np.isnan(axis) else axis)
    masks = [masks[i] for i in order]
    fresh = order < len(found.frames)
    return (
        replace(
            track,
            frames=frames[order],
            times=np.zeros(len(order)),  # filled in by the caller, who knows all frames' times
            positions=positions,
            covariances=covariances,
            boxes=_boxes(masks, size),
            areas=np.where(fresh, float(found.body.sum()), track.areas[source]),
            sizes=_sizes(track, np.array([back + forth, left + right]), source, long=not np.isnan(axis)),
            angles=angles[order],
            angle_sigmas=angle_sigmas[order],
            colors=track.colors[source],
            contrasts=track.contrasts[source],
            scores=np.where(fresh, np.concatenate([np.clip(found.gains, 0, 1), track.scores[rows]])[order], track.scores[source]),
            shapes=[track.shapes[i] for i in source],
            phrases=[track.phrases[i] for i in source],
            masks=masks,
            partial=np.where(fresh, False, track.partial[source]),
            identity_scores=np.concatenate([np.clip(found.gains, 0, 1), np.full(len(rows), 0.7)])[order],
            angle_period=period,
            ends=np.concatenate([found.ends, np.full((len(rows), 2, 2), np.nan)])[order],
            end_covariances=np.concatenate([found.end_covariances, np.full((len(rows), 2, 2, 2), np.nan)])[order],
            drift=drift.place_found,
            angle_drift=angle_drift,
            reach=None if np.isnan(axis) else (float(back), float(forth)),
            gaps={},
        ),
        True,
    )


def _continued(found: Sightings, frames: NDArray[np.int64], positions: Float, radius: float) -> NDArray[np.bool_]:
    """Whether positions, (n, 2), before the first sighting or after the last are as near to it as the body's speed there lets it come."""
    out = np.zeros(len(frames), bool)
    for end, beside in ((0, min(STEPS, len(found.frames) - 1)), (-1, -1 - min(STEPS, len(found.frames) - 1))):
        away = np.hypot(*(positions - found.positions[end]).T)
        steps = abs(int(found.frames[beside] - found.frames[end]))
        speed = float(np.hypot(*(found.positions[beside] - found.positions[end]))) / steps
        reach = radius + (1.0 + FASTER * speed) * np.abs(frames - found.frames[end])
        out |= ((frames < found.frames[0]) if end == 0 else (frames > found.frames[-1])) & (away <= reach)
    return out


def _nearest(frames: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.intp]:
    """Places in ascending frames of those nearest to the wanted ones, of two as near the earlier."""
    after = np.searchsorted(frames, wanted).clip(max=len(frames) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(wanted - frames[before] <= frames[after] - wanted, before, after)


def _strays(track: Track, rows: NDArray[np.intp], frames: NDArray[np.int64], between: Float, rough: tuple[float, float]) -> bool:
    """Whether the sprite strays slowly from the body by more than its steadier path is worth.

    A path's trembling doesn't tell what changes slowly: a sprite that was cut out a little too wide errs with the ground that it lies
    on, one of a turning body with the turn. Where the two looks drift apart, the first one's own part in it shows in its area.

    Args:
        rows, frames: of the track, where both looks saw the body. between: (n, 2), the sprite's positions less the track's.
        rough: how much both paths tremble.
    """
    if track.is_part or not np.isfinite(rough).all():
        return False
    away = between - np.median(between, axis=0)
    # a look that misses in a few frames, however far, hasn't drifted
    if 1.48 * np.median(np.abs(away)) < EVENLY * np.sqrt((away**2).mean()):
        return False
    drift = slow(away, frames)
    sizes = track.sizes[rows]
    # a circle's fit knows the area of a disc better than a soft mask does on an uneven ground
    areas = np.where(sizes[:, 0] == sizes[:, 1], np.pi / 4 * sizes[:, 0] ** 2, track.areas[rows])
    usual = float(np.median(areas))
    own = OFF_BY_AREA * float(np.sqrt(usual / np.pi)) * slow((areas / usual - 1)[:, None], frames)
    return bool(np.hypot(rough[0], own) < np.hypot(rough[1], np.sqrt(max(drift**2 - own**2, 0.0))))


def _wanders(turns: Float, sigmas: Float) -> bool:
    """Whether turns, (n,), jump about by more than their own σ explains: they fit noise, not a pattern."""
    if len(turns) < 5 or not np.isfinite(turns).all():
        return False
    jumps = float(np.median(np.abs(np.diff(turns, 2))) / 0.6745 / np.sqrt(6))
    return jumps > max(WANDERS * float(np.median(sigmas)), STEADY_TURN)


def _hidden_at_times(track: Track) -> bool:
    """Whether a part isn't always as large: then the first look doesn't know its centre, however smoothly that moves."""
    areas = track.areas[~track.partial]
    if not track.is_part or len(areas) == 0:
        return False
    usual = float(np.median(areas))
    # an outline at whole pixels changes a small part's area the most
    return bool(np.percentile(np.abs(np.log(areas / usual)), 95) > HIDDEN_LOG_AREA + 1 / np.sqrt(usual))


def _with_ends(track: Track, found: Sightings) -> Track:
    """The track as it is, and where its body's ends were seen."""
    axis = found.axis
    if np.isnan(axis):
        return track
    back, forth, _, _ = found.spans(axis)
    _, rows, seen = np.intersect1d(track.frames, found.frames, return_indices=True)
    ends, spreads = np.full((len(track), 2, 2), np.nan), np.full((len(track), 2, 2, 2), np.nan)
    ends[rows], spreads[rows] = found.ends[seen], found.end_covariances[seen]
    return replace(track, reach=(float(back), float(forth)), ends=ends, end_covariances=spreads)


def _centred(track: Track, found: Sightings, in_track: NDArray[np.intp], in_found: NDArray[np.intp]) -> Sightings:
    """The sightings, their anchor moved to where the first look has the body's centre, if that is clear.

    A sprite is cut out of a few frames; the centre of all frames' outlines is known better, and turns with the body.
    """
    turns = np.where(np.isfinite(found.turns), found.turns, 0.0)
    c, s = np.cos(turns), np.sin(turns)
    between = track.positions[in_track] - found.positions[in_found]
    ci, si = c[in_found], s[in_found]
    own = np.stack([ci * between[:, 0] + si * between[:, 1], -si * between[:, 0] + ci * between[:, 1]], axis=1)
    arm = np.median(own, axis=0)
    if 1.48 * np.median(np.abs(own - arm), axis=0).max() > CLEAR_PX:
        return found
    moved = found.positions + np.stack([c * arm[0] - s * arm[1], s * arm[0] + c * arm[1]], axis=1)
    return replace(found, positions=moved, anchor=found.anchor + arm)


def _angles(track: Track, found: Sightings, rows: NDArray[np.intp], drift: Drift) -> tuple[Float, Float, float, float]:
    """Angles of the found frames, then of the track's `rows`, their σ, their period, and the error that neighbouring frames share."""
    axis = found.axis
    if not np.isnan(axis):
        turned = np.isfinite(found.turns) & (not _wanders(found.turns, found.turn_sigmas))
        _, in_track, in_found = np.intersect1d(track.frames, found.frames, return_indices=True)
        seen = np.isfinite(track.angles[in_track]) & (track.angle_sigmas[in_track] > 0)
        angles, shared = axis + np.where(turned, found.turns, 0.0), track.angle_drift
        sigmas = np.where(turned, found.turn_sigmas, UNTURNED_SIGMA)
        if turned.any():
            error, sigma = _axis_error(track, angles, in_track, in_found, seen & turned[in_found])
            angles, shared = angles + error, float(np.hypot(drift.turn_found, sigma))
        elif len(seen) and (np.mean(seen) > 0.5 or _turns(track.angles[in_track[seen]] - axis, track.angle_sigmas[in_track[seen]])):
            # its look doesn't tell its turn, so that it would fit whatever the turn; the outline's axis does, be it in a few frames
            angles, sigmas = np.full((2, len(found.frames)), np.nan)
            angles[in_found[seen]], sigmas[in_found[seen]] = track.angles[in_track[seen]], track.angle_sigmas[in_track[seen]]
        return np.concatenate([angles, track.angles[rows]]), np.concatenate([sigmas, track.angle_sigmas[rows]]), np.pi, shared
    blank = np.full(len(rows), np.nan)
    if np.isfinite(found.turns).all() and np.median(found.turn_sigmas) < LEAST_TURN_SIGMA and not _wanders(found.turns, found.turn_sigmas):
        # a round thing with a pattern: its turn against how it looked in the frames that it was learned from
        return np.concatenate([found.turns, blank]), np.concatenate([found.turn_sigmas, blank]), 2 * np.pi, drift.turn_each
    nothing = np.full(len(found.frames), np.nan)
    return np.concatenate([nothing, blank]), np.concatenate([nothing, blank]), np.pi, 0.0


def _turns(away: Float, sigmas: Float) -> bool:
    """Whether outlines' axes, (n,), lie farther from the one that a body would have that doesn't turn than their σ explain."""
    off = np.abs((away + np.pi / 2) % np.pi - np.pi / 2)
    return len(off) >= LEAST_AXES and bool(np.median(off) > max(CLEAR_AXIS, 2 * float(np.median(sigmas))))


def _axis_error(
    track: Track, angles: Float, in_track: NDArray[np.intp], in_found: NDArray[np.intp], both: NDArray[np.bool_]
) -> tuple[float, float]:
    """What to add to the sprite's angles, and its σ, rad: the axis of one mask at whole pixels is off in all frames alike.

    The outlines of all frames know it better, by as much as the median of so many does.
    """
    if np.count_nonzero(both) < LEAST_AXES:
        return 0.0, UNTURNED_SIGMA
    away = track.angles[in_track[both]] - angles[in_found[both]]
    away = (away + np.pi / 2) % np.pi - np.pi / 2
    middle = float(np.median(away))
    spread = 1.48 * float(np.median(np.abs(away - middle)))
    if spread < CLEAR_AXIS and abs(middle) < FARTHEST_AXIS:
        return middle, MEDIANS * spread / np.sqrt(len(away))
    # either look may be the one that is off
    return 0.0, float(np.hypot(middle, MEDIANS * spread / np.sqrt(len(away)))) / np.sqrt(2)


def _sizes(track: Track, spans: Float, source: NDArray[np.intp], *, long: bool) -> Float:
    """(rows, 2) sides. A sprite spans whole pixels: a circle that was fitted to the rim knows better, unless it was a piece's.

    Of a part the first look has counted what is hidden of it.
    """
    if track.is_part:
        return track.sizes[source]
    fitted = float(np.mean(track.sizes[:, 0] == track.sizes[:, 1])) >= MOSTLY
    if fitted and not long and np.abs(np.log(np.median(track.sizes, axis=0) / spans)).max() < ALIKE_LOG_SIZE:
        return track.sizes[source]
    return np.tile(spans, (len(source), 1))


def _boxes(masks: list[MaskCrop], size: tuple[int, int]) -> Float:
    boxes = np.array([[m.x, m.y, m.x + m.shape[1], m.y + m.shape[0]] for m in masks], np.float64).reshape(-1, 4)
    boxes[:, [0, 2]] = np.clip(boxes[:, [0, 2]], 0, size[0])
    boxes[:, [1, 3]] = np.clip(boxes[:, [1, 3]], 0, size[1])
    return boxes
