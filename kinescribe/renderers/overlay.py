"""Ids, labels, boxes and trails over the video, by supervision's annotators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.renderers.arguments import check_states, check_video, output_path
from kinescribe.renderers.colors import COLORS, text_color_of
from kinescribe.renderers.fonts import font_for, warn_of_unwritable

if TYPE_CHECKING:
    from kinescribe.states import States
    from kinescribe.video import Video

__all__ = ["draw_overlay"]

Float = NDArray[np.float64]
Picture = NDArray[np.uint8]
CV_LETTERS = 28  # px of a font at which it is as large as OpenCV's letters at scale 1
CROWD = 10  # with more objects in a frame, labels hold the id alone
TRAIL_S = 1.5
DIM = 0.5  # opacity of what was not seen in the frame itself


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one frame: object ids (n,), points (n, 2) and boxes (n, 4) in image pixels, seen (n,) bool, and n labels.

    `fonts` holds the file of the font that each label is written with, "" where plain ASCII letters are drawn.
    """

    ids: NDArray[np.int64]
    points: Float
    boxes: Float
    seen: NDArray[np.bool_]
    labels: list[str]
    fonts: list[str]

    def take(self, chosen: NDArray[np.bool_]) -> _Rows:
        """Some of the rows."""
        labels, fonts = ([one for one, wanted in zip(each, chosen, strict=True) if wanted] for each in (self.labels, self.fonts))
        return _Rows(self.ids[chosen], self.points[chosen], self.boxes[chosen], self.seen[chosen], labels, fonts)


def draw_overlay(video: Video, states: States, path: str | Path, progress: Callable[[str, int, int | None], None] | None = None) -> None:
    """Write the video with every object's id, label, box and trail drawn over it; time stamps are kept.

    A full box says that the object was seen in this frame; dimmed corners, with the reason in the label, that it was not.
    Of a table that was made from some frames (a stride, a start or an end), those frames alone are drawn.
    Line widths and letters grow with the picture. A box that the table lacks has the object's median size. Labels that no font of this
    machine can write are left out, their ids alone remain, and a `UserWarning` says so.

    Args:
        video: the video that the table was made from.
        states: the table; rows without an image position are left out.
        path: of the MP4 file.
        progress: called with "overlay", frames done, and all frames or None.

    Raises `UsageError` for what is no video or no table, and where the picture has another size than the table's video.
    """
    from kinescribe.states.frames_read import frames_read
    from kinescribe.video import Video, VideoWriter
    from kinescribe.video.selection import only_read

    if not isinstance(video, Video):
        raise UsageError(f"video={video!r} must be an open video: kinescribe.open_video('video.mp4')")
    check_states(states)
    path = output_path("overlay", path)
    check_video(video, states)
    video = only_read(video, frames_read(states.meta))
    by_frame = _rows_by_frame(states)
    interval = states.meta.time.interval_s if states.meta.time is not None else None
    pen = _Pen(video.info.height, trail=int(np.clip(TRAIL_S / interval if interval else 30, 12, 120)))
    nothing = _Rows(np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros((0, 4)), np.zeros(0, bool), [], [])
    with VideoWriter(path, frame_rate_hint=1 / interval if interval else None, repeatable=True) as writer:
        for frame in video:
            writer.write(pen.draw(frame.image.copy(), by_frame.get(frame.index, nothing)), frame.time_s)
            if progress is not None:
                progress("overlay", frame.index + 1, video.info.frame_count)


