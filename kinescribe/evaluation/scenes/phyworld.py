"""Clips like PhyWorld's (arXiv 2411.02385): a 10×10 world on white, 256×256 px, 32 frames 0.1 s apart."""

from __future__ import annotations

from typing import Unpack

from kinescribe.errors import unknown_value
from kinescribe.evaluation.scenes.camera import Camera, CameraOptions
from kinescribe.evaluation.scenes.collisions import Ball, simulate
from kinescribe.evaluation.scenes.paths import Path, ballistic
from kinescribe.evaluation.scenes.scene import Body, Scene

__all__ = ["phyworld_like"]

KINDS = ("uniform_motion", "parabola", "collision")
RED, BLUE = (0.0, 0.0, 255.0), (255.0, 0.0, 0.0)


def phyworld_like(
    kind: str = "uniform_motion",
    radius: float = 1.0,
    velocity: float = 2.0,
    radius2: float = 1.0,
    velocity2: float = 2.0,
    y: float | None = None,
    **options: Unpack[CameraOptions],
) -> Scene:
    """A red ball that moves right, falls on a parabola, or hits a blue ball that comes from the right; world units and 0.1 s a frame.

    Args:
        kind: "uniform_motion", "parabola" (gravity 2.5 down) or "collision" (elastic, head-on, masses as areas, contact at 1.2 s).
        radius, velocity: of the red ball, world units (a second).
        radius2, velocity2: of the blue ball; it moves left.
        y: height at the start, world, up; the middle of the world, for a parabola 9 − radius.

    Pixel i of a row shows x = 10 i / (W − 1), and rows count from the top: `pixels_per_unit` is 25.5. Edges are PhyWorld's own.
    """
    if kind not in KINDS:
        raise unknown_value("kind", kind, KINDS)
    camera = Camera.of(options, width=256, height=256, frame_rate=10.0, frame_count=32, noise=0.0, background=(255.0, 255.0, 255.0))
    scale = (camera.width - 1) / 10
    level = y if y is not None else 9.0 - radius if kind == "parabola" else 5.0
    row = (camera.height - 1) - level * scale
    names = ("red ball", "blue ball")
    contacts: list[tuple[float, tuple[str, ...]]] = []
    if kind == "collision":
        meet, middle = 1.2, 5.0
        left = Ball(((middle - radius - velocity * meet) * scale, row), (velocity * scale, 0.0), radius * scale)
        right = Ball(((middle + radius2 + velocity2 * meet) * scale, row), (-velocity2 * scale, 0.0), radius2 * scale)
        paths, hits = simulate([left, right], float(camera.times()[-1]) + 1 / camera.frame_rate)
        contacts = [(hit.time_s, names) for hit in hits]
    else:
        start: Path = ballistic(((0.4 + radius) * scale, row), (velocity * scale, 0.0), (0.0, 2.5 * scale if kind == "parabola" else 0.0))
        paths = [start]
    bodies = [
        Body(name, "disc", (2 * r * scale, 2 * r * scale), path, name.split()[0], color, profile="phyworld")
        for name, r, path, color in zip(names, (radius, radius2), paths, (RED, BLUE), strict=False)
    ]
    return Scene(f"phyworld {kind}", camera, bodies, pixels_per_unit=scale, unit="world", contacts=contacts)
