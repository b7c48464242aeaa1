"""Two things that move over a few small pictures, drawn here, so that the truth of every format is known."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kinescribe.annotation import Item
from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.rle import encode_mask
from kinescribe.states import Metadata, States
from kinescribe.states.metadata import TimeMeta, VideoMeta

WIDTH, HEIGHT, FRAMES = 64, 48, 6
INTERVAL = 0.04


@dataclass
class Scene:
    """The scene: its item, its table, and masks (H, W) by frame and object."""

    item: Item
    states: States
    masks: dict[tuple[int, int], np.ndarray]

    def box(self, frame: int, object_id: int) -> list[float]:
        """x, y, w, h of the mask."""
        ys, xs = np.nonzero(self.masks[frame, object_id])
        return [float(v) for v in (xs.min(), ys.min(), xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min())]


def table(rows: list[dict], *, meta: Metadata | None = None) -> States:
    """A table from rows by hand; what a row lacks is unknown."""
    names = sorted({name for row in rows for name in row} | {"frame", "time_s", "object_id", "x", "y"})
    texts = {"label", "label_verified", "shape", "status", "review"}
    columns = {name: [row.get(name, "" if name in texts else np.nan) for row in rows] for name in names}
    if meta is None:
        meta = Metadata(
            video=VideoMeta(name="film.mp4", width=WIDTH, height=HEIGHT, frame_count=FRAMES),
            time=TimeMeta(regular=True, interval_s=INTERVAL),
        )
    return States.from_columns(columns, meta)


def row(frame: int, object_id: int, box: tuple[float, ...] = (10, 10, 8, 6), **more: object) -> dict:
    """One row with a box."""
    x, y, w, h = box
    middle = {"x": x + w / 2 - 0.5, "y": y + h / 2 - 0.5}
    place = {"x_px": middle["x"], "y_px": middle["y"], "bbox_x": x, "bbox_y": y, "bbox_w": w, "bbox_h": h}
    return {
        "frame": frame,
        "time_s": frame * INTERVAL,
        "object_id": object_id,
        "status": "observed",
        "label": "thing",
        **middle,
        **place,
        **more,
    }


def scene(folder: Path, *, name: str = "film", masks: bool = True, labels: tuple[str, str] = ("red ball", "+cart é")) -> Scene:
    """Object 3 is a disc that moves right; object 7 a ring of two parts with a hole, which is hidden in frame 2 and gone from frame 4 on.

    Its pictures lie in a folder of PNG files. The disc's label is verified in the first half.
    """
    pictures = folder / f"{name} pictures"
    pictures.mkdir(parents=True)
    found, rows = {}, []
    for frame in range(FRAMES):
        image = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
        disc, ring = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.circle(disc, (12 + 5 * frame, 14), 7, 1, -1)
        cv2.rectangle(ring, (30, 26), (46, 40), 1, -1)
        cv2.rectangle(ring, (34, 30), (41, 36), 0, -1)
        cv2.rectangle(ring, (50, 30), (53, 33), 1, -1)
        here = {3: disc} | ({7: ring} if frame < 4 and frame != 2 else {})
        for i, mask in here.items():
            image[mask > 0] = (20, 20, 220) if i == 3 else (200, 60, 20)
            found[frame, i] = mask.astype(bool)
        cv2.imwrite(str(pictures / f"{frame:03d}.png"), image)
        for i in (3, 7):
            if i == 7 and frame >= 4:
                continue
            ys, xs = np.nonzero(found[frame, i] if (frame, i) in found else found[frame - 1, i])
            box = (xs.min(), ys.min(), xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min())
            rows.append(
                row(
                    frame,
                    i,
                    tuple(float(v) for v in box),
                    label=labels[0] if i == 3 else labels[1],
                    label_verified="yes" if i == 3 and frame < 3 else "unchecked",
                    status="occluded" if (frame, i) not in found else "observed",
                    detection_score=0.5 + 0.05 * frame,
                    shape="disc" if i == 3 else "blob",
                    width=15.0 if i == 3 else np.nan,
                    height=15.0 if i == 3 else np.nan,
                )
            )
    path = folder / f"{name}.masks.jsonl.gz"
    if masks:
        write_masks(path, found)
    states = table(rows)
    return Scene(Item(states, pictures, path if masks else None, name), states, found)


def write_masks(path: Path, masks: dict[tuple[int, int], np.ndarray]) -> None:
    """A masks file as `kinescribe extract --masks` writes it."""
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        for (frame, i), mask in sorted(masks.items()):
            rle = encode_mask(MaskCrop(0, 0, mask), *mask.shape)
            stream.write(json.dumps({"frame": frame, "object_id": i, "rle": rle}) + "\n")
