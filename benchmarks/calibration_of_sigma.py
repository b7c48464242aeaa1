"""Whether the error bars are true: how often a drawn body's true position, velocity, acceleration, angle lies within 2σ of the states.

Videos of one body are drawn with a known motion, over motions, shapes, sizes, speeds, noise, blur of the lens and of the exposure, frame
rates and H.264 (`drawn_videos.py`), and `extract_states` reads them with default settings. Per quantity: the share of rows with
|error| ≤ 2σ, wanted 93 to 97 %, both axes counted; `spread` is half the 95.45 % quantile of |error|/σ: 1 where σ is right, more where it
is too small. Standard errors count a video as one draw, for neighbouring frames err alike.
On the real clips (DIR/real) states are held against marks by hand: what the two leave must be what the marks scatter by themselves.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import Record, finish, load_extract_states, number, parallel, parser, print_table
from drawn_videos import Case, draw, random_cases, write_h264
from numpy.typing import NDArray

from kinescribe.errors import KinescribeError

TABLE = "calibration_of_sigma"
Float = NDArray[np.float64]
QUICK, FULL = 64, 512
LOWEST, HIGHEST = 0.93, 0.97
WITHIN_TWO = 0.9545
QUANTITIES = {
    "position": ("x", "y"),
    "velocity": ("vx", "vy"),
    "acceleration": ("ax", "ay"),
    "angle": ("angle",),
    "angular velocity": ("angular_velocity",),
}


def _bins(*edges: float) -> Callable[[float | None], str]:
    def name(value: float | None) -> str:
        if value is None:
            return "none"
        if value == 0 and edges[0] == 0:
            return "0"
        upper = int(np.searchsorted(edges[1:-1], value, side="right")) + 1
        return f"{edges[upper - 1]:g} to {edges[upper]:g}"

    return name


FACTORS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "motion": ("motion", str),
    "shape": ("shape", str),
    "radius, px": ("radius", _bins(3, 6, 11, 21)),
    "speed, px/frame": ("speed", _bins(0.2, 1, 5, 40)),
    "noise, grey levels": ("noise", _bins(0, 3, 6, 10)),
    "lens blur, px": ("blur", _bins(0, 1, 2)),
    "exposure, frames": ("exposure", _bins(0, 0.4, 0.8)),
    "H.264 CRF": ("crf", _bins(18, 24, 30, 36)),
    "frames/s": ("fps", lambda value: f"{value:g}"),
}


@dataclass(slots=True, eq=False)
class Outcome:
    """What came of one video: the share of frames with a row, and errors and σ of each quantity, (n,), finite."""

    case: Case
    found: float
    errors: dict[str, Float]
    sigmas: dict[str, Float]
    problem: str | None = None


def run_case(case: Case) -> Outcome:
    drawn = draw(case)
    try:
        if case.crf is None:
            states = load_extract_states()(drawn.images, times=drawn.times)
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "drawn.mp4"
                write_h264(drawn, path, case.fps, case.crf)
                states = load_extract_states()(path)
    except KinescribeError as error:
        return Outcome(case, 0.0, {}, {}, str(error))
    columns = {name: np.asarray(values) for name, values in states.columns.items()}
    truth = {
        **dict(zip(("x", "y"), drawn.positions.T, strict=True)),
        **dict(zip(("vx", "vy"), drawn.velocities.T, strict=True)),
        **dict(zip(("ax", "ay"), drawn.accelerations.T, strict=True)),
        "angle": drawn.angles,
        "angular_velocity": drawn.rates,
    }
    rows = _body(columns, drawn.positions, max(case.radius, 3.0))
    frames = columns["frame"][rows]
    out = Outcome(case, len(np.unique(frames)) / len(drawn.times), {}, {})
    for name, names in QUANTITIES.items():
        errors, sigmas = [], []
        for column in names:
            error = columns[column][rows].astype(float) - truth[column][frames]
            if column == "angle":
                error -= np.pi * np.round(error / np.pi)
            sigma = columns[f"sigma_{column}"][rows].astype(float)
            known = np.isfinite(error) & np.isfinite(sigma)
            errors.append(error[known])
            sigmas.append(sigma[known])
        out.errors[name], out.sigmas[name] = np.concatenate(errors), np.concatenate(sigmas)
    return out


def _body(columns: dict[str, NDArray[Any]], positions: Float, reach: float) -> NDArray[np.intp]:
    """The rows of the id that is nearest the body in most frames; empty where none is."""
    best, score = np.zeros(0, np.intp), 0
    for number_ in np.unique(columns["object_id"]):
        rows = np.flatnonzero(columns["object_id"] == number_)
        place = np.stack([columns["x_px"][rows], columns["y_px"][rows]], 1).astype(float)
        near = int((np.hypot(*(place - positions[columns["frame"][rows]]).T) < reach).sum())
        if near > score:
            best, score = rows, near
    return best


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of some videos' rows: the share within 2σ, its standard error, half the 95.45 % quantile of |error|/σ, and the median error."""

    share: float
    error: float
    spread: float
    median: float
    videos: int


