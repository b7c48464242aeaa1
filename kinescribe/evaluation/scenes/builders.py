"""Scenes for tests and benchmarks, each with one difficulty, and each with the exact truth.

Every builder takes the fields of `Camera` by keyword (width, height, frame_rate, frame_count, seed, noise, exposure, flicker, jitter,
texture, background) beside its own. Lengths px, times s, velocities px/s, accelerations px/s², y down.
"""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from kinescribe.evaluation.scenes.camera import Camera, CameraOptions
from kinescribe.evaluation.scenes.collisions import Ball, simulate
from kinescribe.evaluation.scenes.paths import (
    Path,
    ballistic,
    hanging_line,
    oscillating,
    pendulum,
    reflecting,
    sliding_to_rest,
    standing_rod,
    still,
)
from kinescribe.evaluation.scenes.scene import Body, Scene

__all__ = [
    "ball_behind_occluder",
    "bouncing_ball",
    "cart_and_pole",
    "crossing_discs",
    "falling_ball",
    "low_contrast_ball",
    "many_discs",
    "pendulum_with_string",
    "resting_object",
    "slow_cart",
    "static_objects_on_plain",
    "swinging_rod",
    "thrown_small_ball",
    "two_pucks_collision",
]

BLACK_CLOTH = (36.0, 33.0, 32.0)
MANY = ("red", "blue", "green", "orange", "purple", "teal", "brown", "pink")


def _disc(name: str, radius: float, path: Path, color: tuple[float, float, float] | None = None) -> Body:
    return Body(name, "disc", (2 * radius, 2 * radius), path, name.split()[0], color)


def falling_ball(radius: float = 11.0, gravity: float = 420.0, **options: Unpack[CameraOptions]) -> Scene:
    """A red ball let go near the top that falls freely until it leaves the picture."""
    camera = Camera.of(options, frame_count=30)
    fall = ballistic((camera.width / 2 + 0.3, radius + 8.0), (12.0, 0.0), (0.0, gravity))
    return Scene("falling ball", camera, [_disc("red ball", radius, fall)])


def thrown_small_ball(radius: float = 4.0, speed: float = 420.0, **options: Unpack[CameraOptions]) -> Scene:
    """A small white ball thrown across a dark backdrop at 15 frames a second: no two frames share a pixel of it.

    It flies in after some empty frames and out again.
    """
    camera = Camera.of(options, width=640, height=360, frame_rate=15.0, frame_count=32, background=BLACK_CLOTH, texture=2.0)
    crossing = (camera.width + 60.0) / speed
    gravity = 1.4 * 8 * 0.5 * camera.height / crossing**2
    late = 0.25
    start = (-30.0 - speed * late, camera.height * 0.88 + gravity * crossing / 2 * late + gravity * late**2 / 2)
    # started at t = 0 so that it passes (−30, 0.88 H) at `late` with the speed that brings it back to that height on the other side
    flight = ballistic(start, (speed, -gravity * crossing / 2 - gravity * late), (0.0, gravity))
    return Scene("thrown small ball", camera, [_disc("white ball", radius, flight)])


def bouncing_ball(
    radius: float = 12.0, gravity: float = 900.0, restitution: float = 0.8, drift: float = 70.0, **options: Unpack[CameraOptions]
) -> Scene:
    """A blue ball that bounces off a floor and drifts to the right."""
    camera = Camera.of(options, frame_count=90)
    floor = camera.height - 20.0
    last = float(camera.times()[-1]) + 1 / camera.frame_rate
    drop = Ball((30.0, 40.0), (drift, 0.0), radius)
    paths, contacts = simulate([drop], last, gravity=gravity, restitution=restitution, floor=floor)
    ground = Body("floor", "box", (camera.width + 4.0, 20.0), still((camera.width / 2, floor + 10.0)), color=(96, 104, 112))
    events = [(contact.time_s, ("blue ball",)) for contact in contacts]
    return Scene("bouncing ball", camera, [_disc("blue ball", radius, paths[0])], [ground], contacts=events)


