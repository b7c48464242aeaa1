"""Do 95 % intervals cover the truth, and is what a clip can't tell called unidentifiable?

Random problems for laws of the library: parameters, starts, noise, gaps and the number of clips are drawn, the motion is simulated with
the law itself, noise is added, and the law is fitted. Half of the tables tell a wrong σ, by a factor of up to two, which the fit has to
find out. Where an interval misses badly the fit is repeated from the true values: if that explains the clips better, the fit had ended in
a wrong minimum, and its intervals are counted apart. Needs no data.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from common import Record, number, parallel, parser, print_goals, print_table, write_records
from numpy.typing import NDArray

from kinescribe.dynamics import Bodies, Clip, Law, State
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.simulation import Schedule, simulate

Float = NDArray[np.float64]
Random = np.random.Generator
TABLE = "coverage_of_intervals"
NOMINAL = 0.95
GOAL_DEVIATION = 0.02
SUSPECT = 4.0  # σ from the truth, or a scale of residuals off by SUSPECT_SCALE, that make a fit try again from the truth
SUSPECT_SCALE = 1.3
BETTER = 1.0  # of the log-likelihood: by so much the fit from the truth must be better for the first to have been wrong


@dataclass(slots=True)
class Drawn:
    """One problem.

    Attributes:
        law: that moves the objects, and is fitted.
        truth: every free parameter by name.
        fixed: what the fit is told.
        starts: the objects' first states, one for each clip.
        lost: names of the parameters that these clips can't tell.
        duration: of a clip, seconds; extent: of the motion, that noise goes by.
        bad: share of the sightings that are of something else, anywhere in the scene.
    """

    law: str
    truth: dict[str, float]
    starts: list[State]
    fixed: dict[str, float] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    duration: float = 1.0
    extent: float = 1.0
    bad: float = 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """What a fit says about one parameter, and the truth."""

    case: str
    parameter: str
    seed: int
    truth: float
    value: float
    sigma: float
    covered: bool
    identified: bool
    determined: bool
    wrong: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """All intervals of a problem."""

    case: str
    seed: int
    intervals: tuple[Interval, ...]
    failed: bool
    wrong: bool
    seconds: float
    rollouts: int


def one(rng: Random, **components: float) -> State:
    """A single disc's start."""
    return State.of(Bodies.make(1, radius=0.2), **{name: [[value]] for name, value in components.items()})


def several(rng: Random, start: Callable[[], State]) -> list[State]:
    """One clip, two or three."""
    return [start() for _ in range(int(rng.choice([1, 1, 2, 3])))]


def turned(rng: Random, low: float, high: float) -> dict[str, float]:
    """A velocity in any direction."""
    speed, angle = rng.uniform(low, high), rng.uniform(0, 2 * np.pi)
    return {"vx": float(speed * np.cos(angle)), "vy": float(speed * np.sin(angle))}


def free_fall(rng: Random) -> Drawn:
    g, duration = rng.uniform(1, 20), rng.uniform(0.5, 2)
    made = several(rng, lambda: one(rng, x=rng.uniform(-2, 2), y=rng.uniform(0, 4), **turned(rng, 0, 5)))
    return Drawn("free-fall", {"gravity": g}, made, duration=duration, extent=0.5 * g * duration**2)


def constant_acceleration(rng: Random) -> Drawn:
    a, duration = rng.uniform(-8, 8, 2), rng.uniform(0.5, 2)
    made = several(rng, lambda: one(rng, **turned(rng, 0, 5)))
    return Drawn("constant-acceleration", {"ax": a[0], "ay": a[1]}, made, duration=duration, extent=0.5 * float(np.hypot(*a)) * duration**2)


def linear_drag(rng: Random) -> Drawn:
    drag, g = rng.uniform(0.5, 3), rng.uniform(5, 12)
    made = several(rng, lambda: one(rng, **turned(rng, 3, 10)))
    return Drawn("free-fall + linear-drag", {"gravity": g, "drag": drag}, made, duration=rng.uniform(0.8, 2), extent=5.0)


def quadratic_drag(rng: Random) -> Drawn:
    drag, g = rng.uniform(0.05, 0.5), rng.uniform(5, 12)
    made = several(rng, lambda: one(rng, **turned(rng, 5, 15)))
    return Drawn("free-fall + quadratic-drag", {"gravity": g, "drag": drag}, made, duration=rng.uniform(0.8, 2), extent=5.0)


