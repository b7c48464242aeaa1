"""A spring from a fixed point whose motion dies away."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._springs import oscillation, pull
from kinescribe.dynamics.library.estimates import within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["DampedSpring"]


class DampedSpring(Law):
    """``a = −stiffness·(d − rest_length)·(r − anchor)/d − damping·v``: a cart between springs, a weight on a spring, in air.

    Along a line, or in the plane. Parameters as in `anchored-spring`; the amplitude falls as ``exp(−damping·t/2)``.
    """

    name = "damped-spring"
    equation = "a = -stiffness·(1 - rest_length/|r - anchor|)·(r - anchor) - damping·v"
    stiffness = Parameter(1.0, (0, math.inf), "1/time^2", "spring constant over mass", revealed_by="at least half a swing")
    damping = Parameter(0.0, (0, math.inf), "1/time", "deceleration over speed", revealed_by="more swings")
    anchor_x = Parameter(
        0.0, unit="length", meaning="fixed end, or the place of rest where rest_length is 0", revealed_by="motion through the place of rest"
    )
    anchor_y = Parameter(0.0, unit="length", meaning="the same, upwards", revealed_by="motion through the place of rest")
    rest_length = Parameter(
        0.0,
        (0, math.inf),
        "length",
        "distance from the anchor at which nothing pulls",
        fixed=True,
        revealed_by="motion round the anchor, not only along a line through it",
    )

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        ax, ay, _ = pull(state, parameters)
        return ax - parameters.damping * state.vx, ay - parameters.damping * state.vy

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return within(self.parameters, **oscillation(clip, self.parameters["rest_length"].start))
