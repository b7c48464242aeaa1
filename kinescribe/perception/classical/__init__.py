"""The embedded default: a static camera, no weights, no GPU."""

from kinescribe.perception.classical.detector import ClassicalDetector

__all__ = ["ClassicalDetector"]
