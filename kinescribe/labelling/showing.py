"""What a verifier is shown of the tracks: their best frames, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kinescribe.labelling.names import Name
from kinescribe.perception.evidence import Evidence, Other, View
from kinescribe.tracking.tracks import Track

if TYPE_CHECKING:
    from kinescribe.video import Video

__all__ = ["gather"]

MOST_VIEWS = 12  # a track: errors of a verifier repeat within a frame, so that every question needs one of its own
VIEW_BYTES = 400_000_000


def gather(
    tracks: Sequence[Track], names: Sequence[Name], votes: Sequence[dict[str, float]], candidates: Sequence[str], video: Video
) -> list[Evidence]:
    """Evidence on each track, its pictures read from the video once more."""
    from kinescribe.perception.verification import frames_to_show

    chosen = [
        frames_to_show(
            track.frames,
            track.areas,
            track.positions,
            track.boxes,
            track.partial,
            track.scores,
            most=MOST_VIEWS,
            others=[(other.frames, other.boxes) for other in tracks if other is not track],
        )
        for track in tracks
    ]
    most = max(1, VIEW_BYTES // (video.info.width * video.info.height * 3))
    needed: list[int] = []
    for k in range(MOST_VIEWS):  # every track's best view before any track's second
        for frames in chosen:
            if k < len(frames) and frames[k] not in needed and len(needed) < most:
                needed.append(frames[k])
    needed.sort()
    pictures = {frame.index: frame for frame in video.sample(needed)} if needed else {}
    rows = [{int(frame): k for k, frame in enumerate(track.frames)} for track in tracks]

    def view(number: int, frame: int) -> View:
        others = tuple(
            Other(other.track_id, other.masks[rows[k][frame]]) for k, other in enumerate(tracks) if k != number and frame in rows[k]
        )
        picture = pictures[frame]
        return View(frame, picture.time_s, picture.image, tracks[number].masks[rows[number][frame]], others)

    return [
        Evidence(
            track_id=track.track_id,
            label=name.label,
            candidates=tuple(dict.fromkeys([*candidates, *([name.label] if name.label else [])])),
            votes={label: given.get(label, 0.0) for label in candidates},
            views=tuple(view(number, frame) for frame in frames if frame in pictures),
            frames=track.frames,
            areas=track.areas,
            positions=track.positions,
            colors=track.colors,
            sizes=track.sizes,
            shape=track.shape,
        )
        for number, (track, name, given, frames) in enumerate(zip(tracks, names, votes, chosen, strict=True))
    ]
