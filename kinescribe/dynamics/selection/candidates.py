"""Which laws a motion may follow, before any is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise

import numpy as np

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.rigid import RigidWorld
from kinescribe.dynamics.rigid.starts import gravity_of
from kinescribe.plugins import plugins

__all__ = ["at_a_distance", "candidates", "groups"]

TOUCHING = 1.15  # sums of contact radii between centres, within which two discs may have struck each other
JOINTED = 0.75  # of the longer one's length between centres: parts of one body stay so near all the time
ALONE = (
    "rest",
    "uniform-motion",
    "constant-acceleration",
    "free-fall",
    "coulomb-friction",
    "linear-drag",
    "quadratic-drag",
    "free-fall + linear-drag",
    "free-fall + quadratic-drag",
    "anchored-spring",
    "damped-spring",
    "damped-spring + coulomb-friction",
    "circular-motion",
    "pendulum",
)
"""For one object."""
TOGETHER = ("uniform-motion", "free-fall", "coulomb-friction", "linear-drag", "constant-acceleration")
"""Forces on objects that strike each other."""
BOXED = ("free-fall", "uniform-motion", "coulomb-friction")
"""Forces on objects that strike each other and something that is no object."""
STRIKING = ("discs", "discs-of-one-material")
PAIRED = ("pair-spring", "inverse-square")
"""Forces between two objects or more."""
MANY = 8
"""Objects, above which forces between all pairs aren't tried where nothing says that they belong together."""
LIKELY_METRES = (0.1, 10.0)
"""Sizes of bodies that Box2D is made for, in its own unit of length."""
FALLEN = 0.05
"""Share of the bodies' size that gravity must have moved them by between two contacts, to be there at all."""
BOUNCING = ("free-fall", "constant-acceleration", "uniform-motion", "free-fall + linear-drag")
"""Forces on what strikes something that is no object."""


def groups(clips: Sequence[Clip]) -> list[tuple[int, ...]]:
    """Objects, by index, that have to do with each other: those that struck each other, or came near enough to; the others alone.

    All that strike anything are one group, for one law says how discs touch, whoever touches whom.
    """
    n = len(clips[0].bodies)
    group = list(range(n))
    for clip in clips:
        for i, j in _neighbours(clip):
            old, new = group[j], group[i]
            group = [new if g == old else g for g in group]
    alone = [group.count(g) == 1 for g in group]
    group = [g if lonely else -1 for g, lonely in zip(group, alone, strict=True)]
    return [tuple(i for i in range(n) if group[i] == g) for g in dict.fromkeys(group)]


def _neighbours(clip: Clip) -> set[tuple[int, int]]:
    pairs = {(hit.objects[0], hit.objects[1]) for hit in clip.impacts if len(hit.objects) == 2}
    radius = np.atleast_2d(clip.bodies.radius)[0]
    for i in range(len(radius)):
        for j in range(i + 1, len(radius)):
            distance = np.hypot(clip.x[:, i] - clip.x[:, j], clip.y[:, i] - clip.y[:, j])
            known = distance[np.isfinite(distance)]
            # what stays near all the time is rather a part of the same thing, or lies beside it
            near = known < TOUCHING * (radius[i] + radius[j])
            if len(known) and near.any() and not near.all() and clip.bodies.shapes[i] == clip.bodies.shapes[j] == "disc":
                pairs.add((i, j))
            # parts of one thing that is driven, as a cart with its pole
            longest = max(float(np.max([clip.bodies.width[..., k], clip.bodies.height[..., k]])) for k in (i, j))
            if clip.inputs.columns and len(known) and known.max() < JOINTED * longest:
                pairs.add((i, j))
    return pairs


def candidates(clips: Sequence[Clip]) -> list[Law]:
    """Laws worth fitting to these objects, which belong together; those of other packages come last."""
    n = len(clips[0].bodies)
    names: list[str] = []
    if n == 1:
        names += ALONE
        if any(len(hit.objects) == 1 for clip in clips for hit in clip.impacts):
            names += [f"{force} + floor" for force in BOUNCING] + [f"{force} + walls" for force in BOUNCING[:3]]
        if any(np.isfinite(clip.angle).any() for clip in clips):
            names += ["rolling", "rod-pendulum"]
    else:
        if any(len(hit.objects) == 1 for clip in clips for hit in clip.impacts):
            # balls in a box: first, for without its walls nothing else fits
            names += [f"{force} + walls + {striking}" for striking in STRIKING for force in BOXED]
        names += TOGETHER[:2]
        names += [f"{force} + {striking}" for striking in STRIKING for force in TOGETHER]
        names += PAIRED
    given = set.intersection(*(set(clip.inputs.columns) for clip in clips))
    known = {plugin.name: plugin for plugin in plugins("laws")}
    if given:
        names += ["cart-pole", "cart-pole-continuous"]
    ours = set(known) & {part for name in names for part in name.split(" + ")}
    strangers = [plugin.name for plugin in known.values() if not plugin.package.startswith("kinescribe ")]
    laws = [_sized(find_law(name)) for name in names if set(name.split(" + ")) <= ours] + [find_law(name) for name in strangers]
    if n > 1 and find_spec("Box2D") is not None and all(_has_sizes(clip) for clip in clips):
        laws.append(_world(clips))
    return [law for law in laws if law.objects in (None, n) and set(law.inputs) <= given]


def at_a_distance(clips: Sequence[Clip]) -> list[Law]:
    """Laws of objects that act on each other without touching, for all of these together."""
    n = len(clips[0].bodies)
    if not 1 < n <= MANY:
        return []
    return [law for law in map(find_law, PAIRED) if law.objects in (None, n)]


def _sized(law: Law) -> Law:
    """A law of things that strike each other, free to say at what size: a video's rim may not be where they touch."""
    if "size" in law.parameters:
        law.parameters["size"] = replace(law.parameters["size"], fixed=False)
    return law


def _has_sizes(clip: Clip) -> bool:
    return bool((np.minimum(clip.bodies.width, clip.bodies.height) > 0).all())


def _world(clips: Sequence[Clip]) -> Law:
    """Box2D's world for bodies that strike each other: from above where nothing falls.

    Many videos of things that collide were simulated, mostly with Box2D. What is of a size that it is made for is taken to be in its own
    unit, with its own constants; what was filmed, or measured in pixels, has no such unit.
    """
    sizes = np.concatenate([np.ravel(clip.bodies.radius) for clip in clips]) * 2.0
    low, high = LIKELY_METRES
    own = clips[0].unit != "px" and low <= sizes.min() and sizes.max() <= high
    pulls = [gravity_of(clip, range(len(clip.bodies))) for clip in clips]
    falls = [0.5 * pull * _between(clip) ** 2 for pull, clip in zip(pulls, clips, strict=True) if pull is not None]
    gravity = RigidWorld.gravity
    if not falls or float(np.median(falls)) < FALLEN * float(np.median(sizes)):
        gravity = replace(gravity, start=0.0, fixed=True)
    size = replace(RigidWorld.size, fixed=False)
    return RigidWorld(gravity=gravity, size=size, scale=1.0, threshold=1.0) if own else RigidWorld(gravity=gravity, size=size)


def _between(clip: Clip) -> float:
    """The longest time without a contact, seconds."""
    moments = [float(clip.times[0]), *sorted(hit.time for hit in clip.impacts), float(clip.times[-1])]
    return max(later - earlier for earlier, later in pairwise(moments))
