"""What strangers' files hold that they shouldn't: one line that says where, and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kinescribe.annotation.importing import contents, import_tracks, sightings
from kinescribe.errors import InputError, KinescribeError, NothingFoundError, UsageError
from kinescribe.evaluation.scenes import falling_ball
from kinescribe.video import open_video

HEAD = "frame,x,y,particle\n0,1,2,0\n"
BOX = '<annotations><track id="0" label="a"><box {} xtl="0" ytl="0" xbr="1" ybr="2"/></track></annotations>'
IMAGE = {"id": 1, "file_name": "a_001.jpg"}
NOTE = {"id": 4, "image_id": 1, "track_id": 1, "bbox": [1, 2, 3, 4]}


def refused(path: Path, error: type[KinescribeError] = InputError, **options: Any) -> str:
    """The one line that a file is refused with, without the file's name."""
    with pytest.raises(error) as caught:
        import_tracks(path, **{"frame_interval": 0.1, **options})
    line = str(caught.value)
    assert line == " ".join(line.splitlines())
    return line.removeprefix(f"{path}: ")


def file(folder: Path, content: str | bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1,inf,2,0", "row 3, column 'x': 'inf' is no finite number"),
        ("1,1e999,2,0", "row 3, column 'x': '1e999' is no finite number"),
        ("1,1_000,2,0", "row 3, column 'x': '1_000' is no finite number"),
        ("1,abc,2,0", "row 3, column 'x': 'abc' is no number"),
        ('1,"a\nb\x1b[31m",2,0', "row 3, column 'x': 'a b [31m' is no number"),
        ("1,1e12,2,0", "row 3: the position (1e+12, 2) is out of all proportion"),
        ("-3,1,2,0", "row 3: the frame -3 is before the video's first"),
        ("1.5,1,2,0", "row 3: the frame is 1.5, no whole number"),
        (",1,2,0", "row 3: the frame is nan, no whole number"),
        ("1e18,1,2,0", "row 3: the frame is 1e+18, no whole number below"),
        ("1,1,2,0.5", "row 3: the particle is '0.5', no whole number"),
        ("1,1,2,-1", "row 3: the track -1 is no number from 0"),
        ("0,1,3,0", "row 3: a second sighting of track '0' in frame 0, after row 2"),
        ("1,5,2,5,0,0", "row 3 has 6 cells, the header 4; decimal commas want semicolons or tabs"),
    ],
)
def test_a_bad_row_is_named_with_its_value(row: str, told: str, tmp_path: Path):
    assert refused(file(tmp_path, HEAD + row + "\n")).startswith(told)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b" \r\n\n", "is empty"),
        (b"\x0c\n", "in no format that is known"),
        (b"PK\x03\x04", "is a ZIP archive: unpack it"),
        (b"\x89HDF\r\n", "is HDF5: export the tracks as CSV"),
        (b"\x1f\x8b\x08", "is gzipped: unpack it"),
        (bytes(range(256)) * 4, "in no format that is known"),
        (b"Dear all,\nhere are the tracks.\n", "in no format that is known"),
        (b"<html></html>", "in no format that is known"),
        (b"frame,time_s,object_id,x,y\n0,0,1,2,3\n", "is a states table already: read it with kinescribe.states.read"),
        (b'<object class="org.opensourcephysics.cabrillo.tracker.TrackerPanel"/>', "is a project of Tracker's: export its data"),
        ("Kügel\nt\tx\ty\n0\t1\t2\n".encode("latin-1"), "line 1: the byte 0xfc is not utf-8: give encoding='cp1252'"),
        (b'<annotations><image id="0" name="a.png"/></annotations>', "holds 1 single pictures and no tracks"),
        (b"<annotations><meta><project><tasks><task/><task/></tasks></project></meta></annotations>", "holds 2 tasks"),
        (b"scorer,a,a,a\nbodyparts,n,n,n\ncoords,x,y,likelihood\nimg01.png,1,2,1\n", "row 4: 'img01.png' is no frame number"),
        (b"scorer,a,a\nbodyparts,n,n\ncoords,x,x\n0,1,2\n", "two columns are 'x' of 'n'"),
        (b"mass A\nt\tx\ty\n0\t1\t2\n", "doesn't name the unit"),
    ],
)
def test_a_file_that_is_something_else_says_what_it_is(content: bytes, told: str, tmp_path: Path):
    error = UsageError if "unit" in told else InputError
    assert refused(file(tmp_path, content), error).startswith(told)


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_markup_that_declares_entities_is_not_read(declared: str, tmp_path: Path):
    text = f'<?xml version="1.0"?>{declared}<annotations><track id="0" label="x"/></annotations>'
    assert refused(file(tmp_path, text)).startswith("declares a document type")
    assert refused(file(tmp_path, text), format="trackmate").startswith("declares a document type")


