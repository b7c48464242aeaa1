"""Drawn scenes that are hard on a background: what rests, light that changes, shadows, reflections, hands, look-alikes, comings and goings.

Every scene is drawn at each noise and goes through `extract_states` with its defaults, but for the ends of long bodies. A thing counts
in the frames in which half of it or more is seen; it is marked at its centre, or, where the picture's edge cuts it, in the middle of
what is seen. The score is that of the laboratory clips: the share of its marks that one id meets within 10 px, its median distance, and
ids beyond the things.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import Record, finish, load_extract_states, number, parallel, parser, print_table
from numpy.typing import NDArray

from kinescribe.errors import KinescribeError
from kinescribe.evaluation import ClipScore, Truth, score_states
from kinescribe.evaluation.scenes.drawing import Coverage, disc_coverage, paint, rectangle_coverage, textured

TABLE = "scenes"
WIDTH, HEIGHT, FRAMES, RATE = 320, 240, 120, 30
NOISES = (0.0, 2.0, 5.0)
GOALS = {"coverage": 0.95, "median_error": 1.0, "spurious": 2.0}
FLOOR = 190  # row at which things are mirrored

Float = NDArray[np.float64]
Picture = NDArray[np.float32]
Light = Callable[[int, Picture], Picture]


@dataclass(frozen=True)
class Thing:
    """Something in a scene.

    Attributes:
        name: unique in its scene.
        path: (T, 2), px; NaN where it isn't there.
        size: a disc's diameter twice, or a box's length and width, px.
        color: BGR.
        angle: of a box's length, radians.
        patterned: whether it has a texture, of a skin or a sleeve.
    """

    name: str
    path: Float
    size: tuple[float, float]
    color: tuple[float, float, float]
    disc: bool = True
    angle: float = 0.0
    patterned: bool = False

    def coverage(self, frame: int, shift: tuple[float, float] = (0.0, 0.0)) -> Coverage:
        """Of the picture in a frame, drawn aside by `shift`."""
        x, y = self.path[frame] + shift
        return self.coverage_at((float(x), float(y)))

    def coverage_at(self, place: tuple[float, float], height: int = HEIGHT, width: int = WIDTH) -> Coverage:
        if self.disc:
            return disc_coverage(place, self.size[0] / 2, height, width)
        return rectangle_coverage(place, self.size, self.angle, min(self.size) / 2 if self.patterned else 2.0, height, width)

    def there(self, frame: int) -> bool:
        return bool(np.isfinite(self.path[frame]).all())


@dataclass(frozen=True)
class Scene:
    """Things, the later ones in front, before a mottled ground.

    Attributes:
        light: what becomes of a frame's picture before the noise.
        shadows, mirrored: whether each thing has a soft shadow beside it, an image of a third of its strength in the floor.
    """

    name: str
    things: Sequence[Thing]
    light: Light = field(default=lambda _, picture: picture)
    shadows: bool = False
    mirrored: bool = False

    def pictures(self, noise: float) -> Iterator[NDArray[np.uint8]]:
        """(H, W, 3) uint8, one a frame."""
        rng = np.random.default_rng(11)
        ground = room()
        pattern = textured(HEIGHT * 2, WIDTH * 2, (0, 0, 0), 30.0, 5) if any(thing.patterned for thing in self.things) else None
        for frame in range(FRAMES):
            picture = self.light(frame, self._drawn(frame, ground.copy(), pattern))
            if noise:
                picture = picture + rng.normal(0, noise, picture.shape).astype(np.float32)
            yield np.clip(picture.round(), 0, 255).astype(np.uint8)

    def _drawn(self, frame: int, picture: Picture, pattern: Picture | None) -> Picture:
        here = [thing for thing in self.things if thing.there(frame)]
        if self.shadows:
            dark = np.zeros((HEIGHT, WIDTH), np.float32)
            for thing in here:
                rows, columns, alpha = thing.coverage(frame, (7.0, 9.0))
                dark[rows, columns] = np.maximum(dark[rows, columns], alpha)
            picture *= 1 - 0.4 * cv2.GaussianBlur(dark, (0, 0), 4.0)[..., None]
        for thing in here if self.mirrored else []:
            x, y = thing.path[frame]
            rows, columns, alpha = thing.coverage_at((float(x), float(2 * FLOOR - y)))
            paint(picture, (rows, columns, 0.3 * alpha), thing.color)
        for thing in here:
            color: Any = thing.color
            rows, columns, alpha = thing.coverage(frame)
            if thing.patterned and pattern is not None and alpha.size:
                left, top = (np.array([columns.start + WIDTH, rows.start + HEIGHT]) - thing.path[frame]).round().astype(int)
                color = np.array(color, np.float32) + pattern[top : top + alpha.shape[0], left : left + alpha.shape[1]]
            paint(picture, (rows, columns, alpha), color)
        return picture

    def truth(self) -> dict[str, Truth]:
        """Where each thing is, in the frames in which half of it or more is seen."""
        out = {}
        for k, thing in enumerate(self.things):
            frames, places = [], []
            whole = float(thing.coverage_at((2.0 * WIDTH, 2.0 * HEIGHT), 4 * HEIGHT, 4 * WIDTH)[2].sum())
            for frame in range(FRAMES):
                if not thing.there(frame):
                    continue
                rows, columns, alpha = thing.coverage(frame)
                hidden = np.zeros((HEIGHT, WIDTH))
                for other in self.things[k + 1 :]:
                    if other.there(frame):
                        r, c, a = other.coverage(frame)
                        hidden[r, c] = np.maximum(hidden[r, c], a)
                least = 0.15 if thing.patterned else 0.5  # a hand comes in bit by bit
                if (alpha * (1 - hidden[rows, columns])).sum() < least * whole:
                    continue
                cut = alpha.sum() < 0.98 * whole
                y, x = np.mgrid[rows, columns]
                frames.append(frame)
                places.append([(alpha * x).sum() / alpha.sum(), (alpha * y).sum() / alpha.sum()] if cut else thing.path[frame])
            out[thing.name] = Truth(np.array(frames), np.array(places), np.full(len(frames), np.nan))
        return out


def room() -> Picture:
    """What is behind: a mottled wall, brighter to the right, with a dark board, a light sheet and a striped cloth, (H, W, 3)."""
    ground = textured(HEIGHT, WIDTH, (120, 128, 133), 6.0, 3)
    ground *= np.linspace(0.75, 1.3, WIDTH, dtype=np.float32)[None, :, None]
    for place, size, color in (((75.0, 70.0), (80.0, 56.0), (38, 42, 48)), ((245.0, 62.0), (66.0, 70.0), (214, 220, 224))):
        paint(ground, rectangle_coverage(place, size, 0.0, 0.0, HEIGHT, WIDTH), color)
    for k in range(6):
        paint(ground, rectangle_coverage((120.0 + 14 * k, 200.0), (7.0, 40.0), 0.0, 0.0, HEIGHT, WIDTH), (70, 84, 96))
    return ground


RED, BLUE, GREEN, DARK, SKIN = (48, 44, 208), (204, 92, 36), (70, 156, 52), (40, 38, 36), (120, 150, 205)


def line(start: tuple[float, float], velocity: tuple[float, float], first: int = 0, last: int = FRAMES) -> Float:
    """A straight course, px a frame, NaN before frame `first` and from `last` on."""
    t = np.arange(FRAMES, dtype=float)[:, None]
    path = np.array(start) + np.array(velocity) * (t - first)
    path[(t[:, 0] < first) | (t[:, 0] >= last)] = np.nan
    return path


def bouncing(start: tuple[float, float], velocity: tuple[float, float], radius: float, top: float = 0, bottom: float = HEIGHT) -> Float:
    """To and fro between the picture's edges."""
    t = np.arange(FRAMES, dtype=float)
    out = []
    for place, speed, low, high in ((start[0], velocity[0], 0, WIDTH), (start[1], velocity[1], top, bottom)):
        reach = high - low - 2 * radius - 2
        way = (place + speed * t - low - radius - 1) % (2 * reach)
        out.append(low + radius + 1 + np.minimum(way, 2 * reach - way))
    return np.stack(out, axis=1)


