"""One row of the table against its frame: what its sprite explains, whether it is there at all, and how far beside."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.poses import Pose
from kinescribe.renderers.reviewing.drawn import COVERS, MOST_SIDES, Drawn, Window, draw, full_area, in_window, span_of
from kinescribe.renderers.reviewing.registration import ALIKE_PX2, refine, search
from kinescribe.renderers.scene import SceneObject

__all__ = ["Measured", "measure", "measure_without_sprite"]

Float32 = NDArray[np.float32]
Boolean = NDArray[np.bool_]
RIM_PX = 2  # about a sprite's outline that belong to what is measured
LEAST_VISIBLE = 0.4  # share of a sprite that must show by itself
CLEAR = 6.0  # σ by which a sprite as a whole must stand out from what is behind it
POOR = 0.6  # explained share below which the object is looked for elsewhere
LOST = 0.9  # the same where no place near by fits
MOST_REACH = 64  # px that it is looked for
LIKE_ANOTHER = 0.25  # share by which another object's sprite must explain more


@dataclass(slots=True)
class Measured:
    """What one row leaves of its frame.

    Attributes:
        code: "" judged; else why not: too large (for any picture of this size), outside, hidden, unknown (the plate was never seen
            there), faint, no sprite, no position, no frame.
        residual: RMS difference between video and drawn frame in the object's window, grey levels.
        noise: σ there, grey levels.
        explained: share of what the object does to the picture that its sprite explains, ≤ 1; below 0 the frame is better off without it.
        fitted: the same with the sprite where it fits best.
        left: share of the sprite's own contrast that the frame has against what is behind: near 0 there is just that.
        presence: how much of the sprite is in the frame where it fits best: 1 whole, 0 nothing.
        likeness: correlation there of what the object does to the picture and what its sprite does, -1 to 1.
        plain: RMS difference of the frame from what is behind, in σ of noise.
        shift, sigma: (3,) dx, dy px and turn rad from the row to where the sprite fits best; NaN where that isn't known.
        far: the shift was found by a search.
        like: id whose sprite explains the place better, None where there is none.
        visible: share of the sprite that shows.
        box: x0, y0, x1, y1 of the sprite in the picture.
    """

    code: str = ""
    residual: float = np.nan
    noise: float = np.nan
    explained: float = np.nan
    fitted: float = np.nan
    left: float = np.nan
    presence: float = np.nan
    likeness: float = np.nan
    plain: float = np.nan
    shift: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    sigma: tuple[float, float, float] = (np.inf, np.inf, np.inf)
    far: bool = False
    like: int | None = None
    visible: float = 0.0
    box: tuple[float, float, float, float] = (np.nan, np.nan, np.nan, np.nan)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Mean squares in a window: of the frame against what is behind, against what is drawn, of the sprite, and of noise; the presence."""

    behind: float
    drawn: float
    sprite: float
    noise: float
    presence: float
    count: int

    @property
    def likeness(self) -> float:
        return self.presence * float(np.sqrt(self.sprite / max(self.behind, 1e-9)))

    @property
    def explained(self) -> float:
        without, with_ = (max(value - self.noise, 0.0) for value in (self.behind, self.drawn))
        # where neither plate nor sprite leaves more than noise, the sprite's contrast is the scale
        return 1.0 - with_ / max(without, 0.1 * self.sprite, 1e-6)


def measure(drawn: Drawn, object_id: int) -> Measured:
    """One object in one frame."""
    pose, thing = drawn.poses[object_id], drawn.scene.objects[object_id]
    if max((side for side in (pose.length, pose.breadth) if np.isfinite(side)), default=0.0) > MOST_SIDES * max(drawn.size):
        return Measured("too large")
    layer = drawn.layers.get(object_id)
    if layer is None:
        return Measured("outside")
    window = span_of(layer, RIM_PX + 2, drawn.size)
    behind = drawn.without(object_id, window)
    color, alpha = in_window(layer, window)
    others = drawn.others(object_id, window, 1)
    visible = float(alpha[~others].sum()) / max(full_area(drawn, thing, pose), 1e-6)
    inner = span_of(layer, 0, drawn.size)
    out = Measured(visible=min(visible, 1.0), box=(inner.x0, inner.y0, inner.x1, inner.y1))
    usable = _usable(drawn, window, alpha, others)
    sums = _sums(drawn, window, behind, color, alpha, usable)
    if sums is None:
        out.code = "hidden" if visible < LEAST_VISIBLE else "unknown"
        return out
    out.residual, out.noise, out.explained, out.fitted = (
        float(v) for v in (sums.drawn**0.5, sums.noise**0.5, sums.explained, sums.explained)
    )
    out.presence, out.likeness, out.left = sums.presence, sums.likeness, _left(sums)
    out.plain = (sums.behind / max(sums.noise, 1e-9)) ** 0.5
    if visible < LEAST_VISIBLE:
        out.code = "hidden"
        return out
    if sums.sprite * sums.count < CLEAR**2 * ALIKE_PX2 * sums.noise:
        out.code = "faint"
        return out
    _place(out, drawn, thing, pose, window, behind, usable)
    if out.fitted < POOR:
        out.like = _like_another(drawn, object_id, out.fitted)
    return out


