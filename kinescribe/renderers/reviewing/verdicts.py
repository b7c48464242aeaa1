"""From what was measured of every row to a verdict and a reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.reviewing.measuring import Measured
from kinescribe.renderers.reviewing.tracks import Drift, drift_of
from kinescribe.renderers.reviewing.twins import twins
from kinescribe.renderers.scene import Scene
from kinescribe.states import States

__all__ = ["FLAGGED", "VERDICTS", "Verdicts", "judge"]

Float = NDArray[np.float64]
VERDICTS = ("ok", "drift", "unexplained", "invented", "no sprite", "hidden", "unknown", "faint", "outside", "no position", "no frame")
FLAGGED = ("drift", "unexplained", "invented", "no sprite", "outside", "no frame")
ABSENT = 0.35  # presence of a sprite below which it is not there
JUST_PLATE = 0.25  # of the sprite's contrast that may be left where just the plate is
PLAIN_NOISES = 3.0  # σ that the plate may leave where nothing else is
NOTHING_NOISES = 1.5  # the same for a sprite that is hardly more than noise itself
UNLIKE = 0.25  # correlation with its sprite below which something else is there
UNEXPLAINED = 0.5  # explained share below which a row may be flagged for it
PLACED = 0.5  # explained share from which on the best place tells where an object is: sprites of tables that are late are blurred
STEADY = 0.6  # explained share that a sprite reaches in its rows that
STEADY_SHARE = 0.3  # are the best: then the object has one look, and the rest of its rows are wrong rather than it has changed


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """By row: a verdict of `VERDICTS`, a reason ("" where there is none), offsets px (n, 2), turn rad (n,); by object its drift."""

    verdict: NDArray[np.object_]
    reason: NDArray[np.object_]
    shift: Float
    turn: Float
    drifts: dict[int, Drift]


def judge(
    states: States, scene: Scene, measured: Sequence[Measured], pace: Float, own_sigma: Float, own_askew: Float, *, relative: bool
) -> Verdicts:
    """All rows.

    Args:
        measured: (n,) by row. pace: (n, 2) px a frame. own_sigma: (n,) σ of the table's places, px. own_askew: (n,) of its angles, rad.
        relative: the scene was built from these rows.
    """
    n = len(states)
    verdict = np.array([one.code or "ok" for one in measured], object)
    reason = np.array([""] * n, object)
    shift, turn = np.full((n, 2), np.nan), np.full(n, np.nan)
    drifts: dict[int, Drift] = {}
    labels = states.labels
    steady = _steady_ones(states, measured)
    for object_id in states.object_ids:
        rows: list[int] = np.flatnonzero(states["object_id"] == object_id).tolist()
        judged = [k for k in rows if measured[k].code == ""]
        for k in rows:
            verdict[k], reason[k] = _single(measured[k], labels, object_id in steady, measured[k].like in steady)
        if object_id not in scene.objects or object_id not in steady:
            continue
        found = drift_of(
            states["frame"][judged],
            np.array([measured[k].shift if measured[k].far or measured[k].fitted >= PLACED else (np.nan,) * 3 for k in judged]),
            np.array([measured[k].sigma for k in judged]),
            own_sigma[judged],
            own_askew[judged],
            pace[judged],
            np.tile(_middle(scene, object_id), (len(judged), 1)),
            relative=relative,
        )
        drifts[object_id] = found
        shift[judged], turn[judged] = found.shift, found.turn
        for at, k in enumerate(judged):
            if verdict[k] == "ok" and (found.off[at] or found.askew[at] or measured[k].far):
                verdict[k], reason[k] = "drift", _offset(found, at, far=measured[k].far)
    for twin, together in twins(states).values():
        for k in together:
            verdict[k], reason[k] = "invented", f"at one place with {twin} {labels.get(twin, '')}".rstrip() + ": one thing with two ids"
    return Verdicts(verdict, reason, shift, turn, drifts)


def _steady_ones(states: States, measured: Sequence[Measured]) -> set[int]:
    """The objects that have one look: what changes its own (a hand, a walker) has no place at which its sprite fits."""
    fitted: dict[int, list[float]] = {}
    for object_id, one in zip(states["object_id"].tolist(), measured, strict=True):
        if one.code == "":
            fitted.setdefault(object_id, []).append(one.fitted)
    return {i for i, values in fitted.items() if float(np.quantile(values, 1.0 - STEADY_SHARE)) >= STEADY}


def _single(one: Measured, labels: dict[int, str], steady: bool, like_steady: bool) -> tuple[str, str]:
    """Verdict and reason of a row by itself; whether its object has one look, and so the one that it looks like (if any)."""
    if one.code == "no sprite":
        nothing = np.isfinite(one.residual) and one.residual < PLAIN_NOISES * one.noise
        if nothing:
            return "invented", "no sprite, and just the background is here"
        return "no sprite", "no sprite: it was never seen whole"
    if one.code == "too large":
        return "unexplained", "its size is more than the whole picture could hold"
    if one.code == "faint" and one.plain < NOTHING_NOISES:
        return "invented", "just the background is here"
    if one.code:
        return one.code, {"outside": "outside the picture", "no frame": "the video has no such frame"}.get(one.code, "")
    if one.far:
        return "ok", ""
    if one.presence < ABSENT and one.left < JUST_PLATE and one.plain < PLAIN_NOISES:
        return "invented", "just the background is here"
    if steady and like_steady and one.like is not None:
        return "unexplained", f"looks like {one.like} {labels[one.like]}".rstrip()
    if steady and one.fitted < UNEXPLAINED and min(one.presence, one.likeness) < UNLIKE:
        return "unexplained", "does not look like its sprite"
    return "ok", ""


def _offset(found: Drift, at: int, *, far: bool) -> str:
    if found.lag:
        return f"{abs(found.lag):.1f} frames {'late' if found.lag > 0 else 'early'}"
    x, y = found.shift[at]
    words = []
    if found.off[at] or far:
        words.append(
            f"its pixels are {np.hypot(x, y):.1f} px {_way(x, y)}" + (f", {found.growth:.2f} px more a frame" if found.growth else "")
        )
    if found.askew[at]:
        words.append(f"its angle is off by {abs(np.rad2deg(found.turn[at])):.1f}°")
    return ", ".join(words)


def _way(x: float, y: float) -> str:
    """Where an offset points to, in words."""
    names = ("right", "below right", "below", "below left", "left", "above left", "above", "above right")
    name = names[round(np.arctan2(y, x) / (np.pi / 4)) % 8]
    return f"to the {name}" if name in ("right", "left") else name


def _middle(scene: Scene, object_id: int) -> tuple[float, float]:
    """Of the sprite's pixels, from where the table has the object, px of the video."""
    thing = scene.objects[object_id]
    if not thing.sprites or thing.turns or not thing.sprites[0].alpha.any():
        return 0.0, 0.0
    sprite = thing.sprites[0]
    total = float(sprite.alpha.sum())
    y, x = np.mgrid[: sprite.alpha.shape[0], : sprite.alpha.shape[1]]
    return (
        (float((x * sprite.alpha).sum()) / total - sprite.anchor[0]) / sprite.fineness,
        (float((y * sprite.alpha).sum()) / total - sprite.anchor[1]) / sprite.fineness,
    )
