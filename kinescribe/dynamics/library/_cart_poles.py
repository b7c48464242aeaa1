"""What both forms of the cart-pole have in common: its parameters, its forces, and where the pole is when its cart and angle are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._cart_pole_starts import cart_of, cart_pole_starts
from kinescribe.dynamics.library.estimates import within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies, State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["CartPoles"]

SURE = 9  # first sightings that say which way the pole points


class CartPoles(Law):
    """Abstract: a cart on a level track and a pole hinged to it (Barto, Sutton and Anderson 1983, as in gymnasium's CartPole-v1).

    The pole's angle is that of the direction from the hinge along the pole, counter-clockwise from +x, π/2 when it stands; its lean
    θ = upright − angle is positive to the right. The hinge lies `rise` above the cart's centroid and ``length − overhang`` from the
    pole's, so that with another `length` the pole is stretched from its hinge, and what overhangs there stays. Of the two objects the
    cart is the one so called, else the one that is no rod, else the first.
    """

    inputs = ("push",)
    objects = 2
    turns = True
    force = Parameter(10.0, (0, math.inf), "mass*length/time^2", "force of a push of 1, to the right", revealed_by="pushes of known size")
    gravity = Parameter(9.8, (0, math.inf), "length/time^2", "downward acceleration", revealed_by="a pole that leans further")
    length = Parameter(
        0.5,
        (1e-9, math.inf),
        "length",
        "half of the pole's length: from its hinge to its centre of mass",
        revealed_by="a pole that leans further",
    )
    mass_cart = Parameter(1.0, (1e-9, math.inf), "mass", "the scale of masses and forces, which motion does not tell", fixed=True)
    mass_pole = Parameter(0.1, (0, math.inf), "mass", "mass of the pole", revealed_by="a pole that swings the cart")
    upright = Parameter(
        math.pi / 2, unit="rad", meaning="the table's angle of the pole when it stands upright", revealed_by="a pole near its upright"
    )
    rise = Parameter(
        0.0, unit="length", meaning="how far the hinge lies above the cart's centroid as seen", revealed_by="a pole that leans both ways"
    )
    overhang = Parameter(
        0.0,
        unit="length",
        meaning="how much nearer to the hinge the pole's centroid is seen than `length`: what of the pole is seen beyond the hinge",
        revealed_by="a pole that leans further",
    )

    def accelerations(self, state: State, p: Values, push: Any) -> tuple[Any, Any]:
        """Of the cart, and of the angle of the pole, (b, 1) each."""
        pole = 1 - cart_of(state.bodies)
        lean = p.upright - state.angle[..., pole : pole + 1]
        sine, cosine = np.sin(lean), np.cos(lean)
        total, moment = p.mass_cart + p.mass_pole, p.mass_pole * p.length
        driven = (p.force * push + moment * state.angular_velocity[..., pole : pole + 1] ** 2 * sine) / total
        leaning = (p.gravity * sine - cosine * driven) / (p.length * (4.0 / 3.0 - p.mass_pole * cosine**2 / total))
        return driven - moment * leaning * cosine / total, -leaning

    def split(self, bodies: Bodies) -> tuple[Any, Any]:
        """(2,) True for the cart, and True for the pole."""
        cart = np.arange(2) == cart_of(bodies)
        return cart, ~cart

    def project(self, state: State, parameters: Values) -> State:
        p, cart = parameters, cart_of(state.bodies)
        isc, pole = self.split(state.bodies)[0], 1 - cart
        lean, rate = p.upright - state.angle[..., pole : pole + 1], -state.angular_velocity[..., pole : pole + 1]
        x, y, vx = (part[..., cart : cart + 1] for part in (state.x, state.y, state.vx))
        sine, cosine, reach = np.sin(lean), np.cos(lean), p.length - p.overhang
        return state.replace(
            x=np.where(isc, x, x + reach * sine),
            y=np.where(isc, y, y + p.rise + reach * cosine),
            vx=np.where(isc, vx, vx + reach * cosine * rate),
            vy=np.where(isc, 0.0, -reach * sine * rate),
            angular_velocity=np.where(isc, 0.0, state.angular_velocity),
        )

    def constrained(self, bodies: Bodies) -> int:
        return 6

    def read(self, clip: Clip) -> Clip:
        """The pole points away from the cart: its angle, which a rod has up to half a turn, is turned over where it says otherwise."""
        if len(clip.bodies) != 2:
            return clip
        cart = cart_of(clip.bodies)
        pole = 1 - cart
        known = clip.seen.all(axis=1) & np.isfinite(clip.angle[:, pole])
        if not known.any():
            return clip
        first = np.flatnonzero(known)[:SURE]
        away = np.arctan2((clip.y[:, pole] - clip.y[:, cart])[first], (clip.x[:, pole] - clip.x[:, cart])[first])
        turns = np.round((away - clip.angle[first, pole]) / math.pi)
        angle = clip.angle.copy()
        angle[:, pole] += math.pi * float(np.median(turns))
        return replace(clip, angle=angle)

    def sizes(self, bodies: Bodies, before: Values, after: Values) -> tuple[Any, Any]:
        """A pole of another length is as much longer as it is seen to be, and as broad as before."""
        _, pole = self.split(bodies)
        grown = np.where(pole, after.length / before.length, 1.0)
        upright = bodies.height > bodies.width
        return np.where(upright, bodies.width, bodies.width * grown), np.where(upright, bodies.height * grown, bodies.height)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return within(self.parameters, **cart_pole_starts(clip, {name: one.start for name, one in self.parameters.items()}))
