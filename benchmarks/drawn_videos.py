"""Videos of one drawn body whose motion is known exactly, for benchmarks that hold error bars and centroids against the truth.

A frame is the mean over the exposure, which is centred on the frame's time, of ground + coverage · (colour − ground), coverage from 8 × 8
samples a pixel, blurred by the lens and with the sensor's noise added; then it is rounded to eight bits and, if asked for, goes through
H.264. Pixel centres have whole coordinates, y down. `draw` gives the noise-free body as well, so that references see what we see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["MOTIONS", "SHAPES", "Case", "Drawn", "draw", "random_cases", "write_h264"]

Float = NDArray[np.float64]
Path2D = tuple[Float, Float, Float]
"""Position, velocity, acceleration along one axis, (T,) each, in px and frames."""

SAMPLES = 8  # a pixel's side
EXPOSURE_STEPS = 7
MOST_FRAMES, FEWEST_FRAMES = 150, 24
MOST_HIDDEN = 0.4
SHAPES = {"disc": (1.0, 1.0), "box": (1.7, 1.0), "rod": (3.0, 0.4)}  # half sides in radii


@dataclass(frozen=True, slots=True)
class Case:
    """What is drawn.

    Attributes:
        motion, shape: of `MOTIONS` and `SHAPES`.
        radius: half the size, px. speed: peak or constant speed, px a frame. contrast: grey levels.
        noise: σ, grey levels. blur: of the lens, σ in px. exposure: part of the frame interval.
        crf: of H.264; None for frames as they are.
        fps: frames a second. seed: of everything that chance decides.
    """

    motion: str
    shape: str
    radius: float
    speed: float
    contrast: float
    noise: float
    blur: float
    exposure: float
    crf: int | None
    fps: float
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A drawn video and its truth.

    Attributes:
        images: uint8, (T, H, W, 3), BGR, before any codec. ground: (H, W, 3), what the body lies on, noise-free.
        times: (T,), seconds.
        positions, velocities, accelerations: (T, 2), px and seconds. angles, rates: (T,), rad and rad/s, from +x towards +y (down).
    """

    images: NDArray[np.uint8]
    ground: Float
    times: Float
    positions: Float
    velocities: Float
    accelerations: Float
    angles: Float
    rates: Float


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Positions, velocities and accelerations (2,) at any time in frames, and how many frames there are."""

    at: Callable[[Float], tuple[Float, Float, Float]]
    frames: int


def _two(x: Path2D, y: Path2D) -> tuple[Float, Float, Float]:
    return np.stack([x[0], y[0]], 1), np.stack([x[1], y[1]], 1), np.stack([x[2], y[2]], 1)


def _poly(t: Float, start: float, slope: float, bend: float = 0.0) -> Path2D:
    return start + slope * t + bend * t**2 / 2, slope + bend * t, np.full_like(t, bend)


def _sine(t: Float, amplitude: float, rate: float, phase: float, decay: float = 0.0) -> Path2D:
    wave = amplitude * np.exp((-decay + 1j * rate) * t + 1j * phase)
    root = -decay + 1j * rate
    return wave.real, (root * wave).real, (root**2 * wave).real


def _sum(*paths: Path2D) -> Path2D:
    x, v, a = (np.sum(parts, axis=0) for parts in zip(*paths, strict=True))
    return x, v, a


def _length(distance: float, speed: float) -> int:
    return int(np.clip(distance / speed, FEWEST_FRAMES, MOST_FRAMES))


def _uniform(speed: float, rng: np.random.Generator) -> _Plan:
    angle = rng.uniform(0, 2 * np.pi)
    c, s = speed * np.cos(angle), speed * np.sin(angle)
    return _Plan(lambda t: _two(_poly(t, 0, c), _poly(t, 0, s)), _length(450, speed))


def _fall(speed: float, rng: np.random.Generator) -> _Plan:
    frames = _length(450, speed)
    pull = 1.6 * speed / frames
    side, up = rng.uniform(-0.6, 0.6) * speed, -rng.uniform(0.2, 0.8) * speed
    return _Plan(lambda t: _two(_poly(t, 0, side), _poly(t, 0, up, pull)), frames)


def _harmonic(speed: float, rng: np.random.Generator) -> _Plan:
    period = rng.uniform(25, 70)
    rate = 2 * np.pi / period
    direction, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    c, s = np.array([np.cos(direction), np.sin(direction)]) * speed / rate
    return _Plan(lambda t: _two(_sine(t, c, rate, phase), _sine(t, s, rate, phase)), int(min(3 * period, MOST_FRAMES)))


def _damped(speed: float, rng: np.random.Generator) -> _Plan:
    period = rng.uniform(25, 60)
    rate, decay = 2 * np.pi / period, rng.uniform(0.2, 0.6) / period
    direction = rng.uniform(0, np.pi)
    c, s = np.array([np.cos(direction), np.sin(direction)]) * speed / rate
    return _Plan(lambda t: _two(_sine(t, c, rate, 0.0, decay), _sine(t, s, rate, 0.0, decay)), int(min(4 * period, MOST_FRAMES)))


def _circular(speed: float, rng: np.random.Generator) -> _Plan:
    period, phase = rng.uniform(30, 90), rng.uniform(0, 2 * np.pi)
    rate = rng.choice([-1, 1]) * 2 * np.pi / period
    size = speed / abs(rate)
    return _Plan(lambda t: _two(_sine(t, size, rate, phase), _sine(t, size, rate, phase - np.pi / 2)), int(min(2 * period, MOST_FRAMES)))


def _bouncing(speed: float, rng: np.random.Generator) -> _Plan:
    """Free fall on a floor that gives back a part of the speed."""
    first, bounciness = rng.uniform(12, 25), rng.uniform(0.7, 0.9)
    pull, side = speed / first, rng.uniform(0.1, 0.4) * speed
    starts, speeds = [-first, first], [-speed, -speed * bounciness]
    while starts[-1] < MOST_FRAMES and len(starts) < 6:
        starts.append(starts[-1] - 2 * speeds[-1] / pull)
        speeds.append(speeds[-1] * bounciness)
    begin, up = np.array(starts), np.array(speeds)

    def at(t: Float) -> tuple[Float, Float, Float]:
        k = np.searchsorted(begin, t, side="right") - 1
        since = t - begin[k]
        return _two(_poly(t, 0, side), (up[k] * since + pull * since**2 / 2, up[k] + pull * since, np.full_like(t, pull)))

    return _Plan(at, int(min(starts[-1], 90)))


def _stop_and_go(speed: float, rng: np.random.Generator) -> _Plan:
    """Even motion, brakes, rests, and sets off another way; speeds change at a constant rate."""
    lengths = np.array([*rng.uniform(8, 25, 2), rng.uniform(6, 14), rng.uniform(8, 20), rng.uniform(6, 14), rng.uniform(10, 25)])
    lengths[0] = rng.uniform(10, 25)
    edges = np.concatenate([[0.0], np.cumsum(lengths)])
    turn = rng.uniform(0, 2 * np.pi, 2)
    first, second = (speed * np.array([np.cos(one), np.sin(one)]) for one in turn)
    velocities = np.stack([first, first, first, 0 * first, 0 * first, second, second])
    pulls = np.diff(velocities, axis=0) / lengths[:, None]
    places = np.concatenate([np.zeros((1, 2)), np.cumsum((velocities[1:] + velocities[:-1]) / 2 * lengths[:, None], axis=0)])

    def at(t: Float) -> tuple[Float, Float, Float]:
        k = np.clip(np.searchsorted(edges, t, side="right") - 1, 0, len(pulls) - 1)
        since = (t - edges[k])[:, None]
        return places[k] + velocities[k] * since + pulls[k] * since**2 / 2, velocities[k] + pulls[k] * since, pulls[k]

    return _Plan(at, int(edges[-1]))


def _random(speed: float, rng: np.random.Generator) -> _Plan:
    """A sum of waves of several periods with random phases."""
    periods = np.exp(rng.uniform(np.log(20), np.log(120), (2, 5)))
    phases = rng.uniform(0, 2 * np.pi, (2, 5))
    rates = 2 * np.pi / periods
    sizes = speed / np.sqrt(5) / rates

    def at(t: Float) -> tuple[Float, Float, Float]:
        x, y = (_sum(*(_sine(t, *wave) for wave in zip(sizes[i], rates[i], phases[i], strict=True))) for i in range(2))
        return _two(x, y)

    return _Plan(at, 100)


MOTIONS: dict[str, Callable[[float, np.random.Generator], _Plan]] = {
    "uniform": _uniform,
    "free fall": _fall,
    "harmonic": _harmonic,
    "damped": _damped,
    "bouncing": _bouncing,
    "circular": _circular,
    "stop and go": _stop_and_go,
    "random": _random,
}


def draw(case: Case) -> Drawn:
    """The video of a case and its truth."""
    rng = np.random.default_rng(case.seed)
    plan = MOTIONS[case.motion](case.speed, rng)
    frames = np.arange(plan.frames, dtype=np.float64)
    shift = rng.uniform(-0.5, 0.5, 2)
    first_angle, turning = rng.uniform(0, np.pi), rng.uniform(-0.1, 0.1)
    swing, swing_rate = rng.choice([0.0, rng.uniform(0.3, 1.0)]), 2 * np.pi / rng.uniform(30, 80)

    def angle_at(t: Float) -> tuple[Float, Float]:
        if swing:
            return first_angle + swing * np.sin(swing_rate * t), swing * swing_rate * np.cos(swing_rate * t)
        return first_angle + turning * t, np.full_like(t, turning)

    path, velocities, accelerations = plan.at(frames)
    reach = case.radius * float(np.hypot(*SHAPES[case.shape])) + 3 * case.blur + case.exposure * case.speed / 2 + 6
    margin = reach + rng.uniform(4, 20)
    origin = margin - path.min(0) + shift
    width, height = (int(np.ceil(side / 2) * 2) for side in np.maximum(np.ptp(path, axis=0) + 2 * margin + 1, 96))
    ground, colour = _ground(case, height, width, rng)
    angles, rates = angle_at(frames)
    steps = (np.arange(EXPOSURE_STEPS) + 0.5) / EXPOSURE_STEPS - 0.5 if case.exposure > 0 else np.zeros(1)
    images = np.empty((len(frames), height, width, 3), np.uint8)
    for k, t in enumerate(frames):
        moments = t + case.exposure * steps
        places, turns = plan.at(moments)[0] + origin, angle_at(moments)[0]
        images[k] = _frame(case, ground, colour, places, turns, rng)
    per = case.fps
    return Drawn(images, ground, frames / per, path + origin, velocities * per, accelerations * per**2, angles, rates * per)


def _ground(case: Case, height: int, width: int, rng: np.random.Generator) -> tuple[Float, Float]:
    """The ground, softly mottled in half of the cases, and the body's colour."""
    base = rng.uniform(70, 110, 3) if rng.random() < 0.5 else rng.uniform(150, 190, 3)
    ground = np.tile(base, (height, width, 1))
    if rng.random() < 0.5:
        mottled = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 6.0)
        ground += (12 * mottled / mottled.std())[..., None]
    towards = rng.dirichlet([2.0, 2.0, 2.0])
    sign = 1 if base.mean() < 130 else -1
    return np.clip(ground, 0, 255), np.clip(base + sign * case.contrast * (0.5 + 1.5 * towards), 5, 250)


