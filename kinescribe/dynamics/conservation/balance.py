"""The books: energy and momentum at each time, and what each contact takes or gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip, Impact
from kinescribe.dynamics.composition import Sum
from kinescribe.dynamics.conservation.velocities import at, local
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation import Rollout
from kinescribe.dynamics.state import COMPONENTS, Bodies, State
from kinescribe.errors import UsageError

__all__ = ["Balance", "Exchange", "balance_of"]

Float = NDArray[np.float64]
SIDE = 7  # sightings on either side of an impact that its velocities are taken from


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """What one contact did. Relative changes are of the kinetic energy, and of the sum of momenta's sizes, just before it.

    Attributes:
        impact: the contact.
        energy, energy_sigma: relative change of the partners' kinetic energy; NaN where it can't be told.
        momentum, momentum_sigma: relative size of the change of the partners' common momentum; NaN for contacts with walls.
    """

    impact: Impact
    energy: float
    energy_sigma: float
    momentum: float
    momentum_sigma: float


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """Energy and momentum of all objects together. Units: mass (1 each where the law has none), the table's length, seconds.

    Attributes:
        observed: from sightings, with σ; else from a law's rollout, where σ is 0.
        times: (T,) seconds.
        kinetic, energy, energy_sigma: (T,) energy is kinetic and potential; NaN where an object is out of sight.
        momentum, momentum_sigma: (2, T).
        scale: greatest kinetic energy, which changes are relative to.
        thrust: greatest sum of the sizes of momenta, the same.
        mass: of all objects.
        exchanges: of each contact, in time order.
        has_potential: the law, or a term of a sum, knows a potential energy; else energy is kinetic energy alone.
        weighed: the law knows masses; else all are 1.
    """

    observed: bool
    times: Float
    kinetic: Float
    energy: Float
    energy_sigma: Float
    momentum: Float
    momentum_sigma: Float
    scale: float
    thrust: float
    mass: float
    exchanges: tuple[Exchange, ...]
    has_potential: bool
    weighed: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Positions and velocities (T, n) with variances; sightings' own positions for what happens at impacts."""

    times: Float
    state: dict[str, Float]
    variance: dict[str, Float]
    impacts: Sequence[Impact]
    bodies: Bodies


def balance_of(
    law: Law | None, parameters: Mapping[str, Any] | None, motion: Clip | Rollout, *, times: Any = None, clip: int = 0
) -> Balance:
    """The books of what was seen (a `Clip`), or of one clip of a `Rollout` at its `times` (T,).

    Args:
        law: for potential energy and masses; None: kinetic energy, equal masses.
        parameters: of the law, by name a number, or (n,) for a parameter per object.

    Raises:
        UsageError: a rollout without its times.
    """
    if isinstance(motion, Rollout):
        if times is None:
            raise UsageError("the balance of a rollout needs its times: conservation(law, parameters, rollout, times=…)")
        seen = _computed(motion, np.asarray(times, float), clip)
    else:
        seen = _observed(motion)
    return _booked(law, Values(_columns(parameters or {})), seen, motion if isinstance(motion, Clip) else None)


def _columns(parameters: Mapping[str, Any]) -> dict[str, Float]:
    return {name: np.atleast_2d(np.asarray(value, float)) for name, value in parameters.items()}


def _observed(clip: Clip) -> _Seen:
    shape = clip.x.shape
    state = {name: np.full(shape, np.nan) for name in ("x", "y", "vx", "vy")}
    variance = {name: np.full(shape, np.nan) for name in state}
    for k in range(shape[1]):
        arc = np.searchsorted([hit.time for hit in clip.impacts if k in hit.objects], clip.times)
        for axis, sigma in (("x", clip.sigma_x), ("y", clip.sigma_y)):
            values = getattr(clip, axis)[:, k]
            for part in np.unique(arc):
                rows = np.flatnonzero((arc == part) & np.isfinite(values) & np.isfinite(sigma[:, k]))
                found = local(clip.times[rows], values[rows], sigma[rows, k])
                state[axis][rows, k], state[f"v{axis}"][rows, k] = found.value, found.rate
                variance[axis][rows, k], variance[f"v{axis}"][rows, k] = found.value_variance, found.rate_variance
    known = np.isfinite(clip.angle)
    turned = {"angle": np.where(known, clip.angle, 0.0), "angular_velocity": np.nan_to_num(clip.angular_velocity)}
    return _Seen(clip.times, {**state, **turned}, variance, clip.impacts, clip.bodies)


