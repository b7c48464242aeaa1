"""The one colour of a plain picture, and pictures that have none."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.perception.classical.plain import plain_background, plain_color


def test_the_most_frequent_colour_its_share_and_its_spread() -> None:
    image = np.full((40, 60, 3), (200, 205, 210), np.uint8)
    image[:10] = (20, 20, 180)
    colour, share, spread, evenness = plain_color(image)
    assert colour.tolist() == [200, 205, 210]
    assert (share, spread, evenness) == (0.75, 0.0, 1.0)


@pytest.mark.filterwarnings("error")
def test_a_pattern_whose_middle_no_pixel_has_is_not_plain() -> None:
    image = np.full((42, 60, 3), 104, np.uint8)
    turn = np.indices(image.shape[:2]).sum(0) % 3
    for channel in range(3):
        image[turn == channel, channel] += 7  # in all pixels another channel differs from the median of all
    colour, share, spread, evenness = plain_color(image)
    assert np.isfinite(colour).all()
    assert np.isfinite(spread)
    assert (share, evenness) == (0.0, 0.0)
    assert plain_background([image]) is None
