"""How an object is best drawn: turned or upright, in one view or several, with soft or whole edges, sharp or blurred.

Frames that a sprite was not made from decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.compositor import layer_of
from kinescribe.renderers.scene import VIEWS_BY, SceneObject, Sprite, ViewsBy, where_in_views
from kinescribe.renderers.shapes import outline_of
from kinescribe.renderers.sprites import Cutout, sprite_of, whole_sprite_of

__all__ = ["best_exposure", "best_look"]

Float = NDArray[np.float64]
Maker = Callable[[SceneObject, Sequence[Cutout]], Sprite]
Parting = Callable[[Sequence[Cutout]], list[list[int]]]
SHARES = (0.25, 0.5, 0.75, 1.0)  # of the time between frames that a shutter may be open
FAST_PX = 2.0  # between frames: what is slower shows no blur
BLURRED = 0.97  # of the sharp sprite's residual, that blur must leave
UPRIGHT = 0.9  # of the turned sprite's residual, that the upright one must leave
MORE_VIEWS = 0.85  # of one view's, that several must
WHOLE = 0.8  # of the soft sprite's, that whole pixels must
FEWEST = 6  # cut-outs in a view
MOST_VIEWS = 4
MOST_MOVING = 24  # cut-outs that the exposure is told from
LEAST_SPAN: dict[ViewsBy, float] = {"angle": 0.5, "shape": 0.3, "x": 20.0, "y": 20.0}  # of what views go by: less changes no look
PLAIN = 6.0  # grey levels by which the inside of a plain object scatters


def best_exposure(things: Sequence[tuple[SceneObject, Sequence[Cutout]]], interval: float) -> float:
    """Seconds for which the shutter is open, by what leaves the least residual of all that moves fast; 0 where nothing shows blur.

    Args:
        interval: seconds between frames.
    """
    fast = []
    for thing, cutouts in things:
        moving = [one for one in cutouts if _speed(one) * interval >= FAST_PX]
        if len(moving) >= 2 * FEWEST:
            fast.append((thing, moving[:: max(len(moving) // MOST_MOVING, 1)]))
    if not fast:
        return 0.0
    totals = {}
    for exposure in (0.0, *(share * interval for share in SHARES)):
        totals[exposure] = 0.0
        for thing, cutouts in fast:
            train, test = cutouts[::2], cutouts[1::2]
            made = replace(thing, sprites=(sprite_of(thing, train, exposure),))
            # of each cut-out its share of what it was, so that the few that no sprite explains don't drown the others
            left = [_residual(made, [one], exposure) for one in test]
            totals[exposure] += float(np.log(np.maximum(left, 1.0)).mean())
    best = min(totals, key=lambda exposure: totals[exposure])
    return best if totals[best] - totals[0.0] < len(fast) * np.log(BLURRED) else 0.0


def best_look(thing: SceneObject, cutouts: Sequence[Cutout], exposure: float) -> SceneObject:
    """The object with its sprites, turned or upright, in one view or several, of soft or whole edges."""
    angled = [one for one in cutouts if np.isfinite(one.pose.angle)]
    turning = len(angled) > 0.5 * len(cutouts)
    cutouts = angled if turning else list(cutouts)
    train, test = (cutouts[::2], cutouts[1::2]) if len(cutouts) >= 4 else (cutouts, cutouts)
    best = replace(thing, turns=turning)
    least = _residual(replace(best, sprites=(sprite_of(best, train, exposure),)), test, exposure)
    if turning:
        upright = replace(thing, turns=False)
        left = _residual(replace(upright, sprites=(sprite_of(upright, train, exposure),)), test, exposure)
        if left < UPRIGHT * least:
            best, least = upright, left
    maker: Maker = partial(sprite_of, exposure=exposure)
    sharp = replace(best, edges="whole")
    # a few frames don't tell soft edges from whole ones
    enough = len(cutouts) >= 2 * FEWEST
    makers: list[Maker] = [] if not enough else [whole_sprite_of, sprite_of] if sharp.turns else [whole_sprite_of]
    for other in makers:
        left = _residual(replace(sharp, sprites=(other(sharp, train),)), test, 0.0)
        if left < (WHOLE if best.edges == "soft" else 1.0) * least:
            best, least, maker = sharp, left, other
    best, parted = _with_views(best, train, test, maker, least, exposure)
    sprites = tuple(_viewed(best, maker, [cutouts[k] for k in group]) for group in parted(cutouts))
    return _described(replace(best, sprites=sprites))


def _with_views(
    thing: SceneObject, train: Sequence[Cutout], test: Sequence[Cutout], maker: Maker, one_view: float, exposure: float
) -> tuple[SceneObject, Parting]:
    """What the views go by, and how cut-outs are parted into them: what leaves least of the test ones, or no parting at all."""
    best, parting = thing, _all_in_one
    least = MORE_VIEWS * one_view
    for views_by in VIEWS_BY:
        if not _varies(views_by, train):
            continue
        several = replace(thing, views_by=views_by)
        for count in range(2, MOST_VIEWS + 1):
            if len(train) < FEWEST * count:
                break
            parted = partial(_parted, views_by, count)
            sprites = tuple(_viewed(several, maker, [train[k] for k in group]) for group in parted(train))
            left = _residual(replace(several, sprites=sprites), test, exposure)
            # each view more must pay for itself
            if left < least:
                best, parting, least = several, parted, MORE_VIEWS * left
    return best, parting


def _viewed(thing: SceneObject, maker: Maker, cutouts: Sequence[Cutout]) -> Sprite:
    """One view, with its place among the others."""
    at = np.array([where_in_views(thing.views_by, one.pose) for one in cutouts])
    if not np.isfinite(at).any():
        return maker(thing, cutouts)
    middle = np.angle(np.nanmean(np.exp(1j * at))) if thing.views_by == "angle" else np.nanmedian(at)
    return replace(maker(thing, cutouts), at=float(middle))


def _varies(views_by: ViewsBy, cutouts: Sequence[Cutout]) -> bool:
    """Whether it could tell views apart."""
    at = np.array([where_in_views(views_by, one.pose) for one in cutouts])
    if not np.isfinite(at).all():
        return False
    return float(np.ptp(np.unwrap(at) if views_by == "angle" else at)) > LEAST_SPAN[views_by]


def _parted(views_by: ViewsBy, count: int, cutouts: Sequence[Cutout]) -> list[list[int]]:
    """As many views with as many cut-outs each, by where they lie."""
    at = np.array([where_in_views(views_by, one.pose) for one in cutouts])
    at = np.angle(np.exp(1j * at)) if views_by == "angle" else at
    return [part.tolist() for part in np.array_split(np.argsort(at, kind="stable"), count)]


def _all_in_one(cutouts: Sequence[Cutout]) -> list[list[int]]:
    return [list(range(len(cutouts)))]


def _residual(thing: SceneObject, cutouts: Sequence[Cutout], exposure: float) -> float:
    """Sum of squared differences between cut-outs and the object drawn there."""
    total = 0.0
    for one in cutouts:
        h, w = one.known.shape
        pose = replace(one.pose, x=one.pose.x - one.x, y=one.pose.y - one.y)
        drawn = one.plate.copy()
        # the view by the place in the picture, not in the window
        layer = layer_of(replace(thing, sprites=(thing.view(one.pose),)), pose, (w, h), exposure)
        if layer is not None:
            view = drawn[layer.y : layer.y + layer.alpha.shape[0], layer.x : layer.x + layer.alpha.shape[1]]
            view *= 1.0 - layer.alpha[..., None]
            view += layer.color
        total += float((((one.image - drawn) * one.known[..., None]) ** 2).sum())
    return total


def _described(thing: SceneObject) -> SceneObject:
    """With colour and outline, as far as its first sprite tells them."""
    sprite = thing.sprites[0]
    solid = sprite.alpha > 0.95
    if not solid.any():
        return thing
    inside = sprite.color[solid]
    color = np.median(inside, axis=0)
    plain = bool(1.4826 * np.median(np.abs(inside - color)) < PLAIN)
    outline = (
        outline_of(sprite.alpha, sprite.anchor, sprite.angle if thing.turns else 0.0, sprite.fineness) if thing.shape == "blob" else ()
    )
    return replace(thing, color=(float(color[0]), float(color[1]), float(color[2])), plain=plain, outline=outline)


def _speed(one: Cutout) -> float:
    return float(np.hypot(*one.pose.velocity))