def two_pucks_collision(
    radius: float = 16.0, speed: float = 110.0, offset: float = 9.0, alike: bool = False, **options: Unpack[CameraOptions]
) -> Scene:
    """Two equal pucks seen from above: one hits the other, at rest, off centre by `offset`; elastic; they touch for some frames."""
    camera = Camera.of(options, frame_count=60)
    middle = camera.height / 2
    balls = [Ball((40.0, middle - offset), (speed, 0.0), radius), Ball((camera.width * 0.55, middle), (0.0, 0.0), radius)]
    paths, contacts = simulate(balls, float(camera.times()[-1]) + 1 / camera.frame_rate)
    names = ("red puck", "red puck 2" if alike else "blue puck")
    bodies = [_disc(name, radius, path) for name, path in zip(names, paths, strict=True)]
    return Scene("two pucks", camera, bodies, contacts=[(contact.time_s, names) for contact in contacts])


def crossing_discs(radius: float = 13.0, speed: float = 110.0, alike: bool = False, **options: Unpack[CameraOptions]) -> Scene:
    """Two discs that move past each other, the second in front of the first for some frames."""
    camera = Camera.of(options, frame_count=72)
    middle, names = camera.height / 2, ("red disc", "red disc 2" if alike else "green disc")
    behind = ballistic((35.0, middle - 12.0), (speed, 8.0))
    before = ballistic((camera.width - 35.0, middle + 8.0), (-speed, -6.0))
    return Scene("crossing discs", camera, [_disc(names[0], radius, behind), _disc(names[1], radius, before)])


def ball_behind_occluder(radius: float = 10.0, speed: float = 130.0, post_width: float = 46.0, **options: Unpack[CameraOptions]) -> Scene:
    """A red ball on a gentle parabola that passes behind a grey post and is wholly hidden for some frames."""
    camera = Camera.of(options, frame_count=66)
    flight = ballistic((25.0, camera.height * 0.62), (speed, -90.0), (0.0, 80.0))
    tall = camera.height + 4.0
    post = Body("post", "box", (tall, post_width), still((camera.width / 2, camera.height / 2), math.pi / 2), "grey", tracked=False)
    return Scene("ball behind a post", camera, [_disc("red ball", radius, flight), post])


def slow_cart(
    length: float = 120.0, height_px: float = 26.0, travel: float = 70.0, swings: bool = False, **options: Unpack[CameraOptions]
) -> Scene:
    """A long black cart on a track that moves by less than its length, so that most of its pixels are covered for over half of the clip.

    It rolls off from rest with constant acceleration over `travel`, or, with `swings`, to and fro between two springs.
    """
    camera = Camera.of(options, frame_count=90, texture=3.0)
    place = ((camera.width - travel) / 2, camera.height * 0.6)
    roll = ballistic(place, (0.0, 0.0), (2 * travel / camera.duration_s**2, 0.0))
    if swings:
        roll = oscillating((camera.width / 2, place[1]), (travel / 2, 0.0), camera.duration_s / 2.3)
    track_y = place[1] + height_px / 2 + 4.0
    track = Body("track", "box", (camera.width + 4.0, 8.0), still((camera.width / 2, track_y)), color=(150, 154, 156))
    return Scene("slow cart", camera, [Body("black cart", "box", (length, height_px), roll, "black", rounding=3.0)], [track])


def resting_object(rests: str = "end", share: float = 0.65, **options: Unpack[CameraOptions]) -> Scene:
    """A green box that slides and, for `share` of the clip, rests: at its "end", or at its "start"."""
    camera = Camera.of(options, frame_count=75)
    y = camera.height * 0.55
    span = camera.duration_s * (1 - share)
    start = {"end": 0.0, "start": camera.duration_s - span}[rests]
    slide = sliding_to_rest((60.0, y), (camera.width - 90.0, y - 20.0), start, start + span)
    return Scene("resting box", camera, [Body("green box", "box", (44.0, 28.0), slide, "green")])


