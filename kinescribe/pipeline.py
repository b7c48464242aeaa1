"""From a video to its states table: the one function that the command line, the demo and batch jobs call."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe import plugins
from kinescribe.assembly import assemble
from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.labelling import Labelled, Name, detected_names, in_order, one_of_each, verify_names
from kinescribe.perception.backends import ROLES, Choice, Stack, choose, resolve
from kinescribe.perception.coherence import check_options, idle_options
from kinescribe.perception.looking import Looked, look, resolve_every
from kinescribe.perception.naming import Candidate, Phrase, assign_phrases, describe, number_labels, parse_objects, unknown_words
from kinescribe.perception.naming.prompts import parse_prompts, prompts_of
from kinescribe.perception.sightings import Path as SeenPath
from kinescribe.states import Calibration, LeftOutMeta, States
from kinescribe.tracking.by_id import tracks_by_id
from kinescribe.tracking.corrections import without_frames
from kinescribe.tracking.pieces import join_pieces
from kinescribe.tracking.refinement import refine
from kinescribe.tracking.selection import leave_out, worth_a_second_look
from kinescribe.tracking.tracks import Track
from kinescribe.video import Frame, Video, open_video

if TYPE_CHECKING:
    from kinescribe.llm import Settings

__all__ = ["AUTO_OBJECTS", "Progress", "extract_states"]

Progress = Callable[[str, int, int | None], None]
AUTO_OBJECTS = "auto"


@dataclass(slots=True)
class _Run:
    """What one extraction gathers on its way."""

    video: Video
    stack: Stack
    phrases: list[Phrase]
    words: list[str]
    progress: Progress | None
    times: list[float] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    left_out: list[LeftOutMeta] = field(default_factory=list)
    votes: dict[int, dict[str, float]] = field(default_factory=dict)
    all_equal: bool = True
    digest: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self.video.info.width, self.video.info.height

    def watch(self, stage: str) -> Any:
        """The video, to be read under a stage's name."""
        return _Watched(self.video, stage, self.progress)

    def on_frame(self, frame: Frame) -> None:
        """Note a frame that perception sees."""
        self.times.append(frame.time_s)
        digest = zlib.crc32(frame.image[::3, ::3].tobytes())
        self.all_equal &= self.digest is None or digest == self.digest
        self.digest = digest


