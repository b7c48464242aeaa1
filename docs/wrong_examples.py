"""Drawn videos with one thing wrong each: the examples of ``howto/when-extraction-goes-wrong.md``, for its pictures and its test.

``python docs/wrong_examples.py FOLDER`` writes them all.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinescribe.evaluation.scenes import Body, Camera, Scene, bouncing_ball, low_contrast_ball, two_pucks_collision
from kinescribe.evaluation.scenes.paths import Motion, ballistic, oscillating, sliding_to_rest, still
from kinescribe.video import VideoWriter

__all__ = ["EXAMPLES", "Example"]

Images = Iterable[NDArray[np.uint8]]
GROUND = 5.0  # grey levels of mottling: on a perfectly even ground what stands still is an object too


@dataclass(frozen=True)
class Example:
    """A video that is drawn, and what comes of it with default settings.

    Attributes:
        write: draws the video to a path.
        exit_code: of `extract-states`.
        told: part of the line that it then prints; empty where it says nothing.
    """

    write: Callable[[Path], None]
    exit_code: int = 0
    told: str = ""


def film(path: Path, images: Images, rate: float = 30.0) -> None:
    """Write pictures (H, W, 3) at an even rate."""
    with VideoWriter(path, frame_rate_hint=rate) as writer:
        for index, image in enumerate(images):
            writer.write(np.ascontiguousarray(image), index / rate)


def bounce() -> Scene:
    """The scene that is spoilt in several ways."""
    return bouncing_ball(texture=GROUND)


def faint(path: Path) -> None:
    """A ball that is as dark as the noise is strong."""
    low_contrast_ball(contrast=3.0).write(path)


def shadow(path: Path) -> None:
    """A ball and its pale shadow, which lies apart from it."""
    camera = Camera(frame_count=60, texture=GROUND)
    pale = tuple(0.88 * level for level in camera.background)
    shade = Body("shade", "rod", (44, 16), ballistic((66, 128), (90, -20), (0, 30)), color=pale, tracked=False)  # type: ignore[arg-type]
    Scene("shadow", camera, [shade, Body("red ball", "disc", (30, 30), ballistic((50, 100), (90, -20), (0, 30)), "red")]).write(path)


def touching(path: Path) -> None:
    """Two discs that touch all the time."""
    red, blue = (ballistic((x, 120), (90, -40), (0, 60)) for x in (50, 78))
    bodies = [Body("red disc", "disc", (30, 30), red, "red"), Body("blue disc", "disc", (26, 26), blue, "blue")]
    Scene("touching", Camera(frame_count=60, texture=GROUND), bodies).write(path)


def hidden(path: Path) -> None:
    """A ball that is behind a post for 70 frames."""
    camera = Camera(width=400, frame_count=200, texture=GROUND)
    post = Body("post", "box", (244, 150), still((200, 120), math.pi / 2), "grey", tracked=False)
    Scene("hidden", camera, [Body("red ball", "disc", (24, 24), ballistic((20, 120), (54, 0)), "red"), post]).write(path)


def passing(path: Path) -> None:
    """A ball that swings to and fro, and passes behind a post each time."""
    post = Body("post", "box", (244, 44), still((160, 120), math.pi / 2), "grey", tracked=False)
    ball = Body("red ball", "disc", (24, 24), oscillating((160, 120), (110, 15), 1.6), "red")
    Scene("passing", Camera(frame_count=75, texture=GROUND), [ball, post]).write(path)


def interlaced(path: Path) -> None:
    """Two moments in each picture, one in the even rows, one in the odd ones."""
    import av

    images = two_pucks_collision(texture=GROUND, frame_rate=50.0, frame_count=80, speed=220.0).images()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"flags": "+ildct+ilme", "x264-params": "tff=1", "crf": "12"})
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt, stream.codec_context.time_base = "yuv444p", Fraction(1, 25)
        for index, (image, later) in enumerate(zip(images[::2], images[1::2], strict=True)):
            image[1::2] = later[1::2]
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def doubled(path: Path) -> None:
    """Each picture twice, as a screen recorder at twice the rate gives it."""
    film(path, (image for image in bounce().images() for _ in range(2)), 60.0)


def lost(path: Path) -> None:
    """Two frames were lost, and the one before was written in their place."""
    images = bounce().images()
    film(path, (images[k - 1 if k in (22, 41) else k] for k in range(len(images))))


def cut(path: Path) -> None:
    """Two scenes, one after the other."""
    other = two_pucks_collision(frame_count=40, background=(90.0, 80.0, 70.0), texture=GROUND)
    film(path, [*bounce().images()[:40], *other.images()])


def panned(path: Path) -> None:
    """A camera that turns after a ball."""
    rng = np.random.default_rng(3)
    scenery = [
        Body(
            f"box {k}",
            "box",
            (float(rng.uniform(12, 40)), float(rng.uniform(8, 24))),
            still((float(rng.uniform(0, 480)), float(rng.uniform(0, 240))), float(rng.uniform(0, 3))),
            color=(float(rng.uniform(90, 230)), float(rng.uniform(90, 230)), float(rng.uniform(90, 230))),
        )
        for k in range(14)
    ]
    camera = Camera(width=480, frame_count=50, texture=8.0)
    scene = Scene("panned", camera, [Body("red ball", "disc", (32, 32), ballistic((90, 130), (130, 0)), "red")], scenery)
    film(path, (image[:, 2 * k : 2 * k + 320] for k, image in enumerate(scene.images())))


def lamp(path: Path) -> None:
    """A lamp goes out on the right."""
    shade = 1 - 0.35 * np.linspace(0, 1, 320)[None, :, None]
    film(path, ((image * shade if k >= 45 else image).astype(np.uint8) for k, image in enumerate(bounce().images())))


def broken(path: Path) -> None:
    """A file whose end was not copied."""
    bounce().write(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.6 * len(whole))])


def hand(path: Path) -> None:
    """A hand comes in, pushes a ball and goes."""
    there = sliding_to_rest((-60, 60), (40, 100), 0.1, 1.0, 0.4)
    back = sliding_to_rest((0, 0), (-110, -45), 1.4, 2.2)

    def there_and_back(times: NDArray[np.float64]) -> Motion:
        motion, away = there(times), back(times)
        return Motion(motion.positions + away.positions, motion.velocities + away.velocities, motion.angles, motion.angular_velocities)

    arm = Body("hand", "rod", (200, 34), there_and_back, color=(120, 150, 205), rounding=16)
    ball = Body("red ball", "disc", (28, 28), sliding_to_rest((150, 130), (280, 140), 0.9, 2.4), "red")
    Scene("hand", Camera(frame_count=120, texture=GROUND), [ball, arm]).write(path)


EXAMPLES = {
    "nothing": Example(faint, 4, "clearly enough to follow"),
    "shadow": Example(shadow),
    "touching": Example(touching),
    "hidden": Example(hidden),
    "passing": Example(passing),
    "interlaced": Example(interlaced, 0, "interlaced; moving edges are combed"),
    "doubled": Example(doubled, 0, "frames repeat the one before (frames"),
    "lost": Example(lost, 0, "the one before while things move"),
    "cut": Example(cut, 0, "another scene, or another light, begins at frame 40"),
    "panned": Example(panned, 0, "the camera seems to move"),
    "lamp": Example(lamp, 0, "another scene, or another light, begins at frame 45"),
    "broken": Example(broken, 5, "breaks off after frame"),
    "hand": Example(hand),
}


def main() -> None:
    """Write all of them to the folder that is named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, example in EXAMPLES.items():
        example.write(folder / f"{name}.mp4")


if __name__ == "__main__":
    main()