def test_markup_deeper_than_any_tool_writes(tmp_path: Path):
    assert "deep in each other" in refused(file(tmp_path, "<annotations>" + "<a>" * 50_000))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOX.format('frame="-1"'), "track 0: the frame -1 is before"),
        (BOX.format(""), "track 0, frame ?: has no frame"),
        (BOX.format('frame="inf"'), "track 0, frame inf: frame is 'inf', no finite number"),
        (BOX.format('frame="0" rotation="x"'), "track 0, frame 0: rotation is 'x'"),
        (BOX.format('frame="0"').replace('xbr="1"', 'xbr="-1"'), "track 0, frame 0: the box (0, 0) to (-1, 2) has its corners"),
        (BOX.format('frame="0"')[:60], "not well-formed XML"),
        ('<annotations><track id="-1"/></annotations>', "a track's id is -1"),
        ('<annotations><track id="0"><polygon frame="0" points="1,2;x"/></track></annotations>', "track 0, frame 0: points are '1,2;x'"),
        ('<Tracks><particle><detection t="0" x="1"/></particle></Tracks>', "particle 0: has no y"),
        ('<TrackMate><Model><Spot ID="a"/></Model></TrackMate>', "spot a: has no POSITION_X"),
    ],
)
def test_bad_markup_is_named(text: str, told: str, tmp_path: Path):
    assert refused(file(tmp_path, text)).startswith(told)


@pytest.mark.parametrize(
    ("images", "notes", "told"),
    [
        ([1], [], "image 0: has no whole number as its id"),
        ([IMAGE, IMAGE], [], "image 1: a second image has the id 1"),
        ([{"id": 1, "file_name": "a.jpg"}], [], "image 1 ('a.jpg') has neither a frame_id nor a number"),
        ([IMAGE], ["x"], "annotation 0: is 'x', no object"),
        ([IMAGE], [{**NOTE, "image_id": 9}], "annotation 4: image_id '9' is no image"),
        ([IMAGE], [{**NOTE, "track_id": None}], "annotation 4: has no track_id"),
        ([IMAGE], [{**NOTE, "bbox": [float("nan"), 2, 3, 4]}], "annotation 4: the bbox is '[nan, 2, 3, 4]'"),
        ([IMAGE], [{**NOTE, "bbox": [1, 2, -3, 4]}], "annotation 4: the bbox is '[1, 2, -3, 4]'"),
        ([IMAGE], [{**NOTE, "segmentation": {"size": [10**6, 10**6], "counts": "a"}}], "annotation 4: the segmentation can't be read"),
        ([IMAGE], [{**NOTE, "segmentation": {"size": [2, 2], "counts": "o" * 10**6}}], "annotation 4: the segmentation can't be read"),
        ([IMAGE], [{**NOTE, "segmentation": [[1, 2, 3]]}], "annotation 4: the segmentation can't be read"),
        ([IMAGE], [{**NOTE, "id": 10**400, "track_id": -1}], "annotation 0: the track -1 is no number"),
    ],
)
def test_bad_json_is_named(images: list[Any], notes: list[Any], told: str, tmp_path: Path):
    path = file(tmp_path, json.dumps({"images": images, "annotations": notes}))
    assert refused(path).startswith(told)


@pytest.mark.parametrize("text", ["{", '{"images": []}', '{"images": ' + "[" * 100_000, '{"images": 1, "annotations": 2}'])
def test_json_that_is_no_data_set(text: str, tmp_path: Path):
    assert refused(file(tmp_path, text))


