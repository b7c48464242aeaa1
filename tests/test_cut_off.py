"""What reaches in from the picture's edge all along is no object, and the sidecar says so."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import kinescribe as ks
from kinescribe.errors import NothingFoundError

COUNT, START = 60, 5


def clip(*, ball: bool) -> np.ndarray:
    """A blue arm that reaches in from the left edge and swings up and down, and a red ball that flies by; (T, H, W, 3)."""
    rng = np.random.default_rng(0)
    ground = rng.integers(90, 130, (240, 320, 3)).astype(np.uint8)
    out = []
    for k in range(COUNT):
        picture = ground.copy()
        y = round(120 + 70 * np.sin(2 * np.pi * k / 30))
        cv2.ellipse(picture, (0, y), (60, 14), 0, 0, 360, (200, 60, 30), -1, cv2.LINE_AA)
        if ball:
            cv2.circle(picture, (round(16 * (120 + 3 * k)), round(16 * (40 + 0.03 * k * k))), 16 * 10, (30, 30, 210), -1, cv2.LINE_AA, 4)
        out.append(picture)
    return np.array(out)


@pytest.mark.parametrize("options", [{}, {"start": f"{START}f"}])
def test_an_arm_is_in_the_sidecar_with_its_reason(options):
    states = ks.extract_states(clip(ball=True), frame_interval=1 / 30, **options)
    assert list(states.labels.values()) == ["red disc 1"]
    (arm,) = states.meta.left_out
    assert arm.label.startswith("blue ")
    assert "the picture's edge cuts it off in 100 % of its frames" in arm.reason
    first = START if options else 0
    assert first <= arm.first_frame <= first + 5
    assert arm.last_frame >= COUNT - 6


def test_where_there_is_only_an_arm_the_error_says_so():
    with pytest.raises(NothingFoundError, match=r"nothing moves in .* that is wholly in the picture; its edge cuts off what does \(blue "):
        ks.extract_states(clip(ball=False), frame_interval=1 / 30)
