"""The classical detector with its sums over pixels on a device; what is decided by shape stays on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from kinescribe.errors import pip_install
from kinescribe.perception.background import Background, FrameSample, estimate_background
from kinescribe.perception.classical.detector import Body, ClassicalDetector
from kinescribe.perception.classical.measure import Measurement, describe
from kinescribe.perception.detections import Detections
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.perception.classical.accelerated._foreground import DeviceForeground, Seen
    from kinescribe.perception.classical.accelerated._soft_masks import Weighed
    from kinescribe.perception.grounded_sam.runtime import Runtime
    from kinescribe.video.source import Video

__all__ = ["AcceleratedClassicalDetector"]

BODIES = 256  # measured in one go


class AcceleratedClassicalDetector(ClassicalDetector):
    """Finds what `ClassicalDetector` finds, at the same places to 1e-3 px.

    On the device: medians and sums over the sampled frames, the difference of whole frames from the background with its thresholds, and
    the soft masks with their moments. On the CPU: connected components, the cuts at necks, the circles through discs' rims.

    Args:
        runtime: where; None for the first GPU, or the CPU without one.
    """

    thread_safe = False  # one device, one picture at a time

    def __init__(self, runtime: Runtime | None = None) -> None:
        super().__init__()
        self._given = runtime
        self._device: DeviceForeground | None = None

    @classmethod
    def missing(cls, weights: str | None = None) -> str | None:
        """What it lacks here, in one line; None if it can run."""
        if find_spec("torch") is None:
            return f"torch is not installed; {pip_install('sam')}, or leave out --device and let the CPU do it"
        return None

    @property
    def runtime(self) -> Runtime:
        """Where it runs; chosen at the first use. Raises `UsageError` where torch isn't installed."""
        if self._given is None:
            from kinescribe.perception.grounded_sam.runtime import Runtime

            self._given = Runtime.choose()
        return self._given

    def prepare(self, video: Video, phrases: Sequence[str] = ()) -> None:
        """Estimate the background from the whole video; among still things look for those that `phrases` describe."""
        runtime = self.runtime  # before the video is read: torch may be missing
        super().prepare(video, phrases)
        from kinescribe.perception.classical.accelerated._foreground import DeviceForeground

        model, _ = self._prepared()
        self._device = DeviceForeground(model, runtime)

    def detect(self, frame: Frame) -> Detections:
        """The bodies that stand out from the background in this frame."""
        return self.detect_batch([frame])[0]

    def detect_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        """The same in several frames at once, which need not be consecutive.

        Raises:
            InputError: for frames of several sizes; `MemoryFullError` where memory runs out at a single frame.
        """
        model, _ = self._prepared()
        frames = [replace(frame, image=model.level(frame.image)) for frame in frames]
        found = self.runtime.in_batches(self._see, frames)
        cut = [
            [body for one in seen.blobs for body in self._cut(frame, seen.foreground, one.label, one.window, one.delta, one.difference)]
            for frame, seen in zip(frames, found, strict=True)
        ]
        weighed = iter(self.runtime.in_batches(self._weigh, [body for bodies in cut for body in bodies], size=BODIES))
        return [
            self._detections(frame, seen.foreground, bodies, [_measured(body, next(weighed)) for body in bodies])
            for frame, seen, bodies in zip(frames, found, cut, strict=True)
        ]

    def _estimate(self, sample: FrameSample) -> Background:
        from kinescribe.perception.classical.accelerated._stack import DeviceStack

        return estimate_background(sample, lambda frames: DeviceStack(frames, self.runtime))

    def _see(self, frames: list[Frame]) -> list[Seen]:
        assert self._device is not None
        return self._device.see([frame.image for frame in frames], self._windows)

    def _weigh(self, bodies: list[Body]) -> list[Weighed]:
        from kinescribe.perception.classical.accelerated._soft_masks import weigh

        return weigh(bodies, self.runtime.device)


def _measured(body: Body, weighed: Weighed) -> Measurement | None:
    if not weighed.moments.total:
        return None
    return describe(
        body.image, weighed.weights, weighed.moments, body.x0, body.y0, contrast=weighed.contrast, delta=body.delta, whole=body.whole
    )