def extract_states(
    source: Any,
    *,
    objects: str | None = None,
    backend: str = "classical",
    detector: Any = None,
    segmenter: Any = None,
    propagator: Any = None,
    concept_tracker: Any = None,
    verifier: Any = None,
    detect_every: int | str | None = None,
    one_each: bool = False,
    device: str = "auto",
    precision: str = "auto",
    compile: bool = False,
    batch_size: int | None = None,
    vlm: Settings | None = None,
    calibration: Calibration | None = None,
    frame_interval: float | None = None,
    times: Sequence[float] | NDArray[np.float64] | None = None,
    tracker: str = "offline",
    ends: bool = True,
    masks: str | Path | None = None,
    progress: Progress | None = None,
) -> States:
    """Find every moving object in a video and tell its states in every frame.

    Args:
        source: a video file, a folder of numbered images, or pictures (T, H, W, 3), uint8 BGR.
        objects: what to look for, "red ball, black cart | trolley"; "auto" asks a VLM; all that moves if not given.
        backend: name of a combination ("classical", "grounded-sam", "sam3") or of an installed detector.
        detector, segmenter, propagator, concept_tracker, verifier: in place of the backend's own: the name of a plug-in, "NAME:WEIGHTS",
            "none" to leave the stage out, or an object that does it (the protocols are in `kinescribe.perception`).
        detect_every: frames from one detection to the next, with masks carried between; "auto" adapts it.
        one_each: no two objects may bear the same label: what you name is there once.
        device: for models: "auto", "cpu", "cuda", "cuda:0,1", "mps".
        precision: of models: "auto", "fp32", "bf16", "fp16".
        compile: whether models are compiled first, which pays for long videos.
        batch_size: frames that go through a model at once.
        vlm: the endpoint that looks at pictures; from the environment if not given.
        calibration: the world frame; image pixels, y down, if not given.
        frame_interval: seconds between frames, where the file's time stamps don't tell.
        times: (T,), seconds, of pictures given as an array.
        tracker: name of an installed tracker.
        ends: whether the two ends of long rigid bodies are reported as points of their own.
        masks: file to write the masks to, gzipped lines of JSON.
        progress: called with the stage, frames done, and frames in all if known.

    Raises:
        UsageError: an argument that makes no sense, or a backend that can't run here.
        InputError: a video that can't be read, or has one frame; weights that are missing or broken.
        NothingFoundError: nothing moves, or nothing looks like what was asked for.
    """
    asked = dict(zip(ROLES, (detector, segmenter, propagator, concept_tracker, verifier), strict=True))
    check_options(asked, detect_every=detect_every, precision=precision, batch_size=batch_size)
    choices, given = _choose(backend, asked, vlm, device)

    @cache
    def runtime() -> Any:
        from kinescribe.perception.grounded_sam.runtime import Runtime

        return Runtime.choose(device, precision=precision, compile=compile, batch_size=batch_size)

    stack = resolve(choices, given, runtime=runtime, settings=lambda: vlm)
    ways = {"device": (device, "auto"), "precision": (precision, "auto"), "compile": (compile, False), "batch-size": (batch_size, None)}
    models = {name: value for name, (value, default) in ways.items() if value != default and not runtime.cache_info().currsize}
    if device == "cpu":
        models.pop("device", None)  # there everything runs
    idle = idle_options(stack, detect_every=detect_every, models=models, vlm=vlm is not None, asks_vlm=_asks_vlm(objects))
    every = resolve_every(detect_every, stack)
    if every == 1:
        stack.propagator = None  # nothing is to be carried: ids are the tracker's
        choices.pop("propagator", None)
    follow = plugins.load("trackers", tracker)()
    video = open_video(source, times=times, frame_interval=frame_interval)
    run = _Run(video, stack, [], [], progress, warnings=idle)
    run.warnings += [
        f"{choice.role.replace('_', ' ')} '{choice.name}' stands in for {', '.join(f'{name} ({why})' for name, why in choice.passed_over)}"
        for choice in choices.values()
        if choice.passed_over and choice.role != "verifier"
    ]
    discovered = _read_objects(run, objects, vlm)

    used = runtime() if runtime.cache_info().currsize else None
    looked = look(stack, run.watch, run.words, every=every, on_frame=run.on_frame, runtime=used)
    partial = video.partial
    if len(run.times) == 1:
        raise InputError(f"{video.info.name} holds a single frame; motion takes two at least: give a video, or a folder of images")
    if looked.ids is not None:
        run.votes = looked.votes
        tracks = _believed(run, looked)
    else:
        tracks = follow.track(looked.detections, run.size)
    labelled = _label(run, _settle(run, tracks), one_each)
    run.left_out += labelled.left_out
    warnings = run.warnings + looked.warnings + [line for _, part in stack.parts() for line in getattr(part, "warnings", [])]
    warnings += [*(used.warnings if used is not None else []), *video.warnings]
    states = assemble(
        labelled.tracks,
        labelled.numbered(),
        np.array(run.times),
        video,
        calibration or Calibration.pixels(),
        ends=ends,
        configuration={
            "objects": objects,
            **({} if discovered is None else {"discovered": discovered}),
            "backend": backend,
            **{role: str(choice) for role, choice in choices.items()},
            **{role: type(part).__name__ for role, part in given.items()},
            "detect_every": every if looked.detected is not None else None,
            "detections": looked.detected,
            "one_each": one_each,
            **({} if used is None else used.describe()),
            "tracker": tracker,
            "ends": ends,
            "frame_interval": frame_interval,
        },
        overridden=frame_interval is not None or times is not None,
        warnings=list(dict.fromkeys(warnings)),
        partial=partial,
        left_out=run.left_out,
        models={role: dict(source) for role, part in stack.parts() if (source := getattr(part, "provenance", None))},
    )
    if masks is not None:
        _write_masks(Path(masks), labelled.tracks, run.size)
    return states


