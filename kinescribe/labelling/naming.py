"""Names for the tracks, verified where there is someone to do it; what nobody asked for is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.errors import NothingFoundError
from kinescribe.labelling.asked import Asked
from kinescribe.labelling.names import Labelled, Name, detected_names, in_order
from kinescribe.labelling.one_each import one_of_each, rivals_told
from kinescribe.labelling.verifying import verify_names
from kinescribe.perception.naming import Candidate, Phrase, assign_phrases, clashes, describe, match_phrase, number_labels
from kinescribe.perception.naming.prompts import prompts_of
from kinescribe.states import LeftOutMeta
from kinescribe.tracking.tracks import Track
from kinescribe.video.scarcity import few_frames

if TYPE_CHECKING:
    from kinescribe.video import Video

__all__ = ["Seen", "look_of", "name_tracks"]

Votes = dict[str, float]
MOST_TOLD = 3
LEAST_FIT = 0.25  # of a look with a phrase: what fits worse is no second name


@dataclass(frozen=True, slots=True)
class Seen:
    """What came out of a video before anything was named.

    Attributes:
        video: where it was seen.
        frames: of the video.
        all_equal: whether all of them show the same.
        votes: by the number of a track, the sum of scores for every name that detections gave it; empty where that isn't known.
        left_out: what was left out already.
        told: what the parts had to say, for a message that ends the run.
    """

    video: Video
    frames: int
    all_equal: bool = False
    votes: Mapping[int, Votes] = field(default_factory=dict)
    left_out: Sequence[LeftOutMeta] = ()
    told: Sequence[str] = ()


def name_tracks(tracks: list[Track], seen: Seen, asked: Asked, *, reads_phrases: bool, verifier: Any, one_each: bool) -> Labelled:
    """Name the tracks and number them by first frame, the larger first.

    Args:
        tracks: objects.
        seen: where.
        asked: what was asked for.
        reads_phrases: whether the tracks carry the words that they were found by.
        verifier: see `LabelVerifier`; None for none.
        one_each: no two may bear the same name.

    Raises:
        NothingFoundError: nothing is left.
        UsageError: a verifier that doesn't hold to its protocol.
    """
    tracks = sorted(tracks, key=lambda track: (int(track.frames[0]), -float(np.median(track.areas))))
    known = [dict(seen.votes.get(track.track_id, {})) for track in tracks]
    tracks = [replace(track, track_id=k + 1) for k, track in enumerate(tracks)]
    if reads_phrases:
        labelled, votes, candidates = _by_words(tracks, known, seen, asked)
    else:
        labelled, votes, candidates = _by_look(tracks, seen, asked)
    if verifier is not None and not candidates:
        labelled.warnings.append("labels weren't verified, for nothing was named; give --objects")
    elif verifier is not None:
        labelled = _verified(labelled, votes, candidates, verifier, seen.video, one_each)
    before = labelled
    if one_each:
        labelled = one_of_each(labelled, seen.frames)
    labelled = in_order(labelled)
    if one_each:
        labelled.warnings.extend(rivals_told(labelled, before))
    labelled.warnings.extend(_odd_shapes(labelled, asked.phrases))
    if reads_phrases:
        labelled.warnings.extend(_absent(labelled, votes, candidates))
    return labelled


def _verified(labelled: Labelled, votes: list[Votes], candidates: list[str], verifier: Any, video: Video, one_each: bool) -> Labelled:
    mended = verify_names(labelled.tracks, labelled.names, votes, candidates, verifier, video, unique=one_each)
    if not mended.tracks:
        gone = ", ".join(dict.fromkeys(f'"{item.name.label}"' for item in mended.left_out))
        raise NothingFoundError(f"the verifier says that none of {gone} is in {video.info.name}; see what is there with --verifier none")
    return replace(mended, warnings=labelled.warnings + mended.warnings)


def _odd_shapes(labelled: Labelled, phrases: Sequence[Phrase]) -> list[str]:
    """A line for each object whose name says another shape than it plainly has, where no verifier stands by the name."""
    by_text = {phrase.text: phrase for phrase in phrases}
    return [
        f"{labelled.told(name)} bears that name though it looks like a {track.shape}: score {name.score:.2f}"
        for track, name in zip(labelled.tracks, labelled.names, strict=True)
        if name.verified not in ("yes", "corrected") and name.label in by_text and clashes(by_text[name.label], _look(track))
    ]


def _absent(labelled: Labelled, votes: list[Votes], candidates: list[str]) -> list[str]:
    """A line for each name that was asked for and that nothing bears in the end."""
    borne = {name.label for name in labelled.names}
    lines = []
    for label in candidates:
        if label not in borne and any(label in given for given in votes):
            lines.append(f'nothing is called "{label}": what the detector found for it goes by another name, or was left out')
        elif label not in borne:
            lines.append(f'nothing was found for "{label}"')
    return lines


def _by_words(tracks: list[Track], known: list[Votes], seen: Seen, asked: Asked) -> tuple[Labelled, list[Votes], list[str]]:
    """The detector's own words."""
    prompts = prompts_of(asked.words)
    candidates = [prompt.label for prompt in prompts]
    named = [(track, *pair) for track, pair in zip(tracks, detected_names(tracks, known), strict=True) if pair[0].label]
    if not named:
        name = seen.video.info.name
        words = ", ".join(f'"{label}"' for label in candidates)
        lower = f'"{candidates[0]}: {(prompts[0].threshold or 0.3) / 2:.2g}"'
        why = f"nothing in {name} was found for {words}; try other words, or a lower threshold: {lower}"
        if seen.left_out:
            why = f"what was found in {name} for {words} was hardly ever confirmed; try other words, or --detect-every 1"
        few = few_frames(seen.video, seen.frames)
        if seen.video.partial and few is None:
            why += f"; and {seen.video.partial}"
        raise NothingFoundError("; ".join([why, *([] if few is None else [few]), *seen.told]))
    return Labelled([track for track, _, _ in named], [one for _, one, _ in named]), [votes for _, _, votes in named], candidates


