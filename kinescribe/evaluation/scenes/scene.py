"""The drawn scene: bodies before a ground, seen by a camera, with the exact truth of every frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath

import numpy as np
from numpy.typing import NDArray

from kinescribe.evaluation.scenes.camera import Camera
from kinescribe.evaluation.scenes.drawing import (
    COLORS,
    Coverage,
    disc_coverage,
    paint,
    phyworld_disc_coverage,
    rectangle_coverage,
    textured,
)
from kinescribe.evaluation.scenes.paths import Motion, Path

__all__ = ["Body", "Scene", "Truth"]

Float = NDArray[np.float64]
Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """One thing in a scene.

    Attributes:
        name: unique in its scene.
        shape: "disc", "box" or "rod".
        size: length and width, px; a disc's diameter twice.
        path: its motion.
        color_name: a word of `COLORS`.
        color: BGR in 0..255, where it is not that of the word.
        tracked: False for what is part of the scene but no object of it: strings, posts, floors.
        shading: how much darker the rim is than the middle, in [0, 1]; even all around, so that no weight shifts off the centre.
        rounding: radius of a box's or rod's corners, px.
        profile: "sharp" edges, or "phyworld" for a disc drawn as PhyWorld does.
    """

    name: str
    shape: str
    size: tuple[float, float]
    path: Path
    color_name: str = "grey"
    color: tuple[float, float, float] | None = None
    tracked: bool = True
    shading: float = 0.0
    rounding: float = 0.0
    profile: str = "sharp"

    def coverage(self, position: Float, angle: float, height: int, width: int) -> Coverage:
        """What it covers of a picture of that size when it lies there."""
        center = (float(position[0]), float(position[1]))
        if self.shape != "disc":
            return rectangle_coverage(center, self.size, angle, self.rounding, height, width)
        draw = phyworld_disc_coverage if self.profile == "phyworld" else disc_coverage
        return draw(center, self.size[0] / 2, height, width)

    def paint_at(self, image: Image, position: Float, angle: float) -> None:
        """Draw it into a picture (H, W, 3) in place."""
        coverage = self.coverage(position, angle, *image.shape[:2])
        color = np.asarray(self.color or COLORS[self.color_name], np.float32)
        if self.shading > 0:
            rows, columns, _ = coverage
            x = np.arange(columns.start, columns.stop)[None, :] - position[0]
            y = np.arange(rows.start, rows.stop)[:, None] - position[1]
            across = y * np.cos(angle) - x * np.sin(angle)
            rim = np.hypot(x, y) / (self.size[0] / 2) if self.shape == "disc" else np.abs(across) / (self.size[1] / 2)
            color = (color * (1 + self.shading * (0.25 - np.clip(rim, 0, 1) ** 2))[..., None]).astype(np.float32)
        paint(image, coverage, color)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What an object truly did. T rows, one a frame; image pixels, y down, pixel centres at whole numbers.

    Attributes:
        name, color_name, shape: words; shape is "disc", "box" or "rod".
        positions: (T, 2), centroid of the whole body, also where it is hidden or out of the picture, px.
        velocities: (T, 2), px/s.
        angles: (T,), long axis, radians from +x towards +y (clockwise on the screen), unwrapped; None for a disc.
        angular_velocities: (T,), rad/s, clockwise; None for a disc.
        visible: (T,) bool, at least half of it is seen.
        visible_fraction: (T,), in [0, 1], the share of it that is neither hidden nor out of the picture.
        radius: px; None unless a disc.
        size: length and width, px.
    """

    name: str
    positions: Float
    velocities: Float
    angles: Float | None
    angular_velocities: Float | None
    visible: NDArray[np.bool_]
    visible_fraction: Float
    color_name: str
    shape: str
    radius: float | None
    size: tuple[float, float]

    @property
    def label(self) -> str:
        """Colour and shape in words, such as "red disc"."""
        return f"{self.color_name} {self.shape}"


