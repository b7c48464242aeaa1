"""Starts of a cart-pole: scale and force from the cart's answer to known pushes, the pole's place from its angle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.library.estimates import regress
from kinescribe.dynamics.state import Bodies

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["cart_of", "cart_pole_starts"]

Float = NDArray[np.float64]
STEP = 0.02  # seconds: fine enough for the double integral of a push
MOST = 200_000  # of such steps
LEAST = 6  # sightings of the cart


def cart_of(bodies: Bodies) -> int:
    """Index of the cart among two objects."""
    for sign in (0, 1):
        for i, label in enumerate(bodies.labels):
            if ("cart", "pole")[sign] in label.lower().replace("cartpole", ""):
                return abs(i - sign)
    rods = [i for i, shape in enumerate(bodies.shapes) if shape == "rod"]
    return 1 - rods[0] if len(rods) == 1 else 0


def cart_pole_starts(clip: Clip, known: Mapping[str, float]) -> dict[str, float]:
    """By name what the clip tells; `known` holds declared starts, whose ratios are believed where the clip says nothing."""
    if len(clip.bodies) != 2:
        return {}
    cart = cart_of(clip.bodies)
    found = _pole(clip, cart, 1 - cart)
    answer, moment = _answer(clip, cart, 1 - cart, found.get("upright", math.nan))
    if math.isfinite(answer) and answer > 0:
        # all lengths and accelerations of the declared cart-pole in the table's unit
        scale = answer * (known["mass_cart"] + known["mass_pole"]) / known["force"]
        found |= {name: scale * known[name] for name in ("force", "gravity", "length")}
    size = float(np.max([clip.bodies.width[..., 1 - cart], clip.bodies.height[..., 1 - cart]]))
    if size > 0:
        found["length"] = 0.5 * size
    length = found.get("length", known["length"])
    if "reach" in found:
        found["overhang"] = length - found.pop("reach")
    if 0 < moment < 0.5 * length:
        # of moment = mass_pole·length/(mass_cart + mass_pole)
        found["mass_pole"] = known["mass_cart"] * moment / (length - moment)
        if "force" in found:
            found["force"] = answer * (known["mass_cart"] + found["mass_pole"])
    return found


def _pole(clip: Clip, cart: int, pole: int) -> dict[str, float]:
    """upright, rise and reach, from the hinge to the pole's centroid. At first the pole is taken to lean less than it lies."""
    known = clip.seen[:, cart] & clip.seen[:, pole] & np.isfinite(clip.angle[:, pole])
    if known.sum() < 3:
        return {}
    angle = clip.angle[known, pole]
    dx, dy = clip.x[known, pole] - clip.x[known, cart], clip.y[known, pole] - clip.y[known, cart]
    upright = math.pi / 2 + math.pi * round((float(np.median(angle[:5])) - math.pi / 2) / math.pi)
    none, one = np.zeros(len(angle)), np.ones(len(angle))
    rows = np.concatenate([np.column_stack([none, np.sin(upright - angle)]), np.column_stack([one, np.cos(upright - angle)])])
    made = regress(rows, np.concatenate([dx, dy]))
    if made is None:
        return {"upright": upright}
    rise, reach = (float(value) for value in made)
    return {"upright": upright + (math.pi if reach < 0 else 0.0), "rise": rise, "reach": abs(reach)}


def _answer(clip: Clip, cart: int, pole: int, upright: float) -> tuple[float, float]:
    """Acceleration of the whole for a push of 1, and how far its centre of mass moves for the pole's full lean.

    The push moves the centre of mass, ``x + moment·sin θ``: a straight line and so many times the double integral of the push.
    """
    if "push" not in clip.inputs.columns:
        return math.nan, math.nan
    lean = np.sin(upright - clip.angle[:, pole])
    leans = bool(np.isfinite(lean).sum() >= LEAST)
    rows = np.flatnonzero(np.isfinite(clip.x[:, cart]) & (np.isfinite(lean) if leans else True))
    if len(rows) < LEAST:
        return math.nan, math.nan
    times = clip.times[rows]
    count = int((times[-1] - times[0]) / STEP) + 2
    if count > MOST:
        return math.nan, math.nan
    grid = times[0] + STEP * np.arange(count)
    rate = np.r_[0.0, np.cumsum(clip.inputs.at(grid)["push"])[:-1]] * STEP
    twice = np.r_[0.0, np.cumsum(rate)[:-1]] * STEP
    columns = [np.ones(len(rows)), times - times[0], np.interp(times, grid, twice), *([-lean[rows]] if leans else [])]
    made = regress(np.column_stack(columns), clip.x[rows, cart])
    if made is None:
        return math.nan, math.nan
    return float(made[2]), float(made[3]) if leans else math.nan
