"""From a video to its states table: the one function that the command line, the demo and batch jobs call."""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe import plugins
from kinescribe.assembly import assemble
from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.labelling import AUTO_OBJECTS, Seen, asks_vlm, detected_names, look_of, name_tracks, read_objects, votes_of
from kinescribe.llm import Settings
from kinescribe.perception.backends import ROLES, Stack
from kinescribe.perception.coherence import check_arguments, check_options
from kinescribe.perception.kept import KeptParts
from kinescribe.perception.looking import COMPILING, Looked, look
from kinescribe.perception.on_demand import RuntimeOnDemand
from kinescribe.perception.parts import Parts, choose_parts
from kinescribe.perception.progress import Progress, Stages
from kinescribe.perception.sightings import Path as SeenPath
from kinescribe.perception.steadiness import Steadiness
from kinescribe.states import Calibration, LeftOutMeta, States
from kinescribe.states.frames_read import KEY as FRAMES_READ
from kinescribe.states.frames_read import FramesRead
from kinescribe.states.numbering import numbered_as, renamed
from kinescribe.tracking.by_id import tracks_by_id
from kinescribe.tracking.corrections import without_frames
from kinescribe.tracking.identity import with_identity
from kinescribe.tracking.pieces import join_pieces
from kinescribe.tracking.refinement import refine
from kinescribe.tracking.selection import leave_out, worth_a_second_look
from kinescribe.tracking.tracks import Track
from kinescribe.video import Frame, Video, open_video
from kinescribe.video.scarcity import few_rows
from kinescribe.video.selection import SelectedVideo, Selection

if TYPE_CHECKING:
    from kinescribe.labelling.asked import Asked
    from kinescribe.llm import Client
    from kinescribe.perception.discovery import Discovery
    from kinescribe.tracking.protocols import Tracker

__all__ = ["AUTO_OBJECTS", "Progress", "extract_states"]

log = logging.getLogger(__name__)


