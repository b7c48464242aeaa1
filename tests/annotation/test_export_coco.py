import json
from pathlib import Path

import numpy as np
import pytest
from labelled_scene import FRAMES, HEIGHT, WIDTH, row, scene, table, write_masks

from kinescribe.annotation import Item, export


def exported(folder, scenes, **options):
    export([each.item for each in scenes], folder, ["coco"], **options)
    return folder / "coco" / "instances_train.json"


def test_pycocotools_reads_back_boxes_tracks_and_masks(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    made = scene(tmp_path)
    data = coco.COCO(str(exported(tmp_path / "out", [made])))
    assert [data.loadCats(k)[0]["name"] for k in sorted(data.getCatIds())] == ["+cart é", "red ball"]
    found = {}
    for annotation in data.loadAnns(data.getAnnIds()):
        place = (data.loadImgs(annotation["image_id"])[0]["frame_id"], annotation["track_id"])
        found[place] = annotation
        assert annotation["bbox"] == made.box(*place)
        assert annotation["area"] == made.masks[place].sum()
        assert np.array_equal(data.annToMask(annotation), made.masks[place])
        assert annotation["attributes"] == {"occluded": False, "verified": place[1] == 3 and place[0] < 3, "outline": "mask"}
        assert data.loadCats(annotation["category_id"])[0]["name"] == made.states.labels[place[1]]
    assert found.keys() == made.masks.keys()
    assert [image["frame_id"] for image in data.loadImgs(data.getImgIds())] == list(range(FRAMES))


def test_supervision_reads_it_with_its_pictures(tmp_path):
    import supervision

    made = scene(tmp_path)
    path = exported(tmp_path / "out", [made], pictures="png")
    data = supervision.DetectionDataset.from_coco(str(tmp_path / "out" / "images" / "train"), str(path), force_masks=True)
    assert len(data) == FRAMES
    for path, image, detections in data:
        frame = int(Path(path).stem[-6:])
        assert image.shape == (HEIGHT, WIDTH, 3)
        here = sorted(i for at, i in made.masks if at == frame)
        assert {tuple(box) for box in detections.xyxy.tolist()} == {
            (x, y, x + w, y + h) for x, y, w, h in (made.box(frame, i) for i in here)
        }
        assert np.array_equal(np.any(detections.mask, axis=0), np.any([made.masks[frame, i] for i in here], axis=0))


def test_polygons_in_place_of_run_lengths_draw_the_same(tmp_path):
    import supervision

    made = scene(tmp_path)
    export([made.item], tmp_path / "out", ["coco", "coco-polygons"])
    path = tmp_path / "out" / "coco-polygons" / "instances_train.json"
    runs, data = (json.loads(each.read_text("utf-8")) for each in (tmp_path / "out" / "coco" / path.name, path))
    assert all(isinstance(each["segmentation"], list) for each in data["annotations"])
    for annotations in (runs["annotations"], data["annotations"]):
        for each in annotations:
            del each["segmentation"]
    assert runs == data
    read = supervision.DetectionDataset.from_coco(str(tmp_path / "out" / "images" / "train"), str(path), force_masks=True)
    for path, _, detections in read:
        frame = int(Path(path).stem[-6:])
        here = [made.masks[frame, i] for i in (3, 7) if (frame, i) in made.masks]
        # the seam between two parts is drawn as a line
        assert [int((a ^ b).sum()) <= 4 for a, b in zip(detections.mask, here, strict=True)] == [True] * len(here)


def test_hidden_rows_are_marked_and_have_an_outline_of_their_own(tmp_path):
    data = json.loads(exported(tmp_path / "out", [scene(tmp_path)], hidden=True).read_text("utf-8"))
    hidden = [each for each in data["annotations"] if each["attributes"]["occluded"]]
    assert [(each["image_id"], each["track_id"], each["attributes"]["outline"]) for each in hidden] == [(3, 7, "box")]
    x, y, w, h = hidden[0]["bbox"]
    assert hidden[0]["segmentation"] == [[x, y, x + w, y, x + w, y + h, x, y + h]]


def test_without_masks_the_shape_gives_the_outline(tmp_path):
    masks = pytest.importorskip("pycocotools.mask")
    turned = row(0, 1, (14, 14, 20, 20), shape="rod", width=24.0, height=4.0, angle=np.pi / 4)
    disc = row(0, 2, (-6, 20, 12, 12), shape="disc", width=12.0, height=12.0)
    export([Item(table([turned, disc]), name="a")], tmp_path / "out", ["coco"], stride=0)
    data = json.loads((tmp_path / "out" / "coco" / "instances_train.json").read_text("utf-8"))
    rod, half = data["annotations"]
    assert [each["attributes"]["outline"] for each in (rod, half)] == ["shape", "shape"]
    assert rod["area"] == pytest.approx(24 * 4)
    corners = np.array(rod["segmentation"][0]).reshape(-1, 2)
    # the table's pixels are counted from the first one's centre, COCO's from its corner; y points down in both
    assert corners.mean(axis=0) == pytest.approx([24, 24], abs=1e-3)
    along = corners[1] - corners[0]
    assert along / np.linalg.norm(along) == pytest.approx([np.sqrt(0.5), np.sqrt(0.5)], abs=1e-3)
    # the picture's left edge cuts the disc in two
    assert half["bbox"] == [0, 20, 6, 12]
    assert half["area"] == pytest.approx(np.pi * 36 / 2, rel=0.02)
    drawn = masks.decode(masks.merge(masks.frPyObjects(half["segmentation"], HEIGHT, WIDTH)))
    assert drawn.sum() == pytest.approx(half["area"], rel=0.1)
    assert drawn[:, 7:].sum() == 0


def test_an_empty_mask_counts_as_none(tmp_path):
    write_masks(tmp_path / "a.gz", {(0, 1): np.zeros((HEIGHT, WIDTH), bool)})
    export([Item(table([row(0, 1)]), None, tmp_path / "a.gz", "a")], tmp_path / "out", ["coco"], stride=0)
    data = json.loads((tmp_path / "out" / "coco" / "instances_train.json").read_text("utf-8"))
    assert [(each["attributes"]["outline"], each["area"]) for each in data["annotations"]] == [("box", 48)]


def test_several_videos_keep_their_own_ids_and_the_parts_of_the_split_apart(tmp_path):
    scenes = [scene(tmp_path, name=f"film {k}", masks=False) for k in range(4)]
    done = export([each.item for each in scenes], tmp_path / "out", ["coco"], stride=3, split={"train": 0.5, "val": 0.5}, seed=3)
    assert sorted(name for names in done.videos.values() for name in names) == [f"film {k}" for k in range(4)]
    assert all(done.videos[part] for part in ("train", "val"))
    for part, names in done.videos.items():
        data = json.loads((tmp_path / "out" / "coco" / f"instances_{part}.json").read_text("utf-8"))
        assert len(data["videos"]) == len(names)
        assert [image["id"] for image in data["images"]] == list(range(1, 2 * len(names) + 1))
        assert len({each["id"] for each in data["annotations"]}) == len(data["annotations"]) == 4 * len(names)
        assert {image["file_name"] for image in data["images"]} == {p.name for p in (tmp_path / "out" / "images" / part).iterdir()}
        owner = {image["id"]: image["video_id"] for image in data["images"]}
        assert all(owner[each["image_id"]] == each["video_id"] for each in data["annotations"])
    assert not list((tmp_path / "out" / "coco").glob("*.part"))
