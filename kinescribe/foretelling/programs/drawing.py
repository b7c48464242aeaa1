"""How the objects of a program are drawn in its future: parts between them too, and objects of another video by their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.foretelling.programs.rendering import Rendering
from kinescribe.foretelling.programs.rendering_description import Description, End, Part
from kinescribe.foretelling.programs.rendering_parts import pose_of
from kinescribe.renderers.drawers import SpriteRenderer
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.protocols import Renderer, RendererFactory
from kinescribe.renderers.scene import Scene
from kinescribe.states import States
from kinescribe.video import Video

__all__ = ["WithParts", "drawn_with", "in_other_table"]

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class WithParts:
    """Draws a scene with what hangs between its objects: a table of the future has no rows of that.

    Attributes:
        inner: draws all else. parts: their ends tell where they are.
    """

    inner: Renderer
    parts: tuple[Part, ...]

    def draw(self, poses: Sequence[Pose], *, onto: Picture | None = None, opacity: float = 1.0) -> Picture:
        """As `Renderer.draw`."""
        there = {pose.object_id: pose for pose in poses}
        added = [pose_of(part, there) for part in self.parts if part.id not in there]
        return self.inner.draw([*poses, *(pose for pose in added if pose is not None)], onto=onto, opacity=opacity)


def drawn_with(rendering: Rendering, video: Video, states: States) -> tuple[Scene, RendererFactory]:
    """The scene of a video, as a program has it, and who draws it.

    Raises:
        UsageError: a description of other objects, or a program that may not run (`SandboxError`).
        NothingFoundError, InputError: as `Scene.from_video`.
    """
    scene = rendering.scene(video, states)
    parts = rendering.description.parts

    def factory(scene: Scene) -> Renderer:
        drawn = SpriteRenderer(scene)
        return WithParts(drawn, parts) if parts else drawn

    return scene, factory


def in_other_table(rendering: Rendering, labels: Mapping[int, str], states: States) -> tuple[Rendering, tuple[str, ...]]:
    """A description brought from the table that it was made for to another: objects are those with the same labels.

    Args:
        labels: by id, of the table that it was made for.

    Returns:
        The description, without what the other table lacks, and a line for each object that is left out.
    """
    by_label = {label: i for i, label in states.labels.items()}
    there = set(states.object_ids)
    now = {i: found for i, label in labels.items() if (found := by_label.get(label)) is not None}
    about = rendering.description
    objects = {now[i]: look for i, look in about.objects.items() if i in now}
    free = max([*there, *(part.id for part in about.parts), 0]) + 1
    parts: list[Part] = []
    for part in about.parts:
        ends = [end.object for end in (part.start, part.end) if end.object is not None]
        if all(i in now for i in ends):
            number = part.id if part.id not in there else free + len(parts)
            moved = {"id": number, "start": _moved(part.start, now), "end": _moved(part.end, now)}
            parts.append(part.model_copy(update=moved))
    lacking = sorted({*about.objects, *(end.object for part in about.parts for end in (part.start, part.end) if end.object is not None)})
    lines = tuple(
        f"how {labels.get(i, f'object {i}')!r} is drawn is left out: nothing goes by that label here" for i in lacking if i not in now
    )
    return replace(rendering, description=Description(objects=objects, parts=tuple(parts))), lines


def _moved(end: End, now: Mapping[int, int]) -> End:
    return end if end.object is None else end.model_copy(update={"object": now[end.object]})
