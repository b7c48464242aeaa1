"""What a fit costs: rollouts, time over that of plain simulations with Box2D, and growth with the number of objects.

Ten clips of PhyWorld's scenes (32 frames 0.1 s apart, world 10 × 10, noise of 0.005), drawn by simulation with the documented ranges,
are fitted together. The yardstick is the time of 2,500 rollouts of the same ten scenes with Box2D, ten steps of 0.01 s a frame, as
programs that search parameters through that simulator spend them. Fits and yardsticks take turns, and the median of each counts.
Then one clip of N discs in a box, each striking others and the walls, is fitted: restitution, with masses by size. Needs no data.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Sequence
from functools import partial

import numpy as np
from common import Record, number, parser, print_goals, print_table, write_records
from numpy.typing import NDArray

from kinescribe.dynamics import Bodies, Clip, Law, State
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Budget, Fit, fit_law
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.simulation import Rollout, Schedule, simulate

Float = NDArray[np.float64]
Random = np.random.Generator
TABLE = "fit_cost"
CLIPS, FRAMES, INTERVAL, STEP = 10, 32, 0.1, 0.01
NOISE = 0.005  # world units
ROLLOUTS = 2500  # of the yardstick, and the goal
GOAL_RATIO, GOAL_EXPONENT = 0.2, 2.0
SCENES = {"uniform_motion": "uniform-motion", "parabola": "free-fall", "collision": "uniform-motion + discs-of-one-material"}
TRUTH = {"gravity": 2.5, "restitution": 1.0}
CROWD = {"discs-of-one-material.restitution": 0.9, "walls.restitution": 0.9, "walls.friction": 0.0}
ITERATIONS = (8, 3)  # of Box2D's solver, as its manual has them
FEW = 3.0  # σ
SPACING = 1.5  # of the grid on which the discs begin, world units


def scene(name: str, rng: Random) -> State:
    """One clip's start, of speeds from 1 to 4 and radii from 0.7 to 1.4, as PhyWorld draws them."""
    if name != "collision":
        radius = float(rng.uniform(0.7, 1.4))
        height = 9.0 - radius if name == "parabola" else rng.uniform(radius, 10.0 - radius)
        return State.of(Bodies.make(1, radius=radius), x=[[radius]], y=[[height]], vx=[[rng.uniform(1, 4)]])
    radius = rng.uniform(0.5, 1.5, 2)
    bodies = Bodies.make(2, radius=radius)
    return State.of(bodies, x=[[radius[0], 10.0 - radius[1]]], y=[[5.0, 5.0]], vx=[[rng.uniform(1, 4), -rng.uniform(1, 4)]])