def _computed(rollout: Rollout, times: Float, clip: int) -> _Seen:
    state = {name: rollout.component(name)[clip] for name in COMPONENTS}
    none = np.zeros_like(state["x"])
    bodies = rollout.bodies
    if bodies.radius.ndim == 2:
        bodies = replace(bodies, radius=bodies.radius[clip], width=bodies.width[clip], height=bodies.height[clip])
    return _Seen(times, state, dict.fromkeys(("x", "y", "vx", "vy"), none), rollout.impacts_of(clip), bodies)


def _booked(law: Law | None, values: Values, seen: _Seen, clip: Clip | None) -> Balance:
    mass, weighed = _masses(law, values, seen.bodies)
    s, v = seen.state, seen.variance
    # the square of an uncertain velocity is too great by its variance
    square = s["vx"] ** 2 + s["vy"] ** 2 - v["vx"] - v["vy"]
    potential = _potential(law, values, seen, {})
    slope = [_potential(law, values, seen, {axis: np.sqrt(np.nan_to_num(v[axis]))}) - potential for axis in ("x", "y")]
    kinetic = (0.5 * mass * square).sum(axis=1)
    noise = mass**2 * (s["vx"] ** 2 * v["vx"] + s["vy"] ** 2 * v["vy"] + slope[0] ** 2 + slope[1] ** 2)
    momentum = np.stack([(mass * s[name]).sum(axis=1) for name in ("vx", "vy")])
    sizes = (mass * np.hypot(s["vx"], s["vy"])).sum(axis=1)
    return Balance(
        observed=clip is not None,
        times=seen.times,
        kinetic=kinetic,
        energy=kinetic + (mass * potential).sum(axis=1),
        energy_sigma=np.sqrt(noise.sum(axis=1)),
        momentum=momentum,
        momentum_sigma=np.stack([np.sqrt((mass**2 * v[name]).sum(axis=1)) for name in ("vx", "vy")]),
        scale=_greatest(kinetic),
        thrust=_greatest(sizes),
        mass=float(mass.sum()),
        exchanges=tuple(_exchange(hit, seen, mass, clip) for hit in seen.impacts),
        has_potential=law is not None and _raw_potential(law, values, seen, {}) is not None,
        weighed=weighed,
    )


def _greatest(values: Float) -> float:
    known = values[np.isfinite(values)]
    return float(np.quantile(known, 0.98)) if len(known) else float("nan")


def _masses(law: Law | None, values: Values, bodies: Bodies) -> tuple[Float, bool]:
    """(1, n), and whether anybody knows: a rigid world, discs that have masses by their size, or the parameter."""
    own = getattr(law, "masses", None)
    found = None if own is None else own(bodies, values)
    if found is None and law is not None and law.kind == "acceleration":
        discs = law.contacts(bodies, values).discs
        found = None if discs is None else discs.masses
    if found is None:
        found = values.get("mass")
    return np.broadcast_to(np.asarray(1.0 if found is None else found, float), (1, len(bodies))), found is not None


def _potential(law: Law | None, values: Values, seen: _Seen, moved: Mapping[str, Float]) -> Float:
    """(T, n) over the unit of mass, at positions moved by so much; 0 where the law has none."""
    made = None if law is None else _raw_potential(law, values, seen, moved)
    return np.zeros_like(seen.state["x"]) if made is None else np.broadcast_to(np.asarray(made, float), seen.state["x"].shape)