def _choose(backend: str, asked: dict[str, Any], vlm: Settings | None, device: str) -> tuple[dict[str, Choice], dict[str, Any]]:
    """Plug-ins by role, and the objects that were handed in instead."""
    given = {role: part for role, part in asked.items() if part is not None and not isinstance(part, str)}
    names = {role: part for role, part in asked.items() if isinstance(part, str)}
    return choose(backend, names, given, ready=() if vlm is None else ("vlm",), on_device=device not in ("auto", "cpu")), given


def _asks_vlm(objects: str | None) -> bool:
    return objects is not None and objects.strip().lower() == AUTO_OBJECTS


def _read_objects(run: _Run, objects: str | None, vlm: Settings | None) -> dict[str, Any] | None:
    """Understand what is asked for; where a VLM was asked to find the words, what it said."""
    discovered = None
    if _asks_vlm(objects):
        from kinescribe.perception.discovery import discover

        found = discover(run.watch("discover"), vlm)
        discovered = {
            "phrases": found.phrases,
            "why": found.why,
            "rejected": found.rejected,
            "frames": found.frames,
            "model": found.reply.model,
        }
        objects = ", ".join(found.phrases)
    if run.stack.reads_phrases:
        if objects is None:
            raise UsageError(
                'this backend finds what it is told; name it: --objects "red ball, black cart", or --objects auto to ask a VLM'
            )
        run.words = [str(prompt) for prompt in parse_prompts(objects)]
        return discovered
    run.phrases = parse_objects(objects) if objects is not None else []
    for phrase in list(run.phrases):
        unknown = unknown_words(phrase)
        if unknown is not None and not phrase.is_visual and (discovered is None or len(run.phrases) == 1):
            raise UsageError(unknown)
        if unknown is not None:
            run.warnings.append(unknown)
        if not phrase.is_visual:
            run.phrases.remove(phrase)  # a VLM's word among others that are understood
    kept = {phrase.text for phrase in run.phrases}
    run.words = [str(prompt) for prompt in parse_prompts(objects) if prompt.label in kept] if objects else []
    return discovered


def _believed(run: _Run, looked: Looked) -> list[Track]:
    """The tracks of the ids, without what was withdrawn and those that the detector hardly ever confirmed, which the sidecar names."""
    assert looked.ids is not None
    try:
        tracks = tracks_by_id(looked.detections, looked.ids)
    except ValueError as error:
        part = run.stack.concept_tracker or run.stack.propagator
        raise UsageError(f"{type(part).__name__} gave ids that make no sense: {error}") from error
    believed = []
    for track in tracks:
        if track.track_id in looked.dropped:
            votes = looked.votes.get(track.track_id, {})
            label = max(votes, key=lambda name: votes[name]) if votes else detected_names([track])[0][0].label
            first, last = int(track.frames[0]), int(track.frames[-1])
            reason = "the detector hardly ever confirmed it"
            run.left_out.append(LeftOutMeta(label=label, first_frame=first, last_frame=last, reason=reason))
            continue
        left: Track | None = track
        for one in looked.withdrawn:
            if left is not None and one.number == track.track_id:
                left = without_frames(left, one.first, one.last)
        if left is not None and len(left) >= min(2, len(run.times) - 1):
            believed.append(left)
    return believed


def _settle(run: _Run, tracks: list[Track]) -> list[Track]:
    """Which tracks are objects. What was found by words is; what was found by its motion is looked at again."""
    if run.stack.reads_phrases:
        return tracks
    tracks, confirmed = _look_again(run, worth_a_second_look(tracks, len(run.times)))
    tracks = join_pieces(tracks)
    if not getattr(run.stack.detector, "finds_still", True):
        tracks, _ = leave_out(tracks, confirmed, run.size, len(run.times), asked_for=bool(run.phrases))
    return tracks


