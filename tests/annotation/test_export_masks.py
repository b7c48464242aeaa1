import gzip
import json

import numpy as np
import pytest
from labelled_scene import write_masks

from kinescribe.annotation.exporting.masks import read_masks
from kinescribe.errors import InputError
from kinescribe.perception.rle import decode_counts

SIZE = (6, 4)
WANTED = {(0, 1), (0, 2), (3, 1)}


def line(**changes):
    rle = {"size": [4, 6], "counts": "0h0"} | changes.pop("rle", {})
    return json.dumps({"frame": 0, "object_id": 1, "rle": rle} | changes) + "\n"


def written(folder, text):
    path = folder / "a.masks.jsonl.gz"
    path.write_bytes(gzip.compress(text if isinstance(text, bytes) else text.encode()))
    return path


def test_those_that_are_wanted_come_back(tmp_path):
    rng = np.random.default_rng(0)
    masks = {(frame, i): rng.random((4, 6)) < 0.5 for frame in (0, 3) for i in (1, 2)}
    write_masks(tmp_path / "a.gz", masks)
    found = read_masks(tmp_path / "a.gz", SIZE, WANTED)
    assert found.keys() == WANTED
    for place, counts in found.items():
        assert np.array_equal(decode_counts((4, 6), counts), masks[place])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{\n", "line 1: is not JSON"),
        ("[" * 100_000 + "\n", "line 1: is not JSON"),
        (line() + "7\n", "line 2: has no 'rle'"),
        (line(rle={"counts": [1, 2]}), "line 1: must hold frame and object_id"),
        (line(rle={"size": [4]}), "must hold frame"),
        (line(rle={"size": "46"}), "must hold frame"),
        (line(frame=True), "must hold frame"),
        (line(frame=0.5), "must hold frame"),
        (line(rle={"size": [6, 4]}), "line 1: is for pictures of 4 x 6 pixels, and this video's have 6 x 4"),
        (line(rle={"counts": "1"}), "line 1: run lengths fill 1 pixels of 4 × 6"),
        (line(rle={"counts": "\u0001"}), "stands for none"),
        (line() + line(), "line 2: is a second mask of object 1 in frame 0"),
        (line().encode() + b"\xff\n", "after line .: is not UTF-8"),
    ],
)
def test_what_is_no_mask_is_refused_by_line(tmp_path, text, told):
    with pytest.raises(InputError, match=told) as caught:
        read_masks(written(tmp_path, text), SIZE, WANTED)
    assert "\n" not in str(caught.value)


def test_a_line_without_end_is_not_read_to_its_end(tmp_path):
    with pytest.raises(InputError, match="line 1: is longer than"):
        read_masks(written(tmp_path, b" " * (9 * 2**20)), SIZE, WANTED)


def test_what_others_hold_is_left_alone(tmp_path):
    # an object that isn't wanted may have a mask of any size
    assert read_masks(written(tmp_path, line(object_id=9, rle={"size": [1, 1]}) + line()), SIZE, WANTED) == {(0, 1): "0h0"}


def test_damaged_and_missing_files(tmp_path):
    path = written(tmp_path, line() * 1)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputError, match="cut off, damaged or not gzipped"):
        read_masks(path, SIZE, WANTED)
    path.write_text(line())
    with pytest.raises(InputError, match="cut off, damaged or not gzipped"):
        read_masks(path, SIZE, WANTED)
    with pytest.raises(InputError, match=r"cannot read the masks '.*nowhere': No such file"):
        read_masks(tmp_path / "nowhere", SIZE, WANTED)
