"""From a law, its parameters and a start to a trajectory."""

from __future__ import annotations

from kinescribe.dynamics.simulation.rollout import Rollout
from kinescribe.dynamics.simulation.schedule import Schedule
from kinescribe.dynamics.simulation.simulate import simulate

__all__ = ["Rollout", "Schedule", "simulate"]
