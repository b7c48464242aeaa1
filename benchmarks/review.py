"""The check of perception: faults that were put into right states, and alarms on right ones.

Drawn scenes whose truth is known give right states. Each fault is put into one object of each table, and the review builds its own scene
from that table. A fault counts as found where the review flags a row that it changed (or, for rows that were taken away, reports a missed
region where it was); flagged rows of objects that it left as they are count apart, as false alarms. On DIR/real, states are extracted
first; rows within 10 px of a mark are taken as right.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from common import Record, finish, parallel, parser, print_table
from numpy.typing import NDArray

from kinescribe import States, open_video
from kinescribe.evaluation import read_truth, scenes
from kinescribe.evaluation.scenes import Scene
from kinescribe.renderers.reviewing import Review, review
from kinescribe.states import Calibration, Metadata, VideoMeta

TABLE = "review"
FOUND_GOAL, ALARM_GOAL = 0.95, 0.02
RIGHT_PX = 10.0
DRAWN: dict[str, Callable[..., Scene]] = {
    "two pucks": scenes.two_pucks_collision,
    "crossing discs": scenes.crossing_discs,
    "bouncing ball": scenes.bouncing_ball,
    "swinging rod": scenes.swinging_rod,
    "slow cart": scenes.slow_cart,
    "demo": partial(scenes.demo_scene, frame_count=60),
    "many discs": partial(scenes.many_discs, n=8),
}
CAMERAS = {
    "noise 2": {"noise": 2.0},
    "noise 5, texture 8": {"noise": 5.0, "texture": 8.0},
    "blur, flicker": {"noise": 3.0, "exposure": 0.5, "flicker": 0.02},
}
Fault = Callable[[States, int], States]


def right_states(scene: Scene) -> States:
    """The truth as a table: a row from the first to the last frame in which a body is at least half seen; where it isn't, occluded."""
    names = ("frame", "time_s", "object_id", "label", "x", "y", "angle", "width", "height", "shape", "status")
    data: dict[str, list[object]] = {name: [] for name in names}
    times = scene.times
    for object_id, truth in enumerate(scene.truth.values(), start=1):
        seen = np.flatnonzero(truth.visible)
        for k in range(seen[0], seen[-1] + 1) if len(seen) else ():
            angle = np.nan if truth.angles is None else truth.angles[k]
            status = "observed" if truth.visible_fraction[k] > 0.98 else "occluded"
            row = (k, times[k], object_id, truth.label, *truth.positions[k], angle, *truth.size, truth.shape, status)
            for name, value in zip(names, row, strict=True):
                data[name].append(value)
    data["x_px"], data["y_px"] = data["x"], data["y"]
    meta = Metadata(
        calibration=Calibration.pixels(),
        video=VideoMeta(name=scene.name, width=scene.width, height=scene.height, frame_count=scene.frame_count),
    )
    return States.from_columns({name: np.array(values) for name, values in data.items()}, meta)


def moved(states: States, object_id: int, by: Callable[[NDArray[np.int64]], NDArray[np.float64]]) -> States:
    """The table with an object's places moved: `by` tells (n, 2) px of its frames counted from its first."""
    columns = {name: values.copy() for name, values in states.columns.items()}
    mine = states["object_id"] == object_id
    shift = by(states["frame"][mine] - states["frame"][mine].min())
    for axis, (name, pixels) in enumerate((("x", "x_px"), ("y", "y_px"))):
        columns[name][mine] += shift[:, axis]
        columns[pixels][mine] += shift[:, axis]
    return States.from_columns(columns, states.meta)


def shifted(states: States, object_id: int) -> States:
    """3 px to the right from 60 % of its rows on."""
    start = 0.6 * int((states["object_id"] == object_id).sum())
    return moved(states, object_id, lambda frames: np.where((frames >= start)[:, None], [3.0, 0.0], 0.0))


def drifting(states: States, object_id: int) -> States:
    """0.1 px a frame, aslant."""
    return moved(states, object_id, lambda frames: frames[:, None] * 0.1 * np.array([0.8, 0.6]))


def late(states: States, object_id: int) -> States:
    """Every row has the place of the frame before."""
    columns = {name: values.copy() for name, values in states.columns.items()}
    rows = np.flatnonzero(states["object_id"] == object_id)
    for name in ("x", "y", "x_px", "y_px", "angle"):
        columns[name][rows[1:]] = states[name][rows[:-1]]
    return States.from_columns(columns, states.meta)


def invented(states: States, object_id: int) -> States:
    """A new id (the highest) that moves as the object does, mirrored at the middle of the picture."""
    mine = states.of(object_id).columns
    width, height = states.meta.video.width, states.meta.video.height
    new = {name: values.copy() for name, values in mine.items()}
    new["object_id"] = np.full(len(mine["frame"]), max(states.object_ids) + 1)
    for name, extent in (("x", width), ("x_px", width), ("y", height), ("y_px", height)):
        new[name] = extent - 1.0 - mine[name]
    return States.from_columns({name: np.concatenate([states[name], new[name]]) for name in states.columns}, states.meta)