def test_an_unknown_category_is_named(tmp_path: Path):
    data = {"images": [IMAGE], "annotations": [{**NOTE, "category_id": 3}], "categories": [{"id": 1, "name": "ball"}]}
    assert refused(file(tmp_path, json.dumps(data))).startswith("annotation 4: category_id '3' is no category")


@pytest.mark.parametrize("format", ["sleap", "trackmate", "trackpy"])
def test_a_table_of_blank_lines(format: str, tmp_path: Path):
    assert refused(file(tmp_path, "\x0c\n"), format=format).startswith("is empty")


def test_what_is_missing_is_asked_for(tmp_path: Path):
    path = file(tmp_path, HEAD)
    assert "give video=, whose time stamps then count, or frame_interval= in seconds" in refused(path, UsageError, frame_interval=None)
    assert "unit 'm' needs a scale" in refused(path, UsageError, unit="m")


def test_a_file_with_nothing_in_it(tmp_path: Path):
    assert refused(file(tmp_path, "frame,x,y,particle\n0,,,1\n"), NothingFoundError).startswith("holds no sighting")
    doubtful = "scorer,a,a,a\nbodyparts,n,n,n\ncoords,x,y,likelihood\n0,1,2,0.1\n"
    assert "lower least_score" in refused(file(tmp_path, doubtful), NothingFoundError)


def test_a_file_larger_than_can_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "huge.csv"
    with path.open("wb") as stream:
        stream.truncate(contents.MAX_BYTES + 1)  # holes: no room on the disk
    assert refused(path).startswith("has 256 MiB; at most 256")
    monkeypatch.setattr(sightings, "MOST_ROWS", 1)
    assert refused(file(tmp_path, HEAD + "1,1,2,0\n")).startswith("holds more than 1 sightings")


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ("0 1e100", "row 4: the time 1e+100 s is out of all proportion"),
        ("0 1e-100", "row 4: a second sighting of track 'a' in frame 0, after row 3"),
        ("0 inf", "row 4, column 't': 'inf' is no finite number"),
        ("0 nan", "row 4, column 't': the time is unknown"),
    ],
)
def test_times_that_cannot_be(times: str, told: str, tmp_path: Path):
    rows = [f"{time} 1 2" for time in times.split()]
    path = file(tmp_path, "\n".join(["a", "t x y", *rows]))
    assert refused(path, unit="m", frame_interval=None).startswith(told)


def test_times_that_contradict_the_frames(tmp_path: Path):
    path = file(tmp_path, "a\nframe t x y\n0 0.5 1 2\n1 0.4 1 2\n")
    told = "row 4: the time of frame 1 is 0.4 s, and that of frame 0 0.5 s (row 3)"
    assert refused(path, unit="m", frame_interval=None).startswith(told)
    text = '<Tracks spaceUnits="pixel" frameInterval="1e300" timeUnits="sec"><particle><detection t="0" x="1" y="2"/></particle></Tracks>'
    assert refused(file(tmp_path, text), frame_interval=None).startswith("its frames are 1e+300 s apart")


def test_what_is_no_file(tmp_path: Path):
    for path, told in ((tmp_path, "it is no file"), (tmp_path / "none.csv", "there is no such file"), (Path("/dev/zero"), "it is no file")):
        assert told in refused(path)
    with pytest.raises(UsageError, match="3 is no path"):
        import_tracks(3)  # type: ignore[arg-type]


def test_a_file_name_with_line_breaks_is_told_on_one_line(tmp_path: Path):
    path = file(tmp_path, HEAD + "1,x,2,0\n", "a\nb\x1b.csv")
    with pytest.raises(InputError) as caught:
        import_tracks(path, frame_interval=1)
    assert "a b .csv: row 3, column 'x'" in str(caught.value)


