"""Laws: what moves a state forward, fitted to what was seen."""

from __future__ import annotations

from kinescribe.dynamics.clip import Clip, Impact
from kinescribe.dynamics.contacts import Contacts, Discs, Wall
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.simulation import Rollout, Schedule, simulate
from kinescribe.dynamics.state import Bodies, State

__all__ = [
    "Bodies",
    "Clip",
    "Contacts",
    "Discs",
    "Impact",
    "Inputs",
    "Law",
    "Parameter",
    "Rollout",
    "Schedule",
    "State",
    "Values",
    "Wall",
    "simulate",
]
