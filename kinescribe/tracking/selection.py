"""Which tracks are objects: what isn't a moving body is left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinescribe.tracking.pieces import SHARED, box_gaps
from kinescribe.tracking.refinement import roughness
from kinescribe.tracking.tracks import Track

__all__ = ["Left", "leave_out", "without_strings", "worth_a_second_look"]

STRING_ASPECT, STRING_CONTRAST = 5.0, 0.35
LEAST_TRAVEL_PX = 2.5
LEAST_TRAVEL_RADII = 0.3
LEAST_SEEN = 4  # frames
LEAST_DENSITY = 0.65  # share of the frames from a track's first to its last in which it was seen
HOPELESS = 0.01  # of the salience of the clip's most salient thing: not worth a second look
FAINT = 0.04  # of the same: not worth reporting
TREMBLE_PX = 0.1
MOST_TRAVEL = 20.0  # times its radius: from there on a thing doesn't stand out more
CUT_OFF = 0.7  # share of frames in which the picture's edge cuts a body, from which on its centroid isn't one


@dataclass(frozen=True, slots=True)
class Left:
    """How many tracks were left out, by reason.

    Attributes:
        still, cut_off, erratic, faint: how many.
        cut: those that the picture's edge cuts off: things that are there, though nobody can tell where their centroid is.
    """

    still: int = 0
    cut_off: int = 0
    erratic: int = 0
    faint: int = 0
    cut: tuple[Track, ...] = ()

    def counts(self) -> dict[str, int]:
        """How many, by reason."""
        return {"still": self.still, "cut_off": self.cut_off, "erratic": self.erratic, "faint": self.faint}


def without_strings(tracks: list[Track]) -> list[Track]:
    """Leave out what bodies hang on: long, thin, faint beside the clearest body, and near something else."""
    clearest = max((float(np.median(track.contrasts)) for track in tracks), default=0.0)
    return [track for track in tracks if not (_is_thin(track, clearest) and any(_touches(track, other) for other in tracks))]


def _is_thin(track: Track, clearest: float) -> bool:
    length, width = np.median(track.sizes, axis=0)
    return bool(not track.is_part and length >= STRING_ASPECT * width and np.median(track.contrasts) < STRING_CONTRAST * clearest)


def _touches(track: Track, other: Track) -> bool:
    common, i, j = np.intersect1d(other.frames, track.frames, return_indices=True)
    if other is track or len(common) < SHARED * len(track):
        return False
    return bool(np.median(box_gaps(other, track, i, j)) <= 3 + 0.5 * float(np.median(track.sizes[:, 0])))


def worth_a_second_look(tracks: list[Track], frame_count: int, *, resting: bool = False) -> list[Track]:
    """Without flickers of a few frames here and there, which cost time and come to nothing.

    `resting`: things are found that don't move, so that how far a thing travels says nothing of it.
    """
    stands_out = [_presence(track) if resting else _salience(track) for track in tracks]
    most = max(stands_out, default=0.0)
    out = []
    for track, much in zip(tracks, stands_out, strict=True):
        density = len(track) / float(track.frames[-1] - track.frames[0] + 1)
        long = len(track) >= 0.25 * frame_count
        if "still" in track.phrases or (much >= HOPELESS * most and (long or density >= 0.3)):
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
    cut: list[Track] = []
    still = erratic = faint = 0
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
            cut.append(track)
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
    return kept, Left(still, len(cut), erratic, faint, tuple(cut))


def _salience(track: Track) -> float:
    """How much a track stands out: contrast against noise, size, and how many times its own size it travelled."""
    travel = max(_extent(track), TREMBLE_PX)  # measured finely enough, nothing that rests has travelled at all
    return _presence(track) * min(travel / _radius(track), MOST_TRAVEL)


def _presence(track: Track) -> float:
    """The same by contrast and size alone."""
    return float(np.median(track.contrasts)) * _radius(track)


def _radius(track: Track) -> float:
    return max(float(np.sqrt(np.median(track.areas) / np.pi)), 1.0)


def _extent(track: Track) -> float:
    """The longer side of the field that a track covers, px, outliers aside."""
    return float(np.max(np.percentile(track.positions, 97, axis=0) - np.percentile(track.positions, 3, axis=0)))
