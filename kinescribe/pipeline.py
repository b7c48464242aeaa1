"""From a video to its states table: the one function that the command line, the demo and batch jobs call."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe import plugins
from kinescribe.assembly import assemble
from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.perception.detections import Detections
from kinescribe.perception.naming import Candidate, Phrase, assign_phrases, describe, number_labels, parse_objects, unknown_words
from kinescribe.perception.sightings import Path
from kinescribe.states import Calibration, States
from kinescribe.tracking.pieces import join_pieces
from kinescribe.tracking.refinement import refine
from kinescribe.tracking.selection import leave_out, worth_a_second_look
from kinescribe.tracking.tracks import Track
from kinescribe.video import Video, open_video

if TYPE_CHECKING:
    from kinescribe.perception.protocols import Detector

__all__ = ["Progress", "extract_states"]

Progress = Callable[[str, int, int | None], None]


@dataclass(slots=True)
class _Run:
    """What one extraction gathers on its way."""

    video: Video
    phrases: list[Phrase]
    times: list[float] = field(default_factory=list)
    detections: list[Detections] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    partial: str | None = None
    all_equal: bool = True

    @property
    def size(self) -> tuple[int, int]:
        return self.video.info.width, self.video.info.height


def extract_states(
    source: Any,
    *,
    objects: str | None = None,
    backend: str = "classical",
    calibration: Calibration | None = None,
    frame_interval: float | None = None,
    times: Sequence[float] | NDArray[np.float64] | None = None,
    tracker: str = "offline",
    ends: bool = True,
    masks: str | FilePath | None = None,
    progress: Progress | None = None,
) -> States:
    """Find every moving object in a video and tell its states in every frame.

    Args:
        source: a video file, a folder of numbered images, or pictures (T, H, W, 3), uint8 BGR.
        objects: what to look for, "red ball, black cart"; all that moves if not given.
        backend: name of an installed detector.
        calibration: the world frame; image pixels, y down, if not given.
        frame_interval: seconds between frames, where the file's time stamps don't tell.
        times: (T,), seconds, of pictures given as an array.
        tracker: name of an installed tracker.
        ends: whether the two ends of long rigid bodies are reported as points of their own.
        masks: file to write the masks to, gzipped lines of JSON.
        progress: called with the stage, frames done, and frames in all if known.

    Raises:
        UsageError: an argument that makes no sense.
        InputError: a video that can't be read, or has one frame.
        NothingFoundError: nothing moves, or nothing looks like what was asked for.
    """
    phrases = parse_objects(objects) if objects is not None else []
    detector: Detector = plugins.load("detectors", backend)()
    follow = plugins.load("trackers", tracker)()
    video = open_video(source, times=times, frame_interval=frame_interval)
    run = _Run(video, phrases)
    for phrase in phrases:
        unknown = unknown_words(phrase)
        if unknown is not None and not phrase.is_visual:
            raise UsageError(unknown)
        if unknown is not None:
            run.warnings.append(unknown)

    _detect(run, detector, progress)
    tracks = follow.track(run.detections, run.size)
    tracks, confirmed = _look_again(run, detector, worth_a_second_look(tracks, len(run.times)), progress)
    tracks = join_pieces(tracks)
    if not detector.finds_still:
        tracks, _ = leave_out(tracks, confirmed, run.size, len(run.times), asked_for=bool(phrases))
    tracks, labels, scores = _name(run, tracks)
    states = assemble(
        tracks,
        labels,
        scores,
        np.array(run.times),
        video,
        calibration or Calibration.pixels(),
        ends=ends,
        configuration={
            "objects": objects,
            "backend": backend,
            "tracker": tracker,
            "ends": ends,
            "frame_interval": frame_interval,
        },
        overridden=frame_interval is not None or times is not None,
        warnings=run.warnings + [line for line in video.warnings if line not in run.warnings],
        partial=run.partial,
    )
    if masks is not None:
        _write_masks(FilePath(masks), tracks, run.size)
    return states


def _detect(run: _Run, detector: Detector, progress: Progress | None) -> None:
    """Read the video, collect times and detections."""
    video, count = run.video, run.video.info.frame_count
    detector.prepare(_Watched(video, "background", progress), [phrase.text for phrase in run.phrases])
    before: int | None = None
    for frame in video:
        run.times.append(frame.time_s)
        run.detections.append(detector.detect(frame))
        digest = zlib.crc32(frame.image[::3, ::3].tobytes())
        run.all_equal &= before is None or digest == before
        before = digest
        if progress is not None:
            progress("detect", frame.index + 1, count)
    run.partial = video.partial
    if len(run.times) == 1:
        raise InputError(f"{video.info.name} holds a single frame; motion takes two at least: give a video, or a folder of images")


def _look_again(run: _Run, detector: Detector, tracks: list[Track], progress: Progress | None) -> tuple[list[Track], set[int]]:
    """Let the detector look for what it missed, now that the tracks are known; the better tracks, and the ids that were confirmed."""
    second_look = getattr(detector, "second_look", None)
    moving = [track for track in tracks if "still" not in track.phrases]
    if second_look is None or not moving:
        return tracks, {track.track_id for track in tracks}
    watched = _Watched(run.video, "follow", progress)
    found = second_look(watched, [_path(track, run.size) for track in moving])
    refined: list[Track] = []
    confirmed: set[int] = {track.track_id for track in tracks if "still" in track.phrases}
    for track, sightings in zip(moving, found, strict=True):
        better, sure = refine(track, sightings, run.size)
        refined.append(replace(better, times=np.array(run.times)[better.frames]))
        if sure:
            confirmed.add(track.track_id)
    return refined + [track for track in tracks if "still" in track.phrases], confirmed


def _path(track: Track, size: tuple[int, int]) -> Path:
    cut = (track.boxes[:, :2] <= 0).any(1) | (track.boxes[:, 2:] >= np.array(size)).any(1)
    masks = [(mask.x, mask.y, mask.pixels) for mask in track.masks]
    return Path(track.frames, track.positions, track.areas, track.boxes, masks, np.asarray(~cut))


def _name(run: _Run, tracks: list[Track]) -> tuple[list[Track], list[str], list[float]]:
    """Labels and their scores: the user's phrases, or what the objects look like; tracks that nobody asked for are left out."""
    name = run.video.info.name
    tracks = sorted(tracks, key=lambda track: (int(track.frames[0]), -float(np.median(track.areas))))
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
        return tracks, described, [_shape_share(track) for track in tracks]
    assigned = assign_phrases(run.phrases, looks)
    missing = ", ".join(f'"{phrase.text}"' for phrase in assigned.unmatched)
    if all(phrase is None for phrase in assigned.phrases):
        raise NothingFoundError(f"nothing in {name} looks like {missing}; seen were: {', '.join(described)}")
    if missing:
        run.warnings.append(f"nothing looks like {missing}; seen were: {', '.join(described)}")
    chosen = [i for i, phrase in enumerate(assigned.phrases) if phrase is not None]
    words = [phrase.text for phrase in assigned.phrases if phrase is not None]
    numbered = [n if words.count(w) > 1 else w for n, w in zip(number_labels(words), words, strict=True)]
    return [tracks[i] for i in chosen], numbered, [float(assigned.scores[i]) for i in chosen]


def _look(track: Track) -> Candidate:
    length, width = np.median(track.sizes, axis=0)
    return Candidate(np.median(track.colors, axis=0), track.shape, (float(length), float(width)))


def _shape_share(track: Track) -> float:
    """Share of the frames that agree on the shape."""
    return track.shapes.count(track.shape) / len(track)


def _write_masks(path: FilePath, tracks: list[Track], size: tuple[int, int]) -> None:
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
