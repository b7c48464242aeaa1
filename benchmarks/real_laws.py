"""Which law do laboratory clips follow, and what do the fitted numbers say about gravity and periods?

From video to law with default settings: `extract_states` with the clip's frame interval and scale, then `fit` with law="auto" on the
object that serves the marks best. A clip counts as explained where the winner is of the kind that the experiment shows. Gravity is that of
`free-fall` fitted to the states of the marked frames, held against the same fit to the marks; a period is that of a damped sine through the
winner's own motion at the marked times, held against the same sine through the marks.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import Record, finish, load_extract_states, need_folder, number, parallel, parser, print_table, show
from numpy.typing import NDArray
from real_clips import source_of

from kinescribe.dynamics import Bodies, Clip
from kinescribe.errors import KinescribeError
from kinescribe.evaluation import Truth, fit_oscillation, read_truth, score_states
from kinescribe.states import Calibration, States

Float = NDArray[np.float64]
TABLE = "real_laws"
SPRINGS = ("damped-spring", "damped-spring + coulomb-friction")
DRAGS = ("free-fall + linear-drag", "free-fall + quadratic-drag")
DISCS = tuple(
    f"{force} + {discs}" for force in ("uniform-motion", "coulomb-friction", "linear-drag") for discs in ("discs", "discs-of-one-material")
)
EXPECTED = {
    "badminton": DRAGS,
    "balltoss": ("constant-acceleration", "free-fall"),
    "pendulum_scale": ("pendulum", "rod-pendulum"),  # the bob is tied to the thread, and turns with it
    "pucks_collide": DISCS,
    "spring_wars": SPRINGS,
}
"""Laws by clip of the kind that the experiment shows."""
GRAVITY = {"balltoss": "ball", "truck_projectile": "mass_A"}
PERIOD = {"pendulum_scale": "bob", "spring_wars": "actual"}
GOALS = {"gravity": 0.03, "period": 0.005}
MARK_PX = 1.0  # error of a mark


@dataclass(slots=True)
class Outcome:
    """What came of one clip: the winner, its rivals, and physical values as (of the states, of the marks)."""

    name: str
    law: str = ""
    ties: tuple[str, ...] = ()
    expected: bool | None = None
    values: dict[str, tuple[float, float]] = field(default_factory=dict)
    estimates: str = ""
    scale: float = float("nan")
    rollouts: int = 0
    seconds: float = float("nan")
    extraction: float = float("nan")
    problem: str = ""


def calibration_of(clip: dict[str, Any]) -> Calibration:
    unit = clip["length_unit"] if len(clip["length_unit"]) <= 5 else "unit"  # one clip's says "as marked by the author"
    return Calibration.from_scale(clip["pixels_per_unit"][0], unit, tuple(clip["origin_px"]), clip["axis_angle_deg"])


def marks_clip(marks: Truth, calibration: Calibration, interval: float) -> Clip:
    """The marks as something to fit."""
    x, y = (column[:, None] for column in calibration.points(marks.positions).T)
    far = calibration.points([[0.0, 0.0], [MARK_PX, 0.0]])
    none, sigma = np.full_like(x, np.nan), np.full_like(x, float(np.hypot(*(far[1] - far[0]))))
    return Clip("marks", marks.frames * interval, Bodies.make(1), x, y, none, none, none, none, sigma, sigma, sigma)


def gravity_of(states: States, object_id: int, marks: Truth, calibration: Calibration, interval: float) -> tuple[float, float]:
    """Of the states in the marked frames, and of the marks."""
    from kinescribe.dynamics.api import fit

    clip = Clip.from_states(states, objects=[object_id])
    same = np.isclose(clip.times[:, None], marks.frames * interval, atol=interval / 4).any(axis=1)
    table = {
        name: getattr(clip, name)[same] for name in ("x", "y", "angle", "vx", "vy", "angular_velocity", "sigma_x", "sigma_y", "sigma_angle")
    }
    seen = Clip(clip.name, clip.times[same], clip.bodies, **table, unit=clip.unit)
    return tuple(fit(one, "free-fall").estimates["gravity"].value for one in (seen, marks_clip(marks, calibration, interval)))  # type: ignore[return-value]


def period_of(found: Any, marks: Truth, calibration: Calibration, interval: float) -> tuple[float, float]:
    """Of the fitted law's motion at the marked times, and of the marks."""
    start = found.clips[0].start_time
    times = marks.frames * interval
    known = times >= start - 1e-9
    grid = np.unique(np.concatenate([[start], np.maximum(times[known], start)]))
    x = found.rollout(grid).component("x")[0, :, 0][np.searchsorted(grid, np.maximum(times[known], start))]
    truth = calibration.points(marks.positions)[known, 0]
    return fit_oscillation(times[known], x).period, fit_oscillation(times[known], truth).period