def _raw_potential(law: Law, values: Values, seen: _Seen, moved: Mapping[str, Float]) -> Any:
    # times take the place of clips
    state = State.of(seen.bodies, **{name: part + moved.get(name, 0.0) for name, part in seen.state.items()})
    if isinstance(law, Sum):
        # forces without a potential, such as drag, take energy from what the others hold
        parts = [_of_law(term, law._of(k, values), state) for k, term in enumerate(law.terms)]
        known = [part for part in parts if part is not None]
        return sum(known[1:], known[0]) if known else None
    return _of_law(law, values, state)


def _of_law(law: Law, values: Values, state: State) -> Any:
    if law.array_library != "torch":
        return law.potential(state, values)
    import torch

    tensors = Values({name: torch.as_tensor(value) for name, value in values.items()})
    return law.potential(State(torch.as_tensor(state.data), state.bodies), tensors)


def _exchange(hit: Impact, seen: _Seen, mass: Float, clip: Clip | None) -> Exchange:
    before, after = ([_side(hit, k, side, seen, clip) for k in hit.objects] for side in (-1, 1))
    own = mass[0, list(hit.objects)]
    energies, variances, momenta, spreads = [], [], [], []
    for side in (before, after):
        v, var = np.array([one[0] for one in side]), np.array([one[1] for one in side])
        energies.append(float((0.5 * own * ((v**2).sum(axis=1) - var.sum(axis=1))).sum()))
        variances.append(float((own[:, None] ** 2 * v**2 * var).sum()))
        momenta.append((own[:, None] * v).sum(axis=0))
        spreads.append((own[:, None] ** 2 * var).sum(axis=0))
    whole = energies[0] if energies[0] > 0 else float("nan")
    sizes = float((own * np.hypot(*np.array([one[0] for one in before]).T)).sum()) or float("nan")
    change = momenta[1] - momenta[0]
    pair = len(hit.objects) > 1 and not hit.wall
    ratio = energies[1] / whole
    return Exchange(
        hit,
        ratio - 1.0,
        float(np.sqrt(variances[1] + ratio**2 * variances[0]) / whole),
        float(np.hypot(*change)) / sizes if pair else float("nan"),
        float(np.sqrt((spreads[0] + spreads[1]).sum())) / sizes if pair else float("nan"),
    )


def _side(hit: Impact, k: int, side: int, seen: _Seen, clip: Clip | None) -> tuple[Float, Float]:
    """Velocity (2,) and variance (2,) of an object just before (−1) or after (1) an impact."""
    times = seen.times
    own = [other.time for other in seen.impacts if k in other.objects]
    bound = max((t for t in own if t < hit.time), default=-np.inf), min((t for t in own if t > hit.time), default=np.inf)
    near = (times > bound[0]) & (times < hit.time) if side < 0 else (times > hit.time) & (times < bound[1])
    if clip is not None:
        found = []
        for values, sigma in ((clip.x[:, k], clip.sigma_x[:, k]), (clip.y[:, k], clip.sigma_y[:, k])):
            rows = np.flatnonzero(near & np.isfinite(values) & np.isfinite(sigma))
            rows = rows[-SIDE:] if side < 0 else rows[:SIDE]
            found.append(at(times[rows], values[rows], sigma[rows], hit.time))
        return np.array([one.rate[0] for one in found]), np.array([one.rate_variance[0] for one in found])
    rows = np.flatnonzero(near)
    rows = rows[-2:] if side < 0 else rows[:2]
    velocity = np.stack([seen.state["vx"][rows, k], seen.state["vy"][rows, k]])
    if len(rows) == 2:
        share = (hit.time - times[rows[0]]) / (times[rows[1]] - times[rows[0]])
        return velocity[:, 0] + share * (velocity[:, 1] - velocity[:, 0]), np.zeros(2)
    return (velocity[:, 0] if len(rows) else np.full(2, np.nan)), np.zeros(2)
