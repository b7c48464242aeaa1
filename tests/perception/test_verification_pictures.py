import cv2
import numpy as np
import pytest

from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.evidence import View
from kinescribe.perception.verification.pictures import crop_picture, marked_picture

RNG = np.random.default_rng(4)


def ground(kind: str, height: int, width: int) -> np.ndarray:
    if kind == "noise":
        return RNG.integers(0, 256, (height, width, 3), np.uint8)
    return np.full((height, width, 3), {"black": 0, "white": 255, "grey": 128}[kind], np.uint8)


def circle(height: int, width: int, x: int, y: int, radius: int) -> MaskCrop:
    full = np.zeros((height, width), np.uint8)
    cv2.circle(full, (x, y), radius, 1, -1)
    ys, xs = np.nonzero(full)
    return MaskCrop(int(xs.min()), int(ys.min()), full[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1] > 0)


@pytest.mark.parametrize("kind", ["black", "white", "grey", "noise"])
def test_marks_are_seen_on_any_ground_and_cover_no_thing(kind: str):
    height, width = 480, 640  # shown at its own scale
    image = ground(kind, height, width)
    places = [(100, 100, 30), (300, 240, 50), (390, 240, 35), (600, 440, 25), (20, 460, 12), (320, 60, 3)]
    masks = {k + 1: circle(height, width, *place) for k, place in enumerate(places)}
    picture = marked_picture(image, masks)
    assert picture.shape == image.shape
    changed = (picture != image).any(2)
    for mask in masks.values():
        full = mask.full(height, width)
        # a neighbour's outline may run over the rim of a thing that it touches, nothing more
        core = cv2.erode(full.astype(np.uint8), np.ones((11, 11), np.uint8)) > 0
        assert changed[core].sum() <= 0.02 * core.sum()
        ring = (cv2.dilate(full.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0) & ~full
        assert changed[ring].mean() > 0.3
        drawn = picture[ring & changed].astype(int)
        assert np.abs(drawn - np.median(image.reshape(-1, 3), axis=0)).sum(1).max() > 250


def test_every_number_stands_beside_its_thing():
    image = ground("grey", 480, 640)
    alone = marked_picture(image, {7: circle(480, 640, 320, 240, 40)})
    plate = np.argwhere((alone == 255).all(2))  # white digits
    assert len(plate) > 20
    assert 40 < np.linalg.norm(plate.mean(0) - (240, 320)) < 110
    other = marked_picture(image, {8: circle(480, 640, 320, 240, 40)})
    assert (alone != other).any()


def test_crowded_and_cut_off_things_are_drawn():
    image = ground("noise", 200, 200)
    masks = {k: circle(200, 200, 20 * k, 20 * k, 30) for k in range(1, 10)}
    assert marked_picture(image, masks).shape == (448, 448, 3)
    whole = MaskCrop(0, 0, np.ones((200, 200), bool))
    assert marked_picture(image, {1: whole}).shape == (448, 448, 3)
    assert crop_picture(View(0, 0.0, image, whole)).shape == (448, 448, 3)


def test_crop_shows_the_thing_as_it_is_and_dims_the_rest():
    image = ground("grey", 600, 800)
    mask = circle(600, 800, 400, 300, 150)
    image[mask.full(600, 800)] = (20, 90, 220)
    picture = crop_picture(View(3, 0.1, image, mask))
    middle = picture[picture.shape[0] // 2, picture.shape[1] // 2]
    assert middle.tolist() == [20, 90, 220]
    assert picture[2, 2].max() < 80
    inside = (picture == (20, 90, 220)).all(2)
    assert inside.sum() == pytest.approx(mask.pixels.sum(), rel=0.02)


@pytest.mark.parametrize(("height", "width", "radius"), [(2160, 3840, 700), (240, 320, 6), (48, 64, 2)])
def test_pictures_are_neither_huge_nor_tiny(height: int, width: int, radius: int):
    view = View(0, 0.0, ground("noise", height, width), circle(height, width, width // 2, height // 2, radius))
    for picture in (crop_picture(view), marked_picture(view.image, {1: view.mask})):
        assert picture.dtype == np.uint8
        assert 300 <= max(picture.shape) <= 1024


def test_outlines_that_meet_differ_in_colour():
    image = ground("white", 480, 640)
    masks = {1: circle(480, 640, 250, 240, 50), 2: circle(480, 640, 360, 240, 50)}
    picture = marked_picture(image, masks)
    left, right = (picture[:, part][(np.ptp(picture[:, part], axis=2) > 150)] for part in (slice(0, 300), slice(310, 640)))
    assert np.abs(np.median(left, axis=0) - np.median(right, axis=0)).max() > 60
