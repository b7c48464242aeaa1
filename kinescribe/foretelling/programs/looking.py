"""Looking at a video in the way that a plan says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kinescribe.foretelling.programs.detector import ProgramDetector
from kinescribe.foretelling.programs.plan import PerceptionPlan
from kinescribe.states import Calibration, States
from kinescribe.video import Video, open_video

if TYPE_CHECKING:
    from kinescribe.perception.progress import Progress

__all__ = ["Looking"]


@dataclass(frozen=True, slots=True)
class Looking:
    """A video, and what holds for every look at it: world frame, times, and where models run; see `kinescribe.extract_states`."""

    path: str
    calibration: Calibration | None = None
    frame_interval: float | None = None
    device: str = "auto"

    def opened(self) -> Video:
        """The video."""
        return open_video(self.path, frame_interval=self.frame_interval)

    def states(self, plan: PerceptionPlan, progress: Progress | None = None) -> States:
        """What a plan finds. Raises as `extract_states` does, and `SandboxError` for a detector that does what it may not."""
        from kinescribe.pipeline import extract_states

        detector = ProgramDetector.of(plan.detector) if plan.detector else None
        return extract_states(
            self.path, objects=plan.objects, backend=plan.backend, detector=detector, ends=plan.ends, one_each=plan.one_each,
            detect_every=plan.detect_every, calibration=self.calibration, frame_interval=self.frame_interval, device=self.device,
            progress=progress,
        )  # fmt: skip
