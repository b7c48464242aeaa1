"""Looking again, with the tracks known: what was missed is found, and nothing is made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from kinescribe.evaluation import scenes
from kinescribe.evaluation.scenes import Scene, Truth
from kinescribe.evaluation.scenes.drawing import disc_coverage
from kinescribe.perception import Path, Sightings
from kinescribe.perception.background import Background
from kinescribe.perception.classical.second_look import second_look
from kinescribe.perception.detections import MaskCrop
from kinescribe.video import open_video

SMALL: dict[str, Any] = {"width": 240, "height": 180, "texture": 4.0}


@dataclass
class Looked:
    scene: Scene
    truth: Truth
    found: Sightings

    def errors(self) -> np.ndarray:
        """Distances from the truth, the constant offset of the sprite's anchor taken out, px."""
        difference = self.found.positions - self.truth.positions[self.found.frames]
        return np.hypot(*(difference - np.median(difference, axis=0)).T)


def path_of(scene: Scene, truth: Truth, frames: np.ndarray) -> Path:
    """What a perfect first look would have seen of a disc in these frames."""
    radius = truth.radius or 0.0
    boxes, masks = [], []
    for frame in frames:
        x, y = truth.positions[frame]
        rows, columns, alpha = disc_coverage((x, y), radius, scene.height, scene.width)
        boxes.append([columns.start, rows.start, columns.stop, rows.stop])
        masks.append(MaskCrop(columns.start, rows.start, alpha > 0.4))
    areas = np.array([float(mask.pixels.sum()) for mask in masks])
    usable = truth.visible_fraction[frames] > 0.99
    return Path(frames, truth.positions[frames], areas, np.array(boxes, float), masks, usable)


def true_background(scene: Scene) -> Background:
    even = np.ones((scene.height, scene.width), np.float32)
    return Background(plate=scene.background, sigma=2.0 * even, smooth_sigma=0.75 * even, confidence=even)


def looked(scene: Scene, unseen: tuple[int, int] | None = None, first: int = 0, last: int | None = None) -> Looked:
    """Look again along the path of the first body, which the first look had from `first` to before `last` but for `unseen`."""
    truth = next(iter(scene.truth.values()))
    frames = np.flatnonzero(truth.visible_fraction > 0.99)
    frames = frames[(frames >= first) & (frames < (scene.frame_count if last is None else last))]
    if unseen:
        frames = frames[(frames < unseen[0]) | (frames >= unseen[1])]
    video = open_video(scene.images(), times=scene.times)
    (found,) = second_look(video, true_background(scene), [path_of(scene, truth, frames)])
    assert found is not None
    return Looked(scene, truth, found)


def test_every_frame_is_found_to_a_fraction_of_a_pixel() -> None:
    result = looked(scenes.falling_ball(**SMALL))
    seen = np.flatnonzero(result.truth.visible_fraction > 0.99)
    assert set(seen.tolist()) <= set(result.found.frames.tolist())
    inside = np.isin(result.found.frames, seen)
    assert result.errors()[inside].max() < 0.12
    assert (result.found.gains[inside] > 0.8).all()


def test_the_centre_is_not_shifted() -> None:
    result = looked(scenes.falling_ball(**SMALL))
    shift = np.median(result.found.positions - result.truth.positions[result.found.frames], axis=0)
    assert np.hypot(*shift) < 0.08


def test_frames_that_the_first_look_missed_are_found() -> None:
    result = looked(scenes.crossing_discs(texture=4.0, speed=80.0, frame_count=30), unseen=(10, 17))
    assert set(range(10, 17)) <= set(result.found.frames.tolist())
    assert result.errors().max() < 0.15


@pytest.mark.parametrize(("first", "last"), [(8, 30), (0, 20)])
def test_beginnings_and_ends_that_were_missed_are_found(first: int, last: int) -> None:
    result = looked(scenes.crossing_discs(texture=4.0, speed=80.0, frame_count=30), first=first, last=last)
    assert set(range(30)) <= set(result.found.frames.tolist())
    assert result.errors().max() < 0.15


def test_behind_a_post_nothing_is_made_up() -> None:
    result = looked(scenes.ball_behind_occluder(texture=4.0))
    hidden = result.truth.visible_fraction[result.found.frames] < 0.05
    assert not hidden.any()
    after = result.found.frames > 40
    assert after.sum() > 20
    assert result.errors()[after].max() < 0.3


def test_out_of_the_picture_nothing_is_made_up() -> None:
    result = looked(scenes.falling_ball(texture=4.0, gravity=900.0, frame_count=40))
    assert (result.truth.visible_fraction[result.found.frames] > 0.15).all()


def test_a_body_behind_another_keeps_its_place() -> None:
    # the second disc passes in front of the first, which is then partly hidden
    result = looked(scenes.crossing_discs(texture=4.0))
    most = result.truth.visible_fraction[result.found.frames] > 0.5
    assert np.median(result.errors()) < 0.1
    assert np.percentile(result.errors()[most], 95) < 1.0
    assert len(result.found.frames) >= 0.9 * result.scene.frame_count


def test_masks_lie_where_the_body_is() -> None:
    result = looked(scenes.falling_ball(**SMALL))
    for row in range(0, len(result.found.frames), 6):
        x, y, pixels = result.found.mask_at(row)
        ys, xs = np.nonzero(pixels)
        assert np.hypot(x + xs.mean() - result.found.positions[row, 0], y + ys.mean() - result.found.positions[row, 1]) < 0.7


def test_progress_counts_the_frames() -> None:
    scene = scenes.falling_ball(**SMALL, frame_count=12)
    truth = scene.truth["red ball"]
    calls: list[int] = []
    video = open_video(scene.images(), times=scene.times)
    second_look(video, true_background(scene), [path_of(scene, truth, np.arange(12))], calls.append)
    assert calls == list(range(1, 13))
