"""The camera of a drawn scene: picture size, time stamps, exposure, flicker and sensor noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

__all__ = ["Camera", "CameraOptions"]

Float = NDArray[np.float64]
Image = NDArray[np.float32]


class CameraOptions(TypedDict, total=False):
    """Every field of `Camera`, each of which a builder takes by keyword."""

    width: int
    height: int
    frame_rate: float
    frame_count: int
    seed: int
    noise: float
    exposure: float
    flicker: float
    jitter: float
    texture: float
    background: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Camera:
    """How a scene is seen.

    Attributes:
        width, height: of the picture, px.
        frame_rate: mean number of frames a second.
        frame_count: number of frames.
        seed: of noise, texture and jitter.
        noise: sensor noise, grey levels, one σ of each channel and pixel.
        exposure: share of the frame interval that the shutter is open, in [0, 1]; motion blurs over it, centred on the time stamp.
        flicker: amplitude of the brightness that wavers with the mains, as a share of it.
        jitter: one σ of the time stamps, as a share of the frame interval (below 0.2).
        texture: mottling of the ground, grey levels, one σ.
        background: colour of the ground, BGR in 0..255.
    """

    width: int = 320
    height: int = 240
    frame_rate: float = 30.0
    frame_count: int = 60
    seed: int = 0
    noise: float = 2.0
    exposure: float = 0.0
    flicker: float = 0.0
    jitter: float = 0.0
    texture: float = 0.0
    background: tuple[float, float, float] = (196.0, 200.0, 202.0)

    @classmethod
    def of(cls, options: CameraOptions, **defaults: Any) -> Camera:
        """The camera of a builder: its defaults, overridden by what its caller asked for."""
        return cls(**{**defaults, **options})

    @property
    def duration_s(self) -> float:
        """From the first to the last frame, s, jitter apart."""
        return (self.frame_count - 1) / self.frame_rate

    def times(self) -> Float:
        """Time stamps, (T,), s, strictly increasing, the first 0."""
        ticks = np.arange(self.frame_count, dtype=np.float64)
        if self.jitter > 0:
            shifts = np.random.default_rng([self.seed, 3]).normal(0, self.jitter, self.frame_count)
            ticks += np.clip(shifts, -0.4, 0.4)
        seconds: Float = (ticks - ticks[0]) / self.frame_rate
        return seconds

    def exposure_instants(self, time_s: float, steps: int = 9) -> Float:
        """The instants, (n,) s, whose mean is the exposure of a frame: one where the shutter is but a blink."""
        if self.exposure <= 0:
            return np.array([time_s])
        instants: Float = time_s + self.exposure / self.frame_rate * ((np.arange(steps) + 0.5) / steps - 0.5)
        return instants

    def develop(self, image: Image, index: int, time_s: float) -> NDArray[np.uint8]:
        """The picture that the sensor makes of the light: flicker, noise (seeded by frame), rounding."""
        if self.flicker > 0:
            image = image * np.float32(1 + self.flicker * math.sin(2 * math.pi * 7.3 * time_s + self.seed))
        if self.noise > 0:
            rng = np.random.default_rng([self.seed, 11, index])
            image = image + np.float32(self.noise) * rng.standard_normal(image.shape, dtype=np.float32)
        developed: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        return developed
