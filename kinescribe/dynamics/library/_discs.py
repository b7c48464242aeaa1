"""What all laws of discs that strike each other declare alike."""

from __future__ import annotations

import math

from kinescribe.dynamics.parameters import Parameter

__all__ = ["RESTITUTION", "SIZE", "THRESHOLD"]

STRIKING = "two objects that strike each other"
RESTITUTION = Parameter(0.9, (0, 1), meaning="relative speed after over before, along the line of centres", revealed_by=STRIKING)
THRESHOLD = Parameter(0.0, (0, math.inf), "length/time", "approach speed below which nothing bounces, as in Box2D at 1 m/s", fixed=True)
SIZE = Parameter(1.0, (0.5, 2.0), meaning="size of the discs at contacts over the size seen", fixed=True, revealed_by=STRIKING)
