"""The same thing over time: association, filtering, smoothing, contacts."""

from kinescribe.tracking.angles import AngleTrajectory, smooth_angles
from kinescribe.tracking.boxes import detections_from_boxes
from kinescribe.tracking.contacts import ContactPoint
from kinescribe.tracking.kalman import BatchKalman
from kinescribe.tracking.offline import OfflineTracker, SteadyTracker
from kinescribe.tracking.online import OnlineTracker
from kinescribe.tracking.pieces import join_pieces
from kinescribe.tracking.protocols import Tracker
from kinescribe.tracking.refinement import refine
from kinescribe.tracking.selection import leave_out
from kinescribe.tracking.smoothing import Trajectory, smooth_track
from kinescribe.tracking.tracks import Track

__all__ = [
    "AngleTrajectory",
    "BatchKalman",
    "ContactPoint",
    "OfflineTracker",
    "OnlineTracker",
    "SteadyTracker",
    "Track",
    "Tracker",
    "Trajectory",
    "detections_from_boxes",
    "join_pieces",
    "leave_out",
    "refine",
    "smooth_angles",
    "smooth_track",
]
