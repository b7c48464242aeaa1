"""What each tool's layout means: offsets, units, ids, names, what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_tracks import coco_data, fall

from kinescribe.annotation.importing import import_tracks
from kinescribe.errors import InputError, UsageError
from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.rle import encode_mask
from kinescribe.states import Calibration, States


def read(folder: Path, name: str, text: str, **options: Any) -> States:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return import_tracks(path, **options)


def track(body: str, id_: int = 0, label: str = "ball") -> str:
    return f'<track id="{id_}" label="{label}">{body}</track>'


def box(frame: int, x: float = 10, y: float = 20, w: float = 4, h: float = 6, inside: str = "", **flags: str) -> str:
    said = "".join(f' {name}="{value}"' for name, value in flags.items())
    return f'<box frame="{frame}"{said} xtl="{x}" ytl="{y}" xbr="{x + w}" ybr="{y + h}">{inside}</box>'


def cvat(folder: Path, *tracks: str, **options: Any) -> States:
    return read(folder, "a.xml", f"<annotations>{''.join(tracks)}</annotations>", **{"frame_interval": 0.1, **options})


def test_cvat_counts_from_the_corner_and_we_from_the_middle_of_a_pixel(tmp_path: Path):
    states = cvat(tmp_path, track(box(2)))
    assert (states["x_px"][0], states["y_px"][0]) == (11.5, 22.5)
    assert [states[f"bbox_{side}"][0] for side in "xywh"] == [10, 20, 4, 6]
    assert states["frame"].tolist() == [2]
    assert states["time_s"].tolist() == [0.2]
    assert states.meta.configuration["imported"]["pixel_offset"] == -0.5


def test_cvat_key_frames_are_seen_and_those_between_filled_in(tmp_path: Path):
    shapes = [box(0, keyframe="1"), box(1, keyframe="0"), box(2, keyframe="1", occluded="1"), box(3, keyframe="1", outside="1")]
    states = cvat(tmp_path, track("".join(shapes)))
    assert states["status"].tolist() == ["observed", "interpolated", "occluded"]
    assert states.meta.objects[0].frames_seen == 1


def test_cvat_shapes_and_what_has_no_middle(tmp_path: Path):
    shapes = (
        '<ellipse frame="0" cx="10" cy="20" rx="3" ry="2"/><points frame="1" points="5,6"/>'
        '<polygon frame="2" points="0,0;6,0;0,3"/><polyline frame="3" points="0,0;1,1"/><points frame="4" points="1,1;2,2"/>'
    )
    states = cvat(tmp_path, track(shapes), track(box(0, rotation="30"), 1))
    one = states.of(0)
    assert one["x_px"].tolist() == pytest.approx([9.5, 4.5, 1.5])
    assert one["y_px"].tolist() == pytest.approx([19.5, 5.5, 0.5])
    assert one["bbox_w"][[0, 2]].tolist() == [6, 6]
    assert np.isnan(one["bbox_w"][1])
    assert np.isnan(states.of(1)["bbox_x"][0])  # a turned box is not upright
    assert [line for line in states.meta.warnings if "polyline" in line]


def test_cvat_object_ids_come_back_and_tracks_drawn_by_hand_get_new_ones(tmp_path: Path):
    said = '<attribute name="object_id">{}</attribute><attribute name="verified">{}</attribute>'
    tracks = [
        track(box(0, inside=said.format(7, "true")), 0),
        track(box(0, 40, inside=said.format(0, "false")), 1, "new"),
        track(box(0, 60, inside=said.format(3, "false")), 2),
    ]
    states = cvat(tmp_path, *tracks)
    assert states.labels == {3: "ball", 7: "ball", 8: "new"}
    assert states["label_verified"].tolist() == ["unchecked", "yes", "unchecked"]


def test_cvat_two_tracks_of_one_object_in_a_frame_are_told(tmp_path: Path):
    said = '<attribute name="object_id">7</attribute>'
    with pytest.raises(InputError, match=r"track 1: a second sighting of track '7' in frame 0, after track 0"):
        cvat(tmp_path, track(box(0, inside=said), 0), track(box(0, inside=said), 1))


def test_coco_middle_of_the_outline_counts_until_the_box_is_moved(tmp_path: Path):
    data = coco_data(fall(count=3))
    notes = data["annotations"]
    triangle = [10.0, 10.0, 40.0, 10.0, 10.0, 40.0]
    for note in notes:
        note |= {"bbox": [10.0, 10.0, 30.0, 30.0], "segmentation": [triangle]}
    notes[1]["bbox"] = [15.0, 10.0, 30.0, 30.0]
    notes[2] |= {"bbox": [2, 1, 2, 3], "segmentation": {"size": [6, 8], "counts": [6 * 2 + 1, 3, 3, 3, 6 * 5 - 4]}}
    states = read(tmp_path, "a.json", json.dumps(data), frame_interval=0.1)
    assert states["x_px"].tolist() == pytest.approx([19.5, 29.5, 2.5])
    assert states["y_px"].tolist() == pytest.approx([19.5, 24.5, 2.0])
    assert any("of 1 annotations box and outline lie apart" in line for line in states.meta.warnings)


def test_coco_compressed_masks_and_outlines_in_pieces(tmp_path: Path):
    mask = np.zeros((5, 4), np.uint8)
    mask[1:4, 0:2] = 255
    mask[1, 1] = 0
    data = coco_data(fall(count=2))
    data["annotations"][0] |= {"bbox": [3, 5, 2, 3], "segmentation": encode_mask(MaskCrop(3, 4, mask > 0), 40, 30)}
    pieces = [[0.0, 0.0, 2.0, 0.0, 2.0, 2.0], [8.0, 8.0, 9.0, 8.0, 9.0, 9.0]]
    data["annotations"][1] |= {"bbox": [0, 0, 9, 9], "segmentation": pieces}
    states = read(tmp_path, "a.json", json.dumps(data), frame_interval=0.1)
    assert states["x_px"].tolist() == pytest.approx([3.4, 4])
    assert states["y_px"].tolist() == pytest.approx([(5 + 6 + 7 + 6 + 7) / 5, 4])


def test_coco_of_several_videos_wants_a_choice(tmp_path: Path):
    data = coco_data(fall(count=4))
    data["videos"] = [{"id": 1, "name": "a.mp4"}, {"id": 2, "name": "b.mp4"}]
    for k, image in enumerate(data["images"]):
        image |= {"video_id": 1 + k % 2, "frame_id": k // 2, "time_s": k // 2 * 0.25}
    with pytest.raises(UsageError, match=r"2 videos: 'a\.mp4', 'b\.mp4': choose one with only="):
        read(tmp_path, "a.json", json.dumps(data))
    with pytest.raises(UsageError, match=r"no video 'c\.mp4'"):
        read(tmp_path, "a.json", json.dumps(data), only="c.mp4")
    states = read(tmp_path, "a.json", json.dumps(data), only="b.mp4")
    assert states["frame"].tolist() == [0, 1]
    assert states["time_s"].tolist() == [0, 0.25]
    assert states.meta.video is not None
    assert (states.meta.video.name, states.meta.video.width) == ("b.mp4", 640)


def test_coco_flags_scores_and_crowds(tmp_path: Path):
    data = coco_data(fall(count=3))
    data["annotations"][0] |= {"attributes": {"occluded": True, "verified": True}, "score": 0.7}
    data["annotations"][1]["iscrowd"] = 1
    del data["annotations"][2]["track_id"]
    data["annotations"][2]["attributes"] = {"track_id": 9}
    states = read(tmp_path, "a.json", json.dumps(data), frame_interval=0.1)
    assert states["object_id"].tolist() == [7, 9]
    assert states["status"].tolist() == ["occluded", "observed"]
    assert states["label_verified"].tolist() == ["yes", "unchecked"]
    assert states["detection_score"][0] == 0.7
    assert "1 annotations of crowds were left out" in states.meta.warnings


SEVERAL = "#multi:\n{d}mass A{d}{d}Ball 2{d}\nt{d}x{d}y{d}x{d}y\n0{d}1{d}2{d}3{d}4\n0.5{d}1.5{d}2.5{d}{d}\n"


@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_tracker_several_tracks_in_any_delimiter(delimiter: str, tmp_path: Path):
    states = read(tmp_path, "a.txt", SEVERAL.format(d=delimiter), unit="m")
    assert states.labels == {1: "mass A", 2: "Ball 2"}
    assert states.of(1)["x"].tolist() == [1, 1.5]
    assert states.of(2)["y"].tolist() == [4]
    assert states.meta.calibration is not None
    assert states.meta.calibration.y_up


def test_tracker_units_frames_and_decimal_commas(tmp_path: Path):
    states = read(tmp_path, "a.csv", "mass A\nframe;t (ms);x (cm);y (cm)\n3;100;1,5;-2,25\n4;140;1,75;−3\n", first_frame=3)
    assert states.unit == "cm"
    assert states["frame"].tolist() == [0, 1]
    assert states["time_s"].tolist() == pytest.approx([0.1, 0.14])
    assert states["y"].tolist() == [-2.25, -3]


def test_tracker_with_spaces_between_the_cells(tmp_path: Path):
    states = read(tmp_path, "a.txt", "  cm_A\n  t        x        y\n  0.0E0    1.25E1   -1.3E1\n  3.2E-2   1.16E1   -1.2E1\n", unit="cm")
    assert states["x"].tolist() == [12.5, 11.6]
    assert states.labels == {1: "cm_A"}


def test_tracker_says_nothing_of_its_unit_so_the_caller_must(tmp_path: Path):
    with pytest.raises(UsageError, match="doesn't name the unit of its lengths: give unit='m'"):
        read(tmp_path, "a.txt", "mass A\nt\tx\ty\n0\t1\t2\n")
    with pytest.raises(UsageError, match="y axis points up, and that of the calibration down"):
        read(tmp_path, "a.txt", "mass A\nt\tx\ty\n0\t1\t2\n", calibration=Calibration.pixels())
    with pytest.raises(UsageError, match="the file says 'cm', calibration= says 'm'"):
        read(tmp_path, "a.txt", "mass A\nt\tx (cm)\ty (cm)\n0\t1\t2\n", calibration=Calibration.from_scale(100, "m"))


def test_tracker_two_rows_of_one_moment_are_told(tmp_path: Path):
    text = "mass A\nt\tx\ty\n0.2\t1\t2\n0.201\t1\t2\n"
    with pytest.raises(InputError, match=r"row 4: the time of frame 4 is 0.201 s, and that of frame 4 0.2 s \(row 3\)"):
        read(tmp_path, "a.txt", text, unit="m", frame_interval=0.05)


def test_tracker_frames_follow_from_a_given_interval(tmp_path: Path):
    text = "mass A\nt\tx\ty\n0.2\t1\t2\n0.1\t1\t2\n"
    assert read(tmp_path, "a.txt", text, unit="m")["frame"].tolist() == [0, 1]
    assert read(tmp_path, "a.txt", text, unit="m", frame_interval=0.05)["frame"].tolist() == [2, 4]
    with pytest.raises(InputError, match=r"row 3: the time 0.2 s is no whole number of frame intervals of 0.07 s"):
        read(tmp_path, "a.txt", text, unit="m", frame_interval=0.07)


MICRONS = "TRACK_ID,POSITION_X,POSITION_Y,POSITION_T,FRAME,RADIUS\na,x,y,t,f,r\na,x,y,t,f,r\n,(micron),(micron),(sec),,(micron)\n"


def test_trackmate_lengths_are_in_its_unit_with_y_down(tmp_path: Path):
    text = MICRONS + "2,10,20,0.5,1,1.5\nNone,1,1,0.5,1,2\n2,11,21,1.0,2,1.5\n"
    states = read(tmp_path, "a.csv", text)
    assert (states.unit, states["y"].tolist(), states["width"].tolist()) == ("um", [20, 21], [3, 3])
    assert states.meta.calibration is not None
    assert not states.meta.calibration.y_up
    assert np.isnan(states["x_px"]).all()
    assert any("how many pixels one um spans" in line for line in states.meta.warnings)
    assert "1 spots that belong to no track were left out" in states.meta.warnings
    placed = read(tmp_path, "a.csv", text, calibration=Calibration.from_scale(4, "um", origin=(0, 400)))
    assert placed["x_px"].tolist() == [40, 44]
    assert placed["y"].tolist() == [80, 79]
    with pytest.raises(UsageError, match="the file says 'um', calibration= says 'mm'"):
        read(tmp_path, "a.csv", text, calibration=Calibration.from_scale(4, "mm"))


def test_trackmate_times_in_frames_are_no_times(tmp_path: Path):
    text = MICRONS.replace("(sec)", "(frame)") + "2,10,20,1,1,1\n2,11,21,2,2,1\n"
    with pytest.raises(UsageError, match="frame_interval= in seconds"):
        read(tmp_path, "a.csv", text)
    assert read(tmp_path, "a.csv", text, frame_interval=0.5)["time_s"].tolist() == [0.5, 1]


def test_trackmate_session_keeps_the_filtered_tracks_alone(tmp_path: Path):
    spots = "".join(f'<Spot ID="{i}" POSITION_X="{i}" POSITION_Y="2" FRAME="{i % 2}" POSITION_T="{i % 2}"/>' for i in range(4))
    tracks = '<Track TRACK_ID="0"><Edge SPOT_SOURCE_ID="0" SPOT_TARGET_ID="1"/></Track>'
    tracks += '<Track TRACK_ID="1"><Edge SPOT_SOURCE_ID="2" SPOT_TARGET_ID="3"/></Track>'
    text = (
        f'<TrackMate><Model spatialunits="pixel" timeunits="frame"><AllSpots>{spots}</AllSpots><AllTracks>{tracks}</AllTracks>'
        '<FilteredTracks><TrackID TRACK_ID="1"/></FilteredTracks></Model></TrackMate>'
    )
    states = read(tmp_path, "a.xml", text, frame_interval=0.1)
    assert states["object_id"].tolist() == [1, 1]
    assert states["x_px"].tolist() == [2, 3]


DLC = "scorer,net,net,net,net,net,net\n{individuals}bodyparts,nose,nose,nose,tail,tail,tail\ncoords,x,y,likelihood,x,y,likelihood\n"


def test_deeplabcut_parts_and_what_it_is_unsure_of(tmp_path: Path):
    text = DLC.format(individuals="") + "0,1,2,0.99,5,6,0.2\n1,1.5,2.5,0.59,,,0.9\n"
    states = read(tmp_path, "a.csv", text, frame_interval=0.1)
    assert states.labels == {1: "nose"}
    assert any(line.startswith("2 sightings with a score below") for line in states.meta.warnings)
    every = read(tmp_path, "a.csv", text, frame_interval=0.1, least_score=0)
    assert every["detection_score"].tolist() == [0.99, 0.2, 0.59]
    assert every.labels == {1: "nose", 2: "tail"}


def test_deeplabcut_several_animals(tmp_path: Path):
    text = DLC.format(individuals="individuals,mouse1,mouse1,mouse1,single,single,single\n") + "0,1,2,1,5,6,1\n"
    assert read(tmp_path, "a.csv", text, frame_interval=0.1).labels == {1: "mouse1 nose", 2: "tail"}


def test_sleap_nodes_of_every_track(tmp_path: Path):
    text = "track,frame_idx,instance.score,nose.x,nose.y,nose.score,tail.x,tail.y,tail.score\n"
    text += "ant_1,0,0.9,1,2,1.3,3,4,0.5\nant_2,0,0.9,5,6,0.8,,,\n"
    states = read(tmp_path, "a.csv", text, frame_interval=0.1)
    assert states.labels == {1: "ant_1 nose", 2: "ant_1 tail", 3: "ant_2 nose"}
    assert states["detection_score"].tolist() == [1, 0.5, 0.8]


def test_times_of_the_video_stand_in_for_an_interval(tmp_path: Path):
    text = "frame,x,y,particle\n0,1,2,0\n2,1,2,0\n"
    states = read(tmp_path, "a.csv", text, times=[5.0, 5.1, 5.3])
    assert states["time_s"].tolist() == pytest.approx([0, 0.3])
    assert states.meta.time is not None
    assert not states.meta.time.regular
    with pytest.raises(InputError, match="row 3: the frame 2 has no time: times= holds 2"):
        read(tmp_path, "a.csv", text, times=[0, 0.1])


def test_a_given_interval_counts_more_than_the_files_and_is_told(tmp_path: Path):
    text = MICRONS + "2,10,20,0.5,1,1.5\n2,11,21,1.0,2,1.5\n"
    states = read(tmp_path, "a.csv", text, frame_interval=0.1)
    assert states["time_s"].tolist() == pytest.approx([0.1, 0.2])
    assert any("0.5 s apart; the 0.1 s of frame_interval count" in line for line in states.meta.warnings)


def test_frames_that_count_from_one(tmp_path: Path):
    states = read(tmp_path, "a.csv", "frame,x,y,particle\n2,1,2,0\n1,3,4,0\n", frame_interval=0.1, first_frame=1)
    assert states["frame"].tolist() == [0, 1]
    assert states["x"].tolist() == [3, 1]


def test_trackpy_with_the_frame_as_index_too(tmp_path: Path):
    states = read(tmp_path, "a.csv", "frame,y,x,frame,particle\n4,2,1,4,0\n", frame_interval=0.1)
    assert states["frame"].tolist() == [4]
    with pytest.raises(InputError, match="row 2: two columns 'frame' say different things"):
        read(tmp_path, "a.csv", "frame,y,x,frame,particle\n4,2,1,5,0\n", frame_interval=0.1)


def test_a_trackmate_track_that_splits_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="row 6: a second sighting of track '2' in frame 1, after row 5"):
        read(tmp_path, "a.csv", MICRONS + "2,10,20,0.5,1,1\n2,30,20,0.5,1,1\n")


def test_times_of_one_frame_that_differ_in_the_last_digit_are_one(tmp_path: Path):
    states = read(tmp_path, "a.csv", MICRONS + "1,10,20,0.50000001,1,1\n2,30,20,0.5,1,1\n2,31,20,1,2,1\n")
    assert states["time_s"].tolist() == [0.50000001, 0.50000001, 1]


@pytest.mark.parametrize("unit", ["um", "µm", "micron"])
def test_one_unit_has_several_names(unit: str, tmp_path: Path):
    calibration = Calibration.from_scale(4, unit)
    states = read(tmp_path, "a.csv", MICRONS + "2,10,20,0.5,1,1.5\n", calibration=calibration)
    assert states["x_px"].tolist() == [40]


def test_times_before_the_first_frames_zero(tmp_path: Path):
    states = read(tmp_path, "a.txt", "mass A\nt\tx\ty\n-0.1\t1\t2\n0.1\t3\t4\n", unit="m", frame_interval=0.1)
    assert states["frame"].tolist() == [0, 2]
    assert states["time_s"].tolist() == [-0.1, 0.1]


def test_a_score_that_is_the_least_is_enough(tmp_path: Path):
    states = read(tmp_path, "a.csv", DLC.format(individuals="") + "0,1,2,0.6,5,6,0.5999\n", frame_interval=0.1)
    assert states["detection_score"].tolist() == [0.6]


def test_places_that_nobody_measured_have_a_velocity_and_no_error(tmp_path: Path):
    shapes = "".join(box(k, 10 + 3 * k, keyframe="0" if k == 4 else "1") for k in range(9))
    states = cvat(tmp_path, track(shapes))
    assert states["status"][4] == "interpolated"
    assert np.isnan(states["sigma_x"]).nonzero()[0].tolist() == [4]
    assert states["vx"][4] == pytest.approx(30, rel=0.01)


def test_two_videos_of_one_name_are_told_apart(tmp_path: Path):
    data = coco_data(fall(count=2))
    data["videos"] = [{"id": 1, "name": "a.mp4"}, {"id": 2, "name": "a.mp4"}]
    for k, image in enumerate(data["images"]):
        image |= {"video_id": 1 + k, "frame_id": 5 + k}
    states = read(tmp_path, "a.json", json.dumps(data), frame_interval=0.1, only="a.mp4 (2)")
    assert states["frame"].tolist() == [6]
