"""The data set as a whole: what is written, replaced, refused."""

import errno
import json
from importlib.metadata import EntryPoint
from pathlib import Path

import cv2
import numpy as np
import pytest
from labelled_scene import FRAMES, HEIGHT, INTERVAL, WIDTH, row, scene, table, write_masks

from kinescribe import plugins
from kinescribe.annotation import Exporter, Item, export
from kinescribe.annotation.exporting.staging import RECORD
from kinescribe.cli import main
from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.states import Metadata
from kinescribe.states.metadata import ObjectMeta, VideoMeta
from kinescribe.video import open_video

ALL = ["coco", "yolo", "mot", "voc", "cvat"]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def one(**more):
    return Item(table([row(0, 1)]), name="a", **more)


def test_built_ins_come_in_by_entry_points(capsys):
    assert main(["list", "exporters"]) == 0
    told = capsys.readouterr().out
    for name in [*ALL, "coco-polygons", "yolo-seg", "parquet"]:
        assert f" {name} " in told
        assert plugins.load("exporters", name).entries


def test_every_format_at_once_and_the_same_bytes_again(tmp_path):
    made = scene(tmp_path)
    done = export([made.item], tmp_path / "a", ALL, stride=2)
    assert (done.classes, done.pictures, done.rows) == (("+cart é", "red ball"), 3, len(made.masks))
    assert done.left_out == {"not seen in this frame": 1}
    export([made.item], tmp_path / "b", ALL, stride=2)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    record = json.loads((tmp_path / "a" / RECORD).read_text("utf-8"))
    assert record["complete"]
    assert sorted(record["entries"] + [RECORD]) == sorted(path.name for path in (tmp_path / "a").iterdir())
    assert record["labels"] == {"+cart é": "+cart é", "red ball": "red ball"}


def test_pictures_are_the_video_s(tmp_path):
    made = scene(tmp_path)
    export([made.item], tmp_path / "out", ["coco"], stride=4, pictures="png")
    names = sorted(path.name for path in (tmp_path / "out" / "images" / "train").iterdir())
    assert names == ["film_000000.png", "film_000004.png"]
    for name in names:
        source = Path(made.item.video) / f"{int(name[5:11]):03d}.png"
        assert np.array_equal(cv2.imread(str(tmp_path / "out" / "images" / "train" / name)), cv2.imread(str(source)))


def test_formats_that_need_no_pictures_need_no_video(tmp_path):
    export([one()], tmp_path / "out", ["mot", "cvat"])
    assert not (tmp_path / "out" / "images").exists()
    with pytest.raises(UsageError, match=r"'a' has no video to take pictures from.*stride=0"):
        export([one()], tmp_path / "other", ["mot", "coco"])
    assert not (tmp_path / "other").exists()


def test_an_open_video_will_do_and_one_that_ends_early_is_told(tmp_path):
    video = open_video(np.zeros((3, HEIGHT, WIDTH, 3), np.uint8), times=np.arange(3) * INTERVAL)
    done = export([(table([row(0, 1), row(4, 1)]), video, None)], tmp_path / "out", ["coco"])
    assert done.pictures == 3
    assert done.warnings == ("'array': 3 of 6 pictures are missing at the video's end",)
    data = json.loads((tmp_path / "out" / "coco" / "instances_train.json").read_text("utf-8"))
    assert [len(data["images"]), len(data["annotations"])] == [3, 1]


def test_tables_by_path_take_their_size_from_the_video(tmp_path):
    made = scene(tmp_path)
    bare = table([row(0, 1)], meta=Metadata())
    with pytest.raises(UsageError, match="nobody knows the size"):
        export([Item(bare, name="a")], tmp_path / "out", ["mot"])
    bare.to_csv(tmp_path / "bare.csv")
    (tmp_path / "bare.meta.json").unlink()
    with pytest.warns(UserWarning, match="bare.csv"):
        export([(tmp_path / "bare.csv", made.item.video, None)], tmp_path / "out", ["mot"])
    assert "imWidth=64" in next((tmp_path / "out" / "mot" / "train").rglob("seqinfo.ini")).read_text()


