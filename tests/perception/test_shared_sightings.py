"""Two bodies that pass as one blob: it is neither's own sighting, and each is followed through it by itself."""

from __future__ import annotations

import numpy as np

from kinescribe.evaluation.scenes.drawing import disc_coverage, paint
from kinescribe.perception import Path
from kinescribe.perception.background import Background
from kinescribe.perception.classical.second_look import second_look
from kinescribe.perception.classical.shared import shared_sightings
from kinescribe.perception.detections import MaskCrop
from kinescribe.video import open_video

HEIGHT, WIDTH, RADIUS, FRAMES = 120, 200, 10.0, 60
T = np.arange(FRAMES)[:, None]
FIRST, SECOND = np.array([30.0, 60.0]) + T * [2.2, 0.2], np.array([160.0, 66.0]) + T * [-2.2, 0.1]
APART = np.hypot(*(FIRST - SECOND).T)


def masks_of(frame: int, *bodies: np.ndarray) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for body in bodies:
        rows, columns, alpha = disc_coverage((float(body[frame, 0]), float(body[frame, 1])), RADIUS, HEIGHT, WIDTH)
        mask[rows, columns] |= alpha > 0.4
    return mask


def path(frames: np.ndarray, of_frame: list[np.ndarray]) -> Path:
    """What a first look has that sees these masks."""
    positions, boxes, masks = [], [], []
    for mask in of_frame:
        rows, columns = np.nonzero(mask)
        box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        positions.append([columns.mean(), rows.mean()])
        boxes.append(box)
        masks.append(MaskCrop(box[0], box[1], mask[box[1] : box[3], box[0] : box[2]].astype(bool)))
    areas = np.array([mask.sum() for mask in of_frame], float)
    return Path(frames, np.array(positions), areas, np.array(boxes, float), masks, np.ones(len(frames), bool))


def first_look(apart: float) -> tuple[Path, Path]:
    """Both paths, where bodies nearer than this are one blob, which goes to the first."""
    every = np.arange(FRAMES)
    alone = apart < APART
    one = [masks_of(k, FIRST) if alone[k] else masks_of(k, FIRST, SECOND) for k in range(FRAMES)]
    return path(every, one), path(every[alone], [masks_of(int(k), SECOND) for k in every[alone]])


def test_the_frames_in_which_one_is_lost_in_the_others_blob_are_told() -> None:
    first, second = first_look(2 * RADIUS)
    lost = set(np.flatnonzero(APART <= 2 * RADIUS).tolist())
    of_first, of_second = shared_sightings([first, second])
    assert of_first == of_second
    assert of_first <= lost
    assert len(of_first) >= 0.5 * len(lost)  # while the one is behind the other the blob is no larger than a body


def test_a_body_that_is_lost_elsewhere_shares_nothing() -> None:
    first, second = first_look(2 * RADIUS)
    far = path(second.frames, [masks_of(k, np.add(SECOND, (0.0, 40.0))) for k in second.frames.tolist()])
    assert shared_sightings([first, far]) == [set(), set()]


def test_a_body_that_passes_behind_a_larger_one_shares_nothing() -> None:
    first, second = first_look(0.0)
    hidden = APART <= 2 * RADIUS
    seen = path(second.frames[~hidden], [masks_of(k, SECOND) for k in second.frames[~hidden].tolist()])
    assert shared_sightings([first, seen]) == [set(), set()]


def test_each_is_followed_through_the_blob_by_its_own_motion() -> None:
    plate = np.full((HEIGHT, WIDTH, 3), 120, np.float32)
    pictures = []
    for k in range(FRAMES):
        picture = plate.copy()
        for body in (FIRST, SECOND):
            paint(picture, disc_coverage((float(body[k, 0]), float(body[k, 1])), RADIUS, HEIGHT, WIDTH), (48, 44, 208))
        pictures.append(picture.round().astype(np.uint8))
    even = np.ones((HEIGHT, WIDTH), np.float32)
    video = open_video(pictures, times=np.arange(FRAMES) / 30)
    for found, truth in zip(
        second_look(video, Background(plate, 2 * even, 0.75 * even, even), list(first_look(2 * RADIUS + 2))), (FIRST, SECOND), strict=True
    ):
        assert found is not None
        assert found.frames.tolist() == list(range(FRAMES))
        assert np.hypot(*(found.positions - truth).T).max() < 1.0
        assert len(found.shared) > 5
        told = np.sqrt(found.covariances[:, 0, 0])
        alone = ~np.isin(found.frames, found.shared)
        assert told[~alone].min() > 2 * told[alone].max()  # the other's outline pulls at it
