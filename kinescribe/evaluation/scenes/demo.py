"""The scene of the demonstration: three balls in a bin, and a rod that swings beside it."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from kinescribe.evaluation.scenes.camera import Camera, CameraOptions
from kinescribe.evaluation.scenes.collisions import Ball, Contact, simulate
from kinescribe.evaluation.scenes.paths import Path, pendulum, still
from kinescribe.evaluation.scenes.scene import Body, Scene

__all__ = ["demo_scene"]

SCALE = 150.0  # px a metre
GRAVITY = 9.81 * SCALE
FLOOR, LEFT, RIGHT = 332.0, 22.0, 408.0
STARTS = (((80.0, 92.0), (250.0, -40.0), 23.0), ((348.0, 60.0), (-150.0, 0.0), 19.0), ((216.0, 190.0), (-215.0, -260.0), 15.0))
PIVOT, ROD = (528.0, 78.0), (128.0, 14.0)


def demo_scene(**options: Unpack[CameraOptions]) -> Scene:
    """Red, blue and green balls that fall, bounce off floor and walls and off each other, and an orange rod that swings; 4 s, 640×360.

    The scale is 150 px a metre, gravity 9.81 m/s², restitution 0.93; `seed` changes how the balls are thrown, the texture and the noise.
    """
    camera = Camera.of(options, width=640, height=360, frame_count=121, noise=1.5, texture=5.0, background=(222.0, 226.0, 228.0))
    balls, paths, contacts = _throw(camera)
    names = ("red ball", "blue ball", "green ball")
    bodies = [
        Body(name, "disc", (2 * ball.radius, 2 * ball.radius), path, name.split()[0], shading=0.22)
        for name, ball, path in zip(names, balls, paths, strict=True)
    ]
    swing = pendulum(PIVOT, ROD[0] / 2, math.radians(50), math.sqrt(1.5 * GRAVITY / ROD[0]))
    bodies.append(Body("orange rod", "rod", ROD, swing, "orange", shading=0.15, rounding=7.0))
    axle = Body("axle", "disc", (9, 9), still(PIVOT), "black", (70, 66, 64), tracked=False)
    events = [(contact.time_s, tuple(names[i] for i in contact.balls)) for contact in contacts]
    return Scene("demo", camera, [*bodies, axle], _bin(camera), SCALE, "m", events)


def _throw(camera: Camera) -> tuple[list[Ball], list[Path], list[Contact]]:
    """The balls, and what becomes of them; a throw that takes one out of the picture's top is thrown anew."""
    rng = np.random.default_rng(camera.seed)
    scatter = np.zeros((3, 2)) if camera.seed == 0 else rng.uniform(-1, 1, (3, 2))
    times = np.linspace(0.0, float(camera.times()[-1]) + 1 / camera.frame_rate, 500)
    while True:
        balls = [Ball(x, (v[0] + 40 * push[0], v[1] + 60 * push[1]), r) for (x, v, r), push in zip(STARTS, scatter, strict=True)]
        paths, contacts = simulate(balls, float(times[-1]), gravity=GRAVITY, restitution=0.93, walls=(LEFT, RIGHT), floor=FLOOR)
        if all(path(times).positions[:, 1].min() > ball.radius for ball, path in zip(balls, paths, strict=True)):
            return balls, paths, contacts
        scatter = rng.uniform(-1, 1, (3, 2))


def _bin(camera: Camera) -> list[Body]:
    """Floor, walls and the bracket that carries the rod."""
    wood, steel = (128, 148, 166), (150, 146, 142)
    below, top = camera.height - FLOOR, 24.0
    middle, thick = (FLOOR + top) / 2, 8.0
    return [
        Body("floor", "box", (camera.width + 4.0, below), still((camera.width / 2, FLOOR + below / 2)), color=wood),
        Body("left wall", "box", (FLOOR - top, thick), still((LEFT - thick / 2, middle), math.pi / 2), color=wood),
        Body("right wall", "box", (FLOOR - top, thick), still((RIGHT + thick / 2, middle), math.pi / 2), color=wood),
        Body("plate", "box", (64.0, 14.0), still((PIVOT[0], 6.0)), color=steel, rounding=3.0),
        Body("hanger", "box", (PIVOT[1], 9.0), still((PIVOT[0], PIVOT[1] / 2), math.pi / 2), color=steel),
    ]
