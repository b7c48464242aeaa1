"""Angles over whole turns, from texture where there is one, from shape where it is uneven."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kinescribe.pipeline import extract_states

SIZE, FRAMES, RADIUS = (160, 220), 45, 18.0
OFFSETS = (-0.375, -0.125, 0.125, 0.375)


def film(kind: str, rate: float, noise: float = 2.0) -> NDArray[np.uint8]:
    """A body that turns by `rate` radians a frame, clockwise on the screen, as it passes."""
    rng = np.random.default_rng(0)
    pattern = cv2.resize(rng.uniform(0, 255, (8, 8, 3)).astype(np.float32), (64, 64), interpolation=cv2.INTER_CUBIC).clip(0, 255)
    ground = 125 + cv2.resize(rng.normal(0, 6, (SIZE[0] // 8, SIZE[1] // 8, 3)).astype(np.float32), SIZE[::-1])
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    out = []
    for k in range(FRAMES):
        c, s = np.cos(rate * k), np.sin(rate * k)
        seen, cover = np.zeros((*SIZE, 3), np.float32), np.zeros(SIZE, np.float32)
        for oy in OFFSETS:
            for ox in OFFSETS:
                dx, dy = xs + ox - 50 - 2.3 * k, ys + oy - 70 - 0.4 * k
                u, w = c * dx + s * dy, -s * dx + c * dy
                if kind in ("disc", "ball"):
                    inside = u * u + w * w < RADIUS**2
                elif kind == "triangle":
                    inside = (w < 0.6 * RADIUS) & (w > 1.8 * np.abs(u) - RADIUS)
                else:
                    inside = (np.abs(u) < 0.8 * RADIUS) & (np.abs(w) < 0.8 * RADIUS)
                if kind == "ball":
                    rows, columns = (np.clip((v / RADIUS * 26 + 32).astype(int), 0, 63) for v in (w, u))
                    color = pattern[rows, columns]
                else:
                    color = np.full((*SIZE, 3), (40, 60, 220), np.float32)
                seen += color * inside[..., None]
                cover += inside
        image = ground * (1 - cover / 16)[..., None] + seen / 16
        out.append(np.clip(image + rng.normal(0, noise, image.shape), 0, 255).round().astype(np.uint8))
    return np.stack(out)


@pytest.mark.parametrize("rate", [0.12, -0.35])
@pytest.mark.parametrize("kind", ["ball", "triangle", "square"])
def test_a_turn_is_followed_over_whole_turns(kind: str, rate: float) -> None:
    states = extract_states(film(kind, rate), times=np.arange(FRAMES) / 30)
    rows = states.columns["object_id"] == 1
    angles = states.columns["angle"][rows]
    assert np.isfinite(angles).all()
    turned = angles - angles[0]
    truth = rate * (states.columns["frame"][rows] - states.columns["frame"][rows][0])
    assert np.abs(np.abs(turned) - np.abs(truth)).max() < np.radians(1.5)
    # the table's angle counts clockwise on the screen as long as there is no world frame that points up
    assert np.sign(turned[-1]) == np.sign(rate)
    assert np.nanmedian(states.columns["sigma_angle"][rows]) < np.radians(1.0)


def test_a_plain_disc_has_no_angle_however_it_turns() -> None:
    states = extract_states(film("disc", 0.2), times=np.arange(FRAMES) / 30)
    assert np.isnan(states.columns["angle"]).all()
