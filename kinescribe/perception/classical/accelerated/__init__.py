"""The embedded default's arithmetic on a GPU, batch by batch, with the same results. Importing it does not import torch."""

from kinescribe.perception.classical.accelerated.detector import AcceleratedClassicalDetector

__all__ = ["AcceleratedClassicalDetector"]