class _Frames:
    """What is noted of the frames as perception sees them."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.all_equal = True
        self.steadiness = Steadiness()
        self._digest: int | None = None

    def note(self, frame: Frame) -> None:
        self.times.append(frame.time_s)
        self.steadiness.note(frame)
        digest = zlib.crc32(frame.image[::3, ::3].tobytes())
        self.all_equal &= self._digest is None or digest == self._digest
        self._digest = digest


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What is in a video, before it is named.

    Attributes:
        tracks: of the objects.
        votes: by the number of a track, the sum of scores for every name that detections gave it; empty where that isn't known.
        left_out: what was seen and isn't believed.
        looked: what perception saw.
        partial: where and why the video broke off, None where it didn't.
    """

    tracks: list[Track]
    votes: dict[int, dict[str, float]]
    left_out: list[LeftOutMeta]
    looked: Looked
    partial: str | None


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
    stride: int = 1,
    start: float | str | None = None,
    end: float | str | None = None,
    masks: str | Path | None = None,
    review: bool = False,
    progress: Progress | None = None,
    kept: KeptParts | None = None,
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
        ends: whether the two ends of long rigid bodies, and the pivots of jointed ones, are reported as points of their own.
        stride: every so many frames one is looked at, the first of them at `start`; rows keep the frame's number and time in the video.
        start, end: the part of the video that is looked at, `end` not included: seconds from the first frame, such as 90 or "1:30", or a
            frame's number, such as "450f".
        masks: file to write the masks to, gzipped lines of JSON.
        review: whether the video is drawn again from the states, and the column `review` says where that doesn't explain it.
        progress: called with the stage, frames done, and frames in all if known.
        kept: learned parts of the video before, which aren't loaded again where they serve for this one; the result is the same.

    Raises:
        UsageError: an argument that makes no sense, or a backend that can't run here.
        InputError: a video that can't be read, or has one frame; weights that are missing or broken.
        NothingFoundError: nothing moves, or nothing looks like what was asked for.
    """
    names = {"backend": backend, "device": device, "tracker": tracker}
    check_arguments(
        objects=objects, names=names, one_each=one_each, vlm=vlm, calibration=calibration, progress=progress, ends=ends, masks=masks
    )
    if not isinstance(review, bool):
        raise UsageError(f"review={review!r} must be True or False")
    if kept is not None and not isinstance(kept, KeptParts):
        raise UsageError(f"kept={type(kept).__name__} must be a kinescribe.perception.kept.KeptParts()")
    asked = dict(zip(ROLES, (detector, segmenter, propagator, concept_tracker, verifier), strict=True))
    check_options(asked, detect_every=detect_every, precision=precision, batch_size=batch_size)
    if vlm is None and (asks_vlm(objects) or verifier == "vlm"):
        vlm = Settings.from_environment()
    selection = Selection.of(stride, start, end)
    runtime = RuntimeOnDemand(device, precision, compile, batch_size)
    parts = choose_parts(backend, asked, runtime, vlm, detect_every=detect_every, asks_vlm=asks_vlm(objects), kept=kept)
    follow = plugins.load("trackers", tracker)()
    video = open_video(source, times=times, frame_interval=frame_interval)
    some = None if selection.whole else SelectedVideo(video, selection, renumbered=True)
    video = some or video
    began = time.perf_counter()
    _tell_setup(video, parts, tracker)
    with nullcontext() if kept is None else kept.video(parts.stack, parts.choices, runtime):
        stages, frames = Stages(video, progress), _Frames()
        stack = parts.stack
        asked_for = read_objects(objects, reads_phrases=stack.reads_phrases, discover=lambda: _discover(stages, parts.client))
        found = _find(parts, stages, frames, asked_for, follow, runtime)
        stages.end()
        seen = Seen(video, len(frames.times), frames.all_equal, found.votes, found.left_out, parts.told())
        labelled = name_tracks(found.tracks, seen, asked_for, reads_phrases=stack.reads_phrases, verifier=stack.verifier, one_each=one_each)
        warnings = [*parts.warnings, *asked_for.warnings, *labelled.warnings, *found.looked.warnings, *parts.told(), *runtime.warnings]
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
                "backend": parts.backend_that_ran(backend),
                **parts.describe(),
                "detect_every": parts.every if found.looked.detected is not None else None,
                "detections": found.looked.detected,
                "one_each": one_each,
                **runtime.describe(),
                "tracker": tracker,
                "ends": ends,
                "review": review,
                "frame_interval": frame_interval,
                "stride": stride,
                "start": start,
                "end": end,
            },
            overridden=frame_interval is not None or times is not None,
            warnings=list(dict.fromkeys([*warnings, *video.warnings])),
            partial=found.partial,
            left_out=found.left_out + labelled.notes(),
            models=parts.provenance(),
        )
        few = few_rows(video, len(frames.times), _rows_of_bodies(states))
        if few is not None:
            states.meta.warn(few)
        numbers: Sequence[int] = range(len(frames.times))
        if some is not None:
            video, numbers = some.with_own_numbers(), some.numbers
            states = _in_the_video(states, some, [*video.warnings, *([] if found.partial is None else [found.partial])])
        if masks is not None:
            _write_masks(Path(masks), labelled.tracks, (video.info.width, video.info.height), numbers)
        _tell_result(states, len(frames.times), time.perf_counter() - began)
        return _reviewed(video, states, progress) if review else states


def _tell_setup(video: Video, parts: Parts, tracker: str) -> None:
    info = video.info
    fields: dict[str, Any] = {
        "video": info.name,
        "width": info.width,
        "height": info.height,
        "frames": info.frame_count,
        "codec": info.codec,
    }
    log.info("the video is open", extra={"fields": fields})
    log.info("parts are chosen", extra={"fields": {**parts.describe(), "tracker": tracker}})
    for role, model in parts.provenance().items():
        log.info("a model is used", extra={"fields": {"role": role, **model}})


def _tell_result(states: States, frames: int, seconds: float) -> None:
    meta = states.meta
    for object_id, about in meta.objects.items():
        kept = {
            "object": object_id,
            "label": about.label,
            "frames_seen": about.frames_seen,
            "first": about.first_frame,
            "last": about.last_frame,
        }
        log.debug("an object is kept", extra={"fields": kept})
    for one in meta.left_out:
        left = {"label": one.label, "first": one.first_frame, "last": one.last_frame, "reason": one.reason}
        log.info("something is left out", extra={"fields": left})
    counts = {
        "frames": frames,
        "objects": len(meta.objects),
        "rows": len(states),
        "warnings": len(meta.warnings),
        "seconds": round(seconds, 4),
    }
    log.info("the table is made", extra={"fields": counts})


def _rows_of_bodies(states: States) -> dict[int, int]:
    """By object id, how many rows it has; points of bodies aside."""
    ids, counts = np.unique(states["object_id"], return_counts=True)
    return {int(i): int(count) for i, count in zip(ids, counts, strict=True) if states.meta.objects[int(i)].part_of is None}


def _in_the_video(states: States, some: SelectedVideo, as_they_are: Collection[str]) -> States:
    """The table of some frames, these called by their numbers in the video; `as_they_are` are lines that do so already."""
    states = numbered_as(states, some.numbers)
    about, count = states.meta.video, some.frames_in_all
    changes = {
        "configuration": {**states.meta.configuration, FRAMES_READ: FramesRead(*some.read)._asdict()},
        "video": None if about is None else about.model_copy(update={"frame_count": count}),
        "warnings": [line if line in as_they_are else renamed(line, some.numbers) for line in states.meta.warnings],
    }
    return replace(states, meta=states.meta.model_copy(update=changes))


def _reviewed(video: Video, states: States, progress: Progress | None) -> States:
    """The table with its column `review` filled; what it could not be held against, and regions that no row accounts for, are warnings."""
    from kinescribe.renderers.reviewing import review

    try:
        found = review(video, states, progress=progress)
    except (InputError, NothingFoundError) as error:
        return replace(states, meta=states.meta.model_copy(update={"warnings": [*states.meta.warnings, f"not reviewed: {error}"]}))
    warnings = list(dict.fromkeys([*states.meta.warnings, *found.warnings, *found.notes]))
    return replace(found.states, meta=states.meta.model_copy(update={"warnings": warnings}))


def _find(parts: Parts, stages: Stages, frames: _Frames, asked: Asked, follow: Tracker, runtime: RuntimeOnDemand) -> _Found:
    """Look at the video, and join what was seen to the tracks of objects, which have no names yet.

    Raises:
        InputError: a video of one frame.
    """
    info, stack = stages.video.info, parts.stack
    size = info.width, info.height
    looked = look(stack, stages, asked.words, every=parts.every, on_frame=frames.note, runtime=runtime.used)
    partial = stages.video.partial
    count = len(frames.times)
    if count == 1 and partial is None and isinstance(stages.video, SelectedVideo):
        only = stages.video.numbers[0]
        raise UsageError(f"frame {only} alone of {info.name} is looked at ({stages.video}); motion takes two at least: widen that")
    if count == 1 and partial is not None:
        raise InputError(f"{partial}; motion takes two frames at least: give a whole copy of it")
    if count == 1:
        raise InputError(f"{info.name} holds a single frame; motion takes two at least: give a video, or a folder of images")
    if getattr(stack.detector, "background", None) is not None:  # what it found are differences from that
        frames.steadiness.tell(info.name, looked.warnings)
    left_out: list[LeftOutMeta] = []
    votes = looked.votes
    if looked.ids is not None:
        tracks, left_out = _believed(stack, looked, count)
    else:
        with plugins.blaming(follow, "while it joined the detections"):
            tracks = follow.track(looked.detections, size)
        votes = votes_of(tracks, looked.detections, looked.named) if looked.named else {}
    if tracks and not _smoother_is_kept():
        stages.done(COMPILING, 0)
    settled, cut = _settle(stack, stages, tracks, frames.times, size, asked_for=bool(asked.phrases))
    return _Found(with_identity(settled), votes, left_out + [_cut_off(track, size) for track in cut], looked, partial)


def _smoother_is_kept() -> bool:
    from kinescribe.tracking.compiled_smoother import are_kept  # numba takes its time to come in

    return are_kept()


def _cut_off(track: Track, size: tuple[int, int]) -> LeftOutMeta:
    """What the sidecar says of a thing that the picture's edge cuts off."""
    share = f"{100 * track.cut_off(size):.0f} % of its frames"
    reason = f"the picture's edge cuts it off in {share}, so that where its centroid is can't be told; film the whole of it to follow it"
    return LeftOutMeta(label=look_of(track), first_frame=int(track.frames[0]), last_frame=int(track.frames[-1]), reason=reason)


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
) -> tuple[list[Track], tuple[Track, ...]]:
    """Which tracks are objects, and which would be if the picture's edge didn't cut them off.

    What was found by words is; what was found by its motion is looked at again.
    """
    if stack.reads_phrases:
        return tracks, ()
    finds_still = getattr(stack.detector, "finds_still", True)
    tracks, confirmed = _look_again(stack, stages, worth_a_second_look(tracks, len(times), resting=finds_still), times, size)
    # a thing at rest is no piece of what moves in front of it
    still = [track for track in tracks if "still" in track.phrases]
    tracks = [*join_pieces([track for track in tracks if "still" not in track.phrases]), *still]
    if not finds_still:
        tracks, gone = leave_out(tracks, confirmed, size, len(times), asked_for=asked_for)
        log.debug("tracks are chosen", extra={"fields": {"kept": len(tracks), "left_out": gone.counts()}})
        return tracks, gone.cut
    return tracks, ()


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
    return SeenPath(track.frames, track.positions, track.areas, track.boxes, track.masks, np.asarray(~cut))


def _write_masks(path: Path, tracks: list[Track], size: tuple[int, int], numbers: Sequence[int]) -> None:
    import json
    from gzip import GzipFile
    from io import TextIOWrapper

    from kinescribe.perception.rle import encode_mask
    from kinescribe.states.writing import replaced

    width, height = size
    rows = sorted((int(frame), k + 1, i) for k, track in enumerate(tracks) for i, frame in enumerate(track.frames))
    with (
        replaced(path) as (beside,),
        beside.open("wb") as raw,
        # No name and no time in the header: equal masks are equal files.
        GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
        TextIOWrapper(packed, encoding="utf-8", newline="\n") as file,
    ):
        for frame, object_id, i in rows:
            mask = encode_mask(tracks[object_id - 1].masks[i], height, width)
            file.write(json.dumps({"frame": numbers[frame], "object_id": object_id, "rle": mask}) + "\n")
