from __future__ import annotations

import hashlib

import pytest

from kinescribe.errors import InputError
from kinescribe.video.hashing import sha256_of_file, sha256_of_files


def test_a_file_has_the_usual_hash(tmp_path):
    data = bytes(range(256)) * 20_000
    (tmp_path / "a").write_bytes(data)
    assert sha256_of_file(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_files_are_told_apart_by_name_order_and_content(tmp_path):
    for name, data in {"a": b"1", "b": b"2", "c": b"1"}.items():
        (tmp_path / name).write_bytes(data)
    a, b, c = (tmp_path / name for name in "abc")
    assert len({sha256_of_files(paths) for paths in ([], [a], [c], [a, b], [b, a], [a, b, c])}) == 6


def test_an_unreadable_file_is_named_in_one_line(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").mkdir()  # can't be read by anybody, root included
    with pytest.raises(InputError) as met:
        sha256_of_files([tmp_path / "a", tmp_path / "b"])
    assert str(met.value) == f"cannot read '{tmp_path / 'b'}': Is a directory; check the file and its permissions"
    assert met.value.strerror == "Is a directory"