@dataclass(eq=False)
class Scene:
    """Bodies before a ground, later ones in front, and the camera that sees them.

    Attributes:
        name: of the scene.
        camera: size, time stamps, noise, blur, flicker, ground.
        bodies: what there is to see.
        scenery: still bodies that are painted on the ground.
        pixels_per_unit, unit: the scale, where the scene has one.
        contacts: times (s) and names of bodies that bounced or collided, in time order.
    """

    name: str
    camera: Camera
    bodies: list[Body]
    scenery: list[Body] = field(default_factory=list)
    pixels_per_unit: float | None = None
    unit: str = "px"
    contacts: Sequence[tuple[float, tuple[str, ...]]] = ()

    @property
    def width(self) -> int:
        """Of the picture, px."""
        return self.camera.width

    @property
    def height(self) -> int:
        """Of the picture, px."""
        return self.camera.height

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self.camera.frame_count

    @cached_property
    def times(self) -> Float:
        """Time stamps, (T,), seconds, the first 0."""
        return self.camera.times()

    @cached_property
    def background(self) -> Image:
        """The ground without bodies, noise and flicker, (H, W, 3) float32 BGR."""
        camera = self.camera
        image = textured(camera.height, camera.width, camera.background, camera.texture, camera.seed)
        for body in self.scenery:
            still = body.path(np.zeros(1))
            body.paint_at(image, still.positions[0], float(still.angles[0]))
        return image

    def frames(self) -> Iterator[tuple[NDArray[np.uint8], float]]:
        """Picture (H, W, 3) uint8 BGR and time stamp (s) of each frame; the same at every call."""
        for index, time_s in enumerate(self.times):
            yield self._frame(index, float(time_s)), float(time_s)

    def images(self) -> NDArray[np.uint8]:
        """All pictures at once, (T, H, W, 3) uint8 BGR."""
        return np.stack([image for image, _ in self.frames()])

    @cached_property
    def truth(self) -> dict[str, Truth]:
        """What each tracked body truly did, by its name."""
        motions = {body.name: body.path(self.times) for body in self.bodies}
        seen = self._visible_fractions(motions)
        return {body.name: _truth(body, motions[body.name], seen[body.name]) for body in self.bodies if body.tracked}

    def write(self, path: str | FilePath) -> None:
        """Write the scene as a video file that keeps the time stamps."""
        from kinescribe.video import VideoWriter

        with VideoWriter(path, frame_rate_hint=self.camera.frame_rate) as writer:
            for image, time_s in self.frames():
                writer.write(image, time_s)

    def _frame(self, index: int, time_s: float) -> NDArray[np.uint8]:
        """One frame: the mean over the exposure, which is centred on the time stamp."""
        instants = self.camera.exposure_instants(time_s)
        motions = [(body, body.path(instants)) for body in self.bodies]
        total = np.zeros_like(self.background)
        for k in range(len(instants)):
            image = self.background.copy()
            for body, motion in motions:
                body.paint_at(image, motion.positions[k], float(motion.angles[k]))
            total += image
        return self.camera.develop(total / np.float32(len(instants)), index, time_s)

    def _visible_fractions(self, motions: dict[str, Motion]) -> dict[str, Float]:
        """Share of each body that is in the picture and behind nothing, (T,) by name: from front to back, what is still free is seen."""
        fractions = {body.name: np.zeros(self.frame_count) for body in self.bodies}
        for t in range(self.frame_count):
            free = np.ones((self.height, self.width))
            for body in reversed(self.bodies):
                motion = motions[body.name]
                rows, columns, alpha = body.coverage(motion.positions[t], float(motion.angles[t]), self.height, self.width)
                fractions[body.name][t] = float((alpha * free[rows, columns]).sum()) / _area(body)
                free[rows, columns] *= 1 - alpha
        return {name: np.clip(values, 0.0, 1.0) for name, values in fractions.items()}


def _area(body: Body) -> float:
    """What an unhidden body covers in all, px²: drawn in the middle of a picture that holds it."""
    side = int(np.ceil(np.hypot(*body.size))) + 4
    return max(float(body.coverage(np.array([side / 2, side / 2]), 0.0, side, side)[2].sum()), 1e-12)


def _truth(body: Body, motion: Motion, seen: Float) -> Truth:
    disc = body.shape == "disc"
    return Truth(
        name=body.name,
        positions=motion.positions,
        velocities=motion.velocities,
        angles=None if disc else motion.angles,
        angular_velocities=None if disc else motion.angular_velocities,
        visible=seen >= 0.5,
        visible_fraction=seen,
        color_name=body.color_name,
        shape=body.shape,
        radius=body.size[0] / 2 if disc else None,
        size=body.size,
    )
