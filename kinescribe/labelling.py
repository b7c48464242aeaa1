"""What the tracks are called: the detector's words, held against the video by a verifier, and the tracks mended accordingly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kinescribe.errors import UsageError
from kinescribe.perception.evidence import VERDICTS, Evidence, Other, Verdict, View
from kinescribe.states import LeftOutMeta, VerificationMeta, VoteMeta
from kinescribe.tracking.corrections import merge_tracks, split_track
from kinescribe.tracking.tracks import Track

if TYPE_CHECKING:
    from kinescribe.perception.protocols import LabelVerifier
    from kinescribe.video import Video

__all__ = ["Labelled", "Name", "detected_names", "in_order", "one_of_each", "verify_names"]

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
        """The names; those of which there are several carry a number, and no two are the same."""
        labels = [name.label for name in self.names]
        taken = {label for label in labels if labels.count(label) == 1}
        counts: dict[str, int] = {}
        out = []
        for name in self.names:
            words = name.label
            while labels.count(name.label) > 1 and (words == name.label or words in taken):
                counts[name.label] = counts.get(name.label, 0) + 1
                words = f"{name.label} {counts[name.label]}"
            out.append(replace(name, label=words))
        return out


def in_order(labelled: Labelled) -> Labelled:
    """By first frame, the larger first; corrections may have changed that."""
    pairs = sorted(
        zip(labelled.tracks, labelled.names, strict=True), key=lambda pair: (int(pair[0].frames[0]), -float(np.median(pair[0].areas)))
    )
    return Labelled([track for track, _ in pairs], [name for _, name in pairs], labelled.left_out)


def one_of_each(labelled: Labelled) -> Labelled:
    """Of several of one label the one that is surest, and seen longest; the others are left out, which the sidecar says."""

    def worth(k: int) -> tuple[bool, float]:
        name = labelled.names[k]
        return name.verified in ("yes", "corrected"), name.score * len(labelled.tracks[k])

    best: dict[str, int] = {}
    for k, name in enumerate(labelled.names):
        if name.label not in best or worth(k) > worth(best[name.label]):
            best[name.label] = k
    kept = sorted(best.values())
    left_out = list(labelled.left_out)
    for k, (track, name) in enumerate(zip(labelled.tracks, labelled.names, strict=True)):
        if k not in kept:
            left_out.append(_left_out(track, name.label, f'another is the surer "{name.label}", of which there is one', name.verification))
    return Labelled([labelled.tracks[k] for k in kept], [labelled.names[k] for k in kept], left_out)


def detected_names(tracks: Sequence[Track], known: Sequence[dict[str, float]] = ()) -> list[tuple[Name, dict[str, float]]]:
    """For each track the name that its detections give it most, and the sum of scores for every name that any gave.

    Args:
        tracks: n of them.
        known: n such sums, where a stage before kept all names that a detection gave; empty ones are made from the tracks.
    """
    out: list[tuple[Name, dict[str, float]]] = []
    for k, track in enumerate(tracks):
        votes = dict(known[k]) if known else {}
        if not votes:
            for phrase, score in zip(track.phrases, track.scores, strict=True):
                if phrase:
                    votes[phrase] = votes.get(phrase, 0.0) + float(score)
        if not votes:
            out.append((Name("", 0.0), {}))
            continue
        label = max(votes, key=lambda phrase: votes[phrase])
        sure = [float(score) for phrase, score in zip(track.phrases, track.scores, strict=True) if phrase == label]
        out.append((Name(label, float(np.clip(np.mean(sure), 0, 1)) if sure else 0.0), votes))
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
    verdicts = {verdict.track_id: _checked(verdict, verifier) for verdict in verifier.verify(evidence, unique=unique)}
    if set(verdicts) != {track.track_id for track in tracks}:
        raise UsageError(
            f"verifier '{verifier.name}' gave verdicts on the tracks {sorted(verdicts)}; it was asked about 1 to {len(tracks)}"
        )
    kept: dict[int, list[tuple[Track, Name]]] = {}
    left_out: list[LeftOutMeta] = []
    for track, before in zip(tracks, names, strict=True):
        verdict = verdicts[track.track_id]
        meta = _meta(verdict, before, verifier.name)
        if verdict.verdict == "no" and getattr(verifier, "drops", True):
            left_out.append(_left_out(track, before.label, verdict.reason or "not there", meta))
            continue
        score = verdict.confidence if verdict.verdict in ("yes", "corrected") else before.score
        kept[track.track_id] = _parted(track, Name(verdict.label, score, verdict.verdict, meta), verdict)
    left_out += _join(kept, verdicts)
    pairs = [pair for parts in kept.values() for pair in parts]
    return Labelled([track for track, _ in pairs], [name for _, name in pairs], left_out)


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
        record.append(_left_out(track, name.label, f'the same thing as "{joined_name.label}", which it was joined to', name.verification))
    return record


def _apart(one: Track, other: Track) -> int:
    """Frames between two tracks; 0 where they overlap in time."""
    return max(0, int(other.frames[0] - one.frames[-1]), int(one.frames[0] - other.frames[-1]))


def _gather(
    tracks: Sequence[Track], names: Sequence[Name], votes: Sequence[dict[str, float]], candidates: Sequence[str], video: Video
) -> list[Evidence]:
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
