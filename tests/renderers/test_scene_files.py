"""Scenes as folders: written whole, read back, edited by hand, and nothing outside of them is touched."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_scenes import scene_video

from kinescribe.errors import InputError, UsageError
from kinescribe.renderers import Scene, SceneObject, Sprite
from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import PoseTable


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    video, states, _ = scene_video()
    scene = Scene.from_video(video, states)
    path = tmp_path_factory.mktemp("scenes") / "scene"
    scene.write(path)
    return path, scene, states


def copied(folder, tmp_path: Path) -> Path:
    _, scene, _ = folder
    path = tmp_path / "copy"
    scene.write(path)
    return path


def edited(path: Path, **changes: object) -> None:
    model = json.loads((path / "scene.json").read_text())
    model.update(changes)
    (path / "scene.json").write_text(json.dumps(model))


def test_what_is_written_draws_the_same(folder):
    path, scene, states = folder
    again = Scene.read(path)
    assert sorted(again.objects) == [1, 2]
    poses = PoseTable.of(states).poses[7]
    difference = compose(scene, poses).astype(int) - compose(again, poses)
    assert np.abs(difference).max() <= 4  # eight bits of colour and alpha
    assert {part.name for part in path.iterdir()} == {"plate.png", "confidence.png", "scene.json", "sprites"}


def test_people_may_edit_it(folder, tmp_path):
    path = copied(folder, tmp_path)
    # a sprite of one's own, without alpha
    cv2.imwrite(str(path / "sprites" / "mine.png"), np.full((12, 12, 3), (0, 0, 255), np.uint8))
    model = json.loads((path / "scene.json").read_text())
    model["objects"][0]["sprites"] = [{"file": "sprites/mine.png", "anchor": [5.5, 5.5]}]
    model["objects"][0]["depth"] = 9
    (path / "scene.json").write_text(json.dumps(model))
    scene = Scene.read(path)
    assert scene.ordered([1, 2]) == [2, 1]
    poses = PoseTable.of(folder[2]).poses[7]
    (mine,) = [pose for pose in poses if pose.object_id == 1]
    assert compose(scene, poses)[round(mine.y), round(mine.x)].tolist() == [0, 0, 255]


def test_a_folder_that_holds_something_is_left_alone(folder, tmp_path):
    _, scene, _ = folder
    path = tmp_path / "full"
    path.mkdir()
    (path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds something already"):
        scene.write(path)
    assert [part.name for part in path.iterdir()] == ["thesis.txt"]
    scene.write(path, overwrite=True)
    assert (path / "thesis.txt").read_text() == "mine"
    with pytest.raises(UsageError, match="is a file: a scene is a folder"):
        scene.write(path / "thesis.txt")
    with pytest.raises(UsageError, match="there is no folder"):
        scene.write(tmp_path / "a" / "b")


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "sprites/../../secret.png", "link.png", "a\x00b.png", "C:\\x.png"])
def test_nothing_outside_the_folder_is_read(folder, tmp_path, name):
    path = copied(folder, tmp_path)
    (tmp_path / "secret.png").write_bytes((path / "plate.png").read_bytes())
    (path / "link.png").symlink_to(tmp_path / "secret.png")
    edited(path, plate=name)
    with pytest.raises(InputError, match=r"points outside its folder|No such file|no picture"):
        Scene.read(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"width": 99}, "the plate 'plate.png' is 160×120, the scene 99×120"),
        ({"plate": "gone.png"}, "No such file"),
        ({"plate": "scene.json"}, "no picture that can be read"),
        ({"format_version": 2}, "format_version: Input should be less than or equal to 1"),
        ({"extra": 1}, "extra: Extra inputs are not permitted"),
        ({"objects": [{"id": 1, "sprites": []}]}, "object 1 has no sprite, and no colour and shape"),
        ({"objects": [{"id": 1, "sprites": [{"file": "sprites/1_1.png", "anchor": [1e999, 0]}]}]}, "finite"),
    ],
)
def test_damage_is_told_in_one_line(folder, tmp_path, change, said):
    path = copied(folder, tmp_path)
    edited(path, **change)
    with pytest.raises(InputError) as told:
        Scene.read(path)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_no_scene_says_what_makes_one(tmp_path):
    with pytest.raises(InputError, match="`kinescribe scene` makes one"):
        Scene.read(tmp_path)
    (tmp_path / "scene.json").write_text("{")
    with pytest.raises(InputError, match="Invalid JSON"):
        Scene.read(tmp_path)


def test_an_object_stands_there_once(folder, tmp_path):
    path = copied(folder, tmp_path)
    model = json.loads((path / "scene.json").read_text())
    edited(path, objects=[model["objects"][0]] * 2)
    with pytest.raises(InputError, match="object 1 stands there twice"):
        Scene.read(path)


def png(width: int, height: int) -> bytes:
    """The head of a PNG that claims a size."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", width, height) + bytes([8, 6, 0, 0, 0]) + b"\0" * 8