def test_a_table_that_breaks_off_speaks_of_no_later_frame(tmp_path):
    meta = Metadata(video=VideoMeta(name="a.mp4", width=WIDTH, height=HEIGHT, frame_count=FRAMES), partial="interrupted")
    export([Item(table([row(1, 1)], meta=meta))], tmp_path / "out", ["yolo"], stride=0)
    assert len(list((tmp_path / "out" / "labels" / "train").iterdir())) == 2
    video = scene(tmp_path).item.video
    assert export([Item(table([row(1, 1)], meta=meta), video)], tmp_path / "pictures", ["yolo"]).pictures == 2


def test_another_video_is_refused(tmp_path):
    made = scene(tmp_path)
    wide = open_video(np.zeros((6, HEIGHT, WIDTH + 2, 3), np.uint8), times=np.arange(6) * INTERVAL)
    with pytest.raises(InputError, match="pictures of 64 x 48 pixels, and 'array' has 66 x 48"):
        export([Item(made.states, wide, name="a")], tmp_path / "out")
    meta = made.states.meta.model_copy(deep=True)
    meta.video.sha256 = "0" * 64
    other = table([row(0, 1)], meta=meta)
    with pytest.raises(InputError, match="isn't the file that the table was made from"):
        export([Item(other, made.item.video, name="a")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_kept_unless_an_export_wrote_it(tmp_path):
    out = tmp_path / "out"
    (out / "labels").mkdir(parents=True)
    (out / "labels" / "mine.txt").write_text("precious")
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"'.*labels' is there, and no export wrote it"):
        export([one()], out, ["yolo"], stride=0, replace=True)
    export([one()], out, ["mot"], stride=0)
    with pytest.raises(UsageError, match="holds a data set already; give replace=True"):
        export([one()], out, ["mot"], stride=0)
    export([one()], out, ["cvat"], stride=0, replace=True)
    assert sorted(path.name for path in out.iterdir()) == ["cvat", RECORD, "labels", "notes.txt"]
    assert (out / "labels" / "mine.txt").read_text() == "precious"


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"complete": true, "entries": ["../x"]}', '{"complete": 1, "entries": []}', '{"entries": [3], "complete": false}']
)
def test_a_record_that_isn_t_ours_is_not_followed(tmp_path, text):
    (tmp_path / "x").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / RECORD).write_text(text)
    with pytest.raises(UsageError, match="is no record of an export"):
        export([one()], out, ["mot"], stride=0, replace=True)
    assert (tmp_path / "x").is_dir()


def test_a_failure_leaves_the_earlier_data_set_whole(tmp_path, monkeypatch):
    made = scene(tmp_path)
    out = tmp_path / "out"
    export([made.item], out, ALL, stride=3)
    before = files(out)
    real = Path.write_text

    def full(self, text, **options):
        if self.name == "film_000003.txt":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError, match=r"cannot write the data set '.*out': No space left on device"):
        export([made.item], out, ALL, stride=3, replace=True)
    assert files(out) == before
    with pytest.raises(UsageError, match="No space left"):
        export([made.item], tmp_path / "fresh", ALL, stride=3)
    assert not (tmp_path / "fresh").exists()


@pytest.mark.parametrize("fails_at", range(1, 9))
def test_a_run_that_is_killed_while_the_parts_take_their_place_is_made_good_by_the_next(tmp_path, monkeypatch, fails_at):
    out = tmp_path / "out"
    export([one()], out, ["mot", "yolo"], stride=0)
    export([one()], tmp_path / "truth", ["cvat", "yolo"], stride=0)
    real, calls = Path.rename, []

    class Killed(BaseException):
        pass

    def rename(self, target):
        calls.append(self)
        if len(calls) == fails_at:
            raise Killed
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename)
        patched.setattr("kinescribe.annotation.exporting.staging.shutil.rmtree", lambda *_, **__: None)
        if fails_at <= 6:  # three old entries go, three new ones come
            with pytest.raises(Killed):
                export([one()], out, ["cvat", "yolo"], stride=0, replace=True)
            assert not json.loads((out / RECORD).read_text())["complete"]
        else:
            export([one()], out, ["cvat", "yolo"], stride=0, replace=True)
    export([one()], out, ["cvat", "yolo"], stride=0, replace=fails_at > 6)
    assert files(out) == files(tmp_path / "truth")