def _look_again(run: _Run, tracks: list[Track]) -> tuple[list[Track], set[int]]:
    """Let the detector look for what it missed, now that the tracks are known; the better tracks, and the ids that were confirmed."""
    second_look = getattr(run.stack.detector, "second_look", None)
    moving = [track for track in tracks if "still" not in track.phrases]
    if second_look is None or not moving:
        return tracks, {track.track_id for track in tracks}
    found = second_look(run.watch("follow"), [_path(track, run.size) for track in moving])
    refined: list[Track] = []
    confirmed: set[int] = {track.track_id for track in tracks if "still" in track.phrases}
    for track, sightings in zip(moving, found, strict=True):
        better, sure = refine(track, sightings, run.size)
        refined.append(replace(better, times=np.array(run.times)[better.frames]))
        if sure:
            confirmed.add(track.track_id)
    return refined + [track for track in tracks if "still" in track.phrases], confirmed


def _path(track: Track, size: tuple[int, int]) -> SeenPath:
    cut = (track.boxes[:, :2] <= 0).any(1) | (track.boxes[:, 2:] >= np.array(size)).any(1)
    masks = [(mask.x, mask.y, mask.pixels) for mask in track.masks]
    return SeenPath(track.frames, track.positions, track.areas, track.boxes, masks, np.asarray(~cut))


def _label(run: _Run, tracks: list[Track], one_each: bool) -> Labelled:
    """Names for the tracks, verified where there is someone to do it; tracks that nobody asked for are left out."""
    tracks = sorted(tracks, key=lambda track: (int(track.frames[0]), -float(np.median(track.areas))))
    known = [run.votes.get(track.track_id, {}) for track in tracks]
    tracks = [replace(track, track_id=k + 1) for k, track in enumerate(tracks)]
    if run.stack.reads_phrases:
        labelled, votes, candidates = _by_words(run, tracks, known)
    else:
        labelled, votes, candidates = _by_look(run, tracks)
    verifier = run.stack.verifier
    if verifier is not None and not candidates:
        run.warnings.append("labels weren't verified, for nothing was named; give --objects")
    elif verifier is not None:
        labelled = _verified(run, labelled, votes, candidates, one_each)
    if one_each:
        labelled = one_of_each(labelled)
    if run.stack.reads_phrases:
        run.warnings += _absent(labelled, votes, candidates)
    return in_order(labelled)


def _verified(run: _Run, labelled: Labelled, votes: list[dict[str, float]], candidates: list[str], one_each: bool) -> Labelled:
    verifier = run.stack.verifier
    labelled = verify_names(labelled.tracks, labelled.names, votes, candidates, verifier, run.video, unique=one_each)
    if not labelled.tracks:
        gone = ", ".join(dict.fromkeys(f'"{item.label}"' for item in labelled.left_out))
        raise NothingFoundError(
            f"the verifier says that none of {gone} is in {run.video.info.name}; see what is there with --verifier none"
        )
    return labelled


def _told(run: _Run) -> list[str]:
    """What the parts had to say, for a message that ends the run."""
    return [line for _, part in run.stack.parts() for line in getattr(part, "warnings", [])]


def _absent(labelled: Labelled, votes: list[dict[str, float]], candidates: list[str]) -> list[str]:
    """A line for each name that was asked for and that nothing bears in the end."""
    borne = {name.label for name in labelled.names}
    lines = []
    for label in candidates:
        if label not in borne and any(label in given for given in votes):
            lines.append(f'nothing is called "{label}": what the detector found for it goes by another name, or was left out')
        elif label not in borne:
            lines.append(f'nothing was found for "{label}"')
    return lines