class _Pen:
    """supervision's annotators, with sizes for a picture of some height, and the trails so far."""

    def __init__(self, height: int, trail: int) -> None:
        import supervision as sv

        self._sv = sv
        line = max(1, round(height / 360))
        scale = float(np.clip(0.24 + height / 1800, 0.32, 1.4))
        palette = sv.ColorPalette.from_hex(list(COLORS))
        text = sv.ColorPalette.from_hex([text_color_of(color) for color in COLORS])
        padding = max(2, round(6 * scale))
        self._trace = sv.TraceAnnotator(palette, trace_length=trail, thickness=line)
        self._box = sv.BoxAnnotator(palette, thickness=line)
        self._corners = sv.BoxCornerAnnotator(palette, thickness=line, corner_length=max(4, round(height / 60)))
        self._dot = sv.DotAnnotator(palette, radius=line + 1)
        self._label = sv.LabelAnnotator(
            palette,
            text_color=text,
            text_scale=scale,
            text_thickness=max(1, round(scale)),
            text_padding=padding,
            smart_position=True,
        )

        def with_font(path: str) -> Any:
            size = max(9, round(CV_LETTERS * scale))
            return sv.RichLabelAnnotator(
                palette, text_color=text, font_path=path, font_size=size, text_padding=padding, smart_position=True
            )

        self._with_font = cache(with_font)

    def draw(self, image: Picture, rows: _Rows) -> Picture:
        """Draw one frame's rows on its picture, in place."""
        self._trace.annotate(image, self._detections(rows, rows.points.repeat(2, axis=0).reshape(-1, 4)), custom_color_lookup=_colors(rows))
        hidden = rows.take(~rows.seen)
        if len(hidden.ids):
            layer = image.copy()
            self._corners.annotate(layer, self._detections(hidden, hidden.boxes), custom_color_lookup=_colors(hidden))
            self._write(layer, hidden)
            image[:] = np.round(DIM * layer + (1 - DIM) * image.astype(np.float32)).astype(np.uint8)
        seen = rows.take(rows.seen)
        self._box.annotate(image, self._detections(seen, seen.boxes), custom_color_lookup=_colors(seen))
        self._dot.annotate(image, self._detections(seen, seen.points.repeat(2, axis=0).reshape(-1, 4)), custom_color_lookup=_colors(seen))
        self._write(image, seen)
        return image

    def _write(self, image: Picture, rows: _Rows) -> None:
        crowd = len(rows.ids) > CROWD
        for font in sorted({"" if crowd else font for font in rows.fonts}):
            part = rows if crowd else rows.take(np.array([one == font for one in rows.fonts]))
            labels = [str(object_id) for object_id in rows.ids] if crowd else part.labels
            writer = self._with_font(font) if font else self._label
            writer.annotate(image, self._detections(part, part.boxes), labels=labels, custom_color_lookup=_colors(part))

    def _detections(self, rows: _Rows, boxes: Float) -> Any:
        """The rows in supervision's own struct, with the ids as tracks."""
        return self._sv.Detections(xyxy=boxes.astype(np.float32), class_id=_colors(rows), tracker_id=rows.ids.astype(int))


def _colors(rows: _Rows) -> NDArray[np.int_]:
    """Index of each row's colour; ids count from 1."""
    return ((rows.ids - 1) % len(COLORS)).astype(int)


def _rows_by_frame(states: States) -> dict[int, _Rows]:
    """All rows with an image position, sorted into frames once, so that drawing streams; warns of labels that can't be written."""
    columns = states.columns
    points = np.stack([columns["x_px"], columns["y_px"]], axis=1).astype(float)
    ids = np.asarray(columns["object_id"], np.int64)
    boxes = _boxes(columns, points, ids)
    status = columns["status"]
    usable = np.flatnonzero(np.isfinite(points).all(axis=1))
    frames = np.asarray(columns["frame"], np.int64)[usable]
    order = usable[np.argsort(frames, kind="stable")]
    starts = np.flatnonzero(np.diff(np.asarray(columns["frame"], np.int64)[order], prepend=-1))
    names = {str(label): _font(str(label)) for label in np.unique(columns["label"].astype(str))}
    warn_of_unwritable([name for name, font in names.items() if font is None], "overlay")
    out = {}
    for chosen in np.split(order, starts[1:]) if len(order) else []:
        seen = np.array([status[i] in ("observed", "") for i in chosen], bool)
        words = [str(columns["label"][i]) for i in chosen]
        shown = [word if names[word] is not None else "" for word in words]
        labels = [f"{ids[i]} {word}".strip() + ("" if ok else f" ({status[i]})") for i, word, ok in zip(chosen, shown, seen, strict=True)]
        fonts = [names[word] or "" for word in words]
        out[int(columns["frame"][chosen[0]])] = _Rows(ids[chosen], points[chosen], boxes[chosen], seen, labels, fonts)
    return out


def _font(label: str) -> str | None:
    """The font that a label needs: "" where OpenCV's own letters will do, None where no font will."""
    if label.isascii():
        return ""
    from PIL import features

    return font_for(f"{label} 0123456789()", shaping=features.check("raqm"))


def _boxes(columns: Mapping[str, NDArray[Any]], points: Float, ids: NDArray[np.int64]) -> Float:
    """Boxes (n, 4) as x0, y0, x1, y1; where the table has none, the object's median size around its point."""
    corner = np.stack([columns["bbox_x"], columns["bbox_y"]], axis=1).astype(float)
    size = np.stack([columns["bbox_w"], columns["bbox_h"]], axis=1).astype(float)
    lacking = ~(np.isfinite(corner) & np.isfinite(size)).all(axis=1)
    for object_id in np.unique(ids[lacking]):
        own = ids == object_id
        known = size[own & ~lacking]
        size[own & lacking] = np.median(known, axis=0) if len(known) else 8.0
    corner[lacking] = points[lacking] - size[lacking] / 2
    return np.concatenate([corner, corner + size], axis=1)
