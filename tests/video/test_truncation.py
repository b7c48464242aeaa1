from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from videofiles import noise, write_file

from kinescribe.video.truncation import missing_end

KINDS = {
    "back.mp4": {},
    "front.mp4": {"movflags": "faststart"},
    "a.mkv": {},
    "a.avi": {"codec": "mpeg4", "time_base": Fraction(1, 30)},
    "a.ts": {},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return {
        name: write_file(folder / name, range(0, 10, 1) if "time_base" in options else range(0, 30_000, 3000), draw=noise, **options)
        for name, options in KINDS.items()
    }


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_file_misses_nothing(whole, name):
    assert missing_end(whole[name]) is None


@pytest.mark.parametrize("name", KINDS)
@given(share=st.floats(0.3, 1, exclude_max=True))
def test_the_missing_bytes_are_counted(whole, name, share):
    data = whole[name].read_bytes()
    size = int(len(data) * share)
    if size in {len(data), 0} or (name == "a.ts" and size % 188 == 0):
        return
    cut = whole[name].with_name(f"cut-{name}")
    cut.write_bytes(data[:size])
    expected = -size % 188 if name == "a.ts" else len(data) - size
    said = missing_end(cut)
    if said is None:  # an MP4 is not judged by a few bytes of its next box's header, nor by padding
        assert name.endswith("mp4")
        assert any(kind in data[max(size - 16, 0) : size + 8] for kind in (b"moov", b"mdat", b"free"))
    elif name.endswith("mp4"):  # up to the end of the box that is cut
        assert 0 < int(said.split()[3]) <= expected
    else:
        assert int(said.split()[3]) == expected


@given(st.binary(max_size=300), st.sampled_from([b"", b"\0\0\0\x18ftyp", b"\x1aE\xdf\xa3", b"RIFF", b"G" + b"\0" * 187]))
def test_any_bytes_get_an_answer(tmp_path_factory, data, head):
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(head + data)
    assert missing_end(path) is None or "bytes short" in missing_end(path)