def test_pictures_are_bounded_before_they_are_unpacked(folder, tmp_path, monkeypatch):
    path = copied(folder, tmp_path)
    sprite = path / "sprites" / "1_1.png"
    good = sprite.read_bytes()
    sprite.write_bytes(png(60_000, 60_000))
    with pytest.raises(InputError, match="60000×60000 pixels are too many"):
        Scene.read(path)
    sprite.write_bytes(b"BM" + b"\0" * 100)
    with pytest.raises(InputError, match="pictures are PNG files"):
        Scene.read(path)
    sprite.unlink()
    os.mkfifo(sprite)
    with pytest.raises(InputError, match="no picture that can be read"):
        Scene.read(path)
    sprite.unlink()
    sprite.write_bytes(good)
    monkeypatch.setattr("kinescribe.renderers.pictures.MOST_SPRITE_PIXELS", 100)
    with pytest.raises(InputError, match="more than 100 pixels in all"):
        Scene.read(path)


def test_every_field_comes_back(tmp_path):
    light, cover = np.full((4, 6, 3), 90.0, np.float32), np.ones((4, 6), np.float32)
    views = tuple(Sprite(light, cover, (2.5, 1.5), 0.25, 2, (3.0, 2.0), at) for at in (10.0, 50.0))
    star = ((-5.0, -5.0), (5.0, -5.0), (0.0, 8.0))
    things = [
        SceneObject(1, "ball", "disc", views, 4, True, (3.0, 2.0), (1.0, 2.0, 3.0), "whole", (), True, "x"),
        SceneObject(2, "star", "blob", (), 1, False, (10.0, 9.0), (9.0, 8.0, 7.0), "soft", star),
    ]
    scene = Scene(np.zeros((20, 30, 3), np.float32), np.ones((20, 30), np.float32), {one.object_id: one for one in things}, 0.02)
    scene.write(tmp_path / "scene")
    back = Scene.read(tmp_path / "scene")
    assert back.exposure == 0.02
    for one in things:
        other = back.objects[one.object_id]
        for name in ("label", "shape", "depth", "turns", "size", "color", "edges", "outline", "plain", "views_by"):
            assert getattr(other, name) == getattr(one, name), name
    for one, other in zip(views, back.objects[1].sprites, strict=True):
        assert (other.anchor, other.fineness, other.size, other.at) == (one.anchor, 2, one.size, one.at)
        assert other.angle == pytest.approx(0.25)
        assert np.abs(other.color - one.color).max() < 1


def test_no_dark_rim_for_those_who_edit(folder):
    path = folder[0]
    four = cv2.imread(str(path / "sprites" / "1_1.png"), cv2.IMREAD_UNCHANGED)
    clear = four[four[..., 3] == 0][:, :3]
    assert clear.min(axis=1).max() > 0
    assert np.abs(np.median(clear, axis=0) - [40, 210, 230]).max() < 40


def test_a_disk_that_is_full_leaves_the_old_scene_whole(folder, tmp_path, monkeypatch):
    path = copied(folder, tmp_path)
    before = {one.relative_to(path): one.read_bytes() for one in path.rglob("*") if one.is_file()}
    import kinescribe.renderers.scene_files as scene_files

    written, real = [], scene_files.write_picture

    def full(target, image):
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(target)
        real(target, image)

    monkeypatch.setattr(scene_files, "write_picture", full)
    with pytest.raises(UsageError, match="No space left on device"):
        Scene(255.0 - folder[1].plate, folder[1].confidence, folder[1].objects).write(path, overwrite=True)
    assert {one.relative_to(path): one.read_bytes() for one in path.rglob("*") if one.is_file()} == before
    assert [one.name for one in tmp_path.iterdir()] == ["copy"]


def test_faults_are_told_by_place_in_words(folder, tmp_path):
    path = copied(folder, tmp_path)
    edited(path, objects=[{"id": 1, "depth": "far", "sprites": []}])
    with pytest.raises(InputError, match=r"objects number 1, depth: Input should be a valid integer"):
        Scene.read(path)