def _by_words(run: _Run, tracks: list[Track], known: list[dict[str, float]]) -> tuple[Labelled, list[dict[str, float]], list[str]]:
    """The detector's own words."""
    prompts = prompts_of(run.words)
    candidates = [prompt.label for prompt in prompts]
    named = [(track, *pair) for track, pair in zip(tracks, detected_names(tracks, known), strict=True) if pair[0].label]
    if not named:
        words = ", ".join(f'"{label}"' for label in candidates)
        lower = f'"{candidates[0]}: {(prompts[0].threshold or 0.3) / 2:.2g}"'
        why = f"nothing in {run.video.info.name} was found for {words}; try other words, or a lower threshold: {lower}"
        if run.left_out:
            why = f"what was found in {run.video.info.name} for {words} was hardly ever confirmed; try other words, or --detect-every 1"
        if run.video.partial:
            why += f"; and {run.video.partial}"
        raise NothingFoundError("; ".join([why, *_told(run)]))
    return Labelled([track for track, _, _ in named], [one for _, one, _ in named], []), [votes for _, _, votes in named], candidates


def _by_look(run: _Run, tracks: list[Track]) -> tuple[Labelled, list[dict[str, float]], list[str]]:
    """The user's phrases, matched by colour and shape, or what the objects look like."""
    name = run.video.info.name
    looks = [_look(track) for track in tracks]
    described = number_labels([describe(look.lab, look.shape) for look in looks])
    if not tracks:
        if run.all_equal:
            raise NothingFoundError(
                f"all {len(run.times)} frames of {name} are equal, so that nothing moves in it; give a video with motion"
            )
        raise NothingFoundError(
            f"nothing moves in {name} clearly enough to follow; if the camera moved, fix it to a tripod; "
            'to find things at rest, name them: --objects "red ball"'
        )
    if not run.phrases:
        names = [Name(words, _shape_share(track)) for words, track in zip(described, tracks, strict=True)]
        return Labelled(tracks, names, []), [], []
    assigned = assign_phrases(run.phrases, looks)
    missing = ", ".join(f'"{phrase.text}"' for phrase in assigned.unmatched)
    if all(phrase is None for phrase in assigned.phrases):
        raise NothingFoundError(f"nothing in {name} looks like {missing}; seen were: {', '.join(described)}")
    if missing:
        run.warnings.append(f"nothing looks like {missing}; seen were: {', '.join(described)}")
    chosen = [
        (track, phrase, float(score)) for track, phrase, score in zip(tracks, assigned.phrases, assigned.scores, strict=True) if phrase
    ]
    names = [Name(phrase.text, score) for _, phrase, score in chosen]
    votes = [{phrase.text: score * len(track)} for track, phrase, score in chosen]
    return Labelled([track for track, _, _ in chosen], names, []), votes, [phrase.text for phrase in run.phrases]


def _look(track: Track) -> Candidate:
    length, width = np.median(track.sizes, axis=0)
    return Candidate(np.median(track.colors, axis=0), track.shape, (float(length), float(width)))


def _shape_share(track: Track) -> float:
    """Share of the frames that agree on the shape."""
    return track.shapes.count(track.shape) / len(track)


def _write_masks(path: Path, tracks: list[Track], size: tuple[int, int]) -> None:
    import gzip
    import json

    from kinescribe.perception.rle import encode_mask
    from kinescribe.states.writing import replaced

    width, height = size
    rows = sorted((int(frame), k + 1, i) for k, track in enumerate(tracks) for i, frame in enumerate(track.frames))
    with replaced(path) as (beside,), gzip.open(beside, "wt", encoding="utf-8") as file:
        for frame, object_id, i in rows:
            mask = encode_mask(tracks[object_id - 1].masks[i], height, width)
            file.write(json.dumps({"frame": frame, "object_id": object_id, "rle": mask}) + "\n")


class _Watched:
    """A video that tells how far it has been read."""

    def __init__(self, video: Video, stage: str, progress: Progress | None) -> None:
        self._video, self._stage, self._progress = video, stage, progress

    def __getattr__(self, name: str) -> Any:
        return getattr(self._video, name)

    def __iter__(self) -> Any:
        for frame in self._video:
            yield frame
            if self._progress is not None:
                self._progress(self._stage, frame.index + 1, self._video.info.frame_count)