def staying(*stops: tuple[int, tuple[float, float]]) -> Float:
    """At rest at places, and straight between them: each stop is a frame and where the thing is then."""
    frames, places = [stop[0] for stop in stops], np.array([stop[1] for stop in stops], float)
    t = np.arange(FRAMES)
    return np.stack([np.interp(t, frames, places[:, k]) for k in range(2)], axis=1)


def disc(name: str, path: Float, radius: float, color: tuple[float, float, float]) -> Thing:
    return Thing(name, path, (2 * radius, 2 * radius), color)


def box(name: str, path: Float, size: tuple[float, float], color: tuple[float, float, float], **options: Any) -> Thing:
    return Thing(name, path, size, color, disc=False, **options)


def faint() -> list[Thing]:
    """Two that are hardly brighter or darker than what is behind them."""
    return [
        disc("pale", bouncing((50, 120), (3.1, 2.2), 12), 12, (165, 172, 178)),
        box("dim", bouncing((250, 60), (-2.3, 1.7), 16), (30, 22), (66, 74, 78)),
    ]


def pair() -> list[Thing]:
    """Two things under way all the time."""
    return [
        disc("ball", bouncing((50, 120), (3.1, 2.2), 12), 12, RED),
        box("box", bouncing((250, 60), (-2.3, 1.7), 16), (30, 22), BLUE),
    ]