def spring(rng: Random, damped: bool) -> Drawn:
    stiffness, anchor = rng.uniform(5, 60), rng.uniform(-3, 3, 2)
    omega = float(np.sqrt(stiffness))
    truth = {"stiffness": stiffness, "anchor_x": anchor[0], "anchor_y": anchor[1]}
    if damped:
        truth["damping"] = omega * rng.uniform(0.05, 0.4)
    line = rng.random() < 0.3  # along a line, as a cart is

    def start() -> State:
        away = rng.uniform(-1, 1, 2) * (1, 0 if line else 1)
        v = omega * rng.uniform(0.3, 1, 2) * rng.choice([-1, 1], 2) * (1, 0 if line else 1)
        return one(rng, x=anchor[0] + away[0], y=anchor[1] + away[1], vx=v[0], vy=v[1])

    name = "damped-spring" if damped else "anchored-spring"
    return Drawn(name, truth, several(rng, start), duration=2 * np.pi / omega * rng.uniform(1, 4))


def pendulum(rng: Random) -> Drawn:
    length, g, pivot = rng.uniform(0.5, 2), rng.uniform(5, 12), rng.uniform(-2, 2, 2)
    omega = float(np.sqrt(g / length))
    truth = {"gravity": g, "length": length, "pivot_x": pivot[0], "pivot_y": pivot[1], "damping": omega * rng.uniform(0.02, 0.1)}

    def start() -> State:
        angle = rng.choice([-1, 1]) * rng.uniform(0.6, 1.5)
        return one(rng, x=pivot[0] + length * np.sin(angle), y=pivot[1] - length * np.cos(angle))

    return Drawn("pendulum", truth, several(rng, start), duration=2 * np.pi / omega * rng.uniform(1.5, 4), extent=length)


def circular(rng: Random) -> Drawn:
    speed, centre = rng.choice([-1, 1]) * rng.uniform(1, 8), rng.uniform(-3, 3, 2)

    def start() -> State:
        angle, r = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2)
        return one(rng, x=centre[0] + r * np.cos(angle), y=centre[1] + r * np.sin(angle))

    truth = {"centre_x": centre[0], "centre_y": centre[1], "angular_speed": speed}
    return Drawn("circular-motion", truth, several(rng, start), duration=2 * np.pi / abs(speed) * rng.uniform(0.5, 3))


def pair(rng: Random, meet: bool) -> State:
    """Two discs that run into each other off centre after a third to two thirds of two seconds, or pass far from each other."""
    radius = rng.uniform(0.3, 0.7, 2)
    when, angle = rng.uniform(0.7, 1.3), rng.uniform(0, 2 * np.pi)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    offset = rng.uniform(-0.6, 0.6) * radius.sum() if meet else 3.0 * radius.sum()
    gap = np.sqrt(radius.sum() ** 2 - offset**2) if meet else 0.0
    closing = rng.uniform(2, 5)
    drift = rng.uniform(-0.5, 0.5, 2)
    share = rng.uniform(0.2, 0.8)
    first, second = drift + share * closing * along, drift - (1 - share) * closing * along
    separation = (gap + closing * when) * along + offset * across
    bodies = Bodies.make(2, radius=radius)
    return State.of(
        bodies, x=[[0.0, separation[0]]], y=[[0.0, separation[1]]], vx=[[first[0], second[0]]], vy=[[first[1], second[1]]]
    )  # fmt: skip


def discs(rng: Random, masses: str) -> Drawn:
    """`masses`: "given", "one given" or "free"."""
    e, m = rng.uniform(0.3, 0.95), rng.uniform(0.5, 3, 2)
    every = {"object 1.mass": m[0], "object 2.mass": m[1]}
    truth, fixed = {"restitution": e}, {}
    if masses == "given":
        fixed = every
    elif masses == "one given":
        fixed = {"object 1.mass": m[0]}
        truth["object 2.mass"] = m[1]
    else:
        truth |= every
    lost = frozenset(every) if masses == "free" else frozenset()
    return Drawn("uniform-motion + discs", truth, several(rng, lambda: pair(rng, True)), fixed, lost, duration=2.0, extent=3.0)


def discs_apart(rng: Random) -> Drawn:
    e, m = rng.uniform(0.3, 0.95), rng.uniform(0.5, 3, 2)
    truth = {"restitution": e, "object 1.mass": m[0], "object 2.mass": m[1]}
    made = several(rng, lambda: pair(rng, False))
    return Drawn("uniform-motion + discs", truth, made, lost=frozenset(truth), duration=2.0, extent=3.0)


