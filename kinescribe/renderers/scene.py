"""What a renderer needs besides states: what is behind the objects, what each of them looks like, and who is in front of whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.states import States
    from kinescribe.video import Video

__all__ = ["Scene", "SceneObject", "Sprite"]

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """One view of an object, on a grid that may be finer than the video's.

    Attributes:
        color: float32, shape (h, w, 3), BGR in 0..255, premultiplied by alpha.
        alpha: float32, shape (h, w), in [0, 1].
        anchor: (x, y) of the object's centroid in the sprite, sprite pixels from the centre of the first one.
        angle: of the object when it looked like this, radians in the image, from +x towards +y.
        fineness: sprite pixels in one pixel of the video, ≥ 1.
    """

    color: Float32
    alpha: Float32
    anchor: tuple[float, float]
    angle: float = 0.0
    fineness: int = 1

    def __post_init__(self) -> None:
        if self.color.shape != (*self.alpha.shape, 3) or not self.alpha.size:
            raise UsageError(f"a sprite needs colours (h, w, 3) and alpha (h, w), not {self.color.shape} and {self.alpha.shape}")


@dataclass(frozen=True, slots=True, eq=False)
class SceneObject:
    """An object and its looks.

    Attributes:
        object_id, label: as in the states table. shape: disc, box, rod, blob or "".
        sprites: its views, at least one.
        depth: the greater, the nearer to the camera; what is nearer hides what is farther.
        turns: it is drawn turned by its angle; else upright whatever the angle.
        size: (length, breadth) that the sprites show, px of the video: a state of another size is drawn larger or smaller by as much.
    """

    object_id: int
    label: str
    shape: str
    sprites: tuple[Sprite, ...]
    depth: int
    turns: bool
    size: tuple[float, float]

    def __post_init__(self) -> None:
        if not self.sprites:
            raise UsageError(f"object {self.object_id} has no sprite")

    def view(self, angle: float) -> Sprite:
        """The sprite whose angle is nearest."""
        if len(self.sprites) == 1 or not np.isfinite(angle):
            return self.sprites[0]
        return min(self.sprites, key=lambda one: abs(np.angle(np.exp(1j * (angle - one.angle)))))


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A background plate and the objects before it.

    Attributes:
        plate: float32, shape (H, W, 3), BGR in 0..255, the picture without its objects.
        confidence: float32, shape (H, W), in [0, 1]: share of the frames in which the plate was seen; 0 where it is painted in.
        objects: by id.
    """

    plate: Float32
    confidence: Float32
    objects: Mapping[int, SceneObject]

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
        return cls(made.plate, made.confidence, made.objects)

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """A scene from its folder. Raises InputError for what is no scene, or points outside its folder."""
        from kinescribe.renderers.scene_files import read_scene

        made = read_scene(Path(folder))
        return cls(made.plate, made.confidence, made.objects)

    def write(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write plate and sprites as PNG and everything else to ``scene.json``, for people to edit.

        Raises:
            UsageError: a folder that holds something already, unless `overwrite`; or one that can't be written.
        """
        from kinescribe.renderers.scene_files import write_scene

        write_scene(self, Path(folder), overwrite=overwrite)

    def ordered(self, object_ids: Sequence[int]) -> list[int]:
        """Ids from back to front."""
        return sorted(object_ids, key=lambda i: (self.objects[i].depth, i))

    def with_depths(self, depths: Mapping[int, int]) -> Scene:
        """The same with other depths by id. Raises UsageError for ids that the scene does not have."""
        unknown = sorted(set(depths) - set(self.objects))
        if unknown:
            raise UsageError(f"no object {unknown[0]} in the scene; it has: {', '.join(map(str, self.objects))}")
        objects = {i: replace(one, depth=int(depths.get(i, one.depth))) for i, one in self.objects.items()}
        return Scene(self.plate, self.confidence, objects)