def test_names_and_labels_of_any_kind_come_through_on_one_line(tmp_path: Path):
    table = "#multi:\n\t=cmd()|'x'!A1\t\tКугел\u202eя\t\t\nt\tx\ty\tx\ty\n0\t1\t2\t3\t4\n"
    states = import_tracks(file(tmp_path, table), unit="m")
    assert states.labels == {1: "=cmd()|'x'!A1", 2: "Кугел я"}
    states.to_csv(tmp_path / "states.csv")
    assert "'=cmd()" in (tmp_path / "states.csv").read_text()  # a text, for spreadsheets
    note = {**NOTE, "category_id": 1}
    data = {"images": [IMAGE], "annotations": [note], "categories": [{"id": 1, "name": "a\nb\ud800" + "c" * 500}]}
    label = import_tracks(file(tmp_path, json.dumps(data)), frame_interval=1).labels[1]
    assert label.startswith("a b c")
    assert len(label) == 200


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_tell_the_encoding(encoding: str, tmp_path: Path):
    states = import_tracks(file(tmp_path, "Kügel\nt\tx\ty\n0\t1\t2\n".encode(encoding)), unit="m")
    assert states.labels == {1: "Kügel"}


def test_another_encoding_is_read_where_it_is_named(tmp_path: Path):
    path = file(tmp_path, "Kügel\nt\tx\ty\n0\t1\t2\n".encode("cp1252"))
    assert import_tracks(path, unit="m", encoding="cp1252").labels == {1: "Kügel"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"frame_interval": 0}, "frame_interval 0"),
        ({"frame_interval": 1e100}, "frame_interval 1e+100"),
        ({"frame_interval": 1e-100}, "frame_interval 1e-100"),
        ({"frame_interval": None, "times": [0, 1e-100]}, "times must be seconds"),
        ({"frame_interval": None, "times": [0, 1e100]}, "times must be seconds"),
        ({"frame_interval": float("nan")}, "frame_interval nan"),
        ({"frame_interval": "1"}, "frame_interval '1'"),
        ({"frame_interval": None, "times": [0, 0]}, "times must be seconds"),
        ({"times": [0, 1]}, "give one"),
        ({"first_frame": -1}, "first_frame -1"),
        ({"least_score": 2}, "least_score 2"),
        ({"encoding": "nope"}, "unknown encoding 'nope'"),
        ({"encoding": "base64"}, "unknown encoding 'base64'"),
        ({"format": "tracpy"}, "unknown format 'tracpy'; did you mean 'trackpy'"),
        ({"unit": ""}, "a length unit is a word"),
        ({"calibration": 3}, "calibration 3"),
        ({"only": "a"}, "none but COCO files hold several videos"),
        ({"video": 3}, "video=3 must be a path"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], told: str, tmp_path: Path):
    assert told in refused(file(tmp_path, HEAD), UsageError, **options)


@pytest.mark.parametrize(("size", "interval"), [(1e-40, 0.1), (1e7, 0.1), (1.0, 1e-9), (1.0, 1e9)])
def test_sizes_beyond_reason_give_errors_that_are_positive(size: float, interval: float, tmp_path: Path):
    rows = [f"{k},{size * (k + 0.01 * (-1) ** k)!r},{size * k * k / 9!r},0" for k in range(9)]
    states = import_tracks(file(tmp_path, "\n".join(["frame,x,y,particle", *rows])), frame_interval=interval)
    assert (states["sigma_x"] > 0).all()
    assert states["sigma_x"][0] < size


def test_a_video_that_breaks_off_is_told_of_and_gives_the_times_there_are(tmp_path: Path):
    video = tmp_path / "film.mp4"
    falling_ball(frame_count=20, frame_rate=10.0, width=160, height=120).write(video)
    with pytest.raises(UsageError, match="video and times both say"):
        import_tracks(file(tmp_path, HEAD), video=video, times=[0, 1])
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 3 // 4])
    states = import_tracks(file(tmp_path, HEAD + "1,1,2,0\n2,1,2,0\n"), video=open_video(video))
    assert states["time_s"].tolist() == pytest.approx([0, 0.1, 0.2])
    assert any("'film.mp4' breaks off after frame" in line for line in states.meta.warnings)
    assert "is not in 'film.mp4'" in refused(file(tmp_path, HEAD + "19,1,2,0\n"), video=video, frame_interval=None)
