"""The dimensional test: the same motion, measured in other units, is the same motion.

Lengths, times and masses are multiplied in turn, each quantity by what its dimension asks for, and the law runs again. Where the outcome is
another, some parameter has another dimension than it says, or a number that has one is written into the code. Which parameter it may be is
found by trial: the one for which another dimension mends it. (After the covariance argument of E. Buckingham, Phys. Rev. 4, 345, 1914.)
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.checks.behaviour import Sameness, natural, nudge_of
from kinescribe.dynamics.checks.runner import Runner
from kinescribe.dynamics.checks.trial import Trial
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation import Rollout, Schedule, simulate
from kinescribe.dynamics.state import State

__all__ = ["check_dimensions"]

Float = NDArray[np.float64]
BASES = ("length", "time", "mass")
FACTOR = 4.0  # a power of two whose root is one too: rescaled numbers are exact
POWERS = (*range(-4, 5), Fraction(-1, 2), Fraction(1, 2), Fraction(-3, 2), Fraction(3, 2))
INPUT_POWERS = (0, 1, -1, -2, 2, 3, -3)
MOST_INPUTS = 2  # whose dimensions are tried independently of each other
MOST_ROWS = 2000


@dataclass(frozen=True, slots=True)
class _Row:
    """Powers of the rescaled base: by parameter where they differ from what it declares, and of the inputs."""

    parameters: Mapping[str, Fraction | int]
    inputs: tuple[int, ...]


def check_dimensions(runner: Runner, trial: Trial) -> None:
    """Rescale length, time and mass in turn. Inputs have no dimension of their own to say: one that makes it come out right will do."""
    law = trial.law
    generic = _generic(trial)
    base = _quiet(runner, generic)
    if base is None:
        generic, base = trial, runner.call(trial.run)
    if base is None or base.diverged.any():
        return
    one = generic.only([0])
    nudged = runner.call(one.nudged(nudge_of(one)).run)
    if nudged is None:
        return
    first = base.data[:, :1]
    same = Sameness.of(one, replace(base, data=first), nudged)
    broken: dict[str, dict[str, set[Fraction]]] = {}
    for quantity in BASES:
        inputs = list(itertools.product(INPUT_POWERS, repeat=len(law.inputs))) if len(law.inputs) <= MOST_INPUTS else (
            [(power,) * len(law.inputs) for power in INPUT_POWERS])  # fmt: skip
        declared = _passing(runner, one, same, first, quantity, [_Row({}, powers) for powers in inputs])
        if declared is None:
            return
        if not declared:
            broken[quantity] = _repairs(runner, one, same, first, quantity, inputs)
    if broken:
        _tell(runner, law, broken)


def _generic(trial: Trial) -> Trial:
    """With values for which every parameter matters: a start of 0 would hide it."""
    values = {}
    for name, parameter in trial.law.parameters.items():
        low, high = parameter.bounds
        start = trial.values[name]
        size = natural(trial, parameter)
        moved = np.where(start != 0.0, start, np.clip(0.3 * size, low, high) if np.isfinite(size) else start)
        values[name] = np.clip(moved * (1.0 + 0.07 * np.arange(moved.shape[1])), low, high)
    return trial.with_values(**values)


def _quiet(runner: Runner, trial: Trial) -> Rollout | None:
    """A run that may go wrong without a finding: such values are ours, not the law's."""
    tried = Runner(runner.law, runner.seconds)
    made = tried.call(trial.run)
    return None if made is None or made.diverged.any() else made


def _repairs(
    runner: Runner, trial: Trial, same: Sameness, first: Float, quantity: str, inputs: Sequence[tuple[int, ...]]
) -> dict[str, set[Fraction]]:
    """By parameter the powers of the base that would mend it."""
    rows = [
        _Row({name: Fraction(power)}, powers)
        for name, parameter in trial.law.parameters.items()
        for power in POWERS
        if power != getattr(parameter.dimension, quantity)
        for powers in inputs
    ]
    if len(rows) > MOST_ROWS:
        return {}
    found: dict[str, set[Fraction]] = {}
    for row in _passing(runner, trial, same, first, quantity, rows, quiet=True) or []:
        for name, power in row.parameters.items():
            found.setdefault(name, set()).add(Fraction(power))
    return found


