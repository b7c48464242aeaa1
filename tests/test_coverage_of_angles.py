"""The error bars of small blurred bodies' angles: their outlines turn with the grid as they do, which no smoothing of the angle shows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe import extract_states

Float = NDArray[np.float64]
FRAMES, HEIGHT, WIDTH, FINE = 60, 90, 200, 6


def drawn(seed: int) -> tuple[NDArray[np.uint8], Float]:
    """A small plate that drifts and turns slowly, out of focus: frames and its angles, (T,)."""
    rng = np.random.default_rng(seed)
    t = np.arange(FRAMES, dtype=float)
    centres = np.stack([18 + 2.7 * t, 45 + 18 * np.sin(t / 14 + rng.uniform(0, 6))], 1) + rng.uniform(-0.5, 0.5, 2)
    angles = rng.uniform(0, np.pi) + rng.choice([-1, 1]) * rng.uniform(0.02, 0.05) * t
    half_length, half_width = rng.uniform(4.6, 5.4), rng.uniform(2.9, 3.3)
    fine = (np.arange(FINE) + 0.5) / FINE - 0.5
    images = np.empty((FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    for image, (x, y), angle in zip(images, centres, angles, strict=True):
        xs, ys = (np.arange(WIDTH)[:, None] + fine).ravel() - x, (np.arange(HEIGHT)[:, None] + fine).ravel() - y
        c, s = np.cos(angle), np.sin(angle)
        inside = (np.abs(c * xs + s * ys[:, None]) <= half_length) & (np.abs(c * ys[:, None] - s * xs) <= half_width)
        cover = cv2.GaussianBlur(inside.reshape(HEIGHT, FINE, WIDTH, FINE).mean(axis=(1, 3)), (0, 0), 1.8)[..., None]
        clean = 165.0 * (1 - cover) + np.array([90.0, 95.0, 105.0]) * cover
        image[...] = np.clip(np.round(clean + rng.normal(0, 7.0, image.shape)), 0, 255)
    return images, angles


def test_the_angles_of_small_blurred_bodies_lie_within_their_sigmas() -> None:
    errors, sigmas = [], []
    for seed in range(5):
        images, angles = drawn(seed)
        states = extract_states(images, times=np.arange(FRAMES) / 30)
        first = states.columns["object_id"] == 1
        columns = {name: np.asarray(values)[first] for name, values in states.columns.items()}
        away = columns["angle"].astype(float) - angles[columns["frame"].astype(int)]
        errors.append((away + np.pi / 2) % np.pi - np.pi / 2)
        sigmas.append(columns["sigma_angle"].astype(float))
    ratio = np.abs(np.concatenate(errors)) / np.concatenate(sigmas)
    ratio = ratio[np.isfinite(ratio)]
    assert len(ratio) > 0.8 * 5 * FRAMES
    # neighbouring frames err alike: of a body that turns so slowly, a few errors are independent
    assert np.mean(ratio <= 2) > 0.82
    # one σ holds some two thirds; nor are they so large that they say nothing
    assert 0.5 < np.quantile(ratio, 0.683) < 1.4