def test_a_file_in_the_folder_s_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("x")
    for folder in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(UsageError, match="cannot write the data set"):
            export([one()], folder, ["mot"], stride=0)


def test_what_never_goes_in(tmp_path):
    objects = {1: ObjectMeta(label="rod"), 2: ObjectMeta(label="end", part_of=1)}
    meta = Metadata(video=VideoMeta(name="a.mp4", width=WIDTH, height=HEIGHT, frame_count=FRAMES), objects=objects)
    rows = [
        row(0, 1),
        row(0, 2),
        row(1, 1, status="predicted"),
        row(2, 1, label_verified="no"),
        row(3, 1, (90, 10, 4, 4)),
        row(4, 1, bbox_w=np.nan),
        row(5, 1, status="interpolated"),
        row(0, 5, label="other"),
    ]
    done = export([Item(table(rows, meta=meta))], tmp_path / "out", ["mot"], stride=0, labels=["th*"], hidden=False)
    assert done.rows == 1
    assert done.left_out == {
        "a point of a body": 1,
        "foretold, not seen": 1,
        "a second look found nothing there": 1,
        "outside the picture": 1,
        "no box and no size": 1,
        "not seen in this frame": 1,
        "a label that isn't wanted": 1,
    }


def test_sizes_make_boxes_where_a_table_has_none(tmp_path):
    bare = {"bbox_x": np.nan, "bbox_y": np.nan, "bbox_w": np.nan, "bbox_h": np.nan}
    rows = [
        row(0, 1, (10, 10, 8, 8), shape="disc", width=8.0, height=8.0, **bare),
        row(0, 2, (10, 20, 12, 4), shape="box", width=4.0, height=12.0, angle=np.pi / 2, **bare),
        row(0, 3, (10, 20, 12, 4), shape="box", width=12.0, height=4.0, **bare),
    ]
    done = export([Item(table(rows), name="a")], tmp_path / "out", ["mot"], stride=0)
    assert done.left_out == {"no box and no size": 1}
    found = np.loadtxt(tmp_path / "out" / "mot" / "train" / "a" / "gt" / "gt.txt", delimiter=",")
    assert found[:, 2:6] == pytest.approx(np.array([[11, 11, 8, 8], [11, 21, 12, 4]]))


