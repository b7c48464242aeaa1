"""Bodies that pass over each other: each is found where it is, the lower one by what is in sight of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kinescribe import extract_states
from kinescribe.states import States
from kinescribe.video import VideoWriter

SIZE = (240, 180)
FRAMES = 50
RADIUS = 22.0
SIDES = (44.0, 34.0)


COLORS = ((60, 190, 50), (50, 60, 215), (200, 120, 40))


def places(frame: int) -> list[tuple[float, float]]:
    """Of the box, which is beneath, and of two discs that pass above it."""
    return [(40 + 3.2 * frame, 104.3), (204 - 3.3 * frame, 78.6), (196 - 2.9 * frame, 133.4)]


def draw(path: Path) -> Path:
    rng = np.random.default_rng(3)
    ground = 110 + cv2.resize(rng.normal(0, 9, (12, 16, 3)).astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC)
    ys, xs = np.mgrid[: SIZE[1], : SIZE[0]].astype(float)
    with VideoWriter(path, frame_rate_hint=30.0, crf=4) as writer:
        for frame in range(FRAMES):
            picture = ground.copy()
            for k, (x, y) in enumerate(places(frame)):
                box = np.maximum(np.abs(xs - x) - SIDES[0] / 2, np.abs(ys - y) - SIDES[1] / 2)
                away, color = np.hypot(xs - x, ys - y) - RADIUS if k else box, COLORS[k]
                alpha = np.clip(0.5 - away, 0, 1)[..., None]
                picture = picture * (1 - alpha) + alpha * np.array(color)
            writer.write(np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).round().astype(np.uint8), frame / 30.0)
    return path


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> States:
    return extract_states(draw(tmp_path_factory.mktemp("covering") / "over.mp4"))


def track(states: States, which: int) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Frames, distances from the truth and σ of the object that is the box, 0, or a disc."""
    columns = states.columns
    truth = np.array([places(frame)[which] for frame in range(FRAMES)])
    ids, frames = np.asarray(columns["object_id"]), np.asarray(columns["frame"])
    positions = np.column_stack([columns["x_px"], columns["y_px"]]).astype(float)
    away = np.hypot(*(positions - truth[frames]).T)
    best = min(np.unique(ids), key=lambda one: float(np.median(away[ids == one])))
    mine = ids == best
    sigmas = np.hypot(np.asarray(columns["sigma_x"], float), np.asarray(columns["sigma_y"], float))
    return frames[mine], away[mine], sigmas[mine]


def test_three_objects_keep_their_ids(states: States) -> None:
    assert len(np.unique(states.columns["object_id"])) == 3


@pytest.mark.parametrize("which", [0, 1, 2], ids=["beneath", "above", "below"])
def test_each_is_found_where_it_is_in_every_frame(states: States, which: int) -> None:
    frames, away, _ = track(states, which)
    assert set(range(2, FRAMES - 2)) <= set(frames.tolist())
    assert away.max() < 0.5
