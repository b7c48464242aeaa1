"""A loss in pictures: what a renderer draws of the predicted states, beside the video."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError

__all__ = ["PixelLoss", "Render"]

Float = NDArray[np.float64]
Render = Callable[[Float, int], NDArray[np.uint8]]
"""Draws one picture (H, W, 3) from a state (6, n), components in the order of `COMPONENTS`, and the index of its clip."""


class PixelLoss:
    """Mean squared difference of pictures, grey levels squared, over all frames of a clip; for `fit_law(…, loss=…)`.

    ProgGen's second stage compares states because pixels are a poor guide: where the drawn object doesn't overlap the filmed one, moving it
    changes nothing. Begin near the truth (a fit to states gives that), then let the pixels have the last word.

    Args:
        render: draws a state.
        frames: for each clip its pictures, (T, H, W, 3) uint8, one a time of the clip.

    Raises:
        UsageError: no pictures; later, pictures of the wrong number or size.
    """

    def __init__(self, render: Render, frames: Sequence[NDArray[np.uint8]]) -> None:
        if not len(frames) or not all(len(clip) for clip in frames):
            raise UsageError("a loss in pictures needs the pictures of every clip")
        self.render = render
        self.frames = [np.asarray(clip) for clip in frames]

    def __call__(self, trajectory: Float, clip: int) -> float:
        """Of a trajectory (6, T, n) of that clip."""
        if clip >= len(self.frames) or len(self.frames[clip]) > trajectory.shape[1]:
            have = len(self.frames[clip]) if clip < len(self.frames) else 0
            raise UsageError(f"{have} pictures for the {trajectory.shape[1]} times of clip {clip}: give one a time")
        total = 0.0
        for k, seen in enumerate(self.frames[clip]):
            drawn = np.asarray(self.render(trajectory[:, k], clip))
            if drawn.shape != seen.shape:
                raise UsageError(f"the renderer draws pictures of the shape {drawn.shape}; the video's have {seen.shape}")
            total += float(((drawn.astype(float) - seen) ** 2).mean())
        return total / len(self.frames[clip])