def _by_look(tracks: list[Track], seen: Seen, asked: Asked) -> tuple[Labelled, list[Votes], list[str]]:
    """The user's phrases, matched by colour and shape, or what the objects look like."""
    name = seen.video.info.name
    looks = [_look(track) for track in tracks]
    described = number_labels([describe(look.lab, look.shape) for look in looks])
    if not tracks:
        few = few_frames(seen.video, seen.frames)
        if seen.all_equal:
            equal = f"all {seen.frames} frames of {name} are equal, so that nothing moves in it"
            raise NothingFoundError(f"{equal}; {few or 'give a video with motion'}")
        if few is not None:
            sought = f"; nor does anything at rest look like {_quoted(asked.phrases)}" if asked.phrases else ""
            raise NothingFoundError(f"nothing moves in {name} clearly enough to follow{sought}; {few}")
        if seen.left_out:
            cut = ", ".join(dict.fromkeys(one.label for one in seen.left_out[:MOST_TOLD]))
            raise NothingFoundError(
                f"nothing moves in {name} that is wholly in the picture; its edge cuts off what does ({cut}): move the camera back"
            )
        if asked.phrases:
            raise NothingFoundError(
                f"nothing moves in {name} clearly enough to follow, and nothing at rest looks like {_quoted(asked.phrases)}; "
                "if the camera moved, fix it to a tripod; try other words, or film with more light and contrast"
            )
        raise NothingFoundError(
            f"nothing moves in {name} clearly enough to follow; if the camera moved, fix it to a tripod; "
            'to find things at rest, name them: --objects "red ball"'
        )
    if not asked.phrases:
        names = [Name(words, _shape_share(track)) for words, track in zip(described, tracks, strict=True)]
        return Labelled(tracks, names), [], []
    assigned = assign_phrases(asked.phrases, looks)
    missing = _quoted(assigned.unmatched)
    if all(phrase is None for phrase in assigned.phrases):
        few = few_frames(seen.video, seen.frames)
        rest = "" if few is None else f"; {few}"
        raise NothingFoundError(f"nothing in {name} looks like {missing}; seen were: {', '.join(described)}{rest}")
    warnings = [f"nothing looks like {missing}; seen were: {', '.join(described)}"] if missing else []
    chosen = [
        (track, phrase, float(score)) for track, phrase, score in zip(tracks, assigned.phrases, assigned.scores, strict=True) if phrase
    ]
    names = [Name(phrase.text, score) for _, phrase, score in chosen]
    votes = [_votes_by_look(track, phrase, score, asked.phrases) for track, phrase, score in chosen]
    labelled = Labelled([track for track, _, _ in chosen], names, warnings=warnings)
    return labelled, votes, [phrase.text for phrase in asked.phrases]


def _quoted(phrases: Sequence[Phrase]) -> str:
    return ", ".join(f'"{phrase.text}"' for phrase in phrases)


def _votes_by_look(track: Track, own: Phrase, score: float, phrases: Sequence[Phrase]) -> Votes:
    """What the track's look says for each phrase, the one that it was given first: that was chosen with all others in view."""
    look = _look(track)
    fits = {phrase.text: min(match_phrase(phrase, look.lab, look.shape, look.size), score) for phrase in phrases if phrase is not own}
    others = {text: fit * len(track) for text, fit in fits.items() if fit >= LEAST_FIT}
    return {own.text: score * len(track), **others}


def look_of(track: Track) -> str:
    """What a track looks like, in words: colour and shape."""
    look = _look(track)
    return describe(look.lab, look.shape)


def _look(track: Track) -> Candidate:
    length, width = np.median(track.sizes, axis=0)
    return Candidate(np.median(track.colors, axis=0), track.shape, (float(length), float(width)), _shape_share(track))


def _shape_share(track: Track) -> float:
    """Share of the frames that agree on the shape."""
    return track.shapes.count(track.shape) / len(track)
