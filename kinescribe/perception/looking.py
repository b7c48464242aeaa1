"""The whole of a video through perception: from frames to detections, with ids where a stage gives them.

Stages that a part has done already are skipped, as its attributes tell: a concept tracker needs nothing else; a detector that segments
needs no segmenter; without a propagator the detector looks in every frame and ids are the tracker's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.perception.backends import Stack
from kinescribe.perception.background import Background
from kinescribe.perception.border import Border, Place
from kinescribe.perception.classical import ClassicalDetector
from kinescribe.perception.classical.compiled import are_kept
from kinescribe.perception.detections import Detections, SoftMask
from kinescribe.perception.finding import Finder, Found
from kinescribe.perception.following import AUTO, FollowedFrame, MaskFollower, Withdrawn
from kinescribe.perception.progress import Stages
from kinescribe.perception.staged import staged
from kinescribe.perception.threads import cores
from kinescribe.plugins import blaming
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.video.source import Video

__all__ = ["COMPILING", "Looked", "look", "resolve_every"]

BATCH = 8  # frames, where no runtime tells another number
COMPILING = "compile, once"  # some 25 s in all, the first time on a machine
MOST_DETECTING = 4  # threads; what each does between the picture's loops holds up the others
MOST_MEASURING = 4  # threads; with more they wait for each other, and the thread that feeds the models for them


@dataclass(slots=True)
class Looked:
    """What perception saw.

    Attributes:
        detections: one a frame.
        ids: (N,) of each frame's detections; None where no stage gave ids.
        dropped: ids of things that the detector hardly ever confirmed.
        withdrawn: rows that turned out to be another thing's, or none's.
        votes: by id, the sum of the detector's scores for each name that it gave the thing; empty where no stage gave ids.
        named: of each frame, for each detection the score of each name that it was given; empty where detections have one name or none.
        detected: how many frames the detector looked at; None where it is its own business.
        warnings: lines for the user.
    """

    detections: list[Detections] = field(default_factory=list)
    ids: list[NDArray[np.int64]] | None = None
    dropped: set[int] = field(default_factory=set)
    withdrawn: list[Withdrawn] = field(default_factory=list)
    votes: dict[int, dict[str, float]] = field(default_factory=dict)
    named: list[list[dict[str, float]]] = field(default_factory=list)
    detected: int | None = None
    warnings: list[str] = field(default_factory=list)


def resolve_every(every: int | str | None, stack: Stack) -> int | str:
    """From one detection to the next how many frames: what the user says, or as suits the stack.

    Raises:
        UsageError: not "auto" nor a whole number of 1 or more; or above 1 without a propagator.
    """
    if isinstance(every, str) and every != AUTO:
        if not every.strip().isdecimal():
            raise UsageError(f"--detect-every '{every}' must be 'auto' or a number of frames, such as 10")
        every = int(every)
    if every is not None and every != AUTO and (isinstance(every, bool) or not isinstance(every, int) or not 1 <= every <= 10_000):
        raise UsageError(f"--detect-every {every} must be between 1 and 10000 whole frames, or 'auto'")
    if stack.propagator is None:
        if every not in (None, AUTO, 1):
            raise UsageError(f"--detect-every {every} needs something that carries masks between detections; give --propagator flow")
        return 1
    return AUTO if every is None else every


def look(
    stack: Stack,
    stages: Stages,
    phrases: Sequence[str],
    *,
    every: int | str = 1,
    on_frame: Callable[[Frame], None],
    runtime: Any = None,
) -> Looked:
    """See the whole video.

    Args:
        stack: who looks.
        stages: of the video, to be told how far it has come.
        phrases: what is asked for; empty for everything.
        every: frames from one detection to the next, as `resolve_every` gives it.
        on_frame: called with every frame once, in order.
        runtime: of the models, None without any.
    """
    if stack.concept_tracker is not None:
        return _by_concept(stack.concept_tracker, stages, phrases, on_frame)
    if isinstance(stack.detector, ClassicalDetector) and not are_kept():
        stages.done(COMPILING, 0)
    with blaming(stack.detector, "while it prepared"):
        stack.detector.prepare(stages.watch("background"), phrases)
    if not stack.learned and stack.propagator is None:
        if isinstance(stack.detector, ClassicalDetector):
            stack.detector.keep_for_second_look()
        return _by_frame(stack.detector, stages, on_frame)
    out = Looked()
    background = getattr(stack.detector, "background", None)
    draws_boxes = not getattr(stack.detector, "segments", True)
    if background is None and draws_boxes:
        from kinescribe.perception.refinement import static_background

        background = static_background(stages.watch("background"), out.warnings)
    frames = _prefetched(_told(stages.video, on_frame), runtime)
    batch = int(getattr(runtime, "batch_size", BATCH))
    finder = Finder(stack.detector, stack.segmenter)
    if stack.propagator is None or every == 1:
        for seen, named in _in_every_frame(finder, frames, batch, background, runtime):
            out.detections.append(seen)
            out.named.append(named)
            stages.done("detect", len(out.detections))
        out.detected = len(out.detections)
        out.warnings += finder.warnings
        return out
    follower = MaskFollower(finder, stack.propagator, every=every, batch_size=batch)
    out.ids = []
    for detections, ids in _measured(follower.follow(frames), background, runtime, boxes=draws_boxes and stack.segmenter is None):
        out.detections.append(detections)
        out.ids.append(ids)
        stages.done("detect", len(out.detections))
    out.dropped, out.withdrawn, out.votes = follower.dropped, follower.withdrawn, follower.votes()
    out.detected = len(follower.detected)
    out.warnings += [*finder.warnings, *follower.warnings]
    return out


def _by_frame(detector: Any, stages: Stages, on_frame: Callable[[Frame], None]) -> Looked:
    """Detections of a detector that sees one frame at a time and all in it; of several frames at once where it says that it can."""
    out = Looked()
    border = Border(detector, out.warnings)

    def detect(frame: Frame) -> tuple[Place, Any]:
        with border.watching(frame.index):
            return Place.of(frame), detector.detect(frame)

    threads = min(cores(), MOST_DETECTING) if getattr(detector, "thread_safe", False) else 1
    # a reading thread also has memory of its own for the pictures, which otherwise leave holes between what is kept of each frame
    with closing(staged(_told(stages.video, on_frame))) as frames:
        for place, found in _side_by_side(frames, detect, threads):
            out.detections.append(border.detections(found, place))
            stages.done("detect", len(out.detections))
    return out


def _by_concept(tracker: Any, stages: Stages, phrases: Sequence[str], on_frame: Callable[[Frame], None]) -> Looked:
    out = Looked(ids=[])
    assert out.ids is not None
    border = Border(tracker, out.warnings)
    size = stages.video.info.width, stages.video.info.height
    told = _Told(stages.video, on_frame)
    for detections, ids in _blamed(tracker, told, phrases, lambda: len(out.detections)):
        out.detections.append(border.detections(detections, Place(len(out.detections), *size)))
        out.ids.append(border.ids(ids, out.detections[-1]))
        stages.done("track", len(out.detections))
    border.whole(len(out.detections), told.seen)
    return out


def _blamed(tracker: Any, told: _Told, phrases: Sequence[str], frame: Callable[[], int]) -> Iterator[Any]:
    """What the tracker gives; what it raises names it and the frame that is due."""
    given = None
    while True:
        with blaming(tracker, f"on frame {frame()}"):
            given = iter(tracker.track(told, phrases)) if given is None else given
            try:
                each = next(given)
            except StopIteration:
                return
        yield each


def _in_every_frame(
    finder: Finder, frames: Iterator[Frame], batch: int, background: Background | None, runtime: Any
) -> Iterator[tuple[Detections, list[dict[str, float]]]]:
    def find(here: list[Frame]) -> Any:
        return list(zip(here, finder.find(here), strict=True))

    def measure(found: tuple[Frame, Found]) -> tuple[Detections, list[dict[str, float]]]:
        from kinescribe.perception.refinement import measure_masks

        frame, one = found
        if one.detections is not None:
            return one.detections, one.votes
        return measure_masks(frame, one.masks, one.scores, one.phrases, background), one.votes  # none of its masks is empty

    with closing(_staged(_batches(frames, batch), find, runtime=runtime)) as batches:
        yield from _side_by_side((one for found in batches for one in found), measure, _measuring_threads(runtime))


def _measured(
    followed: Iterator[FollowedFrame], background: Background | None, runtime: Any, *, boxes: bool
) -> Iterator[tuple[Detections, NDArray[np.int64]]]:
    from kinescribe.perception.grounded_sam.boxes import detections_of_boxes
    from kinescribe.perception.refinement import measure_masks

    def measure(one: FollowedFrame) -> tuple[Detections, NDArray[np.int64]]:
        if boxes:  # the edge of a box is no outline: its middle is known as well as a box tells
            return detections_of_boxes(one.frame, [_corners(mask) for mask in one.masks], one.scores, one.phrases), one.ids
        return measure_masks(one.frame, one.masks, one.scores, one.phrases, background), one.ids

    with closing(_staged(followed, runtime=runtime)) as ahead:
        yield from _side_by_side(ahead, measure, _measuring_threads(runtime))


def _corners(mask: SoftMask) -> tuple[int, int, int, int]:
    crop = mask.binary()
    h, w = crop.shape
    return crop.x, crop.y, crop.x + w, crop.y + h


def _prefetched(frames: Iterator[Frame], runtime: Any) -> Iterator[Frame]:
    """Frames, decoded ahead by a thread of its own."""
    return iter(_staged(frames, runtime=runtime, depth=16))


def _staged(source: Iterable[Any], *stages: Callable[[Any], Any], runtime: Any, depth: int = 2) -> Generator[Any]:
    """Source and stages side by side in threads, where models run; one after the other where none do."""
    if runtime is None:
        for item in source:
            for stage in stages:
                item = stage(item)
            yield item
        return
    yield from staged(source, *stages, depth=depth)


def _side_by_side(source: Iterable[Any], work: Callable[[Any], Any], threads: int) -> Iterator[Any]:
    """What the work makes of the items, in their order: of several at once in so many threads, one item more than these under way."""
    if threads <= 1:
        yield from map(work, source)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="perceive") as pool:
        try:
            made: deque[Future[Any]] = deque()
            for item in source:
                made.append(pool.submit(work, item))
                if len(made) > threads:
                    yield made.popleft().result()
            while made:
                yield made.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _measuring_threads(runtime: Any) -> int:
    """As many as there are cores for this process, less one for what feeds the models; one where none run."""
    return 1 if runtime is None else min(max(cores() - 1, 1), MOST_MEASURING)


def _batches(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _told(video: Iterable[Frame], on_frame: Callable[[Frame], None]) -> Iterator[Frame]:
    for frame in video:
        on_frame(frame)
        yield frame


class _Told:
    """A video whose first reading from end to end is told frame by frame."""

    def __init__(self, video: Video, on_frame: Callable[[Frame], None]) -> None:
        self._video, self._on_frame, self.seen = video, on_frame, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._video, name)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._video:
            if frame.index == self.seen:
                self._on_frame(frame)
                self.seen += 1
            yield frame