def coverage(outcomes: Sequence[Outcome], quantity: str) -> Coverage | None:
    """None without a row. The standard error is a jackknife's over videos."""
    held = [(one.errors[quantity], one.sigmas[quantity]) for one in outcomes if quantity in one.errors and len(one.errors[quantity])]
    if not held:
        return None
    ratios = [np.abs(errors) / sigmas for errors, sigmas in held]
    counts, hits = np.array([len(ratio) for ratio in ratios], float), np.array([(ratio <= 2).sum() for ratio in ratios], float)
    share = float(hits.sum() / counts.sum())
    left = (hits.sum() - hits) / np.maximum(counts.sum() - counts, 1)
    error = float(np.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum())) if len(left) > 1 else float("nan")
    every = np.concatenate(ratios)
    median = float(np.median(np.abs(np.concatenate([errors for errors, _ in held]))))
    return Coverage(share, error, float(np.quantile(every, WITHIN_TWO)) / 2, median, len(held))


def show_share(held: Coverage | None) -> str:
    return "–" if held is None else f"{100 * held.share:.1f} ± {100 * held.error:.1f} ({held.spread:.2f})"


def report(outcomes: Sequence[Outcome]) -> list[Record]:
    rows: list[list[object]] = []
    records = []

    def add(case: str, some: Sequence[Outcome], goals: bool) -> None:
        held = {name: coverage(some, name) for name in QUANTITIES}
        rows.append([case, len(some), *(show_share(one) for one in held.values())])
        for name, one in held.items():
            if one is None:
                continue
            goal = LOWEST if goals else None
            records.append(Record(TABLE, case, f"{name} within 2 sigma", number(one.share), "", "higher", goal))
            if goals:
                records.append(Record(TABLE, case, f"{name} beyond 2 sigma", number(1 - one.share), "", "higher", 1 - HIGHEST))
            records.append(Record(TABLE, case, f"{name} spread", number(one.spread), "", "lower"))

    add("all", outcomes, True)
    for factor, (field, bin_of) in FACTORS.items():
        groups: dict[str, list[Outcome]] = {}
        for one in outcomes:
            groups.setdefault(bin_of(getattr(one.case, field)), []).append(one)
        for name in sorted(groups, key=_order):
            add(f"{factor}: {name}", groups[name], False)
    print_table("Drawn videos: share of rows within 2σ, % (spread)", ["videos", "n", *QUANTITIES], rows)
    found = float(np.mean([one.found for one in outcomes]))
    print(
        f"\n{found:.3f} of the frames have a row of the body; nothing found in {sum(one.found == 0 for one in outcomes)} of {len(outcomes)}"
    )
    records.append(Record(TABLE, "all", "frames with a row", number(found), "", "higher"))
    return records