def run_clip(folder: Path, tables: Path | None) -> Outcome:
    """One clip from video to law."""
    from kinescribe.dynamics.api import fit
    from kinescribe.states import read

    outcome = Outcome(folder.name)
    clip = json.loads((folder / "clip.json").read_text(encoding="utf-8"))
    interval, calibration, truth = float(clip["frame_interval_s"]), calibration_of(clip), read_truth(folder / "truth.csv")
    try:
        began = time.perf_counter()
        if tables is not None and (tables / f"{folder.name}.csv").is_file():
            states = read(tables / f"{folder.name}.csv")
        else:
            states = load_extract_states()(source_of(folder), frame_interval=interval, calibration=calibration)
            outcome.extraction = time.perf_counter() - began
        score = score_states(states["frame"], states["object_id"], states["x_px"], states["y_px"], truth)
        # where the mark lies at the end of a body, the body is meant: its ends are points of it
        whole = {i: about.part_of for i, about in states.meta.objects.items() if about.part_of is not None}
        ids = {name: whole.get(one.object_id, one.object_id) for name, one in score.objects.items()}
        if any(i is None for i in ids.values()):
            outcome.problem = "no object near the marks of " + ", ".join(name for name, i in ids.items() if i is None)
            return outcome
        if folder.name in EXPECTED:
            found = fit(states, objects=[i for i in ids.values() if i is not None])
            outcome.law, outcome.expected = found.law.title, found.law.title in EXPECTED[folder.name]
            outcome.ties = found.selection.tie if found.selection else ()
            outcome.scale, outcome.rollouts, outcome.seconds = found.scale, found.rollouts, found.seconds
            outcome.estimates = ", ".join(
                f"{one.name} {one.value:.4g}" + (f" ± {one.sigma:.2g}" if np.isfinite(one.sigma) else "")
                for one in found.estimates.values()
                if not one.fixed
            )
            if folder.name in PERIOD:
                outcome.values["period"] = period_of(found, truth[PERIOD[folder.name]], calibration, interval)
        if folder.name in GRAVITY:
            name = GRAVITY[folder.name]
            outcome.values["gravity"] = gravity_of(states, int(ids[name] or 0), truth[name], calibration, interval)
    except KinescribeError as error:
        outcome.problem = str(error)
    return outcome


def records_of(outcomes: Sequence[Outcome]) -> list[Record]:
    records = []
    for outcome in outcomes:
        made = partial(Record, TABLE, outcome.name)
        if outcome.name in EXPECTED:
            records += [
                made("law_of_the_expected_kind", float(bool(outcome.expected)), outcome.law, "higher", 1.0),
                made("laws_tied_with_it", float(len(outcome.ties)), "", "lower"),
                made("residuals_over_sigma", number(outcome.scale), "", "lower"),
                made("rollouts", float(outcome.rollouts), "", "lower"),
                made("time_of_fit", number(outcome.seconds), "s", "lower"),
            ]
        for measure, wanted in (("gravity", GRAVITY), ("period", PERIOD)):
            if outcome.name not in wanted:
                continue
            found, expected = outcome.values.get(measure, (float("nan"), float("nan")))
            unit = "s" if measure == "period" else "length/s²"
            records += [
                made(f"{measure}_relative_error", number(abs(found / expected - 1)), "", "lower", GOALS[measure]),
                made(measure, number(found), unit, "lower", None, number(expected), "the same fit to the marks"),
            ]
    return records


def report(outcomes: Sequence[Outcome]) -> None:
    rows = []
    for outcome in outcomes:
        said = "yes" if outcome.expected else "no" if outcome.name in EXPECTED else ""
        values = "; ".join(
            f"{measure} {show(found)} (marks {show(expected)}, {100 * (found / expected - 1):+.2f} %)"
            for measure, (found, expected) in outcome.values.items()
        )
        rows.append(
            [
                outcome.name,
                outcome.law or "–",
                said,
                ", ".join(outcome.ties) or "–",
                values,
                outcome.scale,
                outcome.rollouts or None,
                outcome.seconds,
            ]
        )
    print_table("Real clips, from video to law", ["clip", "law", "expected kind", "tied", "value", "residual/σ", "rollouts", "fit s"], rows)
    print()
    for outcome in outcomes:
        if outcome.estimates:
            print(f"{outcome.name}: {outcome.estimates}")
        if outcome.problem:
            print(f"{outcome.name}: {outcome.problem}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--only", action="append", metavar="NAME", help="only this clip (may be repeated)")
    options.add_argument("--tables", type=Path, metavar="DIR", help="take DIR/NAME.csv, where it exists, in place of a clip's video")
    chosen = options.parse_args(arguments)
    root = need_folder(chosen.data / "real")
    known = sorted(set(EXPECTED) | set(GRAVITY) | set(PERIOD))
    wanted = chosen.only or [name for name in known if (root / name / "clip.json").is_file()]
    folders = [root / name for name in wanted]
    missing = [folder.name for folder in folders if folder.name not in known or not (folder / "clip.json").is_file()]
    if missing or not folders:
        sys.exit(f"no clip {', '.join(missing)} in '{root}'; laws are known of: {', '.join(known)}")
    outcomes = list(parallel(partial(run_clip, tables=chosen.tables), folders, chosen.jobs))
    report(outcomes)
    finish(records_of(outcomes), chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
