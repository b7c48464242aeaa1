"""Bodies that pass over each other: each is found where it is, the lower one by what is in sight of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kinescribe import extract_states
from kinescribe.evaluation.scenes.drawing import disc_coverage, paint, rectangle_coverage, textured
from kinescribe.perception import Path as SeenPath
from kinescribe.perception.background import Background
from kinescribe.perception.classical.appearance import Cutout, learn_sprite
from kinescribe.perception.classical.covering import fit_what_is_beneath
from kinescribe.perception.classical.follower import Follower
from kinescribe.perception.classical.panes import Glazed, OutOfSightError
from kinescribe.perception.classical.sprite import Pose, Sprite
from kinescribe.perception.detections import MaskCrop
from kinescribe.states import States
from kinescribe.video import VideoWriter
from kinescribe.video.frame import Frame

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


SIDE = 140
PLATE = textured(SIDE, SIDE, (196.0, 200.0, 202.0), 4.0, 0)
EVEN = np.ones((SIDE, SIDE), np.float32)
BACKGROUND = Background(plate=PLATE, sigma=2 * EVEN, smooth_sigma=0.75 * EVEN, confidence=EVEN)
NO_OFFSET = np.zeros(3, np.float32)
BOX, DISC = np.array([66.3, 70.6]), np.array([86.4, 62.2])
Place = NDArray[np.float64]


def still(box: Place | None, disc: Place | None, seed: int = 0) -> NDArray[np.uint8]:
    """The disc above the box, on a textured ground."""
    image = PLATE.copy()
    if box is not None:
        paint(image, rectangle_coverage(tuple(box), (44.0, 34.0), 0.0, 0.0, SIDE, SIDE), (60.0, 120.0, 50.0))
    if disc is not None:
        paint(image, disc_coverage(tuple(disc), 17.0, SIDE, SIDE), (48.0, 44.0, 208.0))
    image += np.random.default_rng(seed).normal(0, 2, image.shape).astype(np.float32)
    return np.clip(image.round(), 0, 255).astype(np.uint8)


def sprite(which: str) -> Sprite:
    cutouts = []
    for seed, shift in enumerate(np.random.default_rng(1).uniform(-4, 4, (6, 2))):
        place = np.array([70.0, 70.0]) + shift
        image = still(place, None, seed) if which == "box" else still(None, place, seed)
        mask = np.abs(image.astype(np.float32) - PLATE).max(axis=2) > 30
        cutouts.append(Cutout(image, PLATE, 2 * EVEN, NO_OFFSET, place, mask))
    found = learn_sprite(cutouts, 0)
    assert found is not None
    return found


def follower(which: str, moving: Place, gain: float, off: Place) -> Follower:
    """One that was found in the frames 0 to 3 on its even way to `moving` + `off` in frame 4."""
    look, step = sprite(which), np.array([2.0, 1.0])
    positions = moving - step * np.arange(4, -1, -1)[:, None]
    mask = MaskCrop(0, 0, look.alpha > 0.5)
    path = SeenPath(np.arange(5), positions, np.full(5, 900.0), np.zeros((5, 4)), [mask] * 5, np.ones(5, bool))
    out = Follower(path, look, dict(enumerate(positions)))
    for k, place in enumerate(positions):
        sure = k < 4
        out.found[k] = Pose(place if sure else place + off, 0.0, 0.01 * np.eye(2), np.nan, 0.98 if sure else gain, 1.0)
    return out


def test_what_is_beneath_is_fitted_to_what_is_in_sight_of_it() -> None:
    box, disc = follower("box", BOX, 0.75, np.array([5.0, -3.0])), follower("disc", DISC, 0.97, np.zeros(2))
    fit_what_is_beneath([box, disc], Frame(4, 0.1, still(BOX, DISC)), BACKGROUND, NO_OFFSET)
    assert np.hypot(*(box.found[4].position - BOX)) < 0.3
    assert box.found[4].gain > 0.95
    assert 0.5 < box.found[4].visible < 0.95
    assert box.overlapping == disc.overlapping == {4}
    np.testing.assert_array_equal(disc.found[4].position, DISC)


def test_what_was_not_found_for_what_covers_it_is_found_beneath() -> None:
    box, disc = follower("box", BOX, 0.75, np.zeros(2)), follower("disc", DISC, 0.97, np.zeros(2))
    del box.found[4]
    fit_what_is_beneath([box, disc], Frame(4, 0.1, still(BOX, DISC)), BACKGROUND, NO_OFFSET)
    assert np.hypot(*(box.found[4].position - BOX)) < 0.3


@pytest.mark.parametrize("there", [False, True], ids=["gone", "all but hidden"])
def test_what_is_not_in_sight_is_not_made_up(there: bool) -> None:
    box, disc = follower("box", BOX, 0.75, np.zeros(2)), follower("disc", BOX, 0.97, np.zeros(2))
    disc.sprite = sprite("box") if there else disc.sprite
    del box.found[4]
    fit_what_is_beneath([box, disc], Frame(4, 0.1, still(None, BOX)), BACKGROUND, NO_OFFSET)
    assert 4 not in box.found
    assert not disc.overlapping


def test_a_body_apart_from_others_stays_as_it_was_found() -> None:
    off = np.array([1.0, 0.0])
    box, disc = follower("box", BOX, 0.75, off), follower("disc", DISC + 50, 0.97, np.zeros(2))
    fit_what_is_beneath([box, disc], Frame(4, 0.1, still(BOX, DISC + 50)), BACKGROUND, NO_OFFSET)
    np.testing.assert_array_equal(box.found[4].position, BOX + off)


def test_nothing_is_noted_where_not_enough_of_the_picture_is_there() -> None:
    off = np.array([5.0, -3.0])
    box, disc = follower("box", BOX, 0.75, off), follower("disc", DISC, 0.97, np.zeros(2))
    image = still(BOX, DISC)
    part = Glazed(image.shape, [((60, 60, 90, 90), image[60:90, 60:90].copy())])
    with pytest.raises(OutOfSightError):
        fit_what_is_beneath([box, disc], Frame(4, 0.1, part), BACKGROUND, NO_OFFSET)  # type: ignore[arg-type]
    np.testing.assert_array_equal(box.found[4].position, BOX + off)
    assert not box.overlapping


def test_a_sighting_whose_ends_are_out_of_sight_is_not_noted_in_part() -> None:
    box, disc = follower("box", BOX, 0.75, np.array([5.0, -3.0])), follower("disc", DISC, 0.97, np.zeros(2))
    del box.found[4]
    box.ends = [(box.sprite, np.array([-45.0, 0.0]))]
    image = still(BOX, DISC)
    near = Glazed(image.shape, [((10, 10, 130, 130), image[10:130, 10:130].copy())])
    with pytest.raises(OutOfSightError):
        fit_what_is_beneath([box, disc], Frame(4, 0.1, near), BACKGROUND, NO_OFFSET)  # type: ignore[arg-type]
    assert 4 not in box.found
    assert not box.overlapping
    fit_what_is_beneath([box, disc], Frame(4, 0.1, image), BACKGROUND, NO_OFFSET)
    assert 4 in box.found
    assert 4 in box.found_ends
    assert box.overlapping == {4}