def floor(rng: Random, friction: bool) -> Drawn:
    g, e, height = rng.uniform(5, 12), rng.uniform(0.5, 0.9), rng.uniform(-1, 1)
    drop = rng.uniform(0.8, 2)
    truth, fixed = {"gravity": g, "floor": height, "restitution": e}, {"friction": 0.0}
    if friction:
        fixed = {}
        truth["friction"] = rng.uniform(0.05, 0.2)

    def start() -> State:
        vx = rng.choice([-1, 1]) * rng.uniform(6, 9)  # so fast that the strokes don't make it roll
        return one(rng, y=height + 0.2 + drop * rng.uniform(0.8, 1.2), vx=vx, vy=rng.uniform(-1, 1))

    # the second bounce is over, and it is far from lying still
    fall = float(np.sqrt(2 * drop / g))
    duration = fall * (1 + 2 * e + e * e)
    return Drawn("free-fall + floor", truth, several(rng, start), fixed, duration=duration, extent=drop)


def floor_never_reached(rng: Random) -> Drawn:
    g = rng.uniform(5, 12)
    truth = {"gravity": g, "floor": -1e6, "restitution": 0.8, "friction": 0.1}
    made = several(rng, lambda: one(rng, y=rng.uniform(0, 3), **turned(rng, 0, 5)))
    return Drawn("free-fall + floor", truth, made, lost=frozenset(truth) - {"gravity"}, duration=1.0, extent=0.5 * g)


def drag_at_rest(rng: Random) -> Drawn:
    made = several(rng, lambda: one(rng, x=rng.uniform(-3, 3), y=rng.uniform(-3, 3)))
    name = str(rng.choice(["linear-drag", "quadratic-drag"]))
    return Drawn(name, {"drag": rng.uniform(0.1, 2)}, made, lost=frozenset(["drag"]), duration=rng.uniform(0.5, 3))


def spring_at_rest(rng: Random) -> Drawn:
    anchor = rng.uniform(-3, 3, 2)
    truth = {"stiffness": rng.uniform(5, 60), "anchor_x": anchor[0], "anchor_y": anchor[1]}
    made = [one(rng, x=anchor[0], y=anchor[1])]
    return Drawn("anchored-spring", truth, made, lost=frozenset(["stiffness"]), duration=rng.uniform(1, 3))


def damped_spring_at_rest(rng: Random) -> Drawn:
    made = spring_at_rest(rng)
    return replace(made, law="damped-spring", truth=made.truth | {"damping": rng.uniform(0.2, 2)}, lost=frozenset(["stiffness", "damping"]))


def friction_at_rest(rng: Random) -> Drawn:
    made = several(rng, lambda: one(rng, x=rng.uniform(-3, 3), y=rng.uniform(-3, 3)))
    return Drawn("coulomb-friction", {"friction": rng.uniform(0.5, 5)}, made, lost=frozenset(["friction"]), duration=rng.uniform(0.5, 3))


def friction_of_a_straight_drop(rng: Random) -> Drawn:
    made = floor(rng, friction=True)
    starts = [start.replace(vx=0.0) for start in made.starts]
    return replace(made, starts=starts, lost=frozenset(["friction"]))


def spring_between(rng: Random, masses: str) -> Drawn:
    """Two bodies on a spring that swing against each other; `masses`: "one given" or "free"."""
    m, length, stiffness = rng.uniform(0.5, 3, 2), rng.uniform(1, 3), rng.uniform(5, 40)
    omega = float(np.sqrt(stiffness * (1 / m).sum()))
    truth = {"stiffness": stiffness, "rest_length": length, "damping": 0.1 * stiffness / omega, "object 2.mass": m[1]}
    fixed = {"object 1.mass": m[0]}
    if masses == "free":
        truth, fixed = truth | fixed, {}

    def start() -> State:
        angle, drift, apart = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3, 2), length * rng.uniform(1.2, 1.5)
        x, y = [[0.0, apart * np.cos(angle)]], [[0.0, apart * np.sin(angle)]]
        return State.of(Bodies.make(2, radius=0.2), x=x, y=y, vx=drift[0], vy=drift[1])

    lost = frozenset(truth) - {"rest_length"} if masses == "free" else frozenset()
    return Drawn("pair-spring", truth, several(rng, start), fixed, lost, duration=2 * np.pi / omega * rng.uniform(1.5, 3))


