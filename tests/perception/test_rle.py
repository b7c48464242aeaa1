"""COCO's compressed run lengths: what data-set tools read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.rle import decode_counts, encode_mask

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


def test_hand_computed_middle_pixel() -> None:
    # column by column: four zeros, a one, four zeros
    assert encode_mask(MaskCrop(1, 1, np.ones((1, 1), bool)), 3, 3) == {"size": [3, 3], "counts": "414"}


def test_hand_computed_leading_one_and_negative_difference() -> None:
    # runs 0, 10, 5, 3; the fourth is written as 3 - 10 = -7 = ...11001, one character: 25 + 48 = 'I'
    row = np.array([[True] * 10 + [False] * 5 + [True] * 3])
    assert encode_mask(MaskCrop(0, 0, row), 1, 18) == {"size": [1, 18], "counts": "0:5I"}


def test_hand_computed_run_of_two_characters() -> None:
    # 100 = 3 · 32 + 4: 4 with the bit for more (36 + 48 = 'T'), then 3
    empty = encode_mask(MaskCrop(0, 0, np.zeros((10, 10), bool)), 10, 10)
    assert empty == {"size": [10, 10], "counts": "T3"}


def test_columns_come_first() -> None:
    pixels = np.array([[False, True], [False, True], [False, False]])
    assert encode_mask(MaskCrop(0, 0, pixels), 3, 2)["counts"] == "321"


@given(masks)
def test_round_trip(pixels: np.ndarray) -> None:
    height, width = pixels.shape
    encoded = encode_mask(MaskCrop(0, 0, pixels), height, width)
    assert encoded["size"] == [height, width]
    np.testing.assert_array_equal(decode_counts((height, width), str(encoded["counts"])), pixels)


@given(masks, st.integers(-45, 60), st.integers(-45, 60))
def test_what_lies_outside_the_picture_is_cut(pixels: np.ndarray, x: int, y: int) -> None:
    whole = np.zeros((200, 200), bool)
    whole[y + 80 : y + 80 + pixels.shape[0], x + 80 : x + 80 + pixels.shape[1]] = pixels
    encoded = encode_mask(MaskCrop(x, y, pixels), 30, 50)
    np.testing.assert_array_equal(decode_counts((30, 50), str(encoded["counts"])), whole[80:110, 80:130])


@pytest.mark.parametrize(
    ("size", "counts", "says"),
    [((3, 3), "413", "fill 8"), ((3, 3), "415", "fill 10"), ((3, 3), "4 4", "' '"), ((2, 2), "", "fill 0"), ((3, 3), "4O4", "fill")],
)
def test_text_that_is_no_mask_is_refused(size: tuple[int, int], counts: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decode_counts(size, counts)
