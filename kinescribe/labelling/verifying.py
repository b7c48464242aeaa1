"""Names held against the video by a verifier, and the tracks mended accordingly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kinescribe.errors import UsageError
from kinescribe.labelling.names import OTHER, Labelled, LeftOut, Name
from kinescribe.labelling.showing import gather
from kinescribe.perception.evidence import VERDICTS, Verdict
from kinescribe.plugins import blaming
from kinescribe.states import VerificationMeta, VoteMeta
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
    with blaming(verifier, "while it looked at the labels"):
        given = verifier.verify(evidence, unique=unique)
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise UsageError(f"verifier '{verifier.name}' gave a {type(given).__name__}; it must give a list, one Verdict a track")
    verdicts = {verdict.track_id: verdict for verdict in (_checked(one, verifier) for one in given)}
    if set(verdicts) != {track.track_id for track in tracks}:
        raise UsageError(
            f"verifier '{verifier.name}' gave verdicts on the tracks {sorted(verdicts)}; it was asked about 1 to {len(tracks)}"
        )
    kept: dict[int, list[tuple[Track, Name]]] = {}
    gone: list[LeftOut] = []
    for track, before in zip(tracks, names, strict=True):
        verdict = verdicts[track.track_id]
        meta = _meta(verdict, before, verdict.by or verifier.name)
        if verdict.verdict == "no" and getattr(verifier, "drops", True):
            gone.append(LeftOut(track, Name(before.label, before.score, "no", meta), verdict.reason or "not there"))
            continue
        kept[track.track_id] = _parted(track, Name(verdict.label, _score(verdict, before), verdict.verdict, meta), verdict)
    gone += _join(kept, verdicts)
    pairs = [pair for parts in kept.values() for pair in parts]
    return Labelled([track for track, _ in pairs], [name for _, name in pairs], gone)


def _score(verdict: Verdict, before: Name) -> float:
    """Confidence in the name: the verifier's where it decided; where it didn't, no more than it or the detector has."""
    if verdict.verdict in ("yes", "corrected"):
        return verdict.confidence
    return min(before.score, verdict.confidence if verdict.verdict == "unsure" else 1 - verdict.confidence)


def _checked(verdict: Verdict, verifier: LabelVerifier) -> Verdict:
    """A verifier may be anybody's. Raises `UsageError` for a verdict that isn't one."""
    if not isinstance(verdict, Verdict):
        raise UsageError(
            f"verifier '{verifier.name}' gave {str(verdict)[:60]!r}; it must give a kinescribe.perception.evidence.Verdict a track"
        )
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


def _join(kept: dict[int, list[tuple[Track, Name]]], verdicts: dict[int, Verdict]) -> list[LeftOut]:
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
        record.append(LeftOut(track, name, f"the same thing as {OTHER}, which it was joined to", joined_name))
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
