"""States tables to data sets: COCO, YOLO, MOTChallenge, Pascal VOC, CVAT for video, Parquet, and what plug-ins add."""

from kinescribe.annotation.exporting.export import Exported, export
from kinescribe.annotation.exporting.items import Item
from kinescribe.annotation.exporting.labelled import LabelledVideo
from kinescribe.annotation.exporting.protocols import Exporter, ExporterFactory

__all__ = ["Exported", "Exporter", "ExporterFactory", "Item", "LabelledVideo", "export"]