def _frame(case: Case, ground: Float, colour: Float, places: Float, turns: Float, rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = ground.shape[:2]
    reach = case.radius * float(np.hypot(*SHAPES[case.shape])) + 3 * case.blur + 3
    x0, y0 = np.maximum(np.floor(places.min(0) - reach), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(places.max(0) + reach) + 1, (width, height)).astype(int)
    covered = np.mean([_coverage(case, x0, y0, x1 - x0, y1 - y0, *one) for one in zip(places, turns, strict=True)], axis=0)
    if case.blur > 0:
        covered = cv2.GaussianBlur(covered, (0, 0), case.blur, borderType=cv2.BORDER_CONSTANT)
    image = ground.copy()
    part = image[y0:y1, x0:x1]
    part += covered[..., None] * (colour - part)
    if case.noise > 0:
        image += rng.normal(0, case.noise, image.shape)
    return np.asarray(np.clip(np.round(image), 0, 255), np.uint8)


def _coverage(case: Case, x0: int, y0: int, width: int, height: int, place: Float, turn: float) -> Float:
    """How much of each pixel of a window the body covers, (height, width)."""
    fine = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    xs = (x0 + np.arange(width)[:, None] + fine).ravel() - place[0]
    ys = (y0 + np.arange(height)[:, None] + fine).ravel() - place[1]
    half = case.radius * np.array(SHAPES[case.shape])
    if case.shape == "disc":
        inside = ys[:, None] ** 2 + xs**2 <= case.radius**2
    else:
        c, s = np.cos(turn), np.sin(turn)
        inside = (np.abs(c * xs + s * ys[:, None]) <= half[0]) & (np.abs(c * ys[:, None] - s * xs) <= half[1])
    return np.asarray(inside.reshape(height, SAMPLES, width, SAMPLES).mean(axis=(1, 3)), np.float64)


def random_cases(count: int, seed: int) -> list[Case]:
    """Cases that spread evenly over every factor: each factor's range is cut into `count` parts, which are dealt out at random.

    No part of the ground is hidden for more than `MOST_HIDDEN` of the frames, or nothing could tell what is behind the body: where it
    would be, the body is made smaller and faster.
    """
    rng = np.random.default_rng(seed)

    def dealt() -> Float:
        return np.asarray((rng.permutation(count) + rng.random(count)) / count, np.float64)

    def over(low: float, high: float) -> Float:
        return np.asarray(np.exp(np.log(low) + np.log(high / low) * dealt()), np.float64)

    noise, blur = np.maximum(dealt() * 11 - 1, 0), np.maximum(dealt() * 2.5 - 0.5, 0)
    exposure = np.maximum(dealt() * 1.6 - 0.8, 0)
    codec, contrast = dealt(), 50 + 70 * dealt()
    motion, shape = dealt(), dealt()
    radius, speed = over(3, 20), over(0.2, 20)
    fps = np.array([24.0, 25.0, 30.0, 60.0, 120.0])[(5 * dealt()).astype(int)]
    cases = []
    for k in range(count):
        crf = None if codec[k] < 0.4 else int(18 + 17.99 * (codec[k] - 0.4) / 0.6)
        name = list(MOTIONS)[int(len(MOTIONS) * motion[k])]
        form = list(SHAPES)[int(len(SHAPES) * shape[k])]
        size, pace = float(radius[k]), float(speed[k])
        while _hidden(name, pace, size * max(SHAPES[form]), int(seed * 10_000 + k)) > MOST_HIDDEN:
            size, pace = max(size / 1.1, 3.0), pace * 1.15
        cases.append(
            Case(
                *(name, form, size, pace, float(contrast[k]), float(noise[k]), float(blur[k]), float(exposure[k])),
                *(crf, float(fps[k]), int(seed * 10_000 + k)),
            )
        )
    return cases


def _hidden(motion: str, speed: float, reach: float, seed: int) -> float:
    """The largest share of the frames in which a place that the body passes is within its reach, px."""
    plan = MOTIONS[motion](speed, np.random.default_rng(seed))
    path = plan.at(np.arange(plan.frames, dtype=np.float64))[0]
    apart = np.hypot(*np.moveaxis(path[:, None] - path[None], -1, 0))
    return float((apart < reach).mean(axis=1).max())


def write_h264(drawn: Drawn, path: Path, fps: float, crf: int) -> None:
    """The video through libx264, 4:2:0, as cameras and screen recorders write it."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(fps), options={"crf": str(crf), "preset": "medium", "threads": "1"})
        stream.width, stream.height = drawn.images.shape[2], drawn.images.shape[1]
        stream.pix_fmt = "yuv420p"
        for image in drawn.images:
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