def _order(name: str) -> tuple[bool, float, str]:
    first = name.split(" ")[0]
    try:
        return False, float(first), name
    except ValueError:
        return True, 0.0, name


def marks_against_states(root: Path) -> tuple[list[list[object]], list[Record]]:
    """Real clips: what states leave of the marks, beside what the marks scatter about a smooth path of their own."""
    from kinescribe.evaluation import read_truth, score_states
    from kinescribe.tracking.smoothing import smooth_track

    rows: list[list[object]] = []
    records = []
    for folder in sorted(path.parent for path in root.glob("*/clip.json")):
        clip = json.loads((folder / "clip.json").read_text(encoding="utf-8"))
        interval = float(clip["frame_interval_s"])
        video = folder / "video.mp4" if (folder / "video.mp4").is_file() else folder / "frames"
        columns = {name: np.asarray(values) for name, values in load_extract_states()(video, frame_interval=interval).columns.items()}
        truth = read_truth(folder / "truth.csv")
        x, y = columns["x_px"].astype(float), columns["y_px"].astype(float)
        score = score_states(columns["frame"], columns["object_id"], x, y, truth, int(columns["frame"].max()) + 1)
        for name, marks in truth.items():
            case = f"{folder.name}/{name}"
            of_id = np.flatnonzero((columns["object_id"] == score.objects[name].object_id) & np.isfinite(x + y))
            _, here, there = np.intersect1d(columns["frame"][of_id], marks.frames, return_indices=True)
            mine = of_id[here]
            left = np.stack([x, y], 1)[mine] - marks.positions[there]
            left -= np.median(left, axis=0)
            sigmas = np.stack([columns["sigma_x"], columns["sigma_y"]], 1)[mine].astype(float)
            count = len(marks.frames)
            own = smooth_track(marks.frames * interval, np.ones(count, bool), marks.positions, np.tile(np.eye(2), (count, 1, 1)))
            scatter = own.measurement_scale
            residual = 1.4826 * np.median(np.abs(left), axis=0)
            within = float((np.abs(left) <= 2 * np.hypot(sigmas, scatter)).mean())
            ratio = float(np.sqrt((residual**2).mean() / (scatter**2 + np.median(sigmas, axis=0) ** 2).mean()))
            rows.append([case, len(mine), *residual.tolist(), *scatter.tolist(), float(np.median(sigmas)), ratio, f"{100 * within:.1f}"])
            records.append(Record(f"{TABLE}_real", case, "residual over scatter", number(ratio), "", "lower"))
            records.append(Record(f"{TABLE}_real", case, "within 2 sigma of marks and states", number(within), "", "higher"))
    return rows, records


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--full", action="store_true", help=f"{FULL} videos instead of {QUICK}")
    options.add_argument("--cases", type=int, metavar="N", help="so many videos")
    options.add_argument("--seed", type=int, default=1, metavar="N", help="of the cases (default: %(default)s)")
    options.add_argument("--real", action="store_true", help="the clips of DIR/real too")
    options.add_argument("--save", type=Path, metavar="FILE", help="pickle every video's errors and σ")
    chosen = options.parse_args(arguments)
    load_extract_states()
    cases = random_cases(chosen.cases or (FULL if chosen.full else QUICK), chosen.seed)
    outcomes = list(parallel(run_case, cases, chosen.jobs))
    records = report(outcomes)
    for one in outcomes:
        if one.problem:
            print(f"{one.case}: {one.problem}", file=sys.stderr)
    if chosen.save:
        import pickle

        chosen.save.write_bytes(pickle.dumps(outcomes))
    if chosen.real:
        rows, more = marks_against_states(chosen.data / "real")
        header = ["clip", "marks", "residual x", "residual y", "marks' scatter x", "y", "median σ", "residual/expected", "within 2σ, %"]
        print_table("Real clips: states less marks, px", header, rows)
        records += more
    finish(records, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
