"""Tracks with their names, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kinescribe.states import LeftOutMeta, VerificationMeta
from kinescribe.tracking.tracks import Track

__all__ = ["OTHER", "Labelled", "LeftOut", "Name", "detected_names", "in_order"]

OTHER = "{other}"


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
class LeftOut:
    """A track that is not in the table.

    Attributes:
        track, name: what it was, and was called.
        reason: why it isn't; `OTHER` in it stands for the one that is there instead, of which the number isn't known yet.
        instead: name of that one, None without one.
    """

    track: Track
    name: Name
    reason: str
    instead: Name | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Tracks and their names, one each, what was left out, and lines for the user."""

    tracks: list[Track]
    names: list[Name]
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def notes(self) -> list[LeftOutMeta]:
        """What the sidecar says of all that was left out; for the tracks in their final order."""
        return [
            LeftOutMeta(
                label=one.name.label,
                first_frame=int(one.track.frames[0]),
                last_frame=int(one.track.frames[-1]),
                reason=one.reason if one.instead is None else one.reason.replace(OTHER, self.told(one.instead)),
                verification=one.name.verification,
            )
            for one in self.left_out
        ]

    def told(self, name: Name) -> str:
        """How the table, or else the sidecar, has a track: by its number, or by its frames."""
        for number, (mine, numbered) in enumerate(zip(self.names, self.numbered(), strict=True), 1):
            if mine is name:
                return f'object {number} ("{numbered.label}")'
        track = next((one.track for one in self.left_out if one.name is name), None)
        where = "" if track is None else f" of frames {track.frames[0]} to {track.frames[-1]}"
        return f'the "{name.label}"{where}, left out too'

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
    return Labelled([track for track, _ in pairs], [name for _, name in pairs], labelled.left_out, labelled.warnings)


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
