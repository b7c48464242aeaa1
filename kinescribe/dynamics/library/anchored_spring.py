"""A spring from a fixed point, without losses."""

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

__all__ = ["AnchoredSpring"]


class AnchoredSpring(Law):
    """``a = −stiffness·(d − rest_length)·(r − anchor)/d``, d the distance from the anchor.

    `stiffness` is the spring's over the object's mass. Without a rest length (as declared: 0, held fixed) the anchor is where the object
    would lie at rest, gravity included; motion along one line can't tell a rest length from a shifted anchor.
    """

    name = "anchored-spring"
    equation = "a = -stiffness·(1 - rest_length/|r - anchor|)·(r - anchor)"
    stiffness = Parameter(1.0, (0, math.inf), "1/time^2", "spring constant over mass", revealed_by="at least half a swing")
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
        return pull(state, parameters)[:2]

    def potential(self, state: State, parameters: Values) -> Any:
        return 0.5 * parameters.stiffness * pull(state, parameters)[2] ** 2

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        found = oscillation(clip, self.parameters["rest_length"].start)
        del found["damping"]
        return within(self.parameters, **found)
