"""Measures of videos: how far a predicted or rendered video is from the real one."""

from kinescribe.evaluation.video.coherence import temporal_coherence_ratio
from kinescribe.evaluation.video.comparing import compare_videos
from kinescribe.evaluation.video.comparison import FrameComparison, VideoComparison
from kinescribe.evaluation.video.lpips import Lpips
from kinescribe.evaluation.video.motion_masks import motion_masks
from kinescribe.evaluation.video.physics_iq import PhysicsIQ, physics_iq, physics_iq_score
from kinescribe.evaluation.video.pixels import PixelErrors, pixel_errors, psnr
from kinescribe.evaluation.video.similarity import structural_similarity

__all__ = [
    "FrameComparison",
    "Lpips",
    "PhysicsIQ",
    "PixelErrors",
    "VideoComparison",
    "compare_videos",
    "motion_masks",
    "physics_iq",
    "physics_iq_score",
    "pixel_errors",
    "psnr",
    "structural_similarity",
    "temporal_coherence_ratio",
]
