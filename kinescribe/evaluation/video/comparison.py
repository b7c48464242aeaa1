"""What a comparison of two videos finds."""

from __future__ import annotations

import csv
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, TextIO

import numpy as np

from kinescribe.evaluation.video.physics_iq import PhysicsIQ
from kinescribe.evaluation.video.pixels import psnr

__all__ = ["FrameComparison", "VideoComparison"]


@dataclass(frozen=True, slots=True)
class FrameComparison:
    """One pair of frames. Pixels are in [0, 1].

    Attributes:
        real_frame, predicted_frame: decoded frames from 0.
        time_s: of the real frame, seconds from the real video's first.
        lag_s: how much later the predicted frame was taken, seconds.
        mae, mse: mean absolute and squared error.
        psnr: dB; infinite where they are equal.
        ssim: structural similarity.
        motion_iou: overlap of the motion masks.
        lpips: perceptual distance; None where not asked for.
    """

    real_frame: int
    predicted_frame: int
    time_s: float
    lag_s: float
    mae: float
    mse: float
    psnr: float
    ssim: float
    motion_iou: float
    lpips: float | None


@dataclass(frozen=True, slots=True)
class VideoComparison:
    """How far a predicted video is from the real one.

    Attributes:
        real, predicted: names.
        width, height: of the pictures compared, pixels.
        frames: all pairs, in the order of time.
        real_frames, predicted_frames: how many there were to pair, of each.
        temporal_coherence_ratio: change from frame to frame, predicted over real; NaN where the real video stands still.
        physics_iq: the benchmark's four measures.
        warnings: lines on what a reader should know.
        partial: None, or one line on a video that breaks off midway.
    """

    real: str
    predicted: str
    width: int
    height: int
    frames: tuple[FrameComparison, ...]
    real_frames: int
    predicted_frames: int
    temporal_coherence_ratio: float
    physics_iq: PhysicsIQ
    warnings: tuple[str, ...]
    partial: str | None

    @property
    def mae(self) -> float:
        """Mean absolute error over all pixels of all pairs."""
        return self._mean("mae")

    @property
    def mse(self) -> float:
        """Mean squared error over all pixels of all pairs."""
        return self._mean("mse")

    @property
    def psnr(self) -> float:
        """Of the pooled squared error, dB; infinite where all is equal."""
        return psnr(self.mse)

    @property
    def ssim(self) -> float:
        """Mean over the pairs."""
        return self._mean("ssim")

    @property
    def lpips(self) -> float | None:
        """Mean over the pairs; None where not asked for."""
        return None if self.frames[0].lpips is None else self._mean("lpips")

    @property
    def max_lag_s(self) -> float:
        """Largest time between the frames of a pair, seconds."""
        return max(abs(frame.lag_s) for frame in self.frames)

    def as_dict(self) -> dict[str, Any]:
        """Everything for JSON; what is infinite or not a number is None."""
        measures = {name: getattr(self, name) for name in ("mae", "mse", "psnr", "ssim", "lpips", "temporal_coherence_ratio")}
        counts = {"real": self.real_frames, "predicted": self.predicted_frames, "compared": len(self.frames)}
        told = {
            "real": self.real,
            "predicted": self.predicted,
            "width": self.width,
            "height": self.height,
            "frames": counts,
            "max_lag_s": self.max_lag_s,
            "measures": {**measures, "physics_iq": asdict(self.physics_iq)},
            "by_frame": [asdict(frame) for frame in self.frames],
            "warnings": list(self.warnings),
            "partial": self.partial,
        }
        finite: dict[str, Any] = _finite(told)
        return finite

    def to_csv(self, stream: TextIO) -> None:
        """One row a pair, RFC 4180; an empty cell is what was not asked for, ``inf`` the PSNR of equal frames."""
        names = [field.name for field in fields(FrameComparison)]
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(names)
        for frame in self.frames:
            values = [getattr(frame, name) for name in names]
            writer.writerow(["" if v is None else v if isinstance(v, int) else f"{v + 0.0:.9g}" for v in values])

    def _mean(self, name: str) -> float:
        return float(np.mean([getattr(frame, name) for frame in self.frames]))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
