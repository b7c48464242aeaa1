"""Names held against the video by a verifier, and the tracks mended accordingly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kinescribe.errors import UsageError
from kinescribe.labelling.names import Labelled, Name, left_out
from kinescribe.labelling.showing import gather
from kinescribe.perception.evidence import VERDICTS, Verdict
from kinescribe.states import LeftOutMeta, VerificationMeta, VoteMeta
from kinescribe.tracking.corrections import merge_tracks, split_track
from kinescribe.tracking.tracks import Track

if TYPE_CHECKING:
    from kinescribe.perception.protocols import LabelVerifier
    from kinescribe.video import Video

__all__ = ["verify_names"]


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
    evidence = gather(tracks, names, votes, candidates, video)
    verdicts = {verdict.track_id: _checked(verdict, verifier) for verdict in verifier.verify(evidence, unique=unique)}
    if set(verdicts) != {track.track_id for track in tracks}:
        raise UsageError(
            f"verifier '{verifier.name}' gave verdicts on the tracks {sorted(verdicts)}; it was asked about 1 to {len(tracks)}"
        )
    kept: dict[int, list[tuple[Track, Name]]] = {}
    gone: list[LeftOutMeta] = []
    for track, before in zip(tracks, names, strict=True):
        verdict = verdicts[track.track_id]
        meta = _meta(verdict, before, verifier.name)
        if verdict.verdict == "no" and getattr(verifier, "drops", True):
            gone.append(left_out(track, before.label, verdict.reason or "not there", meta))
            continue
        score = verdict.confidence if verdict.verdict in ("yes", "corrected") else before.score
        kept[track.track_id] = _parted(track, Name(verdict.label, score, verdict.verdict, meta), verdict)
    gone += _join(kept, verdicts)
    pairs = [pair for parts in kept.values() for pair in parts]
    return Labelled([track for track, _ in pairs], [name for _, name in pairs], gone)


def _checked(verdict: Verdict, verifier: LabelVerifier) -> Verdict:
    """A verifier may be anybody's. Raises `UsageError` for a verdict that isn't one."""
    if verdict.verdict not in VERDICTS or not verdict.label or not 0 <= verdict.confidence <= 1:
        raise UsageError(
            f"verifier '{verifier.name}' says '{verdict.verdict}', label '{verdict.label}', confidence {verdict.confidence}; "
            f"a verdict is one of {', '.join(VERDICTS)}, with a label and a confidence from 0 to 1"
        )
    return verdict


def _parted(track: Track, name: Name, verdict: Verdict) -> list[tuple[Track, Name]]:
    """The track under its name; from each split on, what remains of it is another thing with a name of its own."""
    splits = sorted(verdict.splits, key=lambda split: split.frame)
    out = []
    for part in split_track(track, [split.frame for split in splits]):
        begun = [split for split in splits if split.frame <= part.frames[0]]
        if begun and name.verification is not None:
            meta = name.verification.model_copy(update={"verdict": "corrected", "reason": f'called "{begun[-1].label}" from here on'})
            out.append((part, Name(begun[-1].label, name.score, "corrected", meta)))
        else:
            out.append((part, name))
    return out


def _join(kept: dict[int, list[tuple[Track, Name]]], verdicts: dict[int, Verdict]) -> list[LeftOutMeta]:
    """Tracks that are a second name of another become part of it; what is said of them stays on record."""
    record = []
    for number in sorted(kept):
        target = verdicts[number].same_as
        seen = {number}
        while target is not None and target not in seen and target in verdicts and verdicts[target].same_as is not None:
            seen.add(target)
            target = verdicts[target].same_as
        if target is None or target in seen or not kept.get(target) or len(kept[number]) != 1:
            continue
        track, name = kept[number][0]
        k = min(range(len(kept[target])), key=lambda part: _apart(kept[target][part][0], track))
        joined, joined_name = kept[target][k]
        kept[target][k] = (merge_tracks(joined, track), joined_name)
        kept[number] = []
        record.append(left_out(track, name.label, f'the same thing as "{joined_name.label}", which it was joined to', name.verification))
    return record


def _apart(one: Track, other: Track) -> int:
    """Frames between two tracks; 0 where they overlap in time."""
    return max(0, int(other.frames[0] - one.frames[-1]), int(one.frames[0] - other.frames[-1]))


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