def crowd(count: int, rng: Random) -> tuple[State, float]:
    """N discs of two sizes on a jittered grid in a square box, at random speeds; and the box's side."""
    side = int(np.ceil(np.sqrt(count)))
    cells = rng.permutation(side * side)[:count]
    radius = rng.choice([0.3, 0.4], count)
    places = SPACING * (np.stack([cells % side, cells // side], axis=1) + 0.5) + rng.uniform(-0.15, 0.15, (count, 2))
    speeds = rng.normal(0.0, 1.0, (count, 2))
    start = State.of(
        Bodies.make(count, radius=radius), x=places[None, :, 0], y=places[None, :, 1], vx=speeds[None, :, 0], vy=speeds[None, :, 1]
    )
    return start, SPACING * side


def filmed(law: Law, truth: dict[str, float], start: State, times: Float, rng: Random) -> tuple[Clip, Rollout]:
    """What perception makes of a motion under the law, noise and contacts included."""
    values = Slots.of(law, start.bodies, fixed=truth).values(np.zeros((1, 0)))
    run = simulate(law, values, start, Schedule.of([times]))
    shape = (len(times), len(start.bodies))
    x, y = (run.component(axis)[0] + rng.normal(0, NOISE, shape) for axis in "xy")
    none, sigma = np.full(shape, np.nan), np.full(shape, NOISE)
    clip = Clip("clip", times, start.bodies, x, y, none, none, none, none, sigma, sigma, sigma, tuple(run.impacts_of(0)), unit="m")
    return clip, run


def box2d_time(name: str, starts: Sequence[State], rollouts: int) -> float:
    """Seconds for so many simulations of the scenes, in turn, with Box2D: a world made, stepped through all frames, and read."""
    import Box2D

    gravity = TRUTH["gravity"] if name == "parabola" else 0.0
    numbers = [np.concatenate([start.data[[0, 1, 3, 4], 0].T, start.bodies.radius[:, None]], axis=1).tolist() for start in starts]
    steps = round(INTERVAL / STEP)
    before = time.perf_counter()
    for k in range(rollouts):
        world = Box2D.b2World(gravity=(0.0, -gravity), doSleep=False)
        bodies = []
        for x, y, vx, vy, radius in numbers[k % len(numbers)]:
            fixture = Box2D.b2FixtureDef(shape=Box2D.b2CircleShape(radius=radius), density=1.0, friction=0.0, restitution=1.0)
            bodies.append(world.CreateDynamicBody(position=(x, y), linearVelocity=(vx, vy), fixtures=fixture))
        path = [[tuple(body.position) for body in bodies]]
        for _ in range(FRAMES - 1):
            for _ in range(steps):
                world.Step(STEP, *ITERATIONS)
            path.append([tuple(body.position) for body in bodies])
    return time.perf_counter() - before


def fit_scene(name: str, seed: int, rollouts: int) -> tuple[Fit, float, float]:
    """The fit, its seconds, and those of the yardstick's 2,500 rollouts (measured on `rollouts` of them), one after the other."""
    rng = np.random.default_rng(seed)
    law = find_law(SCENES[name])
    truth = {key: value for key, value in TRUTH.items() if key in law.parameters}
    starts = [scene(name, rng) for _ in range(CLIPS)]
    times = np.arange(FRAMES) * INTERVAL
    clips = [filmed(law, truth, start, times, rng)[0] for start in starts]
    before = time.perf_counter()
    fit = fit_law(law, clips)
    return fit, time.perf_counter() - before, box2d_time(name, starts, rollouts) * ROLLOUTS / rollouts


def fit_crowd(count: int, seed: int, seconds: float) -> tuple[Fit, float, int]:
    """Fit of N discs, its seconds, and the number of contacts in the clip."""
    rng = np.random.default_rng(seed)
    law = find_law("uniform-motion + discs-of-one-material + walls")
    start, side = crowd(count, rng)
    walls = {"floor": 0.0, "ceiling": side, "left": 0.0, "right": side}
    clip, run = filmed(law, walls | CROWD, start, np.arange(FRAMES) * INTERVAL, rng)
    before = time.perf_counter()
    fit = fit_law(law, [clip], fixed=walls | {"walls.friction": 0.0}, budget=Budget(seconds=seconds))
    return fit, time.perf_counter() - before, len(run.impacts)


def scene_records(name: str, seed: int, repeats: int, rollouts: int) -> list[Record]:
    """Fits of one scene and yardsticks by turns."""
    runs = [fit_scene(name, seed, rollouts) for _ in range(repeats)]
    fit = runs[0][0]
    seconds, yardstick = (float(np.median([run[k] for run in runs])) for k in (1, 2))
    ratio = float(np.median([run[1] / run[2] for run in runs]))
    made = partial(Record, TABLE, f"{name}/{CLIPS} clips", better="lower")
    return [
        made("rollouts", float(fit.rollouts), "", goal=float(ROLLOUTS)),
        made("time", number(seconds), "s", reference=number(yardstick), reference_name=f"{ROLLOUTS} Box2D rollouts, same run"),
        made("time_ratio", number(ratio), "", goal=GOAL_RATIO),
        made("residuals_over_sigma", number(fit.scale), "", goal=FEW),
    ]


def crowd_records(counts: Sequence[int], seed: int, repeats: int, cap: float) -> list[Record]:
    """Fits of N discs in a box, and how their time grows."""
    seconds, records = [], []
    for count in counts:
        runs = [fit_crowd(count, seed, cap) for _ in range(repeats)]
        fit, contacts = runs[0][0], runs[0][2]
        seconds.append(float(np.median([run[1] for run in runs])))
        made = partial(Record, TABLE, f"{count} discs", better="lower")
        errors = [
            abs(estimate.value - CROWD[key]) / estimate.sigma
            for key, estimate in fit.estimates.items()
            if not estimate.fixed and estimate.identified
        ]
        records += [
            made("rollouts", float(fit.rollouts), ""),
            made("time", number(seconds[-1]), "s"),
            made("contacts", float(contacts), ""),
            made("residuals_over_sigma", number(fit.scale), "", goal=FEW),
            made("largest_error_of_restitution", number(max(errors, default=float("nan"))), "σ"),
        ]
    if len(counts) > 1:
        exponent = float(np.polyfit(np.log(counts), np.log(seconds), 1)[0])
        case = f"{counts[0]} to {counts[-1]} discs"
        records.append(Record(TABLE, case, "exponent_of_time", number(exponent), "", "lower", GOAL_EXPONENT))
    return records


def report(records: Sequence[Record]) -> None:
    rows = [[one.case, one.measure, one.value, one.unit, one.reference if one.reference is not None else one.goal] for one in records]
    print_table("Cost of a fit", ["case", "measure", "value", "unit", "goal or reference"], rows)
    print_goals(records)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument(
        "--repeats", type=int, default=5, metavar="N", help="fits and yardsticks, of which the median counts (default: %(default)s)"
    )
    options.add_argument("--rollouts", type=int, default=250, metavar="N", help="rollouts of a yardstick, scaled up (default: %(default)s)")
    options.add_argument("--discs", default="5,10,20,40", metavar="N,N", help="numbers of discs; empty for none (default: %(default)s)")
    options.add_argument("--cap", type=float, default=60.0, metavar="SECONDS", help="longest fit of discs (default: %(default)s)")
    options.add_argument("--only", action="append", choices=list(SCENES), help="only this scene (may be repeated)")
    options.add_argument("--seed", type=int, default=0, help="of the drawn scenes (default: %(default)s)")
    chosen = options.parse_args(arguments)
    try:
        counts = [int(word) for word in chosen.discs.split(",") if word]
    except ValueError:
        options.error(f"--discs takes numbers, such as 5,10, not '{chosen.discs}'")
    if min([chosen.repeats, chosen.rollouts, *counts]) < 1 or not chosen.cap > 0:
        options.error("--repeats, --rollouts and --discs must be 1 or more, --cap above 0")
    if importlib.util.find_spec("Box2D") is None:
        sys.exit("the yardstick needs Box2D: pip install 'kinescribe[rigid]'")
    records: list[Record] = []
    for name in chosen.only or SCENES:
        records += scene_records(name, chosen.seed, chosen.repeats, chosen.rollouts)
    records += crowd_records(counts, chosen.seed, max(1, chosen.repeats // 2), chosen.cap)
    report(records)
    if chosen.json:
        write_records(records, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
