"""Bodies that were seen as one with another, each put where its own look was found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.sightings import Sightings
from kinescribe.tracking.tracks import Track

__all__ = ["separate"]

LEAST_ALONE = 3  # sightings of the body by itself, which tell how the two looks lie against each other


def separate(track: Track, found: Sightings) -> Track:
    """The track, with what the second look found in those frames in which the first saw this body and another as one.

    Where both looks saw the body by itself they tell how the one lies against the other; its size is that which it has there.
    """
    rows = np.flatnonzero(np.isin(track.frames, found.shared))
    common, in_track, in_found = np.intersect1d(track.frames, found.frames, return_indices=True)
    alone = ~np.isin(common, found.shared)
    if not len(rows) or np.count_nonzero(alone) < LEAST_ALONE:
        return track
    between = track.positions[in_track[alone]] - found.positions[in_found[alone]]
    bias = np.median(between, axis=0)
    spread = 1.48 * np.median(np.abs(between - bias), axis=0)
    seen = np.searchsorted(found.frames, track.frames[rows])
    own = in_track[alone]
    positions, covariances, areas, sizes = track.positions.copy(), track.covariances.copy(), track.areas.copy(), track.sizes.copy()
    angles, angle_sigmas, boxes = track.angles.copy(), track.angle_sigmas.copy(), track.boxes.copy()
    masks, shapes = list(track.masks), list(track.shapes)
    positions[rows] = found.positions[seen] + bias
    covariances[rows] = found.covariances[seen] + np.diag(spread**2)
    areas[rows], sizes[rows] = np.median(track.areas[own]), np.median(track.sizes[own], axis=0)
    angles[rows] = angle_sigmas[rows] = np.nan
    usual = Counter(shapes[k] for k in own).most_common(1)[0][0]
    for row, k in zip(rows, seen, strict=True):
        x, y, pixels = found.mask_at(int(k))
        masks[row], shapes[row] = MaskCrop(x, y, pixels), usual
        boxes[row] = x, y, x + pixels.shape[1], y + pixels.shape[0]
    return replace(
        track,
        positions=positions,
        covariances=covariances,
        boxes=boxes,
        areas=areas,
        sizes=sizes,
        angles=angles,
        angle_sigmas=angle_sigmas,
        shapes=shapes,
        masks=masks,
    )
