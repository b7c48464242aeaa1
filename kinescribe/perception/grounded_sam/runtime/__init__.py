"""Where learned models run, and how: device and precision, batches, pictures on their way to the device, stages side by side."""

from __future__ import annotations

from kinescribe.perception.grounded_sam.runtime.pictures import normalize, resize
from kinescribe.perception.grounded_sam.runtime.replicas import Replicas
from kinescribe.perception.grounded_sam.runtime.runtime import Runtime
from kinescribe.perception.staged import staged

__all__ = ["Replicas", "Runtime", "normalize", "resize", "staged"]
