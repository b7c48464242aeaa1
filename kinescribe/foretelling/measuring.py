"""How near the foretold pictures come to what the camera saw after all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.evaluation.video import pixel_errors, psnr, structural_similarity

__all__ = ["Measures", "Meter"]

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Measures:
    """Of all frames that were foretold and filmed.

    Attributes:
        frames: how many.
        mae, mse: mean absolute and squared error of pixels in [0, 1].
        psnr: of the pooled squared error, dB; infinite where all is equal.
        ssim: mean over the frames; NaN for pictures smaller than its window.
        psnr_of_last_frame: the same of repeating the last picture that was seen: what foretelling nothing comes to.
    """

    frames: int
    mae: float
    mse: float
    psnr: float
    ssim: float
    psnr_of_last_frame: float


class Meter:
    """Gathers the measures frame by frame."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, float, float, float]] = []

    def add(self, real: Picture, foretold: Picture, last_seen: Picture) -> None:
        """One instant: what was filmed, what was foretold, and the last picture before. All uint8 (H, W, 3)."""
        errors, still = pixel_errors(real[None], foretold[None]), pixel_errors(real[None], last_seen[None])
        # SSIM looks through windows of 7 × 7
        similar = float(structural_similarity(real[None], foretold[None])[0]) if min(real.shape[:2]) >= 7 else float("nan")
        self._rows.append((errors.mae, errors.mse, similar, still.mse))

    def result(self) -> Measures | None:
        """All of it; None where no instant was both foretold and filmed."""
        if not self._rows:
            return None
        mae, mse, ssim, still = (float(value) for value in np.mean(self._rows, axis=0))
        return Measures(len(self._rows), mae, mse, psnr(mse), ssim, psnr(still))
