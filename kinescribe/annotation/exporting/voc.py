"""Pascal VOC: an XML file a picture, and lists of pictures by part of the split."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from kinescribe.annotation.exporting.classes import Classes
from kinescribe.annotation.exporting.labelled import LabelledVideo
from kinescribe.annotation.exporting.rows import Row

__all__ = ["VocExporter"]


class VocExporter:
    """`voc/Annotations/*.xml`, and `voc/ImageSets/Main/SPLIT.txt`; the pictures are in `images/SPLIT`.

    Pixels count from 1 and are whole, and xmax, ymax are the last that belong to the box. `truncated`: the picture's edge cuts the object.

    Source: host.robots.ox.ac.uk/pascal/VOC, development kit of 2012.
    """

    entries: ClassVar[tuple[str, ...]] = ("voc",)
    pictures: ClassVar[bool] = True

    def __init__(self, folder: Path, classes: Classes) -> None:
        self._annotations, self._sets = folder / "voc" / "Annotations", folder / "voc" / "ImageSets" / "Main"
        self._classes = classes
        for each in (self._annotations, self._sets):
            each.mkdir(parents=True)

    def add(self, video: LabelledVideo) -> None:
        """Write the pictures' files of one video."""
        with (self._sets / f"{video.split}.txt").open("a", encoding="utf-8") as names:
            for frame, rows in video.pictured():
                names.write(f"{video.stem(frame)}\n")
                tree = ElementTree(_picture(video, frame, rows))
                indent(tree)
                tree.write(self._annotations / f"{video.stem(frame)}.xml", encoding="utf-8", xml_declaration=True)

    def finish(self) -> None:
        """Write the classes' names, one a line."""
        text = "".join(f"{name}\n" for name in self._classes.names)
        (self._sets.parent.parent / "classes.txt").write_text(text, encoding="utf-8")


def _picture(video: LabelledVideo, frame: int, rows: list[Row]) -> Element:
    root = Element("annotation")
    _text(root, folder=f"images/{video.split}", filename=video.picture(frame))
    _text(SubElement(root, "source"), database="kinescribe", annotation=video.source)
    _text(SubElement(root, "size"), width=video.width, height=video.height, depth=3)
    _text(root, segmented=0)
    for row in rows:
        thing = SubElement(root, "object")
        _text(thing, name=video.classes.names[row.class_index], pose="Unspecified")
        # an edge that cuts less than a thousandth is the rounding of a table's numbers
        _text(thing, truncated=int(row.inside < 0.999), difficult=0, occluded=int(row.hidden), track_id=row.object_id)
        low, high = _whole(row.box[0], row.box[2], video.width), _whole(row.box[1], row.box[3], video.height)
        _text(SubElement(thing, "bndbox"), xmin=low[0], ymin=high[0], xmax=low[1], ymax=high[1])
    return root


def _whole(start: float, length: float, limit: int) -> tuple[int, int]:
    """First and last pixel from 1, at least one pixel, in the picture."""
    first = min(round(start), limit - 1)
    return first + 1, max(round(start + length), first + 1)


def _text(parent: Element, **values: object) -> None:
    for name, value in values.items():
        SubElement(parent, name).text = str(value)
