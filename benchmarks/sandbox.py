"""What the sandbox costs: a fit of 2,500 rollouts through it, over the same law in process; the start of a worker; one call.

Ten clips (45 frames at 30 a second, noise of 2 mm) are drawn under laws of four kinds and fitted in process and in the sandbox, from the
same starts, again and again with new noise until 2,500 rollouts are spent. The two take turns, and the median of the ratios counts. That
both find the same numbers, to the last bit, is checked on the way. Needs no data.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import Record, finish, number, parser, print_table

from kinescribe.dynamics import Bodies, Clip, Inputs, Law, Schedule, State, Values, simulate
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.sandbox import SandboxedLaw, isolation, law_of_source

TABLE = "sandbox"
GOAL_RATIO = 1.5
ROLLOUTS = 2500
CLIPS, FRAMES, RATE, NOISE = 10, 45, 30.0, 0.002
PUSHES = Inputs.of([0.0, 0.5, 1.0, 3.0], push=[1.0, -1.0, 0.5, 0.5])

BEGIN = "import numpy as np\nfrom kinescribe.dynamics import Contacts, Law, Parameter, Wall\n\n"
DRAG = """
class AirDrag(Law):
    gravity = Parameter(9.0, (0, 50), "length/time^2")
    drag = Parameter(0.05, (0, 5), "1/length")

    def acceleration(self, t, state, parameters, inputs):
        speed = np.hypot(state.vx, state.vy)
        return -parameters.drag * speed * state.vx, -parameters.gravity - parameters.drag * speed * state.vy
"""
BOUNCE = """
class DraggedBounce(Law):
    gravity = Parameter(9.0, (0, 50), "length/time^2")
    drag = Parameter(0.1, (0, 5), "1/time")
    restitution = Parameter(0.7, (0, 1))

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.drag * state.vx, -parameters.gravity - parameters.drag * state.vy

    def contacts(self, bodies, parameters):
        return Contacts([Wall("floor", 0.0, 1.0, 0.0, parameters.restitution)])
"""
STEADY = """
class Bounce(Law):
    steady = True
    gravity = Parameter(9.0, (0, 50), "length/time^2")
    restitution = Parameter(0.7, (0, 1))

    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.gravity

    def contacts(self, bodies, parameters):
        return Contacts([Wall("floor", 0.0, 1.0, 0.0, parameters.restitution)])
"""
EULER = """
class Euler(Law):
    inputs = ("push",)
    time_step = 1 / 60
    strength = Parameter(2.0, (0, 100), "length/time^2")
    friction = Parameter(0.1, (0, 10), "1/time")

    def step(self, state, parameters, inputs, dt):
        vx = state.vx + dt * (parameters.strength * inputs.push - parameters.friction * state.vx)
        return state.replace(x=state.x + dt * state.vx, y=state.y + dt * state.vy, vx=vx)
