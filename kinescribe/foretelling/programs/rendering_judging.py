"""How well a scene draws its video again: what is left of it when each frame is held against what is drawn from its states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import NothingFoundError
from kinescribe.foretelling.programs.rendering_description import Description
from kinescribe.foretelling.programs.rendering_parts import with_parts
from kinescribe.foretelling.programs.rendering_scene import behind, described
from kinescribe.renderers.boxes import boxes_by_frame
from kinescribe.renderers.captions import PREDICTED, REAL, Caption
from kinescribe.renderers.panels import beside
from kinescribe.renderers.poses import Pose, PoseTable, shapes_of
from kinescribe.renderers.reviewing.drawn import draw
from kinescribe.renderers.reviewing.ground import Ground, free_of, levelled
from kinescribe.renderers.scene import Scene
from kinescribe.states import States
from kinescribe.video import Video

__all__ = ["Bench", "Judged"]

Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]
MOST_FRAMES = 48
NOISE = 2.0  # σ: what differs by less is noise
MOST_TOLD = 10.0
MOST_DRAWING_S = 60.0  # that the drawings of one program may take while it is judged


@dataclass(frozen=True, slots=True)
class Judged:
    """What a scene leaves of its video.

    Attributes:
        left: share of what the objects change in the picture that is not drawn right, ≥ 0; 1: as if nothing were drawn.
        worst: the frame of which most is left.
    """

    left: float
    worst: int

    def words(self) -> str:
        """For people, and for the model."""
        share = f"{self.left:.2%}" if self.left < MOST_TOLD else f"more than {MOST_TOLD:.0%}"
        return f"{share} of what the objects change in the picture is not drawn right, most of it in frame {self.worst}"


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """All that a description's pictures are drawn from."""

    scene: Scene
    ground: Ground
    poses: Mapping[int, Mapping[int, Pose]]

    def picture(self, frame: int, image: Float32) -> Float32:
        """A frame drawn again, (H, W, 3)."""
        return draw(image, self.scene, self.ground, self.poses.get(frame, {})).picture()


class Bench:
    """A video and its table, against which scenes are held, all with the same frames, noise and brightness.

    Attributes:
        bodies: ids of what has a place of its own in the table. frames: numbers of those that are drawn again.
    """

    def __init__(self, video: Video, states: States, scene: Scene, ground: Ground) -> None:
        """Measure what there is to draw.

        Args:
            states: the table. scene, ground: of the video, as a review has them.

        Raises:
            NothingFoundError: no frame in which an object changes the picture.
        """
        self.video, self.states, self.scene, self.ground = video, states, scene, ground
        self._last: tuple[Description, _Ready] | None = None
        table = PoseTable.of(states)
        self.bodies = tuple(sorted({pose.object_id for poses in table.poses for pose in poses}))
        self._boxes: Mapping[int, Float32] = boxes_by_frame(states, table, shapes_of(states))
        own = [int(frame) for frame, poses in zip(table.frames, table.poses, strict=True) if poses]
        last = video.info.frame_count
        own = [frame for frame in own if last is None or frame < last]
        self.frames = [own[int(k)] for k in np.unique(np.linspace(0, len(own) - 1, min(len(own), MOST_FRAMES)).round())] if own else []
        self._whole = sum(self._energy(image, ground.plate) for _, image in self._pictures())
        if not self._whole > 0.0:
            raise NothingFoundError("no object of the table changes the picture, so that no way to draw it can be told from another")

    def judged(self, description: Description) -> Judged:
        """What is left with a description. Raises what `described` and its programs raise."""
        ready = self._ready(description)
        left = {frame: self._energy(image, ready.picture(frame, image)) for frame, image in self._pictures()}
        return Judged(sum(left.values()) / self._whole, max(left, key=lambda frame: left[frame]))

    def shown(self, description: Description, frame: int) -> Picture:
        """One frame beside what is drawn of it, uint8 (H, 2 W, 3) and a strip of words."""
        image = next(iter(self.video.sample([frame]))).image
        made = self._ready(description).picture(frame, image.astype(np.float32))
        drawn = np.clip(made + 0.5, 0.0, 255.0).astype(np.uint8)
        return beside(image, drawn, (Caption(f"video, frame {frame}", REAL), Caption("drawn again", PREDICTED)))

    def scene_of(self, description: Description) -> Scene:
        """The scene with a description; of the last one, the same as before, with its programs warm."""
        return self._ready(description).scene

    def _ready(self, description: Description) -> _Ready:
        if self._last is None or self._last[0] is not description:
            scene, states = self.scene, with_parts(self.states, description.parts)
            made = described(scene, description, MOST_DRAWING_S)
            made = behind(made, self.video, states) if description.parts else made
            table = PoseTable.of(states)
            poses = {int(f): {one.object_id: one for one in row} for f, row in zip(table.frames, table.poses, strict=True)}
            self._last = (description, _Ready(made, replace(self.ground, plate=made.plate), poses))
        return self._last[1]

    def _pictures(self) -> Iterator[tuple[int, Float32]]:
        """Frames, brightness levelled. Few enough to be read again for each description, and too many to be kept for a large video."""
        for frame in self.video.sample(self.frames):
            yield frame.index, self._level(frame.index, frame.image)

    def _level(self, frame: int, image: Picture) -> Float32:
        free = free_of(self.ground.noise.shape, self._boxes[frame]) & self.ground.known
        return levelled(image, self.ground.plate, free)

    def _energy(self, image: Float32, drawn: Float32) -> float:
        """Squared differences beyond noise, summed over the picture: also where the plate is a guess, for what covers it is none."""
        difference = image - drawn
        square = np.einsum("hwc,hwc->hw", difference, difference) / 3.0
        return float(np.maximum(square - (NOISE * self.ground.noise) ** 2, 0.0).sum(dtype=np.float64))