def _passing(
    runner: Runner, trial: Trial, same: Sameness, first: Float, quantity: str, rows: Sequence[_Row], *, quiet: bool = False
) -> list[_Row] | None:
    """The rows for which the rescaled motion is the same; None where it does not run at all."""
    if not rows:
        return []
    caller = Runner(runner.law, runner.seconds) if quiet else runner
    made = caller.call(lambda: _rescaled(trial, quantity, rows), f"with {quantity}s measured in other units")
    if made is None:
        return None
    length, time = (FACTOR if quantity == name else 1.0 for name in ("length", "time"))
    back = np.array([length, length, 1.0, length / time, length / time, 1.0 / time])[:, None, None, None]
    return [row for k, row in enumerate(rows) if same.apart(made.data[:, k : k + 1] / back, first).max() <= 10.0]


def _rescaled(trial: Trial, quantity: str, rows: Sequence[_Row]) -> Rollout:
    """The first clip in other units, once for each row."""
    length, time, mass = (FACTOR if quantity == name else 1.0 for name in BASES)
    law = _law_in(trial.law, length, time, mass)
    many = trial.only([0] * len(rows))
    bodies = trial.initial.bodies
    larger = replace(bodies, radius=bodies.radius * length, width=bodies.width * length, height=bodies.height * length)
    scale = np.array([length, length, 1.0, length / time, length / time, 1.0 / time])[:, None, None]
    values = {}
    for name, parameter in trial.law.parameters.items():
        powers = [float(row.parameters.get(name, getattr(parameter.dimension, quantity))) for row in rows]
        values[name] = many.values[name] * FACTOR ** np.array(powers)[:, None]
    inputs = [
        Inputs(
            trial.inputs.times * time,
            {name: trial.inputs.columns[name] * FACTOR**power for name, power in zip(law.inputs, row.inputs, strict=True)},
        )
        for row in rows
    ]
    schedule = Schedule.of(
        [trial.times * time] * len(rows), inputs, names=law.inputs, time_step=law.time_step, substeps=trial.substeps
    )  # fmt: skip
    return simulate(law, Values(values), State(many.initial.data * scale, larger), schedule)


def _law_in(law: Law, length: float, time: float, mass: float) -> Law:
    """The law with its own step, and what else it says about units, rescaled."""
    rescaled = getattr(law, "rescaled", None)
    if rescaled is not None:
        made: Law = rescaled(length, time, mass)
        return made
    if isinstance(law, Sum):
        return Sum(*(_law_in(term, length, time, mass) for term in law.terms))
    if isinstance(law, Restricted):
        return Restricted(_law_in(law.law, length, time, mass), law.names)
    if law.time_step is None:
        return law
    copied = copy.copy(law)
    copied.time_step = law.time_step * time
    return copied


def _tell(runner: Runner, law: Law, broken: Mapping[str, Mapping[str, set[Fraction]]]) -> None:
    what = f"the motion depends on the unit of {' and of '.join(broken)}"
    mending = [name for name in law.parameters if all(name in repairs for repairs in broken.values())]
    if mending:
        said = ", or ".join(f"{name} has the unit '{_unit(law, name, broken)}'" for name in mending)
        way_out = f"it would not if {said}; " + ", ".join(
            f"{name} is declared as '{law.parameters[name].unit or 'a pure number'}'" for name in mending
        )
    else:
        way_out = "no single parameter's unit mends it: turn numbers in the code that have a unit into parameters"
    runner.add("warning", "dimensions", what, way_out)


def _unit(law: Law, name: str, broken: Mapping[str, Mapping[str, set[Fraction]]]) -> str:
    """The unit that mends all bases, as `Dimension.parse` reads it."""
    declared = law.parameters[name].dimension
    powers = {base: getattr(declared, base) for base in BASES}
    powers.update({base: min(repairs[name], key=abs) for base, repairs in broken.items()})
    up = [_power(base, power) for base, power in powers.items() if power > 0]
    down = [_power(base, -power) for base, power in powers.items() if power < 0]
    text = "*".join(up) + "".join(f"/{one}" for one in down) if up else "1" + "".join(f"/{one}" for one in down)
    return text if up or down else ""


def _power(base: str, power: Fraction) -> str:
    return base if power == 1 else f"{base}^{power}"