"""
LAWS = {
    "forces, no contacts": (DRAG, {"gravity": 7.0, "drag": 0.1}),
    "forces and contacts": (BOUNCE, {"gravity": 7.0, "drag": 0.2, "restitution": 0.8}),
    "constant forces and contacts": (STEADY, {"gravity": 7.0, "restitution": 0.8}),
    "own steps": (EULER, {"strength": 3.0, "friction": 0.3}),
}


def in_process(source: str) -> Law:
    """The law of a source, run here."""
    namespace: dict[str, Any] = {"__name__": "law_here"}
    exec(compile(BEGIN + source, "law_here", "exec", dont_inherit=True), namespace)
    (made,) = (one for one in namespace.values() if isinstance(one, type) and one.__module__ == "law_here")
    law: Law = made()
    return law


def filmed(law: Law, truth: dict[str, float], rng: np.random.Generator) -> list[Clip]:
    """What perception makes of ten motions under a law."""
    bodies, times = Bodies.make(1, radius=0.1), np.arange(FRAMES) / RATE
    start = State.of(
        bodies,
        x=rng.uniform(0.0, 0.5, (CLIPS, 1)),
        y=rng.uniform(0.5, 1.5, (CLIPS, 1)),
        vx=rng.uniform(1.0, 3.0, (CLIPS, 1)),
        vy=rng.uniform(0.0, 3.0, (CLIPS, 1)),
    )
    values = Values({name: np.full((CLIPS, 1), value) for name, value in truth.items()})
    step = law.time_step if law.kind == "step" else None
    path = simulate(law, values, start, Schedule.of([times] * CLIPS, [PUSHES] * CLIPS, names=law.inputs, substeps=8, time_step=step))
    made = []
    for k in range(CLIPS):
        x, y = (path.component(axis)[k] + rng.normal(0, NOISE, (FRAMES, 1)) for axis in "xy")
        none, sigma = np.full((FRAMES, 1), np.nan), np.full((FRAMES, 1), NOISE)
        hits = tuple(path.impacts_of(k))
        made.append(Clip("clip", times, bodies, x, y, none, none, none, none, sigma, sigma, sigma, hits, PUSHES, "m"))
    return made


def spent(law: Law, series: list[list[Clip]], rollouts: int) -> tuple[float, int, list[list[float]]]:
    """Seconds and rollouts of fits of one set of clips after the other until so many are spent, and what each found."""
    done, found = 0, []
    before = time.perf_counter()
    for clips in series:
        fit = fit_law(law, clips)
        done += fit.rollouts
        found.append(fit.theta.tolist())
        if done >= rollouts:
            return time.perf_counter() - before, done, found
    raise SystemExit(f"{len(series)} fits take {done} rollouts, fewer than {rollouts}: draw more clips")


def compared(source: str, truth: dict[str, float], rollouts: int, repeats: int) -> tuple[float, float, float, int]:
    """Seconds in process and in the sandbox, their ratio (medians of the repeats), and rollouts."""
    here, there = in_process(source), law_of_source(BEGIN + source)
    rng = np.random.default_rng(0)
    series = [filmed(here, truth, rng) for _ in range(40)]
    # once for what is compiled and warmed up
    for law in (here, there):
        fit_law(law, series[0])
    times: list[tuple[float, float]] = []
    for _ in range(repeats):
        ours, count, found = spent(here, series, rollouts)
        theirs, also, same = spent(there, series, rollouts)
        if found != same or count != also:
            raise SystemExit("the sandbox finds something else than the law in process")
        times.append((ours, theirs))
    if isinstance(there, SandboxedLaw):
        there.close()
    median = statistics.median
    return median(one[0] for one in times), median(one[1] for one in times), median(b / a for a, b in times), count


def timed(what: Callable[[], object], repeats: int) -> float:
    """Median seconds."""
    times = []
    for _ in range(repeats):
        before = time.perf_counter()
        what()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def worker_costs(repeats: int) -> tuple[float, float, float]:
    """Seconds to start a worker and load a law, seconds of one call, and MB of memory that a worker takes."""
    started = timed(lambda: SandboxedLaw.of(BEGIN + DRAG).close(), repeats)
    law = SandboxedLaw.of(BEGIN + DRAG)
    state, one, nothing = State.of(Bodies.make(1), x=1.0), np.ones((1, 1)), Values({})
    values = Values({"gravity": one, "drag": one})
    call = timed(lambda: law.acceleration(one, state, values, nothing), 200 * repeats)
    worker = law.session.worker
    if worker is None:
        raise SystemExit("the worker is gone")
    lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    memory = next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
    law.close()
    return started, call, memory


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("--rollouts", type=int, default=ROLLOUTS, metavar="N", help="of each fit (default: %(default)s)")
    arguments.add_argument("--repeats", type=int, default=5, metavar="N", help="of each timing (default: %(default)s)")
    options = arguments.parse_args()
    level = isolation()
    if level.level == "none":
        print(level.text, file=sys.stderr)
        return 2
    records, rows = [], []
    for case, (source, truth) in LAWS.items():
        ours, theirs, ratio, rollouts = compared(source, truth, options.rollouts, options.repeats)
        rows.append((case, rollouts, ours, theirs, ratio))
        records.append(Record(TABLE, case, "time in the sandbox over time in process", number(ratio), "", "lower", GOAL_RATIO))
    print_table("Fits", ("law", "rollouts", "in process, s", "in the sandbox, s", f"ratio (goal: {GOAL_RATIO})"), rows)
    start, call, memory = worker_costs(options.repeats)
    print_table("A worker", ("start, s", "one call, ms", "memory, MB"), [(start, 1000 * call, memory)])
    for measure, value, unit in (("start", start, "s"), ("one call", 1000 * call, "ms"), ("memory", memory, "MB")):
        records.append(Record(TABLE, "worker", measure, number(value), unit, "lower"))
    finish(records, options.json, level.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
