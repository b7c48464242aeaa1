"""Laboratory clips with hand-marked positions: coverage, error, spurious ids, and what the states say about gravity or a period.

Runs `extract_states` with default settings and nothing per clip but the frame interval, on every folder of DIR/real that holds a
clip.json; a clip is a video.mp4 or a folder frames/ of numbered images, with its truth.csv.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    Columns,
    Record,
    load_extract_states,
    need_folder,
    number,
    parallel,
    parser,
    print_goals,
    print_table,
    show,
    write_records,
)
from numpy.typing import NDArray

from kinescribe.errors import KinescribeError
from kinescribe.evaluation import ClipScore, Truth, fit_gravity, fit_oscillation, read_truth, score_states

TABLE = "real_clips"
GOALS = {"coverage": 0.95, "median_error": 1.0, "spurious": 2.0}
# clip and object, what is fitted, and how far from the marks' own value it may lie
CHECKS = {
    ("balltoss", "ball"): ("gravity", 0.03),
    ("truck_projectile", "mass_A"): ("gravity", 0.03),
    ("spring_wars", "actual"): ("period", 0.005),
    ("pendulum_scale", "bob"): ("period", 0.005),
}
REFERENCE_MEAN_COVERAGE = 0.32  # of simple pipelines, on the seven clips


@dataclass(slots=True)
class Outcome:
    """What came of one clip: score, physical checks by object as (of the states, of the marks), and what went wrong, if anything."""

    name: str
    score: ClipScore
    checks: dict[str, tuple[float, float]]
    seconds: float
    problem: str | None
    crashed: bool


def source_of(folder: Path) -> Path:
    """The clip's video, or its folder of numbered images."""
    video = folder / "video.mp4"
    return video if video.is_file() else folder / "frames"


def count_frames(folder: Path, frame_interval: float) -> int:
    from kinescribe.video import open_video

    return sum(1 for _ in open_video(source_of(folder), frame_interval=frame_interval))


def run_kinescribe(folder: Path, frame_interval: float) -> Columns:
    states = load_extract_states()(source_of(folder), frame_interval=frame_interval)
    columns = states.columns
    box = np.stack([np.asarray(columns[f"bbox_{side}"], float) for side in "xywh"], axis=1)
    ids, frames = (np.asarray(columns[name], np.int64) for name in ("object_id", "frame"))
    return Columns(frames, ids, np.asarray(columns["x_px"], float), np.asarray(columns["y_px"], float), box)


def physical_check(kind: str, frames: NDArray[np.int64], positions: NDArray[np.float64], clip: dict[str, Any]) -> float:
    """Gravity in length units a second squared, or the period in seconds, from image positions (n, 2) at these frames."""
    times = frames * float(clip["frame_interval_s"])
    scale = np.broadcast_to(np.asarray(clip["pixels_per_unit"], float), 2)
    if kind == "gravity":
        return fit_gravity(times, -positions[:, 1] / scale[1])
    return fit_oscillation(times, positions[:, 0] / scale[0]).period


