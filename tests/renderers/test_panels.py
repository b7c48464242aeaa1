"""Two pictures in one, and words on them."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.errors import UsageError
from kinescribe.renderers.captions import PREDICTED, REAL, Caption, in_corner, strip_above, strip_height
from kinescribe.renderers.panels import beside, wiped

LEFT = np.full((90, 160, 3), 40, np.uint8)
RIGHT = np.full((90, 160, 3), 200, np.uint8)
WORDS = (Caption("real", REAL), Caption("predicted", PREDICTED))


def test_panels_hold_both_pictures_whole():
    both = beside(LEFT, RIGHT)
    assert both.shape[0] == 90
    assert (both[:, :160] == LEFT).all()
    assert (both[:, -160:] == RIGHT).all()
    assert 160 * 2 < both.shape[1] < 160 * 2 + 10


def test_words_stand_above_and_cover_nothing():
    both = beside(LEFT, RIGHT, WORDS)
    head = strip_height(90)
    assert both.shape[0] == 90 + head
    assert (both[head:] == beside(LEFT, RIGHT)).all()
    for part, caption in ((both[:head, :160], WORDS[0]), (both[:head, -160:], WORDS[1])):
        assert part.max() > 180  # letters
        assert np.abs(part.astype(int) - caption.color).sum(axis=2).min() < 60  # its dot


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_wipe_shows_each_on_its_side(share: float):
    out = wiped(LEFT, RIGHT, share)
    x = round(share * 160)
    assert out.shape == LEFT.shape
    assert (out[:, : max(x - 4, 0)] == 40).all()
    assert (out[:, x + 4 :] == 200).all()
    if 0 < share < 1:
        assert out[:, x].min() > 235  # the line


def test_a_wipe_leaves_its_pictures_alone():
    left, right = LEFT.copy(), RIGHT.copy()
    wiped(left, right, 0.5, WORDS)
    assert (left == LEFT).all()
    assert (right == RIGHT).all()


def test_words_of_a_wipe_stand_where_they_have_room_and_are_never_cut():
    left = wiped(LEFT, RIGHT, 0.95, WORDS)
    assert left[:20, :80].max() > 180
    assert (left[:20, 156:] == 200).all()
    right = wiped(LEFT, RIGHT, 0.05, WORDS)
    assert (right[:, :4] == 40).all()
    assert right[:20, 60:].min() < 150


def test_pictures_of_two_sizes_are_refused():
    with pytest.raises(UsageError, match="160×90 and 160×89"):
        beside(LEFT, RIGHT[:-1])
    with pytest.raises(UsageError, match=r"share 1\.5"):
        wiped(LEFT, RIGHT, 1.5)


@pytest.mark.parametrize("right", [False, True])
def test_a_caption_covers_its_corner_alone(right: bool):
    picture = LEFT.copy()
    wide = in_corner(picture, Caption("seen", REAL), right=right)
    changed = np.nonzero((picture != LEFT).any(axis=2))
    assert changed[0].max() < 30
    assert (changed[1].min() >= 160 - wide) if right else (changed[1].max() < wide)
    assert 20 < wide < 100


def test_long_words_end_inside_the_picture():
    for width in (200, 40, 12, 3):
        picture = np.full((60, width, 3), 90, np.uint8)
        assert in_corner(picture, Caption("what if: gravity = 1.62 m/s², without the red ball, mass × 2", PREDICTED)) <= width
        assert strip_above(width, 60, Caption("what if: gravity = 1.62 m/s² and so on", PREDICTED)).shape == (strip_height(60), width, 3)


def test_any_script_is_written():
    shapes = {strip_above(300, 200, Caption(text, REAL)).tobytes() for text in ("ball", "μάζα", "масса", "ball × 2")}
    assert len(shapes) == 4
