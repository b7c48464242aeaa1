"""What the tracks are called: the detector's words, held against the video by a verifier, and the tracks mended accordingly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kinescribe.perception.evidence import Evidence, Other, Verdict, View
from kinescribe.perception.naming import number_labels
from kinescribe.states import LeftOutMeta, VerificationMeta, VoteMeta
from kinescribe.tracking.corrections import merge_tracks, split_track
from kinescribe.tracking.tracks import Track

if TYPE_CHECKING:
    from kinescribe.perception.protocols import LabelVerifier
    from kinescribe.video import Video

__all__ = ["Labelled", "Name", "detected_names", "verify_names"]

MOST_VIEWS = 12  # a track: errors of a verifier repeat within a frame, so that every question needs one of its own
VIEW_BYTES = 400_000_000


@dataclass(frozen=True, slots=True)
class Name:
    """What a track is called.

    Attributes:
        label: words.
        score: confidence, [0, 1].
        verified: yes, corrected, unsure, no or unchecked.
        verification: how; None where nobody looked.
    """

    label: str
    score: float
    verified: str = "unchecked"
    verification: VerificationMeta | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Tracks and their names, one each, and what was left out."""

    tracks: list[Track]
    names: list[Name]
    left_out: list[LeftOutMeta]

    def numbered(self) -> list[Name]:
        """The names; those of which there are several carry a number."""
        labels = [name.label for name in self.names]
        numbered = number_labels(labels)
        several = [labels.count(label) > 1 for label in labels]
        return [replace(name, label=words if more else name.label) for name, words, more in zip(self.names, numbered, several, strict=True)]


def detected_names(tracks: Sequence[Track]) -> list[tuple[Name, dict[str, float]]]:
    """For each track the name that its detections give it most, and the sum of scores for every name that any gave."""
    out: list[tuple[Name, dict[str, float]]] = []
    for track in tracks:
        votes: dict[str, float] = {}
        for phrase, score in zip(track.phrases, track.scores, strict=True):
            if phrase:
                votes[phrase] = votes.get(phrase, 0.0) + float(score)
        if not votes:
            out.append((Name("", 0.0), {}))
            continue
        label = max(votes, key=lambda phrase: votes[phrase])
        sure = [float(score) for phrase, score in zip(track.phrases, track.scores, strict=True) if phrase == label]
        out.append((Name(label, float(np.clip(np.mean(sure), 0, 1))), votes))
    return out


def verify_names(
    tracks: Sequence[Track],
    names: Sequence[Name],
    votes: Sequence[dict[str, float]],
    candidates: Sequence[str],
    verifier: LabelVerifier,
    video: Video,
    *,
    unique: bool = False,
) -> Labelled:
    """Ask the verifier about every track and do as it says: rename, join two ids of one thing, part one of two, drop what isn't there.

    Args:
        tracks, names, votes: one each a track.
        candidates: all labels that were asked for.
        verifier: who looks.
        video: read once more, for the frames that are shown.
        unique: no two tracks may bear the same label.
    """
    evidence = _gather(tracks, names, votes, candidates, video)
    verdicts = {verdict.track_id: verdict for verdict in verifier.verify(evidence, unique=unique)}
    told = {track.track_id: name for track, name in zip(tracks, names, strict=True)}
    kept: dict[int, list[tuple[Track, Name]]] = {}
    left_out: list[LeftOutMeta] = []
    for track in tracks:
        verdict, before = verdicts.get(track.track_id), told[track.track_id]
        if verdict is None:
            kept[track.track_id] = [(track, before)]
            continue
        meta = _meta(verdict, before, verifier.name)
        if verdict.verdict == "no" and getattr(verifier, "drops", True):
            reason = verdict.reason or "not there"
            left_out.append(_left_out(track, before.label, reason, meta))
            continue
        score = verdict.confidence if verdict.verdict in ("yes", "corrected") else before.score
        name = Name(verdict.label, score, verdict.verdict, meta)
        kept[track.track_id] = _parted(track, name, verdict)
    _join(kept, verdicts)
    pairs = [pair for parts in kept.values() for pair in parts]
    return Labelled([track for track, _ in pairs], [name for _, name in pairs], left_out)


def _parted(track: Track, name: Name, verdict: Verdict) -> list[tuple[Track, Name]]:
    parts = split_track(track, [split.frame for split in verdict.splits])
    labels = [name.label, *(split.label for split in sorted(verdict.splits, key=lambda split: split.frame))]
    if len(parts) != len(labels):  # a part without a sighting: the split lies outside of the track
        return [(track, name)]
    return [
        (part, replace(name, label=label, verified=name.verified if k == 0 else "corrected"))
        for k, (part, label) in enumerate(zip(parts, labels, strict=True))
    ]


def _join(kept: dict[int, list[tuple[Track, Name]]], verdicts: dict[int, Verdict]) -> None:
    """Tracks that are a second name of another become part of it."""
    for number in sorted(kept):
        target = verdicts[number].same_as if number in verdicts else None
        seen = {number}
        while target is not None and target not in seen and target in verdicts and verdicts[target].same_as is not None:
            seen.add(target)
            target = verdicts[target].same_as
        if target is None or target in seen or target not in kept or not kept[target] or len(kept[number]) != 1:
            continue
        track, name = kept[target][0]
        kept[target][0] = (merge_tracks(track, kept[number][0][0]), name)
        kept[number] = []


def _gather(
    tracks: Sequence[Track], names: Sequence[Name], votes: Sequence[dict[str, float]], candidates: Sequence[str], video: Video
) -> list[Evidence]:
    from kinescribe.perception.verification import frames_to_show

    for most in range(MOST_VIEWS, 0, -1):
        chosen = [
            frames_to_show(
                track.frames,
                track.areas,
                track.positions,
                track.boxes,
                track.partial,
                track.scores,
                most=most,
                others=[(other.frames, other.boxes) for other in tracks if other is not track],
            )
            for track in tracks
        ]
        needed = sorted({frame for frames in chosen for frame in frames})
        if len(needed) * video.info.width * video.info.height * 3 <= VIEW_BYTES:
            break
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


def _meta(verdict: Verdict, before: Name, by: str) -> VerificationMeta:
    return VerificationMeta(
        verdict=verdict.verdict,
        detected=before.label,
        confidence=float(np.clip(verdict.confidence, 0, 1)),
        by=by,
        frames=sorted({frame for vote in verdict.votes for frame in vote.frames}),
        votes=[
            VoteMeta(frames=list(vote.frames), prompt=vote.prompt, answer=vote.answer, weight=float(vote.weight)) for vote in verdict.votes
        ],
        reason=verdict.reason,
    )


def _left_out(track: Track, label: str, reason: str, meta: VerificationMeta | None = None) -> LeftOutMeta:
    return LeftOutMeta(label=label, first_frame=int(track.frames[0]), last_frame=int(track.frames[-1]), reason=reason, verification=meta)