def brightness(gain: Callable[[int], float]) -> Light:
    return lambda frame, picture: picture * np.float32(gain(frame))


def lamp(frame: int, picture: Picture) -> Picture:
    """One on the left that grows, and later fades, by three tenths, and reaches a third of the way."""
    fall = np.exp(-np.arange(WIDTH, dtype=np.float32) / (WIDTH / 2))
    return picture * (1 + np.float32(0.3 * np.sin(2 * np.pi * frame / FRAMES)) * fall)[None, :, None]


def exposed(frame: int) -> float:
    """A camera that takes its gain down by a quarter when something bright comes, within four frames, and up again when it is gone."""
    return 1 - 0.25 * float(np.clip((frame - 40) / 4, 0, 1) - np.clip((frame - 85) / 4, 0, 1))


def scenes() -> list[Scene]:
    """All of them, anew."""
    hand = partial(box, size=(250, 56), color=SKIN, angle=np.pi / 2, patterned=True)
    through = staying((0, (-40, 50)), (25, (-40, 50)), (95, (360, 90)), (119, (360, 90)))
    walker = partial(box, size=(92, 34), color=(90, 70, 150), angle=np.pi / 2, patterned=True)
    sheet = box("sheet", line((-40, 190), (5.0, 0.0), 36, 112), (70, 60), (250, 250, 250))
    coin = disc("coin", staying((0, (230, 180)), (104, (230, 180)), (119, (200, 150))), 10, DARK)
    into = staying((0, (160, -110)), (30, (160, -110)), (55, (160, 40)), (70, (160, 40)), (95, (160, -110)), (119, (160, -110)))
    return [
        Scene("rest_then_move", [disc("ball", staying((0, (90, 120)), (72, (90, 120)), (119, (290, 90))), 13, RED)]),
        Scene("move_then_rest", [disc("ball", staying((0, (30, 60)), (45, (220, 140)), (119, (220, 140))), 13, RED)]),
        Scene(
            "rest_twice",
            [box("box", staying((0, (90, 150)), (50, (90, 150)), (70, (230, 90)), (119, (230, 90))), (34, 24), BLUE), pair()[0]],
        ),
        Scene(
            "passed_at_rest",
            [
                box("box", staying((0, (160, 120)), (85, (160, 120)), (119, (270, 120))), (34, 28), GREEN),
                disc("ball", line((-20, 118), (5.0, 0.0), 10, 80), 11, RED),
            ],
        ),
        Scene("light_drifts", pair(), brightness(lambda k: 1 + 0.3 * np.sin(2 * np.pi * k / FRAMES))),
        Scene("light_fades", pair(), brightness(lambda k: 1.15 - 0.45 * k / FRAMES)),
        Scene("mains_flicker", pair(), brightness(lambda k: 1 + 0.05 * np.sin(2 * np.pi * k * 0.37))),
        Scene("lamp_on_a_side", pair(), lamp),
        Scene("faint_in_drifting_light", faint(), brightness(lambda k: 1 + 0.3 * np.sin(2 * np.pi * k / FRAMES))),
        Scene("faint_in_flicker", faint(), brightness(lambda k: 1 + 0.05 * np.sin(2 * np.pi * k * 0.37))),
        Scene("faint_beside_a_lamp", faint(), lamp),
        Scene("faint_in_steady_light", faint()),
        Scene("auto_exposure", [*pair(), sheet], brightness(exposed)),
        Scene("shadows", pair(), shadows=True),
        Scene("reflections", [disc("ball", bouncing((50, 120), (3.1, 2.2), 12, 0, FLOOR), 12, RED)], mirrored=True),
        Scene(
            "hand_passes",
            [*pair(), coin, hand("hand", through)],
        ),
        Scene("person_walks_by", [*pair(), coin, walker("person", staying((0, (-60, 150)), (15, (-60, 150)), (119, (380, 158))))]),
        Scene(
            "hand_puts_down",
            [disc("ball", bouncing((50, 190), (3.1, 1.4), 12, 130, HEIGHT), 12, RED), hand("hand", into)],
        ),
        Scene(
            "enter_and_leave",
            [
                disc("first", line((-15, 60), (4.0, 0.4), 5, 100), 12, RED),
                disc("second", line((335, 110), (-5.0, 0.3), 30, 110), 11, BLUE),
                box("third", line((100, 260), (0.8, -4.0), 45, 119), (28, 22), GREEN),
                disc("fourth", line((335, 180), (-3.5, -0.6), 60), 9, DARK),
            ],
        ),
        Scene(
            "look_alikes_cross",
            [
                disc("left", line((30, 90), (2.2, 0.5)), 12, RED),
                disc("right", line((290, 100), (-2.2, 0.4)), 12, RED),
                disc("low", line((40, 200), (2.0, -0.9)), 12, RED),
            ],
        ),
    ]


