from __future__ import annotations

import hashlib

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
