"""How near the foretold pictures come to what the camera saw after all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.evaluation.video import pixel_errors, psnr, structural_similarity

__all__ = ["Measures", "Meter"]

WINDOW = 7  # pixels: side of SSIM's window
AT_ONCE = 400_000  # pixels of SSIM a frame, on average
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Measures:
    """Of all frames that were foretold and filmed.

    Attributes:
        frames: how many.
        mae, mse: mean absolute and squared error of pixels in [0, 1].
        psnr: of the pooled squared error, dB; infinite where all is equal.
        ssim: mean over `ssim_frames` of them, evenly spaced: of large pictures it takes longer than to draw them. NaN for pictures smaller
            than its window.
        psnr_of_last_frame: the same of repeating the last picture that was seen: what foretelling nothing comes to.
    """

    frames: int
    mae: float
    mse: float
    psnr: float
    ssim: float
    ssim_frames: int
    psnr_of_last_frame: float


class Meter:
    """Gathers the measures frame by frame."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, float, float]] = []
        self._similar: list[float] = []

    def add(self, real: Picture, foretold: Picture, last_seen: Picture) -> None:
        """One instant: what was filmed, what was foretold, and the last picture before. All uint8 (H, W, 3)."""
        errors, still = pixel_errors(real[None], foretold[None]), pixel_errors(real[None], last_seen[None])
        if min(real.shape[:2]) >= WINDOW and len(self._rows) % max(1, round(real.shape[0] * real.shape[1] / AT_ONCE)) == 0:
            self._similar.append(float(structural_similarity(real[None], foretold[None])[0]))
        self._rows.append((errors.mae, errors.mse, still.mse))

    def result(self) -> Measures | None:
        """All of it; None where no instant was both foretold and filmed."""
        if not self._rows:
            return None
        mae, mse, still = (float(value) for value in np.mean(self._rows, axis=0))
        ssim = float(np.mean(self._similar)) if self._similar else float("nan")
        return Measures(len(self._rows), mae, mse, psnr(mse), ssim, len(self._similar), psnr(still))