def test_only_verified_labels(tmp_path):
    made = scene(tmp_path)
    done = export([made.item], tmp_path / "out", ["cvat"], verified_only=True)
    assert done.rows == 3
    assert done.left_out == {"its label isn't verified": len(made.states) - 3}
    with pytest.raises(NothingFoundError, match=r"nothing to export: .* rows: a label that isn't wanted"):
        export([made.item], tmp_path / "none", ["cvat"], labels=["+cart é"], verified_only=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"formats": "coco"}, "formats='coco' must be a list"),
        ({"formats": []}, r"formats=\[\] must be a list"),
        ({"formats": ["coc"]}, "unknown exporter 'coc'; did you mean 'coco'"),
        ({"formats": ["yolo", "yolo-seg"]}, "'yolo' and 'yolo-seg' both write 'data.yaml'"),
        ({"stride": -1}, "stride=-1 must be a whole number"),
        ({"stride": True}, "stride=True must be"),
        ({"stride": 0.5}, "stride=0.5 must be"),
        ({"pictures": "bmp"}, "unknown picture format 'bmp'; .*jpg, png"),
        ({"split": {"train": 0.8}}, "the fractions sum to 0.8"),
        ({"split": {"training": 1}}, "unknown part of the split 'training'; did you mean 'train'"),
        ({"split": {"train": 1.5, "val": -0.5}}, "1.5 must be a fraction"),
        ({"split": {"train": float("nan")}}, "nan must be a fraction"),
        ({"split": 0.8}, "split=0.8 must be fractions by part"),
        ({"folder": 3}, "cannot write a data set to 3"),
        ({"items": []}, "the list of items is empty"),
        ({"items": [3]}, "item 0: 3 must be"),
        ({"items": [(3, None, None)]}, "item 0: states=3 must be"),
        ({"items": [Item("x.csv", 4)]}, "item 0: video=4 must be"),
        ({"items": "states.csv"}, "is one item: give a list"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(tmp_path, options, told):
    given = {"items": [one()], "folder": tmp_path / "out", "formats": ["mot"], "stride": 0} | options
    with pytest.raises(UsageError, match=told) as caught:
        export(given.pop("items"), given.pop("folder"), given.pop("formats"), **given)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_numbers_that_no_video_has_are_refused(tmp_path):
    meta = Metadata(video=VideoMeta(name="a.mp4", width=10**6, height=10**6))
    with pytest.raises(InputError, match="its metadata tell of 1000000 x 1000000 pixels"):
        export([Item(table([row(0, 1)], meta=meta))], tmp_path / "out", ["mot"])
    with pytest.raises(InputError, match="'a': tells of 10000000000001 frames"):
        export([Item(table([row(10**13, 1)]), name="a")], tmp_path / "out", ["coco"], stride=0)


def test_sizes_beyond_all_measure_leave_the_box(tmp_path):
    rows = [
        row(0, 1, shape="disc", width=1e308, height=1e308),
        row(1, 1, (0, 0, 1e-200, 1e-200)),
        row(2, 1, (-1e300, -1e300, 2e300, 2e300)),
    ]
    export([Item(table(rows), name="a")], tmp_path / "out", ["coco", "mot"], stride=0)
    data = json.loads((tmp_path / "out" / "coco" / "instances_train.json").read_text("utf-8"))
    assert [each["attributes"]["outline"] for each in data["annotations"]] == ["box"] * 3
    assert data["annotations"][2]["bbox"] == [0, 0, WIDTH, HEIGHT]


def test_masks_of_a_changed_file_are_refused_before_anything_is_written(tmp_path):
    made = scene(tmp_path)
    write_masks(Path(made.item.masks), {(0, 3): np.ones((10, 10), bool)})
    with pytest.raises(InputError, match="line 1: is for pictures of 10 x 10 pixels"):
        export([made.item], tmp_path / "out", ["coco"])
    assert not (tmp_path / "out").exists()


class Counting:
    """A format of somebody else's."""

    entries = ("counts.txt",)
    pictures = False

    def __init__(self, folder, classes):
        self.path, self.lines = folder / "counts.txt", [",".join(classes.names)]

    def add(self, video):
        if video.name == "bad":
            raise RuntimeError("no idea")
        self.lines.append(f"{video.name} {len(video.rows)}")

    def finish(self):
        self.path.write_text("\n".join(self.lines))


def test_plug_ins_write_their_own_format_and_are_blamed_for_their_failures(tmp_path, monkeypatch):
    assert issubclass(Counting, Exporter)
    point = EntryPoint("counting", f"{__name__}:Counting", "kinescribe.exporters")
    monkeypatch.setattr(plugins, "entry_points", lambda group: (point,) if group == "kinescribe.exporters" else ())
    export([one()], tmp_path / "out", ["counting"])
    assert (tmp_path / "out" / "counts.txt").read_text() == "thing\na 1"
    with pytest.raises(InputError, match=r"'counting' of .* failed on 'bad': RuntimeError: no idea"):
        export([Item(table([row(0, 1)]), name="bad")], tmp_path / "bad", ["counting"])
    assert not (tmp_path / "bad").exists()
    monkeypatch.setattr(Counting, "entries", None, raising=False)
    monkeypatch.delattr(Counting, "entries")
    with pytest.raises(UsageError, match="exporter 'counting' has no entries"):
        export([one()], tmp_path / "bad", ["counting"])
