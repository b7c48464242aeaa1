import json
import sys

import pytest
from labelled_scene import row, scene, table

from kinescribe.annotation import Item, export
from kinescribe.annotation.exporting import shards
from kinescribe.errors import UsageError
from kinescribe.states import COLUMNS, Metadata
from kinescribe.states.metadata import ObjectMeta, VideoMeta


def test_all_tables_come_back(tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow.dataset

    scenes = [scene(tmp_path, name=name, masks=False) for name in ("one", "two")]
    export([each.item for each in scenes], tmp_path / "out", ["parquet"], stride=0)
    read = pyarrow.dataset.dataset(tmp_path / "out" / "parquet").to_table()
    assert read.column_names == ["video", "split", "class", *(column.name for column in COLUMNS)]
    frame = read.to_pandas()
    for each in scenes:
        own = frame[frame["video"] == each.item.name].reset_index(drop=True)
        for column in COLUMNS:
            mine = [None if value in ("", None) or value != value else value for value in own[column.name]]
            assert mine == [None if value == "" or value != value else value for value in each.states[column.name].tolist()]
        assert own["class"].tolist() == own["label"].tolist()
    about = json.loads(read.schema.metadata[b"kinescribe.videos"])
    assert about.keys() == {"one", "two"}
    assert about["one"]["video"]["name"] == "film.mp4"


def test_points_go_where_their_body_goes(tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    objects = {1: ObjectMeta(label="rod"), 2: ObjectMeta(label="end", part_of=1), 3: ObjectMeta(label="cup"), 4: ObjectMeta(part_of=3)}
    meta = Metadata(video=VideoMeta(name="a.mp4", width=64, height=48, frame_count=2), objects=objects)
    rows = [
        row(frame, i, label=label, label_verified="yes" if i == 1 and frame == 0 else "unchecked")
        for frame in (0, 1)
        for i, label in ((1, "rod"), (2, "end"), (3, "cup"), (4, "end"))
    ]
    items = [Item(table(rows, meta=meta))]
    export(items, tmp_path / "some", ["parquet"], stride=0, classes={"rod": "stick", "cup": None})
    read = pyarrow.parquet.read_table(tmp_path / "some" / "parquet" / "train-00000.parquet").to_pydict()
    assert list(zip(read["frame"], read["object_id"], read["class"], strict=True)) == [
        (0, 1, "stick"),
        (0, 2, None),
        (1, 1, "stick"),
        (1, 2, None),
    ]
    export(items, tmp_path / "sure", ["parquet"], stride=0, verified_only=True)
    read = pyarrow.parquet.read_table(tmp_path / "sure" / "parquet" / "train-00000.parquet").to_pydict()
    assert list(zip(read["frame"], read["object_id"], strict=True)) == [(0, 1), (0, 2)]


def test_a_shard_ends_where_it_is_full_or_columns_differ(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    monkeypatch.setattr(shards, "_ROWS", 2)
    tables = {"a": [row(0, 1)], "b": [row(0, 1)], "c": [row(0, 1)], "d": [row(0, 1, force=1.5)]}
    export([Item(table(rows), name=name) for name, rows in tables.items()], tmp_path / "out", ["parquet"], stride=0)
    found = [pyarrow.parquet.read_table(path)["video"].to_pylist() for path in sorted((tmp_path / "out" / "parquet").iterdir())]
    assert found == [["a", "b"], ["c"], ["d"]]


def test_without_pyarrow_the_install_line_is_told_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"pip install 'kinescribe\[parquet\]'"):
        export([Item(table([row(0, 1)]))], tmp_path / "out", ["parquet"], stride=0)
    assert not (tmp_path / "out").exists()
