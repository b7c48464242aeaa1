"""CVAT for video 1.1: an XML file a video, whose tracks people can correct by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from kinescribe.annotation.exporting.classes import Classes
from kinescribe.annotation.exporting.keyframes import keyframes
from kinescribe.annotation.exporting.labelled import LabelledVideo
from kinescribe.annotation.exporting.rows import Row

__all__ = ["CvatExporter"]


class CvatExporter:
    """`cvat/VIDEO.xml`, and `cvat/labels.json` for the label constructor's raw view.

    Frames count from 0. Every box stands in the file; those that CVAT draws to within a pixel by itself between two others are no key
    frames, so that a correction carries over to its neighbours. CVAT gives tracks numbers of its own: the object's id is an attribute.

    Source: docs.cvat.ai/docs/manual/advanced/xml_format.
    """

    entries: ClassVar[tuple[str, ...]] = ("cvat",)
    pictures: ClassVar[bool] = False

    def __init__(self, folder: Path, classes: Classes) -> None:
        self._folder, self._classes = folder / "cvat", classes
        self._folder.mkdir()

    def add(self, video: LabelledVideo) -> None:
        """Write one video's file."""
        root = Element("annotations")
        SubElement(root, "version").text = "1.1"
        root.append(self._meta(video))
        for object_id, rows in video.tracks().items():
            root.append(_track(object_id, rows, video))
        tree = ElementTree(root)
        indent(tree)
        tree.write(self._folder / f"{video.slug}.xml", encoding="utf-8", xml_declaration=True)

    def finish(self) -> None:
        """Write the labels as CVAT's raw label view takes them."""
        attributes = [
            {"name": "object_id", "mutable": False, "input_type": "number", "default_value": "0", "values": ["0", "9999999", "1"]},
            {"name": "verified", "mutable": True, "input_type": "checkbox", "default_value": "false", "values": ["false"]},
        ]
        labels = [{"name": name, "type": "rectangle", "attributes": attributes} for name in self._classes.names]
        (self._folder / "labels.json").write_text(json.dumps(labels, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _meta(self, video: LabelledVideo) -> Element:
        meta = Element("meta")
        task = SubElement(meta, "task")
        _text(task, name=video.name, size=video.frame_count, mode="interpolation", overlap=0)
        _text(task, start_frame=0, stop_frame=max(video.frame_count - 1, 0), frame_filter="")
        labels = SubElement(task, "labels")
        for name in self._classes.names:
            label = SubElement(labels, "label")
            _text(label, name=name, type="rectangle")
            attributes = SubElement(label, "attributes")
            _text(
                SubElement(attributes, "attribute"),
                name="object_id",
                mutable="False",
                input_type="number",
                default_value=0,
                values="0\n9999999\n1",
            )
            _text(
                SubElement(attributes, "attribute"),
                name="verified",
                mutable="True",
                input_type="checkbox",
                default_value="false",
                values="false",
            )
        _text(SubElement(task, "original_size"), width=video.width, height=video.height)
        _text(task, source=video.source)
        return meta


def _track(object_id: int, rows: list[Row], video: LabelledVideo) -> Element:
    track = Element("track", id=str(object_id), label=video.classes.names[rows[0].class_index], source="auto")
    keys = keyframes(rows)
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        _box(track, row, row.frame, key=row.frame in keys, outside=False)
        gone = row.frame + 1
        if gone < video.frame_count and (after is None or after.frame > gone):
            _box(track, row, gone, key=True, outside=True)  # or CVAT would carry it on
    return track


def _box(track: Element, row: Row, frame: int, *, key: bool, outside: bool) -> None:
    x, y, w, h = row.box
    corners = {name: f"{round(place, 6):.9g}" for name, place in (("xtl", x), ("ytl", y), ("xbr", x + w), ("ybr", y + h))}
    flags = {"keyframe": str(int(key)), "outside": str(int(outside)), "occluded": str(int(row.hidden))}
    box = SubElement(track, "box", {"frame": str(frame), **flags, **corners, "z_order": "0"})
    SubElement(box, "attribute", name="object_id").text = str(row.object_id)
    SubElement(box, "attribute", name="verified").text = "true" if row.verified else "false"


def _text(parent: Element, **values: object) -> None:
    for name, value in values.items():
        SubElement(parent, name).text = str(value)
