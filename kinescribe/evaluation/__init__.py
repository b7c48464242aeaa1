"""The measures, as functions."""

from kinescribe.evaluation.calibration import normal_coverage, sigma_coverage
from kinescribe.evaluation.coverage import ClipScore, ObjectScore, Truth, read_truth, score_states
from kinescribe.evaluation.identity import HeadingScore, heading_error, identity_switches
from kinescribe.evaluation.physics import Oscillation, fit_gravity, fit_oscillation
from kinescribe.evaluation.velocity import contact_step, line_velocity, per_frame_velocity_error, scored_frames, velocity_error
from kinescribe.evaluation.video import (
    FrameComparison,
    Lpips,
    PhysicsIQ,
    PixelErrors,
    VideoComparison,
    compare_videos,
    motion_masks,
    physics_iq,
    physics_iq_score,
    pixel_errors,
    psnr,
    structural_similarity,
    temporal_coherence_ratio,
)

__all__ = [
    "ClipScore",
    "FrameComparison",
    "HeadingScore",
    "Lpips",
    "ObjectScore",
    "Oscillation",
    "PhysicsIQ",
    "PixelErrors",
    "Truth",
    "VideoComparison",
    "compare_videos",
    "contact_step",
    "fit_gravity",
    "fit_oscillation",
    "heading_error",
    "identity_switches",
    "line_velocity",
    "motion_masks",
    "normal_coverage",
    "per_frame_velocity_error",
    "physics_iq",
    "physics_iq_score",
    "pixel_errors",
    "psnr",
    "read_truth",
    "score_states",
    "scored_frames",
    "sigma_coverage",
    "structural_similarity",
    "temporal_coherence_ratio",
    "velocity_error",
]
