"""Comparing two videos, frame by frame as they stream."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.evaluation.video.coherence import ChangeMeter
from kinescribe.evaluation.video.comparison import FrameComparison, VideoComparison
from kinescribe.evaluation.video.framing import Framing
from kinescribe.evaluation.video.matching import Matching, Pair, checked_span
from kinescribe.evaluation.video.physics_iq import PhysicsIQMeter
from kinescribe.evaluation.video.pixels import absolute_and_squared, psnr
from kinescribe.evaluation.video.similarity import similarity_of
from kinescribe.video import Video, open_video

__all__ = ["PerceptualDistance", "compare_videos"]

Source = str | PathLike[str] | NDArray[np.uint8] | Sequence[Any] | Video
Progress = Callable[[str, int, int | None], None]
UNEVEN = 0.05  # of a frame interval: pairs farther apart than this show motion of another time


class PerceptualDistance(Protocol):
    """What tells how different two pictures look, as `Lpips` does."""

    def distance(self, real: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> float:
        """0 where they are equal."""
        ...


def compare_videos(
    real: Source,
    predicted: Source,
    *,
    offset: float = 0.0,
    frames: tuple[int | None, int | None] | None = None,
    frame_interval: float | None = None,
    gaussian_ssim: bool = False,
    lpips: PerceptualDistance | None = None,
    progress: Progress | None = None,
) -> VideoComparison:
    """All measures of a predicted video against the real one. Neither is held in memory.

    Frames belong together that are nearest to each other in time, at most half a frame interval apart (the shorter of the two videos'); no
    frame is used twice, and what is left over is counted.

    Args:
        real, predicted: paths, uint8 arrays (T, H, W, 3) BGR, or open videos.
        offset: real time at which the predicted video starts, seconds.
        frames: first real frame that counts, and the first that doesn't any more; None is the beginning, or the end.
        frame_interval: seconds between the frames of both, in place of their time stamps; arrays and folders of pictures need it.
        gaussian_ssim: SSIM in the setting of Wang et al. 2004 in place of scikit-image's default.
        lpips: from `Lpips.load`.
        progress: told the stage, the frames done, and all of them or None.

    Raises:
        InputError: a file that is missing or no video.
        UsageError: sizes that differ by more than the row and column that H.264 adds to odd ones, or options that make no sense.
        NothingFoundError: no two frames belong together.
    """
    if not math.isfinite(offset):
        raise UsageError(f"offset {offset}: give a number of seconds, such as 1.5")
    span = checked_span(frames)
    first, second = (open_video(source, frame_interval=frame_interval) for source in (real, predicted))
    framing = Framing(first.info, second.info)
    matching = Matching(first, second, offset_s=offset, span=span)
    changes, physics = ChangeMeter(), PhysicsIQMeter()
    found: list[FrameComparison] = []
    uneven = 0
    for pair in matching:
        one, other = framing.pictures(pair.real, pair.predicted)
        changes.update(one, other)
        physics.update(one, other)
        mae, mse = absolute_and_squared(one, other)
        found.append(
            FrameComparison(
                real_frame=pair.real.index,
                predicted_frame=pair.predicted.index,
                time_s=pair.real.time_s,
                lag_s=pair.lag_s,
                mae=mae,
                mse=mse,
                psnr=psnr(mse),
                ssim=similarity_of(one, other, gaussian_ssim, not gaussian_ssim),
                motion_iou=physics.ious[-1],
                lpips=None if lpips is None else lpips.distance(one, other),
            )
        )
        uneven += _is_uneven(pair)
        if progress is not None:
            progress("comparing", pair.real.index + 1, first.info.frame_count)
    if not found:
        raise _nothing_in_common(first, second, matching, span, offset)
    partial = "; ".join(line for line in (first.partial, second.partial) if line) or None
    return VideoComparison(
        real=first.info.name,
        predicted=second.info.name,
        width=framing.width,
        height=framing.height,
        frames=tuple(found),
        real_frames=matching.real_frames,
        predicted_frames=matching.predicted_frames,
        temporal_coherence_ratio=changes.ratio,
        physics_iq=physics.result(),
        warnings=tuple(dict.fromkeys([*first.warnings, *second.warnings, *framing.notes, *_left_over(first, second, matching, uneven)])),
        partial=partial,
    )


def _is_uneven(pair: Pair) -> bool:
    return pair.interval_s is not None and abs(pair.lag_s) > UNEVEN * pair.interval_s


def _left_over(real: Video, predicted: Video, matching: Matching, uneven: int) -> list[str]:
    """A line for each thing that a reader of the measures should know of the pairs."""
    lines = [
        f"'{video.info.name}': {count - matching.pairs} of {count} frames have no partner within half a frame interval"
        for video, count in ((real, matching.real_frames), (predicted, matching.predicted_frames))
        if count > matching.pairs
    ]
    if uneven:
        lines.append(
            f"{uneven} of {matching.pairs} pairs are over {UNEVEN:.0%} of a frame interval apart in time: what moves lies elsewhere"
        )
    return lines


def _nothing_in_common(real: Video, predicted: Video, matching: Matching, span: tuple[int, int | None], offset: float) -> NothingFoundError:
    names = f"'{real.info.name}' and '{predicted.info.name}'"
    if not matching.real_frames:
        return NothingFoundError(f"'{real.info.name}' ends before frame {span[0]}: choose other frames")
    at = f"with the latter starting at {offset:g} s" if offset else "both starting at 0 s"
    return NothingFoundError(f"no frames of {names} lie within half a frame interval of each other, {at}: --offset SECONDS moves it")