def removed(states: States, object_id: int) -> States:
    """Without the id."""
    keep = states["object_id"] != object_id
    return States.from_columns({name: values[keep] for name, values in states.columns.items()}, states.meta)


def stopped(states: States, object_id: int) -> States:
    """Its rows stop at half."""
    mine = np.flatnonzero(states["object_id"] == object_id)
    keep = np.ones(len(states), bool)
    keep[mine[len(mine) // 2 :]] = False
    return States.from_columns({name: values[keep] for name, values in states.columns.items()}, states.meta)


def swapped(states: States, object_id: int) -> States:
    """It and the next id change places from half on, with all but the label and the size."""
    other = partner(states, object_id)
    columns = {name: values.copy() for name, values in states.columns.items()}
    frames = states["frame"]
    both = sorted(set(frames[states["object_id"] == object_id]) & set(frames[states["object_id"] == other]))
    for frame in both[len(both) // 2 :]:
        a, b = (int(np.flatnonzero((frames == frame) & (states["object_id"] == i))[0]) for i in (object_id, other))
        for name in ("x", "y", "x_px", "y_px", "angle"):
            columns[name][[a, b]] = states[name][[b, a]]
    return States.from_columns(columns, states.meta)


def partner(states: States, object_id: int) -> int:
    """The next id whose label (colour and shape) is another one; 0 for none."""
    labels = states.labels
    others = [i for i in states.object_ids if i != object_id and labels[i] != labels[object_id]]
    return next((i for i in others if i > object_id), others[0] if others else 0)


FAULTS: dict[str, Fault] = {
    "shifted by 3 px": shifted,
    "drift of 0.1 px a frame": drifting,
    "one frame late": late,
    "invented id": invented,
    "removed id": removed,
    "rows that stop": stopped,
    "swapped ids": swapped,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: fault ("none" for right states), whether it was found, rows flagged, rows in all, missed regions.

    alarms: rows flagged of objects that are right, of `others` such rows.
    """

    case: str
    fault: str
    found: bool
    flagged: int
    rows: int
    missed: int
    alarms: int = 0
    others: int = 0


def possible(fault: str, states: States, object_id: int) -> bool:
    """Whether a fault changes anything: what stands still is never late, and what is alone has nobody to swap with."""
    mine = states["object_id"] == object_id
    path = np.hypot(np.diff(states["x_px"][mine]), np.diff(states["y_px"][mine]))
    if fault == "swapped ids":
        return partner(states, object_id) > 0
    if fault == "one frame late":
        return len(path) > 0 and float(np.median(path)) > 1.0
    if fault in ("removed id", "rows that stop", "invented id"):
        # what stays within its own size becomes part of the background, or is hidden by what is there
        return float(path.sum()) > 2.0 * float(states["width"][mine].max()) and (fault != "removed id" or len(states.object_ids) > 1)
    return True


def is_found(fault: str, wrong: States, right: States, object_id: int, result: Review) -> bool:
    """Whether a review points at the fault."""
    if fault in ("removed id", "rows that stop"):
        gone = {(int(f), int(i)) for f, i in zip(wrong["frame"], wrong["object_id"], strict=True)}
        for frame, i, x, y in zip(*(right[name] for name in ("frame", "object_id", "x_px", "y_px")), strict=True):
            for region in result.missed:
                at = np.flatnonzero(region.frames == frame)
                if (int(frame), int(i)) not in gone and len(at):
                    x0, y0, x1, y1 = region.boxes[at[0]] + (-3, -3, 3, 3)
                    if x0 <= x <= x1 and y0 <= y <= y1:
                        return True
        return False
    return bool(result.flagged[touched(wrong, right)].any())


def touched(wrong: States, right: States) -> NDArray[np.bool_]:
    """(n,) rows of a table that a fault made, or moved or turned."""

    def placed(states: States) -> list[tuple[tuple[int, int], NDArray[np.float64]]]:
        keys = zip(states["frame"].tolist(), states["object_id"].tolist(), strict=True)
        return list(zip(keys, np.stack([states[name] for name in ("x_px", "y_px", "angle")], axis=1), strict=True))

    was = dict(placed(right))
    return np.array([key not in was or not np.array_equal(place, was[key], equal_nan=True) for key, place in placed(wrong)], bool)


def alarms_on_others(wrong: States, right: States, object_id: int, result: Review) -> tuple[int, int]:
    """Flagged rows, and all rows, of the objects that a fault left as they are."""
    about = {object_id, *wrong["object_id"][touched(wrong, right)].tolist()}
    others = ~np.isin(wrong["object_id"], list(about))
    return int(result.flagged[others].sum()), int(others.sum())


def run_drawn(item: tuple[str, str, int]) -> list[Outcome]:
    """A drawn scene under one camera: the right table, and each fault in each object of it (of the first four)."""
    name, camera, seed = item
    scene = DRAWN[name](**CAMERAS[camera], seed=seed)
    video = open_video(scene.images(), times=scene.times)
    right = right_states(scene)
    case = f"{name}, {camera}"
    result = review(video, right)
    out = [Outcome(case, "none", True, int(result.flagged.sum()), len(right), len(result.missed))]
    for fault, change in FAULTS.items():
        for object_id in right.object_ids[:4]:
            if possible(fault, right, object_id):
                wrong = change(right, object_id)
                result = review(video, wrong)
                found = is_found(fault, wrong, right, object_id, result)
                told = int(result.flagged.sum()), len(wrong), len(result.missed)
                out.append(Outcome(f"{case}, {object_id}", fault, found, *told, *alarms_on_others(wrong, right, object_id, result)))
    return out


def run_real(folder: Path) -> list[Outcome]:
    """A real clip: alarms on rows that the marks confirm."""
    from kinescribe.pipeline import extract_states

    clip = json.loads((folder / "clip.json").read_text(encoding="utf-8"))
    video = open_video(folder / "video.mp4", frame_interval=float(clip["frame_interval_s"]))
    states = extract_states(video)
    result = review(video, states)
    right = confirmed(states, folder / "truth.csv")
    return [Outcome(folder.name, "none", True, int(result.flagged[right].sum()), int(right.sum()), len(result.missed))]


def confirmed(states: States, marks: Path) -> NDArray[np.bool_]:
    """Rows within 10 px of a mark, after the median offset of the id that serves a truth object best."""
    out = np.zeros(len(states), bool)
    ends = {i for i, about in states.meta.objects.items() if about.part_of is not None}
    for truth in read_truth(marks).values():
        at = {int(frame): place for frame, place in zip(truth.frames, truth.positions, strict=True)}
        best: list[int] = []
        for object_id in set(states.object_ids) - ends:
            rows = [k for k in np.flatnonzero(states["object_id"] == object_id) if int(states["frame"][k]) in at]
            if not rows:
                continue
            away = np.array([[states["x_px"][k], states["y_px"][k]] - at[int(states["frame"][k])] for k in rows])
            near = np.hypot(*(away - np.nanmedian(away, axis=0)).T) < RIGHT_PX
            right = [k for k, ok in zip(rows, near, strict=True) if ok]
            best = max(best, right, key=len) if np.hypot(*np.nanmedian(away, axis=0)) < 60.0 else best
        out[best] = True
    return out


def cases(seeds: int, only: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    for name in DRAWN:
        if not only or name in only:
            yield from ((name, camera, seed) for camera in CAMERAS for seed in range(seeds))


def records_of(outcomes: Sequence[Outcome], where: str) -> list[Record]:
    records = []
    for fault in FAULTS:
        mine = [one for one in outcomes if one.fault == fault]
        if mine:
            share = float(np.mean([one.found for one in mine]))
            records.append(Record(TABLE, f"{where}/{fault}", "found", share, "", "higher", FOUND_GOAL))
            others = sum(one.others for one in mine)
            alarms = sum(one.alarms for one in mine) / others if others else None
            records.append(Record(TABLE, f"{where}/{fault}", "other_rows_flagged", alarms, "", "lower"))
    right = [one for one in outcomes if one.fault == "none"]
    rows = sum(one.rows for one in right)
    if rows:
        alarms = sum(one.flagged for one in right) / rows
        records.append(Record(TABLE, f"{where}/right states", "rows_flagged", alarms, "", "lower", ALARM_GOAL))
    return records


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--only", action="append", default=[], metavar="SCENE", help="only this drawn scene (may be repeated)")
    options.add_argument("--seeds", type=int, default=1, metavar="N", help="draws of each scene (default: %(default)s)")
    options.add_argument("--no-real", action="store_true", help="leave the real clips out")
    chosen = options.parse_args(arguments)
    unknown = sorted(set(chosen.only) - set(DRAWN))
    if unknown:
        sys.exit(f"no scene '{unknown[0]}'; available: {', '.join(DRAWN)}")
    drawn = [one for made in parallel(run_drawn, list(cases(chosen.seeds, chosen.only)), chosen.jobs) for one in made]
    folders = [] if chosen.no_real else sorted(path.parent for path in (chosen.data / "real").glob("*/clip.json"))
    real = [one for made in parallel(run_real, folders, chosen.jobs) for one in made]
    by_fault = {fault: [one for one in drawn if one.fault == fault] for fault in FAULTS}
    rows = [
        [fault, len(mine), f"{np.mean([one.found for one in mine]):.3f}", sum(one.alarms for one in mine), sum(one.others for one in mine)]
        for fault, mine in by_fault.items()
        if mine
    ]
    header = ["fault", "cases", "found", "rows of other objects flagged", "of"]
    print_table("Faults put into right states of drawn videos", header, rows)
    header = ["right states", "rows", "flagged", "missed regions"]
    print_table("Alarms", header, [[one.case, one.rows, one.flagged, one.missed] for one in [*drawn, *real] if one.fault == "none"])
    for one in drawn:
        if not one.found:
            print(f"not found: {one.case}: {one.fault}")
    finish([*records_of(drawn, "drawn"), *records_of(real, "real")], chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
