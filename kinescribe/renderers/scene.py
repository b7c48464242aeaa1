"""What a renderer needs besides states: what is behind the objects, what each of them looks like, and who is in front of whom."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.renderers.poses import Pose

if TYPE_CHECKING:
    from kinescribe.states import States
    from kinescribe.video import Video

__all__ = ["SHAPES", "VIEWS_BY", "Edges", "Scene", "SceneObject", "Sprite", "ViewsBy", "where_in_views"]

Float32 = NDArray[np.float32]
Edges = Literal["soft", "whole"]
ViewsBy = Literal["angle", "shape", "x", "y"]
VIEWS_BY: tuple[ViewsBy, ...] = ("angle", "shape", "x", "y")
SHAPES = ("disc", "box", "rod")


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """One view of an object, on a grid that may be finer than the video's.

    Attributes:
        color: float32, shape (h, w, 3), BGR in 0..255, premultiplied by alpha.
        alpha: float32, shape (h, w), in [0, 1].
        anchor: (x, y) of the object's centroid in the sprite, sprite pixels from the centre of the first one.
        angle: of the object when it looked like this, radians in the image, from +x towards +y.
        fineness: sprite pixels in one pixel of the video, ≥ 1.
        size: (length, breadth) of the object when it looked like this, px of the video; NaN: as the object's own.
        at: where along `SceneObject.views_by` the object looks like this; NaN: unknown.
        soft: float32, shape (h, w, 4), colour and alpha as the video's pixels see them: each gathers light from all that it covers.
    """

    color: Float32
    alpha: Float32
    anchor: tuple[float, float]
    angle: float = 0.0
    fineness: int = 1
    size: tuple[float, float] = (float("nan"), float("nan"))
    at: float = float("nan")
    soft: Float32 = field(init=False)

    def __post_init__(self) -> None:
        if self.color.shape != (*self.alpha.shape, 3) or not self.alpha.size:
            raise UsageError(f"a sprite needs colours (h, w, 3) and alpha (h, w), not {self.color.shape} and {self.alpha.shape}")
        four = np.dstack([self.color, self.alpha])
        n = self.fineness
        if n > 1:
            kernel = np.full(n, 1.0 / n)
            # an even number of pixels has no middle one
            kernel = np.convolve(kernel, np.full(2, 0.5)) if n % 2 == 0 else kernel
            four = np.asarray(cv2.sepFilter2D(four, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)
        object.__setattr__(self, "soft", np.asarray(four, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class SceneObject:
    """An object and its looks.

    Attributes:
        object_id, label: as in the states table. shape: disc, box, rod; anything else is drawn from its outline.
        sprites: its views; without any it is drawn from shape, size and colour.
        views_by: what tells which of several views is seen: "angle", "shape" (the logarithm of its sides' ratio), or "x" or "y", its place
            in the picture, px. The view whose `at` is nearest is drawn.
        depth: the greater, the nearer to the camera; what is nearer hides what is farther.
        turns: it is drawn turned by its angle; else upright whatever the angle.
        size: (length, breadth) that the sprites show, px of the video: a state of another size is drawn larger or smaller by as much.
        color: (blue, green, red) in 0..255, of an object that is drawn from its shape.
        edges: "soft", anti-aliased; or "whole", every pixel is the object's or is not, and what does not turn moves by whole pixels.
        outline: corners (x, y) of what is neither disc nor box nor rod, px from its centroid, at angle 0.
        plain: it is of one colour all over, so that shape and colour tell its look at any size.
    """

    object_id: int
    label: str
    shape: str
    sprites: tuple[Sprite, ...]
    depth: int
    turns: bool
    size: tuple[float, float]
    color: tuple[float, float, float] | None = None
    edges: Edges = "soft"
    outline: tuple[tuple[float, float], ...] = ()
    plain: bool = False
    views_by: ViewsBy = "angle"

    def __post_init__(self) -> None:
        if self.sprites or self.drawable:
            return
        raise UsageError(
            f"object {self.object_id} has no sprite, and no colour and shape to draw it from: "
            "disc, box and rod need a size, anything else an outline of three corners"
        )

    @property
    def drawable(self) -> bool:
        """Shape and colour are known, so that no sprite is needed."""
        if self.color is None:
            return False
        return all(side > 0.0 for side in self.size) if self.shape in SHAPES else len(self.outline) >= 3

    def view(self, pose: Pose) -> Sprite:
        """The sprite that shows the object as it looks in this pose: the first where that can't be told."""
        now = where_in_views(self.views_by, pose)
        if len(self.sprites) == 1 or not np.isfinite(now):
            return self.sprites[0]
        period = 2.0 * np.pi if self.views_by == "angle" else np.inf

        def away(one: Sprite) -> float:
            at = one.angle if self.views_by == "angle" and not np.isfinite(one.at) else one.at
            apart = abs(now - at)
            return float(min(apart % period, period - apart % period)) if np.isfinite(period) else float(apart)

        return min(self.sprites, key=away)


def where_in_views(views_by: ViewsBy, pose: Pose) -> float:
    """Where along its views an object in this pose is; NaN where the pose doesn't tell."""
    if views_by == "shape":
        known = pose.length > 0.0 and pose.breadth > 0.0
        return math.log(pose.length / pose.breadth) if known else float("nan")
    return {"angle": pose.angle, "x": pose.x, "y": pose.y}[views_by]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A background plate and the objects before it.

    Attributes:
        plate: float32, shape (H, W, 3), BGR in 0..255, the picture without its objects.
        confidence: float32, shape (H, W), in [0, 1]: share of the frames in which the plate was seen; 0 where it is painted in.
        objects: by id.
        source: (name, sha256) of the video's file; "" where not known.
        exposure: seconds for which the video's shutter is open: what moves is drawn as blurred as that leaves it. 0: sharp.
        picture: uint8, shape (H, W, 3), BGR, the plate as a video has it.
    """

    plate: Float32
    confidence: Float32
    objects: Mapping[int, SceneObject]
    exposure: float = 0.0
    source: tuple[str, str] = ("", "")
    picture: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "picture", np.clip(self.plate + 0.5, 0.0, 255.0).astype(np.uint8))

    @classmethod
    def from_video(cls, video: Video | str | Path, states: States) -> Self:
        """The scene of a video whose states are known.

        Args:
            video: that the table was made from, or its path; its camera stands still.
            states: the table.

        Raises:
            UsageError: another video, or a table without objects that were seen whole.
        """
        from kinescribe.renderers.building import build_scene

        made = build_scene(video, states)
        return cls(made.plate, made.confidence, made.objects, made.exposure, made.source)

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """A scene from its folder. Raises InputError for what is no scene, or points outside its folder."""
        from kinescribe.renderers.scene_files import read_scene

        made = read_scene(Path(folder))
        return cls(made.plate, made.confidence, made.objects, made.exposure, made.source)

    def write(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write plate and sprites as PNG and everything else to ``scene.json``, for people to edit.

        Raises:
            UsageError: a folder that holds something already, unless `overwrite`; or one that can't be written.
        """
        from kinescribe.renderers.scene_files import write_scene

        write_scene(self, Path(folder), overwrite=overwrite)

    def with_objects(self, objects: Sequence[SceneObject]) -> Scene:
        """The same with these objects in addition, or in place of those with the same id."""
        return replace(self, objects={**self.objects, **{one.object_id: one for one in objects}})

    def ordered(self, object_ids: Sequence[int]) -> list[int]:
        """Ids from back to front."""
        return sorted(object_ids, key=lambda i: (self.objects[i].depth, i))

    def with_depths(self, depths: Mapping[int, int]) -> Scene:
        """The same with other depths by id: the greater, the nearer. Raises UsageError for ids that the scene does not have."""
        unknown = sorted(set(depths) - set(self.objects))
        if unknown:
            raise UsageError(f"no object {unknown[0]} in the scene; it has: {', '.join(map(str, self.objects))}")
        objects = {i: replace(one, depth=int(depths.get(i, one.depth))) for i, one in self.objects.items()}
        return replace(self, objects=objects)
