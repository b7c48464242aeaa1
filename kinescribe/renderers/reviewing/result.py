"""What a review found: by row, by object, and what no row accounts for."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.arguments import output_path
from kinescribe.renderers.reviewing.missed import MissedRegion
from kinescribe.renderers.reviewing.verdicts import FLAGGED, VERDICTS
from kinescribe.renderers.reviewing.words import Span, frames_in_words, join, spans_of
from kinescribe.renderers.scene import Scene
from kinescribe.states import States
from kinescribe.states.frames_read import frame_step
from kinescribe.states.writing import escape, replaced

if TYPE_CHECKING:
    from kinescribe.renderers.reviewing.ground import Ground
    from kinescribe.video import Video

__all__ = ["Review"]

Float = NDArray[np.float64]
MOST_LINES = 8  # of missed regions in the summary, the largest
COLUMNS = (
    "frame", "time_s", "object_id", "label", "residual", "noise", "explained", "visible", "drift_x_px", "drift_y_px", "sigma_drift_px",
    "drift_deg", "bbox_x", "bbox_y", "bbox_w", "bbox_h", "verdict", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """A table held against its video; n rows, as in the table.

    Attributes:
        states: the table, its column `review` filled; nothing else is changed and no row is left out.
        residual: (n,) RMS difference of video and drawn frame in the object's window, grey levels; NaN where it can't be told, as below.
        noise: (n,) σ of the plate there, grey levels: what no states could explain.
        explained: (n,) share of what the object does to the picture that its sprite explains, at most 1; below 0 it does harm.
        visible: (n,) share of the sprite that shows by itself, in [0, 1].
        drift: (n, 2) px from the row to where its sprite fits best, x to the right, y down.
        sigma_drift: (n,) one standard deviation of it, px. turn: (n,) rad likewise for the angle; NaN for what doesn't turn.
        boxes: (n, 4) x0, y0, x1, y1 of the sprite in the picture, px.
        verdict: (n,) ok, drift, unexplained, invented, no sprite; or why the row can't be judged: hidden, unknown (the background
            was never seen there), faint (it hardly differs from the background), outside, no position,
            no frame.
        reason: (n,) in words, "" where there is none.
        missed: what differs from the drawn video for several frames and no row accounts for.
        changed: (c,) frames in which the picture differs as a whole.
        warnings: one line each. partial: None, or where and why the video breaks off.
        scene, ground: what the frames were drawn with, and their noise.
    """

    states: States
    residual: Float
    noise: Float
    explained: Float
    visible: Float
    drift: Float
    sigma_drift: Float
    turn: Float
    boxes: Float
    verdict: NDArray[np.object_]
    reason: NDArray[np.object_]
    missed: tuple[MissedRegion, ...]
    changed: NDArray[np.int64]
    warnings: tuple[str, ...]
    partial: str | None
    scene: Scene
    ground: Ground

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """(n,) rows that a person should look at."""
        return np.isin(self.verdict.astype(str), FLAGGED)

    @property
    def spans(self) -> list[Span]:
        """Flagged rows that follow each other, by object, then frame."""
        return spans_of(self.states["frame"], self.states["object_id"], self.verdict, self.reason, FLAGGED, frame_step(self.states))

    @property
    def notes(self) -> list[str]:
        """One line for what stands in no row: regions without an id, frames that differ as a whole."""
        out = []
        lone = [one for one in self.missed if one.object_id is None]
        if lone:
            first, last = min(int(one.frames[0]) for one in lone), max(int(one.frames[-1]) for one in lone)
            several = f"{len(lone)} regions" if len(lone) > 1 else "a region"
            out.append(f"no row accounts for {several} of the picture, {frames_in_words(first, last)}: `kinescribe review` shows where")
        if len(self.changed):
            where = frames_in_words(int(self.changed[0]), int(self.changed[-1]))
            out.append(f"{where}: the picture differs as a whole in {len(self.changed)} of them")
        return out

    def to_csv(self, path: str | Path) -> None:
        """Write one row a row of the table, then one a frame of each missed region (verdict ``missed``, no id), sorted by frame.

        Raises `UsageError` where the file can't be written.
        """
        target = output_path("table of the review", path)
        with replaced(target) as (staged,), staged.open("x", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            for _, _, row in sorted([*self._rows(), *self._missed_rows()], key=lambda item: item[:2]):
                writer.writerow([_cell(value) for value in row])

    def plot(self, path: str | Path) -> None:
        """Draw residual, explained share and drift over time by object, flagged frames marked; the suffix says the format."""
        from kinescribe.renderers.reviewing.plotting import plot_review

        plot_review(self, output_path("plot", path))

    def overlay(self, video: Video | str | Path, path: str | Path, progress: Callable[[str, int, int | None], None] | None = None) -> None:
        """Write the video with what is not explained in colour, flagged objects outlined and missed regions boxed, in words."""
        from kinescribe.renderers.reviewing.overlaying import draw_review

        draw_review(self, video, output_path("overlay", path), progress)

    def summary(self) -> str:
        """Objects and spans of frames worth a look, in plain words; one line each."""
        names = self.states.labels
        flagged = int(self.flagged.sum())
        objects = len(set(self.states["object_id"][self.flagged].tolist()))
        lines = []
        if not flagged and not self.missed and not len(self.changed):
            return f"the states explain the video: {len(self.states)} rows, nothing to look at"
        lines.append(
            f"{flagged} of {len(self.states)} rows want a look, of {objects} object{'s' * (objects != 1)}; "
            f"{len(self.missed)} missed region{'s' * (len(self.missed) != 1)}"
        )
        lines += [
            f"{f'{span.object_id} {names[span.object_id]}'.strip()}, {frames_in_words(span.first, span.last)}: {span.reason}"
            for span in self.spans
        ]
        shown = sorted(sorted(self.missed, key=lambda one: -one.weight)[:MOST_LINES], key=lambda one: one.number)
        for region in shown:
            x0, y0, x1, y1 = (round(v) for v in region.boxes[len(region.boxes) // 2])
            where = f"{x1 - x0}×{y1 - y0} px at {x0},{y0}"
            lines.append(f"no id, {frames_in_words(int(region.frames[0]), int(region.frames[-1]))}, {where}: {region.reason}")
        if len(self.missed) > len(shown):
            lines.append(f"and {len(self.missed) - len(shown)} smaller missed regions")
        if len(self.changed):
            lines.append(
                f"{frames_in_words(int(self.changed[0]), int(self.changed[-1]))}: "
                f"the picture differs as a whole in {len(self.changed)} frames"
            )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: counts of verdicts, objects with their spans, missed regions, warnings."""
        ids = self.states["object_id"]
        objects = []
        for object_id, label in self.states.labels.items():
            mine = ids == object_id
            counts = {name: int((self.verdict[mine] == name).sum()) for name in VERDICTS}
            objects.append(
                {
                    "id": object_id,
                    "label": label,
                    "rows": int(mine.sum()),
                    "flagged": int(self.flagged[mine].sum()),
                    "explained": _median(self.explained[mine]),
                    "residual": _median(self.residual[mine]),
                    "noise": _median(self.noise[mine]),
                    "verdicts": {name: count for name, count in counts.items() if count},
                    "spans": [
                        {"first_frame": span.first, "last_frame": span.last, "verdict": span.verdict, "reason": span.reason}
                        for span in self.spans
                        if span.object_id == object_id
                    ],
                }
            )
        missed = [
            {
                "first_frame": int(one.frames[0]),
                "last_frame": int(one.frames[-1]),
                "frames": len(one.frames),
                "first_box": [round(float(v), 1) for v in one.boxes[0]],
                "last_box": [round(float(v), 1) for v in one.boxes[-1]],
                "object_id": one.object_id,
                "reason": one.reason,
            }
            for one in self.missed
        ]
        return {
            "rows": len(self.states),
            "flagged": int(self.flagged.sum()),
            "objects": objects,
            "missed": missed,
            "changed_frames": self.changed.tolist(),
            "warnings": list(self.warnings),
            "partial": self.partial,
        }

    def _rows(self) -> list[tuple[int, int, list[Any]]]:
        columns = self.states.columns
        sides = self.boxes.copy()
        sides[:, 2:] -= sides[:, :2]
        return [
            (
                int(columns["frame"][k]),
                int(columns["object_id"][k]),
                [
                    *(int(columns["frame"][k]), float(columns["time_s"][k]), int(columns["object_id"][k]), str(columns["label"][k])),
                    *(self.residual[k], self.noise[k], self.explained[k], self.visible[k], *self.drift[k], self.sigma_drift[k]),
                    *(float(np.rad2deg(self.turn[k])), *sides[k], self.verdict[k], self.reason[k]),
                ],
            )
            for k in range(len(self.states))
        ]

    def _missed_rows(self) -> list[tuple[int, int, list[Any]]]:
        times = dict(zip(self.states["frame"].tolist(), self.states["time_s"].tolist(), strict=True))
        return [
            (
                int(frame),
                2**62 + one.number,
                [
                    *(int(frame), times.get(int(frame), float(time)), "", "", float(rms), *[np.nan] * 7),
                    *(box[0], box[1], box[2] - box[0], box[3] - box[1], "missed", one.reason),
                ],
            )
            for one in self.missed
            for frame, time, box, rms in zip(one.frames, one.times, one.boxes, one.residual, strict=True)
        ]


def with_reasons(states: States, reason: NDArray[np.object_], flagged: NDArray[np.bool_]) -> States:
    """The table with these reasons in its column `review`, behind what stood there."""
    columns = dict(states.columns)
    columns["review"] = np.array(
        [join(str(old), str(new) if mark else "") for old, new, mark in zip(states["review"], reason, flagged, strict=True)], object
    )
    return States.from_checked(columns, states.meta)


def _median(values: Float) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(np.median(known)), 4) if len(known) else None


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, int):
        return str(value)
    return "" if not np.isfinite(value) else f"{float(value):.6g}"
