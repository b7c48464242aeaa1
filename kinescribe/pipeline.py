"""From a video to its states table: the one function that the command line, the demo and batch jobs call."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe import plugins
from kinescribe.assembly import assemble
from kinescribe.errors import InputError, UsageError
from kinescribe.labelling import AUTO_OBJECTS, Seen, asks_vlm, detected_names, name_tracks, read_objects, votes_of
from kinescribe.llm import Client, Settings
from kinescribe.perception.backends import ROLES, Choice, Stack, choose, own_parts, resolve
from kinescribe.perception.coherence import check_arguments, check_options, idle_options
from kinescribe.perception.looking import Looked, look, resolve_every
from kinescribe.perception.progress import Progress, Stages
from kinescribe.perception.sightings import Path as SeenPath
from kinescribe.states import Calibration, LeftOutMeta, States
from kinescribe.tracking.by_id import tracks_by_id
from kinescribe.tracking.corrections import without_frames
from kinescribe.tracking.identity import with_identity
from kinescribe.tracking.pieces import join_pieces
from kinescribe.tracking.refinement import refine
from kinescribe.tracking.selection import leave_out, worth_a_second_look
from kinescribe.tracking.tracks import Track
from kinescribe.video import Frame, open_video

if TYPE_CHECKING:
    from kinescribe.perception.discovery import Discovery

__all__ = ["AUTO_OBJECTS", "Progress", "extract_states"]


class _Frames:
    """What is noted of the frames as perception sees them."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.all_equal = True
        self._digest: int | None = None

    def note(self, frame: Frame) -> None:
        self.times.append(frame.time_s)
        digest = zlib.crc32(frame.image[::3, ::3].tobytes())
        self.all_equal &= self._digest is None or digest == self._digest
        self._digest = digest


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
    names = {"backend": backend, "device": device, "tracker": tracker}
    check_arguments(
        objects=objects, names=names, one_each=one_each, vlm=vlm, calibration=calibration, progress=progress, ends=ends, masks=masks
    )
    asked = dict(zip(ROLES, (detector, segmenter, propagator, concept_tracker, verifier), strict=True))
    check_options(asked, detect_every=detect_every, precision=precision, batch_size=batch_size)
    if vlm is None and (asks_vlm(objects) or verifier == "vlm"):
        vlm = Settings.from_environment()
    choices, given = _choose(backend, asked, vlm, device)

    @cache
    def runtime() -> Any:
        from kinescribe.perception.grounded_sam.runtime import Runtime

        return Runtime.choose(device, precision=precision, compile=compile, batch_size=batch_size)

    client = None if vlm is None else Client(vlm)  # one for all that ask, so that the caps hold for them together
    stack = resolve(choices, given, runtime=runtime, settings=lambda: client)
    ways = {"device": (device, "auto"), "precision": (precision, "auto"), "compile": (compile, False), "batch-size": (batch_size, None)}
    models = {name: value for name, (value, default) in ways.items() if value != default and not runtime.cache_info().currsize}
    if device == "cpu":
        models.pop("device", None)  # there everything runs
    idle = idle_options(stack, detect_every=detect_every, models=models, vlm=vlm is not None, asks_vlm=asks_vlm(objects))
    every = resolve_every(detect_every, stack)
    if every == 1:
        stack.propagator = None  # nothing is to be carried: ids are the tracker's
        choices.pop("propagator", None)
    follow = plugins.load("trackers", tracker)()
    video = open_video(source, times=times, frame_interval=frame_interval)
    stages, frames = Stages(video, progress), _Frames()
    size = video.info.width, video.info.height
    asked_for = read_objects(objects, reads_phrases=stack.reads_phrases, discover=lambda: _discover(stages, client))
    used = runtime() if runtime.cache_info().currsize else None
    looked = look(stack, stages, asked_for.words, every=every, on_frame=frames.note, runtime=used)
    partial = video.partial
    if len(frames.times) == 1:
        raise InputError(f"{video.info.name} holds a single frame; motion takes two at least: give a video, or a folder of images")
    left_out: list[LeftOutMeta] = []
    votes = looked.votes
    if looked.ids is not None:
        tracks, left_out = _believed(stack, looked, len(frames.times))
    else:
        with plugins.blaming(follow, "while it joined the detections"):
            tracks = follow.track(looked.detections, size)
        votes = votes_of(tracks, looked.detections, looked.named) if looked.named else {}
    tracks = with_identity(_settle(stack, stages, tracks, frames.times, size, asked_for=bool(asked_for.phrases)))
    seen = Seen(video, len(frames.times), frames.all_equal, votes, left_out, _told(stack))
    labelled = name_tracks(tracks, seen, asked_for, reads_phrases=stack.reads_phrases, verifier=stack.verifier, one_each=one_each)
    warnings = [*idle, *_stand_ins(choices), *asked_for.warnings, *labelled.warnings, *looked.warnings, *_told(stack)]
    warnings += [*(used.warnings if used is not None else []), *video.warnings]
    states = assemble(
        labelled.tracks,
        labelled.numbered(),
        np.array(frames.times),
        video,
        calibration or Calibration.pixels(),
        ends=ends,
        configuration={
            "objects": objects,
            **({} if asked_for.discovered is None else {"discovered": asked_for.discovered}),
            "backend": _backend_that_ran(backend, choices, given),
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
        left_out=left_out + labelled.notes(),
        models={role: dict(source) for role, part in stack.parts() if (source := getattr(part, "provenance", None))},
    )
    if masks is not None:
        _write_masks(Path(masks), labelled.tracks, size)
    return states


def _choose(backend: str, asked: dict[str, Any], vlm: Settings | None, device: str) -> tuple[dict[str, Choice], dict[str, Any]]:
    """Plug-ins by role, and the objects that were handed in instead."""
    given = {role: part for role, part in asked.items() if part is not None and not isinstance(part, str)}
    names = {role: part for role, part in asked.items() if isinstance(part, str)}
    boxes = "detector" in given and not getattr(given["detector"], "segments", True)
    ready = () if vlm is None else ("vlm",)
    return choose(backend, names, given, ready=ready, on_device=device not in ("auto", "cpu"), boxes=boxes), given


def _backend_that_ran(backend: str, choices: dict[str, Choice], given: dict[str, Any]) -> str:
    """The backend, if what it looks with ran; else the name of what ran in its place."""
    for role in ("concept_tracker", "detector"):
        if role in given:
            return type(given[role]).__name__
        if role in choices and choices[role].name not in own_parts(backend, role):
            return choices[role].name
    return backend


def _stand_ins(choices: dict[str, Choice]) -> list[str]:
    """One line on the parts that aren't those that the backend prefers, each reason once; verifiers say for themselves what they did."""
    told: set[str] = set()
    parts = []
    for choice in choices.values():
        if not choice.passed_over or choice.role == "verifier":
            continue
        others = [f"{name} (likewise)" if why in told else f"{name} ({why})" for name, why in choice.passed_over]
        told |= {why for _, why in choice.passed_over}
        parts.append(f"{choice.role.replace('_', ' ')} '{choice.name}' stands in for {', '.join(others)}")
    return ["; ".join(parts)] if parts else []


def _told(stack: Stack) -> list[str]:
    """What the parts have to say so far."""
    return [line for _, part in stack.parts() for line in getattr(part, "warnings", [])]


def _discover(stages: Stages, client: Client | None) -> Discovery:
    from kinescribe.perception.discovery import discover

    return discover(stages.watch("discover"), client)


def _believed(stack: Stack, looked: Looked, frame_count: int) -> tuple[list[Track], list[LeftOutMeta]]:
    """The tracks of the ids, without what was withdrawn and those that the detector hardly ever confirmed, which come second."""
    assert looked.ids is not None
    try:
        tracks = tracks_by_id(looked.detections, looked.ids)
    except ValueError as error:
        part = stack.concept_tracker or stack.propagator
        raise UsageError(f"{type(part).__name__} gave ids that make no sense: {error}") from error
    believed: list[Track] = []
    ghosts: list[LeftOutMeta] = []
    for track in tracks:
        if track.track_id in looked.dropped:
            votes = looked.votes.get(track.track_id, {})
            label = max(votes, key=lambda name: votes[name]) if votes else detected_names([track])[0][0].label
            first, last = int(track.frames[0]), int(track.frames[-1])
            reason = "the detector hardly ever confirmed it"
            ghosts.append(LeftOutMeta(label=label, first_frame=first, last_frame=last, reason=reason))
            continue
        left: Track | None = track
        for one in looked.withdrawn:
            if left is not None and one.number == track.track_id:
                left = without_frames(left, one.first, one.last)
        if left is not None and len(left) >= min(2, frame_count - 1):
            believed.append(left)
    return believed, ghosts


def _settle(
    stack: Stack, stages: Stages, tracks: list[Track], times: list[float], size: tuple[int, int], *, asked_for: bool
) -> list[Track]:
    """Which tracks are objects. What was found by words is; what was found by its motion is looked at again."""
    if stack.reads_phrases:
        return tracks
    finds_still = getattr(stack.detector, "finds_still", True)
    tracks, confirmed = _look_again(stack, stages, worth_a_second_look(tracks, len(times), resting=finds_still), times, size)
    # a thing at rest is no piece of what moves in front of it
    still = [track for track in tracks if "still" in track.phrases]
    tracks = [*join_pieces([track for track in tracks if "still" not in track.phrases]), *still]
    if not finds_still:
        tracks, _ = leave_out(tracks, confirmed, size, len(times), asked_for=asked_for)
    return tracks


def _look_again(
    stack: Stack, stages: Stages, tracks: list[Track], times: list[float], size: tuple[int, int]
) -> tuple[list[Track], set[int]]:
    """Let the detector look for what it missed, now that the tracks are known; the better tracks, and the ids that were confirmed."""
    second_look = getattr(stack.detector, "second_look", None)
    moving = [track for track in tracks if "still" not in track.phrases]
    if second_look is None or not moving:
        return tracks, {track.track_id for track in tracks}
    with plugins.blaming(stack.detector, "in its second look"):
        found = second_look(stages.watch("follow"), [_path(track, size) for track in moving])
    refined: list[Track] = []
    confirmed: set[int] = {track.track_id for track in tracks if "still" in track.phrases}
    for track, sightings in zip(moving, found, strict=True):
        better, sure = refine(track, sightings, size)
        refined.append(replace(better, times=np.array(times)[better.frames]))
        if sure:
            confirmed.add(track.track_id)
    return refined + [track for track in tracks if "still" in track.phrases], confirmed


def _path(track: Track, size: tuple[int, int]) -> SeenPath:
    cut = (track.boxes[:, :2] <= 0).any(1) | (track.boxes[:, 2:] >= np.array(size)).any(1)
    masks = [(mask.x, mask.y, mask.pixels) for mask in track.masks]
    return SeenPath(track.frames, track.positions, track.areas, track.boxes, masks, np.asarray(~cut))


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
