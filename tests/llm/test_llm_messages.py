import base64

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.llm import Message, picture
from kinescribe.llm.messages import estimated_tokens, with_pictures


def decoded(part: dict) -> tuple[str, np.ndarray]:
    head, data = part["image_url"]["url"].split(",")
    return head, cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)


def smooth(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 200 // height, columns * 200 // width, np.full_like(rows, 60)], axis=-1).astype(np.uint8)


def test_a_png_is_the_picture_itself():
    image = np.random.default_rng(1).integers(0, 256, (20, 33, 3), np.uint8)
    head, back = decoded(picture(image, quality=None))
    assert head == "data:image/png;base64"
    assert np.array_equal(back, image)


def test_a_jpeg_shows_the_same_colours_in_the_same_order():
    image = smooth(64, 96)
    head, back = decoded(picture(image))
    assert head == "data:image/jpeg;base64"
    assert np.abs(back.astype(int) - image).mean() < 3


@settings(max_examples=25)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 200))
def test_large_pictures_are_shrunk_and_small_ones_stay(height: int, width: int, longest: int):
    _, back = decoded(picture(smooth(height, width), longest=longest))
    assert max(back.shape[:2]) == min(longest, max(height, width))
    if min(back.shape[:2]) > 20:
        assert back.shape[0] / back.shape[1] == pytest.approx(height / width, rel=0.06)


def test_grey_pictures_are_taken():
    assert decoded(picture(np.full((8, 9), 100, np.uint8), quality=None))[1].shape[:2] == (8, 9)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 3)), np.zeros(4, np.uint8)]
)
def test_other_arrays_are_refused(image: np.ndarray):
    with pytest.raises(UsageError, match="is no picture"):
        picture(image)


def test_quality_and_size_are_checked():
    with pytest.raises(UsageError, match="quality 0"):
        picture(smooth(4, 4), quality=0)
    with pytest.raises(UsageError, match="longest = 0"):
        picture(smooth(4, 4), longest=0)


def test_pictures_join_the_last_question():
    part = picture(smooth(8, 8))
    messages = [Message.system("s"), Message.user("one"), Message.assistant("a"), Message.user("two", part), Message.assistant("b")]
    out = with_pictures(messages, [smooth(4, 4), part])
    assert [m.role for m in out] == [m.role for m in messages]
    assert [p["type"] for p in out[3].content] == ["text", "image_url", "image_url", "image_url"]
    assert out[1].content == "one"
    assert out[3].text == "two"
    with pytest.raises(UsageError, match="belong to a question"):
        with_pictures([Message.system("s")], [part])


def test_a_picture_weighs_more_than_its_question():
    words = [Message.user("what is this?")]
    assert estimated_tokens(with_pictures(words, [smooth(4, 4)])) > estimated_tokens(words) + 100
    assert estimated_tokens([Message.user("word " * 300)]) >= 300
