"""A falling ball as a video, with its true states and its scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest.fixtures import FixtureRequest

import kinescribe as ks
from kinescribe.evaluation.scenes import Scene as Drawn
from kinescribe.evaluation.scenes import falling_ball
from kinescribe.foretelling import Foretold, predict_video
from kinescribe.states import Calibration, States

SCALE = 100.0  # pixels a metre
GRAVITY = 2.0  # m/s²
FRAMES = 24


@dataclass(frozen=True)
class Ball:
    """The video's path, how it was drawn, its states in metres, and its scene."""

    video: Path
    drawn: Drawn
    states: States
    scene: ks.Scene


@pytest.fixture(scope="session")
def drawn_ball(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Drawn]:
    drawn = falling_ball(gravity=GRAVITY * SCALE, frame_count=FRAMES, frame_rate=30, width=160, height=120, seed=1)
    path = tmp_path_factory.mktemp("ball") / "ball.mp4"
    drawn.write(path)
    return path, drawn


@pytest.fixture
def ball(drawn_ball: tuple[Path, Drawn], table_of: Callable[..., States], request: FixtureRequest) -> Ball:
    path, drawn = drawn_ball
    states = table_of(drawn, Calibration.from_scale(SCALE, "m"))
    made = getattr(request.session, "_ball_scene", None) or ks.Scene.from_video(str(path), states)
    request.session._ball_scene = made  # type: ignore[attr-defined]
    return Ball(path, drawn, states, made)


@pytest.fixture
def foretell(ball: Ball, tmp_path: Path) -> Callable[..., tuple[Foretold, Path]]:
    """Run with the true states and the scene; what came of it, and the video's path."""

    def call(**options: Any) -> tuple[Foretold, Path]:
        path = tmp_path / "future.mp4"
        given = {"law": "free-fall", "states": ball.states, "scene": ball.scene, "captions": False, **options}
        return predict_video(ball.video, path, **given), path

    return call
