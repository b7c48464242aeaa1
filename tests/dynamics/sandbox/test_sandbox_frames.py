"""What goes through the pipe, and what doesn't."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kinescribe.dynamics.sandbox.frames import HEAD, MOST_ARRAYS, MOST_TEXT, Frame, FrameError, decoded, encoded, head

SHAPE = struct.Struct("<BB6x4Q")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
DTYPES = st.sampled_from([np.dtype("f8"), np.dtype("i8"), np.dtype("?"), np.dtype("u1")])
ARRAYS = st.lists(hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)), max_size=4)


def read(data: bytes, most: int = 2**20) -> Frame:
    serial, text, arrays, size = head(data[: HEAD.size], most)
    body = bytearray(data[HEAD.size :])
    assert len(body) == size
    return decoded(serial, text, arrays, body)


@given(st.integers(0, 2**64 - 1), st.dictionaries(st.text(), PLAIN, max_size=4), ARRAYS)
def test_a_frame_comes_out_as_it_went_in(serial: int, text: dict[str, object], arrays: list[np.ndarray]):
    back = read(encoded(Frame(serial, text, arrays)))
    assert (back.serial, back.text) == (serial, text)
    assert len(back.arrays) == len(arrays)
    for ours, theirs in zip(arrays, back.arrays, strict=True):
        assert type(theirs) is np.ndarray
        assert theirs.dtype == ours.dtype
        assert theirs.shape == ours.shape
        assert theirs.tobytes() == ours.tobytes()
        assert theirs.flags.aligned


@given(st.data())
def test_bytes_that_are_not_a_frame_are_refused_or_read_and_nothing_else(data: st.DataObject):
    good = bytearray(encoded(Frame(1, {"a": [1, 2]}, (np.arange(4.0), np.array([True])))))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        serial, text, arrays, size = head(good[: HEAD.size], 2**20)
        body = good[HEAD.size :]
        if len(body) == size:
            frame = decoded(serial, text, arrays, body)
            assert sum(one.nbytes for one in frame.arrays) <= len(good)
    except FrameError:
        pass


def test_other_views_of_memory_go_through_as_plain_arrays():
    turned = np.arange(6.0).reshape(2, 3).T
    strange = np.arange(6, dtype=">i2")
    back = read(encoded(Frame(1, {}, (turned, strange, np.uint8(3), np.ma.masked_array([1.0, 2.0], [True, False])))))
    assert np.array_equal(back.arrays[0], turned)
    assert np.array_equal(back.arrays[1], strange)
    assert [type(one) for one in back.arrays] == [np.ndarray] * 4


NO_NUMBERS = (np.array([object()]), np.array(["a"]), np.array([1j]), np.zeros(1, [("a", "f8")]), np.array(["2020"], "M8[D]"))


@pytest.mark.parametrize("array", [*NO_NUMBERS, np.zeros((1,) * 5)])
def test_arrays_of_anything_but_numbers_are_no_frame(array: np.ndarray):
    with pytest.raises(FrameError, match="an array of"):
        encoded(Frame(1, {}, (array,)))


def forged(text: bytes = b"{}", shapes: bytes = b"", numbers: bytes = b"", arrays: int = 0) -> bytes:
    body = text + bytes(-len(text) % 8) + shapes + numbers
    return HEAD.pack(b"KSL1", 0, 1, len(text), arrays, len(body)) + body


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (forged(b"[]"), "no object"),
        (forged(b'{"a": NaN}'), "no JSON"),
        (forged(b'{"a": Infinity}'), "no JSON"),
        (forged(b"[" * 50_000), "no JSON"),
        (forged(b'{"a": ' + b"1" * 5_000 + b"}"), "no JSON"),
        (forged(b"\xff\xfe"), "no JSON"),
        (forged(numbers=bytes(8)), "whose parts are"),
        (forged(shapes=SHAPE.pack(0, 1, 2, 1, 1, 1), numbers=bytes(8), arrays=1), "larger than what came"),
        (forged(shapes=SHAPE.pack(0, 2, 2**62, 4, 1, 1), arrays=1), "larger than what came"),
        (forged(shapes=SHAPE.pack(0, 2, 2**62, 0, 1, 1), arrays=1), "larger than what came"),
        (forged(shapes=SHAPE.pack(0, 0, 2, 1, 1, 1), numbers=bytes(16), arrays=1), "more sides than axes"),
        (forged(shapes=SHAPE.pack(4, 0, 1, 1, 1, 1), numbers=bytes(8), arrays=1), "kind 4"),
        (forged(shapes=SHAPE.pack(0, 5, 1, 1, 1, 1), numbers=bytes(8), arrays=1), "5 axes"),
        (forged(shapes=SHAPE.pack(2, 0, 1, 1, 1, 1), numbers=b"\x02" + bytes(7), arrays=1), "truth values"),
    ],
)
def test_a_forged_frame_is_refused(data: bytes, said: str):
    with pytest.raises(FrameError, match=said):
        read(data)


@pytest.mark.parametrize(
    "numbers",
    [
        (b"KSL2", 0, 1, 2, 0, 8),
        (b"KSL1", 1, 1, 2, 0, 8),
        (b"KSL1", 0, 1, MOST_TEXT + 1, 0, MOST_TEXT + 8),
        (b"KSL1", 0, 1, 2, MOST_ARRAYS + 1, 2**19),
        (b"KSL1", 0, 1, 2, 0, 2**20 + 1),
        (b"KSL1", 0, 1, 2, 0, 2**63),
        (b"KSL1", 0, 1, 9, 0, 8),
        (b"KSL1", 0, 1, 2, 4, 8),
    ],
)
def test_a_head_that_asks_for_too_much_is_refused_before_anything_is_read(numbers: tuple[bytes, int, int, int, int, int]):
    with pytest.raises(FrameError):
        head(HEAD.pack(*numbers), 2**20)
