"""What is in a frame: detectors, segmenters, propagators, label verification."""

from kinescribe.perception.detections import Detections, MaskCrop, SoftMask
from kinescribe.perception.protocols import ConceptTracker, Detector, LabelVerifier, Propagator, Segmenter
from kinescribe.perception.sightings import Path, Sightings

__all__ = [
    "ConceptTracker",
    "Detections",
    "Detector",
    "LabelVerifier",
    "MaskCrop",
    "Path",
    "Propagator",
    "Segmenter",
    "Sightings",
    "SoftMask",
]
