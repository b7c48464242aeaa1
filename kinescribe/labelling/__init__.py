"""What the tracks are called: what was asked for, what a detector or their look says, and what a verifier makes of it."""

from __future__ import annotations

from kinescribe.labelling.asked import AUTO_OBJECTS, Asked, asks_vlm, read_objects
from kinescribe.labelling.names import Labelled, Name, detected_names
from kinescribe.labelling.naming import Seen, look_of, name_tracks
from kinescribe.labelling.votes import votes_of

__all__ = [
    "AUTO_OBJECTS",
    "Asked",
    "Labelled",
    "Name",
    "Seen",
    "asks_vlm",
    "detected_names",
    "look_of",
    "name_tracks",
    "read_objects",
    "votes_of",
]
