"""Rows that were cut off, lost or moved are told of; tables as they were written aren't."""

from __future__ import annotations

import pytest

from kinescribe.states import Metadata, ObjectMeta, States, validate


def written(tmp_path, stride=1, **configuration):
    """A table of two objects in ten frames, as extraction leaves it; its path and the lines of its file."""
    looked = range(2, 2 + 10 * stride, stride)
    if stride > 1:
        configuration["frames_read"] = {"first": looked[0], "last": looked[-1], "stride": stride}
    told = ObjectMeta(label="ball", frames_seen=10, first_frame=looked[0], last_frame=looked[-1])
    rows = [(frame, frame / 10, i, frame, i) for frame in looked for i in (1, 2)]
    columns = dict(zip(("frame", "time_s", "object_id", "x", "y"), zip(*rows, strict=True), strict=True))
    path = tmp_path / "states.csv"
    States.from_columns(columns, Metadata(objects={1: told, 2: told}, configuration=configuration)).to_csv(path)
    return path, path.read_bytes().splitlines(keepends=True)


def told(path):
    problems = [problem for problem in validate(path) if problem.column == "frame"]
    assert all(problem.severity == "warning" for problem in problems)
    return [str(problem) for problem in problems]


@pytest.mark.parametrize("stride", [1, 3])
def test_a_whole_table_has_no_such_warning_whatever_its_stride(tmp_path, stride):
    path, _ = written(tmp_path, stride, backend="classical")
    assert told(path) == []


def test_rows_cut_off_at_the_end_and_the_beginning_are_told_by_object(tmp_path):
    path, lines = written(tmp_path, backend="classical")
    path.write_bytes(b"".join(lines[:-3]))
    assert told(path) == [
        "column 'frame': object 1 ends in frame 10, by the metadata in frame 11: rows were lost or added",
        "column 'frame': object 2 ends in frame 9, by the metadata in frame 11: rows were lost or added",
    ]
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    assert told(path) == ["column 'frame': object 1 begins in frame 3, by the metadata in frame 2: rows were lost or added"]


@pytest.mark.parametrize(("stride", "frames"), [(1, "frame 4"), (3, "frame 8")])
def test_one_row_lost_in_the_middle_is_told_with_the_row_after_it(tmp_path, stride, frames):
    path, lines = written(tmp_path, stride, backend="classical")
    path.write_bytes(b"".join(lines[:5] + lines[6:]))  # object 1 in the third frame
    assert told(path) == [f"row 7, column 'frame': object 1 has no row in {frames}, though it has rows before and after: some were lost"]


def test_sparse_tracks_of_other_tools_may_have_gaps(tmp_path):
    path, lines = written(tmp_path, format="trackpy")
    path.write_bytes(b"".join(lines[:5] + lines[6:]))
    assert told(path) == []


def test_rows_in_another_order_are_told(tmp_path):
    path, lines = written(tmp_path, backend="classical")
    path.write_bytes(b"".join([*lines[:3], lines[4], lines[3], *lines[5:]]))
    (line,) = told(path)
    assert line.startswith("row 5, column 'frame': object 1 in frame 3 stands below object 2 in frame 3; ")
    path.write_bytes(b"".join([lines[0], *reversed(lines[1:])]))
    assert len([problem for problem in validate(path, every_row=True) if problem.column == "frame"]) == 19