def pendulum_with_string(
    length: float = 150.0, radius: float = 10.0, amplitude_deg: float = 35.0, period_s: float = 1.3, **options: Unpack[CameraOptions]
) -> Scene:
    """A blue bob on a thin grey string. `period_s` is that of small swings, `length` from the pivot to the bob's centre."""
    camera = Camera.of(options, frame_count=90)
    pivot = (camera.width / 2, 24.0)
    swing = pendulum(pivot, length, math.radians(amplitude_deg), 2 * math.pi / period_s)
    string = Body("string", "rod", (length, 1.2), hanging_line(pivot, swing), color=(150, 150, 150), tracked=False)
    return Scene("pendulum", camera, [string, _disc("blue ball", radius, swing)])


def cart_and_pole(length: float = 90.0, travel: float = 110.0, **options: Unpack[CameraOptions]) -> Scene:
    """A black cart that rolls to and fro on a white ground, a brown pole swaying on top of it, as in the control problem of that name."""
    camera = Camera.of(options, frame_count=60, background=(255.0, 255.0, 255.0), noise=0.0)
    middle = (camera.width / 2, 0.75 * camera.height)
    roll = oscillating(middle, (travel / 2, 0.0), 2.1)
    cart = Body("black cart", "box", (56.0, 30.0), roll, "black")
    pole = Body("pole", "rod", (length, 9.0), standing_rod(roll, length, 0.4, 1.3), "brown")
    return Scene("cart and pole", camera, [cart, pole])


def swinging_rod(
    length: float = 130.0, thickness: float = 12.0, amplitude_deg: float = 70.0, period_s: float = 1.4, **options: Unpack[CameraOptions]
) -> Scene:
    """A brown rod that swings about one of its ends, far."""
    camera = Camera.of(options, frame_count=75)
    swing = pendulum((camera.width / 2, 40.0), length / 2, math.radians(amplitude_deg), 2 * math.pi / period_s)
    return Scene("swinging rod", camera, [Body("brown rod", "rod", (length, thickness), swing, "brown")])


def low_contrast_ball(radius: float = 12.0, contrast: float = 12.0, **options: Unpack[CameraOptions]) -> Scene:
    """A grey ball that is only `contrast` grey levels darker than the ground, in noise of 2.5 levels."""
    camera = Camera.of(options, frame_count=60, noise=2.5)
    b, g, r = (level - contrast for level in camera.background)
    roll = ballistic((30.0, camera.height * 0.7), (130.0, -150.0), (0.0, 150.0))
    return Scene("low contrast ball", camera, [_disc("grey ball", radius, roll, (b, g, r))])


def static_objects_on_plain(**options: Unpack[CameraOptions]) -> Scene:
    """A red disc, a blue box and a green rod that lie still before a white ground, in a few frames."""
    camera = Camera.of(options, frame_count=3, noise=1.0, background=(255.0, 255.0, 255.0))
    w, h = camera.width, camera.height
    bodies = [
        _disc("red disc", 22.0, still((w * 0.22, h * 0.31))),
        Body("blue box", "box", (60.0, 40.0), still((w * 0.67, h * 0.36), 0.3), "blue"),
        Body("green rod", "rod", (120.0, 9.0), still((w * 0.42, h * 0.76), -0.35), "green"),
    ]
    return Scene("static objects", camera, bodies)


def many_discs(n: int = 20, radius: float = 7.0, speed: float = 90.0, **options: Unpack[CameraOptions]) -> Scene:
    """Discs, n of them, of eight colours that move evenly, bounce off the picture's edges and pass before one another."""
    camera = Camera.of(options, width=640, height=360)
    rng = np.random.default_rng([camera.seed, 5, n])
    low, high = (radius + 2.0, radius + 2.0), (camera.width - radius - 3.0, camera.height - radius - 3.0)
    places, headings = rng.uniform(low, high, (n, 2)), rng.uniform(0, 2 * math.pi, n)
    speeds = speed * rng.uniform(0.5, 1.5, n)
    bodies = []
    for i in range(n):
        velocity = (float(speeds[i] * np.cos(headings[i])), float(speeds[i] * np.sin(headings[i])))
        path = reflecting((float(places[i, 0]), float(places[i, 1])), velocity, low, high)
        bodies.append(_disc(f"{MANY[i % len(MANY)]} disc {i // len(MANY) + 1}", radius, path))
    return Scene(f"{n} discs", camera, bodies)