def spoilt(rng: Random, bad: float) -> Drawn:
    """One of the simpler problems, with sightings that are of something else."""
    draws = (free_fall, linear_drag, partial(spring, damped=True), pendulum, partial(discs, masses="one given"))
    return replace(draws[int(rng.integers(len(draws)))](rng), bad=bad)


CASES: dict[str, Callable[[Random], Drawn]] = {
    "free fall": free_fall,
    "constant acceleration": constant_acceleration,
    "fall with linear drag": linear_drag,
    "fall with quadratic drag": quadratic_drag,
    "spring": partial(spring, damped=False),
    "damped spring": partial(spring, damped=True),
    "pendulum": pendulum,
    "circular motion": circular,
    "discs, masses given": partial(discs, masses="given"),
    "discs, one mass given": partial(discs, masses="one given"),
    "discs, masses free": partial(discs, masses="free"),
    "bounces": partial(floor, friction=False),
    "bounces with friction": partial(floor, friction=True),
    "discs that never touch": discs_apart,
    "floor never reached": floor_never_reached,
    "drag of a thing at rest": drag_at_rest,
    "spring of a thing at rest": spring_at_rest,
    "damped spring at rest": damped_spring_at_rest,
    "friction of a thing at rest": friction_at_rest,
    "friction of a straight drop": friction_of_a_straight_drop,
    "pair spring, one mass given": partial(spring_between, masses="one given"),
    "pair spring, masses free": partial(spring_between, masses="free"),
    "5 % bad sightings": partial(spoilt, bad=0.05),
    "25 % bad sightings": partial(spoilt, bad=0.25),
}


def clips_of(law: Law, drawn: Drawn, rng: Random) -> list[Clip]:
    """The problem's clips: 20 to 60 frames, noise of 0.1 to 1 % of the extent, in half of them up to a fifth of the sightings missing."""
    noise = drawn.extent * 10 ** rng.uniform(-3, -2)
    told = noise * (2 ** rng.uniform(-1, 1) if rng.random() < 0.5 else 1.0)
    gaps = rng.uniform(0, 0.2) if rng.random() < 0.5 else 0.0
    out = []
    for k, start in enumerate(drawn.starts):
        times = np.linspace(0, drawn.duration, int(rng.integers(20, 61)))
        slots = Slots.of(law, start.bodies, fixed={**drawn.truth, **drawn.fixed})
        values = slots.values(np.zeros((1, 0)))
        run = simulate(law, values, law.project(start, values), Schedule.of([times], substeps=4))
        shape = (len(times), len(start.bodies))
        x, y = (run.component(axis)[0] + rng.normal(0, noise, shape) for axis in "xy")
        if drawn.bad:
            bad = rng.random(shape) < drawn.bad
            for values in (x, y):
                low, high = values.min(), values.max()
                values[bad] = rng.uniform(low - 0.1 * drawn.extent, high + 0.1 * drawn.extent, int(bad.sum()))
        missing = rng.random(shape) < gaps
        x[missing], y[missing] = np.nan, np.nan
        sigma, none = np.full(shape, told), np.full(shape, np.nan)
        out.append(
            Clip(f"clip {k}", times, start.bodies, x, y, none, none, none, none, sigma, sigma, sigma, tuple(run.impacts_of(0)), unit="m")
        )
    return out


def solve(job: tuple[str, int]) -> Outcome:
    """One problem, drawn, fitted and compared with the truth."""
    case, seed = job
    rng = np.random.default_rng([list(CASES).index(case), seed])
    drawn = CASES[case](rng)
    law = find_law(drawn.law)
    clips = clips_of(law, drawn, rng)
    fit = fit_law(law, clips, fixed=drawn.fixed)
    estimates = fit.estimates
    off = [
        abs(estimates[name].value - value) > SUSPECT * estimates[name].sigma
        for name, value in drawn.truth.items()
        if name not in drawn.lost
    ]
    # no table tells a σ that is wrong by more than a factor of 2
    wrong = astray = not fit.ok or (not drawn.bad and fit.scale > SUSPECT_SCALE * 2)
    if any(off) and not astray:
        again = fit_law(law, clips, fixed=drawn.fixed, start=drawn.truth)
        wrong = again.log_likelihood > fit.log_likelihood + BETTER
    intervals = []
    for name, value in drawn.truth.items():
        e = estimates[name]
        intervals.append(
            Interval(case, name, seed, value, e.value, e.sigma, e.low <= value <= e.high, e.identified, name not in drawn.lost, wrong)
        )
    return Outcome(case, seed, tuple(intervals), not fit.ok, wrong, fit.seconds, fit.rollouts)