def check(name: str, columns: Columns, score: ClipScore, truth: dict[str, Truth], clip: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """The physical checks of a clip: the same fit to the states and to the marks, on the marked frames that have both."""
    out = {}
    for object_name, marks in truth.items():
        if (name, object_name) not in CHECKS:
            continue
        kind = CHECKS[name, object_name][0]
        rows = np.flatnonzero((columns.object_id == score.objects[object_name].object_id) & np.isfinite(columns.x + columns.y))
        _, here, _ = np.intersect1d(columns.frame[rows], marks.frames, return_indices=True)
        rows = rows[here]
        expected = physical_check(kind, marks.frames, marks.positions, clip)
        enough = len(rows) >= 6
        found = physical_check(kind, columns.frame[rows], np.stack([columns.x, columns.y], axis=1)[rows], clip) if enough else float("nan")
        out[object_name] = (found, expected)
    return out


def run_clip(folder: Path, reference: bool, overlays: Path | None) -> Outcome:
    """One clip from video to score. Whatever the pipeline raises is told and counts as an empty table."""
    clip = json.loads((folder / "clip.json").read_text(encoding="utf-8"))
    truth = read_truth(folder / "truth.csv")
    frame_interval = float(clip["frame_interval_s"])
    columns, problem, crashed = Columns(), None, False
    start = time.perf_counter()
    try:
        if reference:
            from simple_pipeline import run_simple

            columns = run_simple(source_of(folder), frame_interval, truth)
        else:
            columns = run_kinescribe(folder, frame_interval)
    except KinescribeError as error:
        problem = str(error)
    except Exception:
        problem, crashed = traceback.format_exc(), True
    seconds = time.perf_counter() - start
    score = score_states(columns.frame, columns.object_id, columns.x, columns.y, truth, count_frames(folder, frame_interval))
    if overlays is not None:
        from overlay import write_overlay

        write_overlay(source_of(folder), frame_interval, overlays / f"{folder.name}.mp4", columns, score, truth)
    return Outcome(folder.name, score, check(folder.name, columns, score, truth, clip), seconds, problem, crashed)


def records_of(outcomes: Sequence[Outcome], reference: bool) -> list[Record]:
    table = f"{TABLE}_simple" if reference else TABLE
    goals: dict[str, float | None] = dict.fromkeys(GOALS) if reference else dict(GOALS)
    records = []
    for outcome in outcomes:
        for name, score in outcome.score.objects.items():
            case = f"{outcome.name}/{name}"
            records += [
                Record(table, case, "coverage", number(score.coverage), "", "higher", goals["coverage"]),
                Record(table, case, "median_error", number(score.median_px), "px", "lower", goals["median_error"]),
            ]
            if name in outcome.checks:
                kind, allowed = CHECKS[outcome.name, name]
                found, expected = outcome.checks[name]
                goal = None if reference else allowed
                records.append(Record(table, case, f"{kind}_relative_error", number(abs(found / expected - 1)), "", "lower", goal))
                unit = "s" if kind == "period" else "length/s²"
                records.append(Record(table, case, kind, number(found), unit, "lower", None, number(expected), "the same fit to the marks"))
        spurious = float(len(outcome.score.spurious))
        records.append(Record(table, outcome.name, "spurious", spurious, "ids", "lower", goals["spurious"]))
    scores = [score.coverage for outcome in outcomes for score in outcome.score.objects.values()]
    mean = float(np.mean(scores))
    records.append(
        Record(
            table, "all", "mean_coverage", number(mean), "", "higher", None, REFERENCE_MEAN_COVERAGE, "simple pipelines on the seven clips"
        )
    )
    return records


def report(outcomes: Sequence[Outcome], reference: bool) -> None:
    rows: list[list[object]] = []
    for outcome in outcomes:
        for name, score in outcome.score.objects.items():
            physics = ""
            if name in outcome.checks:
                found, expected = outcome.checks[name]
                kind = CHECKS[outcome.name, name][0]
                deviation = f", {100 * (found / expected - 1):+.2f} %" if np.isfinite(found) else ""
                physics = f"{kind} {show(found)} (marks {show(expected)}{deviation})"
            marked = f"{score.present}/{score.marks}"
            rows.append(
                [
                    *(outcome.name, name, score.object_id, f"{score.coverage:.3f}", score.median_px, len(outcome.score.spurious)),
                    *(marked, outcome.score.frame_count, f"{outcome.seconds:.1f}", physics),
                ]
            )
    header = ["clip", "object", "id", "coverage", "median px", "spurious", "marks met", "frames", "s", "physical check"]
    print_table("Real clips, simple pipelines" if reference else "Real clips", header, rows)
    mean = np.mean([score.coverage for outcome in outcomes for score in outcome.score.objects.values()])
    print(f"\nmean coverage {mean:.3f} over {len(rows)} objects")
    for outcome in outcomes:
        if outcome.problem:
            print(f"{outcome.name}: {outcome.problem}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--only", action="append", metavar="NAME", help="only this clip (may be repeated)")
    options.add_argument("--overlays", type=Path, metavar="DIR", help="write a video a clip with boxes, ids, trails and marks into DIR")
    options.add_argument("--reference", action="store_true", help="run the simple pipelines (MOG2 or temporal median, blobs, SORT) instead")
    chosen = options.parse_args(arguments)
    root = need_folder(chosen.data / "real")
    folders = sorted(path.parent for path in root.glob("*/clip.json") if not chosen.only or path.parent.name in chosen.only)
    missing = sorted(set(chosen.only or ()) - {folder.name for folder in folders})
    if missing or not folders:
        available = ", ".join(sorted(path.parent.name for path in root.glob("*/clip.json"))) or "none"
        sys.exit(f"no clip {', '.join(missing)} in '{root}'; available: {available}")
    if chosen.overlays:
        chosen.overlays.mkdir(parents=True, exist_ok=True)
    if not chosen.reference:
        load_extract_states()
    elif importlib.util.find_spec("trackers") is None:
        sys.exit("the reference needs the package trackers; install it: pip install -e '.[bench]'")
    job = partial(run_clip, reference=chosen.reference, overlays=chosen.overlays)
    outcomes = list(parallel(job, folders, chosen.jobs))
    report(outcomes, chosen.reference)
    records = records_of(outcomes, chosen.reference)
    if not chosen.reference:
        print_goals(records)
    if chosen.json:
        write_records(records, chosen.json)
    return 1 if any(outcome.crashed for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
