"""Closed-form estimates from a clip's sightings, on which laws base the starts of a fit."""

from __future__ import annotations

from kinescribe.dynamics.library.estimates.arcs import Arc, arcs, kinks
from kinescribe.dynamics.library.estimates.bounces import Bounce, bounces
from kinescribe.dynamics.library.estimates.circle import Circle, circle
from kinescribe.dynamics.library.estimates.derivatives import Derivatives, derivatives, together
from kinescribe.dynamics.library.estimates.regression import middle, regress, within
from kinescribe.dynamics.library.estimates.sinusoid import Sinusoid, sinusoid

__all__ = [
    "Arc",
    "Bounce",
    "Circle",
    "Derivatives",
    "Sinusoid",
    "arcs",
    "bounces",
    "circle",
    "derivatives",
    "kinks",
    "middle",
    "regress",
    "sinusoid",
    "together",
    "within",
]