def share(found: Sequence[Interval]) -> float:
    return float(np.mean([one.covered for one in found])) if found else float("nan")


def records_of(outcomes: Sequence[Outcome]) -> list[Record]:
    """Figures of all problems together, by law, and by parameter."""
    every = [interval for outcome in outcomes for interval in outcome.intervals]
    told = [one for one in every if one.determined and one.identified]
    right = [one for one in told if not one.wrong]
    determined = [one for one in every if one.determined and not one.wrong]
    lost = [one for one in every if not one.determined]
    made = partial(Record, TABLE)
    missed = sum(not one.identified for one in determined)
    records = [
        made("all", "intervals", float(len(right)), "", "higher", 1000.0),
        made("all", "coverage", number(share(right)), "", "higher", None, NOMINAL, "nominal"),
        made("all", "deviation_of_coverage", number(abs(share(right) - NOMINAL)), "", "lower", GOAL_DEVIATION),
        made("all", "coverage_with_wrong_minima", number(share(told)), "", "higher", None, NOMINAL, "nominal"),
        made(
            "all",
            "undetermined_called_so",
            number(float(np.mean([not one.identified for one in lost])) if lost else np.nan),
            "",
            "higher",
            1.0,
        ),
        made("all", "determined_called_undetermined", number(missed / len(determined)) if determined else None, "", "lower", 0.0),
        made("all", "wrong_minima", float(sum(outcome.wrong for outcome in outcomes)), f"of {len(outcomes)} fits", "lower"),
        made("all", "failed_fits", float(sum(outcome.failed for outcome in outcomes)), f"of {len(outcomes)} fits", "lower"),
    ]
    groups: dict[str, list[Interval]] = defaultdict(list)
    for one in right:
        groups[one.case].append(one)
        groups[f"{one.case}/{one.parameter}"].append(one)
    return records + [
        made(case, "coverage", number(share(groups[case])), f"of {len(groups[case])}", "higher", None, NOMINAL, "nominal")
        for case in sorted(groups)
    ]


def report(outcomes: Sequence[Outcome]) -> None:
    """Prints a row for each law and parameter."""
    cells: dict[tuple[str, str], list[Interval]] = defaultdict(list)
    for outcome in outcomes:
        for one in outcome.intervals:
            cells[one.case, one.parameter].append(one)
    rows: list[list[Any]] = []
    for (case, parameter), all_of in cells.items():
        right = [one for one in all_of if not one.wrong]
        told = [one for one in right if one.identified and one.determined]
        lost = sum(not one.identified for one in right)
        pulls = [(one.value - one.truth) / one.sigma for one in told]
        error = np.sqrt(NOMINAL * (1 - NOMINAL) / len(told)) if told else np.nan
        middle = float(np.median(np.abs(pulls))) if pulls else None
        rows.append([
            case, parameter, len(right), share(told), float((share(told) - NOMINAL) / error), middle,
            f"{lost} (must be {0 if all_of[0].determined else len(right)})", sum(one.wrong for one in all_of),
        ])  # fmt: skip
    header = [
        "problem",
        "parameter",
        "fits",
        "covered",
        "off by (standard errors)",
        "median |error|/σ (0.67)",
        "unidentifiable",
        "wrong minima",
    ]
    print_table("Coverage of 95 % intervals", header, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--problems", type=int, default=35, metavar="N", help="problems of each kind (default: %(default)s)")
    options.add_argument("--only", action="append", choices=list(CASES), metavar="KIND", help="only this kind of problem (may be repeated)")
    options.add_argument("--first", type=int, default=0, metavar="SEED", help="seed of the first problem (default: %(default)s)")
    chosen = options.parse_args(arguments)
    if chosen.problems < 1:
        options.error("--problems must be 1 or more")
    jobs = [(case, seed) for seed in range(chosen.first, chosen.first + chosen.problems) for case in chosen.only or CASES]
    outcomes = list(parallel(solve, jobs, chosen.jobs))
    report(outcomes)
    records = records_of(outcomes)
    print_goals(records)
    for outcome in outcomes:
        if outcome.wrong:
            print(f"  wrong minimum: {outcome.case}, seed {outcome.seed}")
    if chosen.json:
        write_records(records, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
