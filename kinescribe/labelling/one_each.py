"""What was named is there once: of several tracks of one name the likeliest stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinescribe.labelling.names import OTHER, Labelled, LeftOut, Name
from kinescribe.tracking.corrections import without_frames
from kinescribe.tracking.tracks import LEAST_WHOLE, TOUCH, Track

__all__ = ["one_of_each", "rivals_told"]

LEAST_TRAVEL = 0.25  # worth of a thing that stays where it is, against one that gets its own length away


def one_of_each(labelled: Labelled, frame_count: int) -> Labelled:
    """Of several of one label the likeliest: one that a verifier stands by, else by scores, presence and travel. The others are left out.

    The worth of a track is the confidence in its name, times the mean score of its detections, times the share of the video's frames in
    which it is seen whole, times a quarter to one for how far it moved: one from its own length on. What
    was seen in part, in front of or behind a track that is left out, is no sighting any more: nothing would tell what hides it.

    Args:
        labelled: tracks with names.
        frame_count: of the video.
    """

    def worth(k: int) -> tuple[bool, float]:
        name, track = labelled.names[k], labelled.tracks[k]
        moved = min(_travel(track) / max(2 * track.radius, 1.0), 1.0)
        presence = track.whole.sum() / max(frame_count, 1)
        value = name.score * _detection(track) * presence * (LEAST_TRAVEL + (1 - LEAST_TRAVEL) * moved)
        return name.verified in ("yes", "corrected"), value

    best: dict[str, int] = {}
    for k, name in enumerate(labelled.names):
        if name.label not in best or worth(k) > worth(best[name.label]):
            best[name.label] = k
    kept = sorted(best.values())
    gone = list(labelled.left_out)
    for k, (track, name) in enumerate(zip(labelled.tracks, labelled.names, strict=True)):
        if k not in kept:
            other = best[name.label]
            why = f'there is one "{name.label}", and that is rather {OTHER}: {_seen(labelled, other)}; this one: {_seen(labelled, k)}'
            gone.append(LeftOut(track, name, why, labelled.names[other]))
    left = [track for k, track in enumerate(labelled.tracks) if k not in kept]
    tracks = [_clear_of(labelled.tracks[k], left) for k in kept]
    return Labelled(tracks, [labelled.names[k] for k in kept], gone, labelled.warnings)


def rivals_told(labelled: Labelled, before: Labelled) -> list[str]:
    """A line for each name that several bore: which one was kept, and which were left out.

    Args:
        labelled: in its final order, after `one_of_each`.
        before: the tracks and names that it chose from.
    """
    lines = []
    for kept in labelled.names:
        others = [k for k, name in enumerate(before.names) if name.label == kept.label and name is not kept]
        if others:
            own = next(k for k, name in enumerate(before.names) if name is kept)
            gone = "; ".join(f"frames {before.tracks[k].frames[0]} to {before.tracks[k].frames[-1]} ({_seen(before, k)})" for k in others)
            lines.append(
                f'{len(others) + 1} tracks are called "{kept.label}", of which there is one: kept is {labelled.told(kept)}, '
                f"{_seen(before, own)}; left out: {gone}"
            )
    return lines


def _clear_of(track: Track, gone: Sequence[Track]) -> Track:
    """The track without its partial sightings where one of the others is, or passes unseen."""
    out = track
    for k in np.flatnonzero(track.partial):
        frame = int(track.frames[k])
        if any(_reaches(track, int(k), other) for other in gone) and len(out) > LEAST_WHOLE:
            out = without_frames(out, frame, frame) or out
    return out


def _reaches(track: Track, k: int, other: Track) -> bool:
    """Whether another track's thing touches a track's in its row k."""
    frame = track.frames[k]
    if not other.frames[0] <= frame <= other.frames[-1]:
        return False
    at = [float(np.interp(frame, other.frames, other.positions[:, axis])) for axis in (0, 1)]
    return bool(np.hypot(*(track.positions[k] - at)) <= TOUCH * (track.radius + other.radius))


def _detection(track: Track) -> float:
    """Mean score of its detections, [0, 1]."""
    known = track.scores[np.isfinite(track.scores)]
    return float(np.clip(known, 0, 1).mean()) if len(known) else 0.0


def _travel(track: Track) -> float:
    """The longer side of the field that it covers, px, outliers aside."""
    return float(np.max(np.percentile(track.positions, 97, axis=0) - np.percentile(track.positions, 3, axis=0)))


def _seen(labelled: Labelled, k: int) -> str:
    """What speaks for one of them."""
    name: Name = labelled.names[k]
    track = labelled.tracks[k]
    said = "" if name.verified == "unchecked" else f", verified: {name.verified}"
    return f"score {name.score * _detection(track):.2f}{said}, seen in {track.whole.sum()} frames, moved over {_travel(track):.0f} px"
