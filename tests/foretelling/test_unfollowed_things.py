"""What is left out of a foretold video is said."""

from __future__ import annotations

import cv2
import numpy as np

import kinescribe as ks
from kinescribe.video import VideoWriter


def test_more_to_look_at_than_there_is(foretell):
    made, _ = foretell(seen=99)
    assert any("99 s were to be looked at, and the video has 24 frames" in line for line in made.warnings)
    made, _ = foretell(seen=0.5)
    assert not any("were to be looked at" in line for line in made.warnings)


def test_what_moves_and_was_not_named_vanishes_with_a_word(tmp_path):
    """A red ball falls beside a blue one that slides; only the red one is named."""
    video = tmp_path / "two.mp4"
    with VideoWriter(video, crf=8) as writer:
        for k in range(24):
            image = np.full((120, 160, 3), 200, np.uint8)
            cv2.circle(image, (40 * 16, round((15 + 90 * (k / 24) ** 2) * 16)), 8 * 16, (40, 40, 210), -1, cv2.LINE_AA, 4)
            cv2.circle(image, (round((60 + 3.4 * k) * 16), 60 * 16), 8 * 16, (210, 90, 40), -1, cv2.LINE_AA, 4)
            writer.write(image, k / 30)
    named = ks.predict_video(video, tmp_path / "a.mp4", law="free-fall", objects="red ball", until=0.9)
    assert any("only 'red ball' was followed" in line for line in named.warnings)
    whole = ks.predict_video(video, tmp_path / "b.mp4", law="free-fall", law_objects=["red disc 1"], until=0.9)
    assert not any("was followed" in line for line in whole.warnings)
