"""Rules held against what was seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.affordances.resolution import WORLD, Resolved, check_pairs, resolve
from kinescribe.dynamics.affordances.rules import Affordances, JointRule
from kinescribe.dynamics.checks.report import Finding
from kinescribe.dynamics.clip import Clip

__all__ = ["check"]

Float = NDArray[np.float64]
MANY_SIGMAS = 6.0
SHARE = 0.95  # of the sightings must agree; the rest may be outliers
DEEP = 0.05  # of the smaller radius: overlap that blur and measuring don't explain
TWICE = 2  # sightings of an overlap before it counts


def check(rules: Affordances, clip: Clip) -> list[Finding]:
    """What in the clip contradicts the rules; empty where nothing does.

    Static objects that move, pairs that overlap or struck each other though they may not touch, objects beyond a wall, joints whose
    length, angle or axis is not kept. A deviation counts where it exceeds six σ in more than a twentieth of the sightings.

    Raises:
        UsageError: rules that don't fit the clip's objects, or a pair of an object with itself.
    """
    check_pairs(rules, clip.bodies)
    resolved = resolve(rules, clip.bodies)
    return [
        *_moving(resolved, clip),
        *_touching(resolved, clip),
        *_behind(rules, resolved, clip),
        *(finding for joint, i, j in resolved.joints for finding in _unjoined(joint, i, j, clip)),
    ]


def _said(what: str, way_out: str) -> Finding:
    return Finding("warning", "affordances", what, way_out)


def _spread(values: Float, sigma: Float) -> tuple[float, float]:
    """How far all but a twentieth of the values (T,) lie from their median at most, and that in σ; zeros for fewer than two."""
    known = np.isfinite(values) & np.isfinite(sigma)
    if known.sum() < 2:
        return 0.0, 0.0
    off = np.abs(values[known] - np.median(values[known]))
    # the median of positions has an error too, and of two groups it lies in one
    return float(np.quantile(off, SHARE)), float(np.quantile(off / sigma[known], SHARE))


def _moving(resolved: Resolved, clip: Clip) -> Iterator[Finding]:
    for i in np.flatnonzero(resolved.static):
        off, sigmas = max(_spread(clip.x[:, i], clip.sigma_x[:, i]), _spread(clip.y[:, i], clip.sigma_y[:, i]), key=lambda one: one[1])
        if sigmas > MANY_SIGMAS:
            name = clip.bodies.names[i]
            yield _said(
                f"'{name}' is static by the rules, but moves by {off:.3g} {clip.unit or 'units'} ({sigmas:.0f} σ)",
                "call it dynamic, or kinematic where it moves by itself",
            )


def _touching(resolved: Resolved, clip: Clip) -> Iterator[Finding]:
    joined = {frozenset((i, j)) for _, i, j in resolved.joints}
    radius, names, shapes = np.atleast_2d(clip.bodies.radius).mean(axis=0), clip.bodies.names, clip.bodies.shapes
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            if resolved.pairs[i, j] or frozenset((i, j)) in joined:
                continue
            way_out = "let them touch, or look at what was taken for them"
            struck = [hit.time for hit in clip.impacts if {i, j} <= set(hit.objects)]
            if struck:
                when = ", ".join(f"{time:.3g} s" for time in struck[:3])
                yield _said(f"'{names[i]}' and '{names[j]}' may not touch, but strike each other at {when}", way_out)
            if shapes[i] == shapes[j] == "disc":
                gap = np.hypot(clip.x[:, i] - clip.x[:, j], clip.y[:, i] - clip.y[:, j]) - radius[i] - radius[j]
                sigma = np.sqrt(clip.sigma_x[:, i] ** 2 + clip.sigma_x[:, j] ** 2)
                deep = np.flatnonzero(gap < -(DEEP * min(radius[i], radius[j]) + MANY_SIGMAS * sigma))
                if len(deep) >= TWICE:
                    worst = deep[np.argmin(gap[deep])]
                    yield _said(
                        f"'{names[i]}' and '{names[j]}' may not touch, but overlap by {-gap[worst]:.3g} {clip.unit or 'units'}"
                        f" at {clip.times[worst]:.3g} s",
                        way_out,
                    )


def _behind(rules: Affordances, resolved: Resolved, clip: Clip) -> Iterator[Finding]:
    radius = np.atleast_2d(clip.bodies.radius).mean(axis=0)
    for wall in rules.walls or ():
        for i, name in enumerate(clip.bodies.names):
            if resolved.kinds[i] == "static":
                continue  # a floor may be an object too
            reach = radius[i] if clip.bodies.shapes[i] == "disc" else 0.0
            gap = wall.normal[0] * clip.x[:, i] + wall.normal[1] * clip.y[:, i] - wall.offset - reach
            sigma = np.hypot(wall.normal[0] * clip.sigma_x[:, i], wall.normal[1] * clip.sigma_y[:, i])
            deep = np.flatnonzero(gap < -(DEEP * radius[i] + MANY_SIGMAS * sigma))
            if len(deep) >= TWICE:
                worst = deep[np.argmin(gap[deep])]
                yield _said(
                    f"'{name}' is {-gap[worst]:.3g} {clip.unit or 'units'} beyond the wall '{wall.name}' at {clip.times[worst]:.3g} s",
                    "mind that y points up in the world frame; move the wall, or turn its normal",
                )


def _unjoined(joint: JointRule, i: int, j: int, clip: Clip) -> Iterator[Finding]:
    """Distances that a joint would keep, and does not. (A revolute joint away from both centres needs angles, which may be missing.)"""
    first = (0.0, 0.0) if i == WORLD else (clip.x[:, i], clip.y[:, i])
    sigma = np.sqrt(clip.sigma_x[:, j] ** 2 + (0.0 if i == WORLD else clip.sigma_x[:, i] ** 2))
    dx, dy = clip.x[:, j] - first[0], clip.y[:, j] - first[1]
    if joint.kind == "prismatic":
        kept, what = _across(joint, i, dx, dy, clip), "its distance from the axis"
    elif joint.anchor is None or i == WORLD:
        ax, ay = joint.anchor if joint.anchor is not None else (0.0, 0.0)
        kept, what = np.hypot(dx - ax, dy - ay), "the distance between them"
        if joint.kind == "revolute" and i != WORLD:
            return  # turns about the centre of the first; the second may hang from any of its points
    else:
        return
    off, sigmas = _spread(kept, sigma)
    if sigmas > MANY_SIGMAS:
        yield _said(f"a {joint} keeps {what}, which varies by {off:.3g} {clip.unit or 'units'} ({sigmas:.0f} σ)", "take the joint out")


def _across(joint: JointRule, i: int, dx: Float, dy: Float, clip: Clip) -> Float:
    """(T,) distances from the joint's axis, which turns with the first partner."""
    turned = 0.0 if i == WORLD or not np.isfinite(clip.angle[:, i]).any() else np.nan_to_num(clip.angle[:, i])
    direction = np.arctan2(joint.axis[1], joint.axis[0]) + turned
    return np.asarray(-np.sin(direction) * dx + np.cos(direction) * dy)
