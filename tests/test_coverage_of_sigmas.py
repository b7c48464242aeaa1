"""The error bars of drawn bodies, on even and on mottled ground: how often the truth lies within one and two of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kinescribe import extract_states

Float = NDArray[np.float64]
FRAMES, HEIGHT, WIDTH = 36, 96, 190
NOMINAL = {1: 0.683, 2: 0.954}


def drawn(seed: int, mottled: bool) -> tuple[NDArray[np.uint8], Float, Float, Float]:
    """A thrown disc: frames, their times, its centres and velocities, (T, 2)."""
    rng = np.random.default_rng(seed)
    ground = np.full((HEIGHT, WIDTH, 1), 170.0)
    if mottled:
        spots = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 6.0)
        ground += (12 * spots / spots.std())[..., None]
    t = np.arange(FRAMES, dtype=float)
    speed, pull = np.array([rng.uniform(3.9, 4.4), -rng.uniform(3.0, 3.4)]), np.array([0.0, 0.18])
    centres = np.array([16.0, 74.0]) + rng.uniform(-1, 1, 2) + t[:, None] * speed + pull * t[:, None] ** 2 / 2
    radius, noise = rng.uniform(5, 9), rng.uniform(2, 5)
    fine = (np.arange(6) + 0.5) / 6 - 0.5
    images = np.empty((FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    for image, (x, y) in zip(images, centres, strict=True):
        xs, ys = (np.arange(WIDTH)[:, None] + fine).ravel() - x, (np.arange(HEIGHT)[:, None] + fine).ravel() - y
        cover = (ys[:, None] ** 2 + xs**2 <= radius**2).reshape(HEIGHT, 6, WIDTH, 6).mean(axis=(1, 3))[..., None]
        clean = ground * (1 - cover) + np.array([50.0, 60.0, 70.0]) * cover
        image[...] = np.clip(np.round(clean + rng.normal(0, noise, image.shape)), 0, 255)
    return images, t / 30, centres, (speed + pull * t[:, None]) * 30


@pytest.mark.parametrize("mottled", [False, True])
def test_the_truth_lies_within_the_sigmas_as_often_as_they_say(mottled: bool) -> None:
    places, speeds = [], []
    for seed in range(4):
        images, times, centres, velocities = drawn(seed, mottled)
        states = extract_states(images, times=times)
        first = states.columns["object_id"] == 1
        columns = {name: np.asarray(values)[first] for name, values in states.columns.items()}
        frames = columns["frame"].astype(int)
        assert len(frames) == FRAMES
        for axis, name in enumerate("xy"):
            places.append(np.abs(columns[name].astype(float) - centres[frames, axis]) / columns[f"sigma_{name}"].astype(float))
            speeds.append(np.abs(columns[f"v{name}"].astype(float) - velocities[frames, axis]) / columns[f"sigma_v{name}"].astype(float))
    every = np.concatenate(places)
    for reach, share in NOMINAL.items():  # four standard deviations of a binomial's share
        assert np.mean(every <= reach) > share - 4 * np.sqrt(share * (1 - share) / len(every))
    # what the two looks leave between them may be the other one's error alone
    assert np.quantile(every, NOMINAL[1]) > 0.6
    # neighbouring frames' velocities err alike: some eight of a track are independent
    assert np.mean(np.concatenate(speeds) <= 2) > NOMINAL[2] - 4 * np.sqrt(0.954 * 0.046 / (8 * len(speeds)))