def measure_without_sprite(drawn: Drawn, pose: Pose) -> Measured:
    """A row that has no sprite: what the frame has at its place against what is behind, as `residual`."""
    half = 0.5 * max((side for side in (pose.length, pose.breadth) if np.isfinite(side)), default=8.0)
    x0, y0 = (int(np.clip(np.floor(at - half), 0, limit)) for at, limit in zip((pose.x, pose.y), drawn.size, strict=True))
    x1, y1 = (int(np.clip(np.ceil(at + half) + 1, 0, limit)) for at, limit in zip((pose.x, pose.y), drawn.size, strict=True))
    if x1 <= x0 or y1 <= y0:
        return Measured("outside")
    window = Window(x0, y0, x1, y1)
    y, x = np.mgrid[y0:y1, x0:x1]
    usable = (np.hypot(x - pose.x, y - pose.y) <= half) & drawn.ground.known[window.cut] & ~drawn.others(pose.object_id, window, RIM_PX)
    out = Measured("no sprite", box=(x0, y0, x1, y1))
    if usable.sum() >= 4:
        left = (drawn.image[window.cut] - drawn.without(pose.object_id, window))[usable]
        out.residual = float(np.sqrt((left**2).mean()))
        out.noise = float(np.sqrt((drawn.ground.noise[window.cut][usable] ** 2).mean()))
    return out


def _place(out: Measured, drawn: Drawn, thing: SceneObject, pose: Pose, window: Window, behind: Float32, usable: Boolean) -> None:
    """Where the sprite fits best."""
    extent = min(out.box[2] - out.box[0], out.box[3] - out.box[1])
    reach = float(np.clip(0.5 * extent, 3.0, 12.0))
    fit = refine(drawn, thing, pose, pose, window, behind, usable, reach)
    near = False
    if fit.settled:
        again = _sums_there(drawn, thing, fit.pose)
        if again is not None and again.explained >= out.explained - 0.02:
            out.shift, out.sigma = _three(fit.shift), _three(fit.sigma)
            out.fitted, out.presence, out.likeness = max(again.explained, out.explained), again.presence, again.likeness
            near = True
    if out.fitted >= (POOR if near else LOST):
        return
    far = int(np.clip(max(1.5 * extent, 8.0), 8, MOST_REACH))
    start = search(drawn, thing, pose, far, lambda where: drawn.without(pose.object_id, where))
    if start is None or np.hypot(start.x - pose.x, start.y - pose.y) < 1.0:
        return
    moved = draw(drawn.image, drawn.scene, drawn.ground, {**drawn.poses, pose.object_id: start})
    layer = moved.layers.get(pose.object_id)
    if layer is None:
        return
    there = span_of(layer, RIM_PX + 2, drawn.size)
    back = drawn.without(pose.object_id, there)
    alpha = in_window(layer, there)[1]
    fit = refine(drawn, thing, pose, start, there, back, _usable(drawn, there, alpha, drawn.others(pose.object_id, there, 1)), 3.0)
    found = _sums_there(drawn, thing, fit.pose)
    if fit.settled and found is not None and found.explained > max(POOR, out.fitted + (0.2 if near else 0.02)) and found.presence > 0.5:
        out.shift, out.sigma = _three(fit.shift), _three(fit.sigma)
        out.fitted, out.presence, out.likeness, out.far = found.explained, found.presence, found.likeness, True


def _sums_at(drawn: Drawn, thing: SceneObject, pose: Pose, window: Window, behind: Float32) -> _Sums | None:
    color, alpha = in_window(drawn.at(thing, pose), window)
    return _sums(drawn, window, behind, color, alpha, _usable(drawn, window, alpha, drawn.others(pose.object_id, window, 1)))


def _sums_there(drawn: Drawn, thing: SceneObject, pose: Pose) -> _Sums | None:
    """In the window of the place itself: at the row's, what moved would be cut off."""
    layer = drawn.at(thing, pose)
    if layer is None or not (layer.alpha > COVERS).any():
        return None
    window = span_of(layer, RIM_PX + 2, drawn.size)
    return _sums_at(drawn, thing, pose, window, drawn.without(pose.object_id, window))


def _usable(drawn: Drawn, window: Window, alpha: Float32, others: Boolean) -> Boolean:
    """Pixels of the sprite and its rim, without those of others, and without a guessed plate where it shines through."""
    kernel = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8)
    near = cv2.dilate((alpha > COVERS).astype(np.uint8), kernel) > 0
    return np.asarray(near & ~others & (drawn.ground.known[window.cut] | (alpha > 0.95)))


def _sums(drawn: Drawn, window: Window, behind: Float32, color: Float32, alpha: Float32, usable: Boolean) -> _Sums | None:
    """None with too few pixels."""
    count = int(usable.sum())
    if count < 4:
        return None
    over = (drawn.image[window.cut] - behind)[usable].astype(np.float64)
    sprite = (color - alpha[..., None] * behind)[usable].astype(np.float64)
    noise = float((drawn.ground.noise[window.cut][usable].astype(np.float64) ** 2).mean())
    energy = float((sprite**2).mean())
    presence = float((over * sprite).mean()) / max(energy, 1e-9)
    return _Sums(float((over**2).mean()), float(((over - sprite) ** 2).mean()), energy, noise, presence, count)


def _left(sums: _Sums) -> float:
    return max(sums.behind - sums.noise, 0.0) / max(sums.sprite, 1e-9)


def _like_another(drawn: Drawn, object_id: int, fitted: float) -> int | None:
    """The id of the scene whose sprite explains this place clearly better; None where none does."""
    pose, best = drawn.poses[object_id], fitted + LIKE_ANOTHER
    found: int | None = None
    for other, thing in drawn.scene.objects.items():
        if other == object_id or fitted >= POOR:
            continue
        stand_in = replace(pose, length=np.nan, breadth=np.nan)
        layer = drawn.at(thing, stand_in)
        if layer is None or not (layer.alpha > COVERS).any():
            continue
        window = span_of(layer, RIM_PX + 2, drawn.size)
        sums = _sums_at(drawn, thing, replace(stand_in, object_id=object_id), window, drawn.without(object_id, window))
        if sums is not None and sums.explained > max(best, POOR):
            best, found = sums.explained, other
    return found


def _three(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