@dataclass(frozen=True)
class Outcome:
    """What came of a scene at a noise; `problem`: what went wrong, if anything."""

    scene: str
    noise: float
    score: ClipScore
    seconds: float
    problem: str | None


def run(job: tuple[int, float], keep: Path | None) -> Outcome:
    """One scene through the pipeline; what it raises is told and counts as an empty table."""
    scene, noise = scenes()[job[0]], job[1]
    pictures = list(scene.pictures(noise))
    times = np.arange(FRAMES) / RATE
    if keep is not None:
        from kinescribe.video import VideoWriter

        with VideoWriter(keep / f"{scene.name}-{noise:g}.mp4", frame_rate_hint=RATE) as writer:
            for picture, stamp in zip(pictures, times, strict=True):
                writer.write(picture, float(stamp))
    problem = None
    began = time.perf_counter()
    empty = np.zeros(0)
    frame, ids, x, y = empty.astype(np.int64), empty.astype(np.int64), empty, empty
    try:
        columns = load_extract_states()(pictures, times=times, ends=False).columns  # the ends of long bodies are points, not things
        frame, ids = (np.asarray(columns[name], np.int64) for name in ("frame", "object_id"))
        x, y = (np.asarray(columns[name], float) for name in ("x_px", "y_px"))
    except KinescribeError as error:
        problem = str(error)
    seconds = time.perf_counter() - began
    return Outcome(scene.name, noise, score_states(frame, ids, x, y, scene.truth(), FRAMES), seconds, problem)


def records_of(outcomes: Sequence[Outcome]) -> list[Record]:
    records = []
    for outcome in outcomes:
        case = f"{outcome.scene}/noise {outcome.noise:g}"
        for name, score in outcome.score.objects.items():
            goals: dict[str, float | None] = dict(GOALS) if name != "hand" else {"coverage": None, "median_error": None}
            records += [
                Record(TABLE, f"{case}/{name}", "coverage", number(score.coverage), "", "higher", goals["coverage"]),
                Record(TABLE, f"{case}/{name}", "median_error", number(score.median_px), "px", "lower", goals["median_error"]),
                Record(TABLE, f"{case}/{name}", "aside", number(float(np.hypot(*score.offset_px))), "px", "lower"),
            ]
        records.append(Record(TABLE, case, "spurious", float(len(outcome.score.spurious)), "ids", "lower", GOALS["spurious"]))
    covered = [record.value or 0.0 for record in records if record.measure == "coverage"]
    records.append(Record(TABLE, "all", "mean_coverage", number(float(np.mean(covered))), "", "higher"))
    return records


def main() -> None:
    """Prints and writes the table."""
    options = parser(__doc__)
    options.add_argument("--only", action="append", metavar="NAME", help="only this scene (may be repeated)")
    options.add_argument(
        "--noise", action="append", type=float, metavar="LEVELS", help="this noise in grey levels (may be repeated; 0, 2, 5)"
    )
    options.add_argument("--keep", type=Path, metavar="DIR", help="write the videos into DIR")
    chosen = options.parse_args()
    names = [scene.name for scene in scenes()]
    missing = sorted(set(chosen.only or ()) - set(names))
    if missing:
        sys.exit(f"no scene {', '.join(missing)}; available: {', '.join(names)}")
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    jobs = [(k, noise) for k, name in enumerate(names) if not chosen.only or name in chosen.only for noise in chosen.noise or NOISES]
    outcomes = list(parallel(partial(run, keep=chosen.keep), jobs, chosen.jobs))
    rows: list[list[object]] = []
    for outcome in outcomes:
        for name, score in outcome.score.objects.items():
            spurious = len(outcome.score.spurious)
            rows.append(
                [
                    outcome.scene,
                    f"{outcome.noise:g}",
                    name,
                    f"{score.coverage:.3f}",
                    score.median_px,
                    float(np.hypot(*score.offset_px)),
                    spurious,
                    f"{outcome.seconds:.1f}",
                ]
            )
    print_table("Scenes", ["scene", "noise", "thing", "coverage", "median px", "aside px", "spurious", "s"], rows)
    for outcome in outcomes:
        if outcome.problem:
            print(f"{outcome.scene}, noise {outcome.noise:g}: {outcome.problem}", file=sys.stderr)
    finish(records_of(outcomes), chosen.json)


if __name__ == "__main__":
    main()
